//! HTML and XML with one element a line, as far as it is there. Nothing is corrected and nothing is left out but white
//! space between lines: what is shown is what was sent.

import type { Lines } from "./lines";

const VOID = new Set(["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"]);
const RAW = new Set(["script", "style", "textarea", "title", "pre"]);
/** Elements that stay within a line of HTML text. */
const INLINE = new Set([
  "a", "abbr", "b", "bdi", "bdo", "br", "cite", "code", "data", "del", "dfn", "em", "font", "i", "ins", "kbd", "label", "mark", "q", "s", "samp", "small", "span",
  "strong", "sub", "sup", "time", "tt", "u", "var", "wbr",
]);
/** An element with so little text stays on one line. */
const SHORT = 100;
/** What does not end within so many characters is text. */
const PATIENCE = 256 * 1024;
const DEEPEST = 200;

export class MarkupLines implements Lines {
  readonly #lines: string[] = [];
  readonly #depths: number[] = [];
  readonly #closes = new Map<number, number>();
  readonly #open: { name: string; line: number }[] = [];
  #rest = "";
  /** Up to here `#rest` holds no end of what begins it. */
  #seen = 0;
  /** Inside of this element everything up to its end is text. */
  #raw: string | null = null;
  /** The line that is being put together; its depth. */
  #line = "";
  #depth = 0;
  /** The line is the start tag of this element and what follows it. */
  #begun: string | null = null;

  constructor(private readonly html: boolean) {}

  get count(): number {
    return this.#lines.length;
  }
  text(line: number): string {
    return this.#lines[line] ?? "";
  }
  indent(line: number): number {
    return (this.#depths[line] ?? 0) * 2;
  }
  closes(line: number): number {
    return this.#closes.get(line) ?? -1;
  }

  feed(text: string): void {
    this.#rest += text;
    this.#run(false);
  }

  end(): void {
    this.#run(true);
    this.#flush();
  }

  #run(last: boolean): void {
    let at = 0;
    const text = this.#rest;
    let from = this.#seen;
    while (at < text.length) {
      const end = this.#raw !== null ? this.#rawEnd(text, Math.max(at, from)) : text[at] === "<" ? markEnd(text, at, Math.max(at, from)) : textEnd(text, Math.max(at, from));
      from = 0;
      if (end < 0) {
        if (!last && text.length - at < PATIENCE) break;
        this.#token(text.slice(at), this.#raw === null && text[at] === "<" && last);
        at = text.length;
        break;
      }
      this.#token(text.slice(at, end), text[at] === "<" && this.#raw === null);
      at = end;
    }
    this.#rest = text.slice(at);
    this.#seen = Math.max(0, this.#rest.length - 16);
  }

  #rawEnd(text: string, from: number): number {
    const close = new RegExp(`</${this.#raw}(?=[\\s/>])`, "gi");
    close.lastIndex = from;
    const end = close.exec(text)?.index ?? -1;
    if (end < 0) return -1;
    this.#raw = null;
    // nothing is inside: the next token is the end tag
    if (end === 0 || text[end] === undefined) return end || markEnd(text, 0, 0);
    return end;
  }

  #token(token: string, mark: boolean): void {
    if (!mark) return this.#text(token);
    const tag = /^<(\/?)([^\s/>!?][^\s/>]*)/.exec(token);
    if (!tag) {
      this.#flush();
      this.#put(token, this.#open.length);
      return;
    }
    const name = this.html ? (tag[2] as string).toLowerCase() : (tag[2] as string);
    if (this.html && INLINE.has(name)) return this.#append(token);
    if (tag[1]) this.#close(name, token);
    else this.#start(name, token);
  }

  #start(name: string, token: string): void {
    this.#flush();
    const single = token.endsWith("/>") || (this.html && VOID.has(name));
    if (single) return this.#put(token, this.#open.length);
    this.#line = token;
    this.#depth = this.#open.length;
    this.#begun = name;
    this.#open.push({ name, line: -1 });
    if (this.html && RAW.has(name)) this.#raw = name;
  }

  #close(name: string, token: string): void {
    const own = this.#open.findLastIndex((one) => one.name === name);
    if (own < 0 || this.#open.length - own > DEEPEST) {
      this.#flush();
      return this.#put(token, this.#open.length);
    }
    if (this.#begun === name && own === this.#open.length - 1 && !this.#line.includes("\n")) {
      this.#line += token;
      this.#begun = null;
      this.#open.length = own;
      return this.#flush();
    }
    this.#flush();
    const opener = this.#open[own]?.line ?? -1;
    this.#open.length = own;
    if (opener >= 0) this.#closes.set(opener, this.#lines.length);
    this.#put(token, own);
  }

  #text(token: string): void {
    if (this.#begun !== null && RAW.has(this.#begun) && (token.length > SHORT || token.trim().includes("\n"))) {
      this.#flush();
      for (const line of token.replace(/^\s*\n/, "").trimEnd().split("\n")) this.#put(line.trimEnd(), this.#open.length);
      return;
    }
    const parts = token.split(/\s*\n\s*/);
    parts.forEach((part, i) => {
      if (i > 0 && this.#begun === null) this.#flush();
      if (part.trim() !== "") this.#append(part);
    });
  }

  #append(text: string): void {
    const whole = this.#line.length + text.length;
    if (this.#begun !== null && whole > SHORT) this.#flush();
    if (this.#begun === null && this.#line.length > 2_000) this.#flush();
    if (this.#line === "") this.#depth = this.#open.length;
    this.#line += text;
  }

  #flush(): void {
    if (this.#line === "") return;
    const at = this.#lines.length;
    const innermost = this.#open[this.#open.length - 1];
    if (this.#begun !== null && innermost) {
      // the tag alone is what a fold closes over; text that came after it gets a line of its own
      const tag = markEnd(this.#line, 0, 0);
      innermost.line = at;
      const [head, rest] = tag > 0 ? [this.#line.slice(0, tag), this.#line.slice(tag)] : [this.#line, ""];
      this.#put(head, this.#depth);
      if (rest.trim() !== "") this.#put(rest.trim(), this.#depth + 1);
    } else this.#put(this.#line.trim(), this.#depth);
    this.#line = "";
    this.#begun = null;
  }

  #put(text: string, depth: number): void {
    for (const line of text.split("\n")) {
      this.#lines.push(line.endsWith("\r") ? line.slice(0, -1) : line);
      this.#depths.push(Math.min(depth, DEEPEST));
    }
  }
}

function textEnd(text: string, from: number): number {
  return text.indexOf("<", from);
}

/** Behind the tag, comment, declaration or instruction that begins at `at`; -1 when it does not end here. */
function markEnd(text: string, at: number, from: number): number {
  const after = (end: string) => {
    const found = text.indexOf(end, Math.max(at + 2, from - end.length));
    return found < 0 ? -1 : found + end.length;
  };
  if (text.startsWith("<!--", at)) return after("-->");
  if (text.startsWith("<![CDATA[", at)) return after("]]>");
  if (text.startsWith("<?", at)) return after("?>");
  if (at + 1 < text.length && !/[a-z/!_:\u0080-\uffff]/i.test(text[at + 1] as string)) return at + 1;
  // a > in quotes does not end a tag
  let quote = "";
  for (let i = at + 1; i < text.length; i++) {
    const c = text[i] as string;
    if (quote) {
      if (c === quote) quote = "";
    } else if ((c === '"' || c === "'") && text[i - 1] === "=") quote = c;
    else if (c === ">") return i + 1;
    if (i - at > PATIENCE) return i;
  }
  return -1;
}
