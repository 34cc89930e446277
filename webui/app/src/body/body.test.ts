import { describe, expect, it } from "vitest";
import { ascii, byteAt, BytePages, hex, MemorySource, offset, stretchesOf } from "./hex";
import { binary, charset, form, views } from "./kind";
import { JsonLines, PlainLines, type Lines } from "./lines";
import { Rows } from "./rows";
import { tokens } from "./tokens";

const bytes = (text: string) => new TextEncoder().encode(text);
const show = (lines: Lines) => Array.from({ length: lines.count }, (_, i) => " ".repeat(lines.indent(i)) + lines.text(i));
const json = (text: string, step = text.length) => {
  const lines = new JsonLines();
  for (let at = 0; at < text.length; at += step) lines.feed(text.slice(at, at + step));
  lines.end();
  return lines;
};

describe("lines", () => {
  it("keeps lines across pieces and ends of both kinds", () => {
    const lines = new PlainLines();
    lines.feed("a\r");
    lines.feed("\nb\n\nc");
    lines.end();
    expect(show(lines)).toEqual(["a", "b", "", "c"]);
  });

  it("writes JSON with indentation, digits and order kept, wherever it is cut", () => {
    const text = '{"z":1.50,"a":[9007199254740993,{"k":"a\\"}{,: b"},[],{}],"z":null}';
    const expected = [
      "{", '  "z": 1.50,', '  "a": [', "    9007199254740993,", "    {", '      "k": "a\\"}{,: b"', "    },", "    [],", "    {}", "  ],", '  "z": null', "}",
    ];
    expect(show(json(text))).toEqual(expected);
    expect(JSON.parse(show(json(text)).join("\n"))).toEqual(JSON.parse(text));
    for (const step of [1, 2, 3, 7]) {
      const lines = json(text, step);
      // a number cut in two pieces is one number still
      expect(show(lines).join("").replaceAll(" ", "")).toBe(expected.join("").replaceAll(" ", ""));
      expect(lines.count).toBe(expected.length);
    }
  });

  it("knows what a line opens", () => {
    const lines = json('{"a":[1,2],"b":{}}');
    expect(lines.closes(0)).toBe(lines.count - 1);
    expect(lines.closes(1)).toBe(4);
    expect(lines.closes(5)).toBe(-1);
  });

  it("shows cut and wrong JSON as far as it goes", () => {
    expect(show(json('{"a":[1,"half'))).toEqual(["{", '  "a": [', "    1,", '    "half']);
    expect(show(json("]}{"))).toEqual(["]", "}", "{"]);
    expect(show(json('{"a":1}\n{"b":2}'))).toEqual(["{", '  "a": 1', "}", "{", '  "b": 2', "}"]);
    expect(show(json(""))).toEqual([]);
  });
});

describe("rows", () => {
  it("wraps long lines and leaves folded ones out", () => {
    const lines = json(`{"long":"${"x".repeat(60)}","list":[1,2,3]}`);
    const rows = new Rows(lines, 40, new Set());
    const text = Array.from({ length: rows.count }, (_, i) => rows.at(i));
    expect(text.map((row) => row.text).join("")).toContain("x".repeat(60));
    expect(text.filter((row) => row.continued)).toHaveLength(1);
    const folded = new Rows(lines, 400, new Set([2]));
    expect(Array.from({ length: folded.count }, (_, i) => folded.at(i).line)).toEqual([0, 1, 2, 7]);
  });

  it("colours a row", () => {
    expect(tokens('"a": -1.5e3,', false)).toEqual([["key", '"a"'], ["", ": "], ["number", "-1.5e3"], ["", ","]]);
    expect(tokens('"x: y"', false)).toEqual([["string", '"x: y"']]);
    expect(tokens("true", false)).toEqual([["word", "true"]]);
  });
});

describe("kinds", () => {
  it("goes by the type, then by the bytes", () => {
    expect(views("application/problem+json; charset=utf-8", bytes("{"))[0]).toBe("json");
    expect(views("text/plain", bytes('{"a":1}'))[0]).toBe("json");
    expect(views("text/html", bytes("{}"))[0]).toBe("source");
    expect(views(null, bytes("hello"))[0]).toBe("text");
    expect(views(null, Uint8Array.of(0, 1, 2))[0]).toBe("hex");
    expect(views("image/svg+xml", bytes("<svg"))).toEqual(["image", "source", "text", "hex"]);
    expect(views("application/x-www-form-urlencoded", bytes("a=b"))[0]).toBe("form");
    expect(binary(bytes("größer \u001b[0m\n"))).toBe(false);
  });

  it("finds the charset", () => {
    expect(charset('text/html; charset="ISO-8859-1"', bytes(""))).toBe("windows-1252");
    expect(charset("text/html; charset=nonsense", bytes("ü"))).toBe("utf-8");
    expect(charset(null, Uint8Array.of(0x67, 0xfc, 0x74))).toBe("windows-1252");
    expect(charset(null, Uint8Array.of(0xff, 0xfe, 0x41, 0))).toBe("utf-16le");
  });

  it("reads forms", () => {
    expect(form("a=1+2&b=%C3%BC&c&a=%zz\n")).toEqual([["a", "1 2"], ["b", "ü"], ["c", ""], ["a", "%zz"]]);
  });
});

describe("hex", () => {
  it("writes rows", () => {
    expect(offset(255, 1000)).toBe("000000ff");
    expect(offset(255, 2 ** 33)).toBe("0000000000ff");
    expect(hex(bytes("GET / HT"), 8)).toBe("47 45 54 20  2f 20 48 54");
    expect(ascii(Uint8Array.of(0x41, 0, 0x7f, 0xff, 0x20))).toBe("A··· ");
  });

  it("tells the byte of a character", () => {
    for (const per of [4, 8, 16]) {
      const row = hex(Uint8Array.from({ length: per }, (_, i) => i), per);
      for (let at = 0; at < row.length; at++) if (row[at] !== " ") expect(byteAt(at, per)).toBe(Math.floor(row.slice(0, at).replaceAll(" ", "").length / 2));
    }
  });

  it("cuts a row where places are", () => {
    expect(stretchesOf(16, 16, [[0, 4], [14, 4], [20, 2], [31, 8], [40, 1]], [20, 2])).toEqual([[0, 2, 1], [2, 4, 0], [4, 6, 2], [6, 15, 0], [15, 16, 1]]);
    expect(stretchesOf(0, 4, [], null)).toEqual([[0, 4, 0]]);
    const row = bytes("GET / HT");
    expect(stretchesOf(0, 8, [[3, 2]], null).map(([from, to]) => hex(row, 8, from, to)).join("")).toBe(hex(row, 8));
  });

  it("fetches the pages that are looked at, once", async () => {
    const reads: [number, number][] = [];
    const memory = new MemorySource(new Uint8Array(40_000).fill(7));
    let arrived = () => {};
    const came = new Promise<void>((resolve) => (arrived = resolve));
    const pages = new BytePages({ size: memory.size, read: (a, b) => (reads.push([a, b]), memory.read(a, b)) }, () => arrived());
    expect(pages.get(32_768, 16)).toBeNull();
    expect(pages.get(32_784, 16)).toBeNull();
    await came;
    expect(pages.get(39_984, 16)).toEqual(new Uint8Array(16).fill(7));
    expect(reads).toEqual([[32_768, 40_000]]);
  });
});
