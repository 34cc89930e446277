import { describe, expect, it } from "vitest";
import { MarkupLines } from "./markup";

const lines = (text: string, html = true, step = text.length) => {
  const made = new MarkupLines(html);
  for (let at = 0; at < text.length; at += Math.max(1, step)) made.feed(text.slice(at, at + Math.max(1, step)));
  made.end();
  return made;
};
const show = (made: MarkupLines) => Array.from({ length: made.count }, (_, i) => " ".repeat(made.indent(i)) + made.text(i));

describe("markup", () => {
  it("puts an element on a line, and text with what is inline in it", () => {
    const text = '<!doctype html><html><head><title>A page</title><link rel=x></head><body class="a>b"><p>Some <b>bold</b> text</p><ul><li>1</li><li>2<ul></ul></li></ul><!-- a <b> --><br></body></html>';
    expect(show(lines(text))).toEqual([
      "<!doctype html>", "<html>", "  <head>", "    <title>A page</title>", "    <link rel=x>", "  </head>", '  <body class="a>b">', "    <p>Some <b>bold</b> text</p>", "    <ul>",
      "      <li>1</li>", "      <li>", "        2", "        <ul></ul>", "      </li>", "    </ul>", "    <!-- a <b> -->", "    <br>", "  </body>", "</html>",
    ]);
  });

  it("leaves scripts as they are", () => {
    const made = lines("<script>\n  if (a < b) {\n    c('</p>')\n  }\n</script><style>a{}</style>");
    expect(show(made)).toEqual(["<script>", "    if (a < b) {", "      c('</p>')", "    }", "</script>", "<style>a{}</style>"]);
    expect(made.closes(0)).toBe(4);
  });

  it("takes XML by its own rules", () => {
    const text = '<?xml version="1.0"?><a:Root xmlns:a="u"><Item id="1">one</Item><b/><![CDATA[<x>]]></a:Root>';
    expect(show(lines(text, false))).toEqual(['<?xml version="1.0"?>', '<a:Root xmlns:a="u">', '  <Item id="1">one</Item>', "  <b/>", "  <![CDATA[<x>]]>", "</a:Root>"]);
  });

  it("says the same wherever the text is cut, and nothing is lost", () => {
    const text = '<html><body><p title="x">Some text, <i>more</i></p><script>let a = "<b>";</script><div><div>deep</div></div><!-- c --></body></html> tail';
    const whole = show(lines(text));
    for (const step of [7, 3, 1]) expect(show(lines(text, true, step)), String(step)).toEqual(whole);
    expect(whole.join("").replace(/\s/g, "")).toBe(text.replace(/\s/g, ""));
  });

  it("shows what is wrong or cut as it is", () => {
    for (const text of ["", "<", "<p", "<p><", "</p>", "<a b='", "<!--", "<![CDATA[", "<?", "text only", "<script>", "<script>let a", "</script>", "a < b > c", "<p></b></p>", "<title>", "< p>", "<>", "<//>", "<\u0000>", "<p>".repeat(2_000)]) {
      for (const html of [true, false]) {
        const made = lines(text, html);
        expect(show(made).join("").replace(/\s/g, ""), text.slice(0, 20)).toBe(text.replace(/\s/g, ""));
      }
    }
  });
});
