import { describe, expect, it } from "vitest";
import { find, pattern } from "./find";
import { JsonLines, PlainLines } from "./lines";
import { jqPath, jsonPath, keyOf, pathOf, valueOf } from "./path";
import { Rows } from "./rows";
import { stretches, tokens, type Colours } from "./tokens";

function json(text: string): JsonLines {
  const lines = new JsonLines();
  lines.feed(text);
  lines.end();
  return lines;
}
const never = () => false;

describe("paths", () => {
  const document = { a: [{ "b c": 1 }, [true, { d: null }]], "it's": { "": [] }, e: "x" };
  const lines = json(JSON.stringify(document));

  it("lead to the value of each line", () => {
    for (let line = 0; line < lines.count; line++) {
      const path = pathOf(lines, line) ?? [];
      let value: unknown = document;
      for (const part of path) value = (value as Record<string, unknown>)[part];
      const text = lines.text(line);
      if (/^[\]}]/.test(text)) expect(Array.isArray(value)).toBe(text.startsWith("]"));
      else expect(JSON.parse(valueOf(lines, line)), text).toEqual(value);
    }
  });

  it("are written for JSONPath and jq", () => {
    const at = (needle: string) => pathOf(lines, Array.from({ length: lines.count }, (_, i) => i).findIndex((i) => lines.text(i).includes(needle))) ?? [];
    expect(jsonPath(at('"b c"'))).toBe("$.a[0]['b c']");
    expect(jqPath(at('"b c"'))).toBe('.a[0]["b c"]');
    expect(jsonPath(at('"d"'))).toBe("$.a[1][1].d");
    expect(jsonPath(at('"": []'))).toBe("$['it\\'s']['']");
    expect([jsonPath([]), jqPath([]), jqPath([0])]).toEqual(["$", ".", ".[0]"]);
    expect(keyOf(lines, 1)).toBe("a");
  });

  it("hold for what is cut, wrong or numbered", () => {
    expect(pathOf(lines, -1)).toBeNull();
    expect(pathOf(lines, 10_000)).toBeNull();
    expect(jsonPath(pathOf(json("{1:{2:3}}"), 2) ?? [])).toBe("$['1']['2']");
    for (const text of ["", "]}{", '{"a":[1,"half', "[[[[", '}\n{"b":2}', '{"\\u00":1}', '{"a\\']) {
      const broken = json(text);
      for (let line = 0; line < broken.count; line++) {
        jsonPath(pathOf(broken, line) ?? []);
        valueOf(broken, line);
      }
    }
  });
});

describe("search", () => {
  const lines = new PlainLines();
  lines.feed("One two\ntwo TWO (two)\n\nthree.");
  lines.end();

  it("counts every place", async () => {
    const found = await find(lines, pattern("TWO", false) as RegExp, never);
    expect(found?.count).toBe(4);
    expect(found?.places[1]).toEqual({ line: 1, from: 0, length: 3 });
    expect((await find(lines, pattern("TWO", true) as RegExp, never))?.count).toBe(1);
    expect((await find(lines, pattern("(two).*[", false) as RegExp, never))?.count).toBe(0);
    expect(pattern("", false)).toBeNull();
  });

  it("ends when it is told, and rests meanwhile", async () => {
    const many = new PlainLines();
    many.feed("a\n".repeat(5_000));
    let time = 0;
    expect(await find(many, /a/g, () => time > 500, () => (time += 20))).toBeNull();
    expect((await find(many, /a/g, never, () => (time += 20)))?.count).toBe(5_000);
  });

  it("finds the row of a place, folded or wrapped", () => {
    const nested = json(`{"a":[1,2],"long":"${"x".repeat(200)}"}`);
    const rows = new Rows(nested, 60, new Set([1]));
    expect(rows.at(rows.find(5, 150)).from).toBeGreaterThan(100);
    expect(rows.find(2, 0)).toBe(-1);
    expect(rows.at(rows.find(1, 0)).line).toBe(1);
  });

  it("marks places within colours", () => {
    const row = '"key": "a key"';
    expect(stretches(tokens(row, false), row, /key/g, 10)).toEqual([["key", [['"', 0], ["key", 1], ['"', 0]]], ["", [[": ", 0]]], ["string", [['"a ', 0], ["key", 2], ['"', 0]]]]);
    const across = 'x"ab"';
    expect(stretches(tokens(across, false), across, /x"a/g, -1).map(([, pieces]) => pieces)).toEqual([[["x", 1]], [['"a', 1], ['b"', 0]]]);
  });
});

describe("colours", () => {
  it("leave the text as it is", () => {
    const rows = ['<a href="x">text</a> <!-- c -->', "let a = 'x' // no", "a { color: #fff; /* x */ }", "query Q($a: Int) { b(c: $a) } # x", '"k": [1, true]', "\u0000 <", "'\"`<>/*", "$\\".repeat(50)];
    for (const row of rows) {
      for (const colours of ["json", "markup", "css", "js", "graphql", "none"] as Colours[]) expect(tokens(row, false, colours).map(([, text]) => text).join("")).toBe(row);
    }
  });
});
