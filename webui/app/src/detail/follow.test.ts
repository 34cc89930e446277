import { describe, expect, it } from "vitest";
import { written } from "../body/lines";
import type { Side } from "../lib/types";
import { lay, layJson, turns, values } from "./follow";

const encoder = new TextEncoder();
const piece = (side: Side, text: string) => ({ side, data: encoder.encode(text) });
const BOTH: Side[] = ["request", "response"];
const sided = (lines: ReturnType<typeof lay>) => written(lines).map((text, i) => `${lines.side(i) === "request" ? ">" : "<"} ${text}`);

describe("a stream that is followed", () => {
  const pieces = [piece("request", "EH"), piece("request", "LO\r\n"), piece("response", "250 ok\n250 go"), piece("request", "QUIT\n")];

  it("is what each side said in turn", () => {
    expect(turns(pieces, BOTH, false).map(({ side, at, bytes }) => [side, at, bytes.length])).toEqual([["request", 0, 6], ["response", 0, 13], ["request", 6, 5]]);
    expect(turns(pieces, BOTH, true)).toHaveLength(4);
    // one side alone is one turn
    expect(turns(pieces, ["request"], false).map(({ at, bytes }) => [at, bytes.length])).toEqual([[0, 11]]);
    expect(sided(lay(turns(pieces, BOTH, false), "text", "utf-8"))).toEqual(["> EHLO", "< 250 ok", "< 250 go", "> QUIT"]);
  });

  it("keeps characters that are cut in two", () => {
    const [a, b] = [encoder.encode("ü").subarray(0, 1), encoder.encode("ü").subarray(1)];
    const cut = turns([{ side: "request", data: a }, piece("response", "x"), { side: "request", data: b }], BOTH, false);
    expect(sided(lay(cut, "text", "utf-8")).filter((line) => line.length > 2)).toEqual(["< x", "> ü"]);
    expect(written(lay(turns([{ side: "request", data: Uint8Array.of(0xe9) }], BOTH, false), "text", "windows-1252"))).toEqual(["é"]);
  });

  it("is shown as hexadecimal, counted by direction", () => {
    expect(sided(lay(turns(pieces, BOTH, false), "hex", "utf-8"))).toEqual([
      "> 00000000  45 48 4c 4f 0d 0a                                 EHLO··",
      "< 00000000  32 35 30 20 6f 6b 0a 32  35 30 20 67 6f           250 ok·250 go",
      "> 00000006  51 55 49 54 0a                                    QUIT·",
    ]);
  });
});

describe("a stream of which packets are missing", () => {
  const pieces = [piece("request", "one "), { ...piece("request", "three\n"), missing: 1460 }, { ...piece("response", ""), missing: 1 }];

  it("says where, and counts what is missing", () => {
    const all = turns(pieces, BOTH, false);
    expect(sided(lay(all, "text", "utf-8"))).toEqual(["> one ", "> [1460 bytes missing in capture file]", "> three", "< [1 byte missing in capture file]"]);
    const hex = sided(lay(all, "hex", "utf-8"));
    expect(hex.map((line) => line.slice(0, 12))).toEqual(["> 00000000  ", "> [1460 byte", "> 000005b8  ", "< [1 byte mi"]);
  });

  it("says it in JSON", () => {
    const laid = layJson(turns([piece("request", '[1]{"a":'), { ...piece("request", '2}[3]'), missing: 20 }], BOTH, false), "utf-8");
    expect(laid?.wrong).toMatchObject({ side: "request", at: 3 });
    expect(sided(laid!.lines)).toEqual(["> [", ">   1", "> ]", '> {"a":', "> [20 bytes missing in capture file]", "> 2}[3]"]);
  });
});

describe("a stream of JSON", () => {
  const json = (...pieces: { side: Side; data: Uint8Array }[]) => layJson(turns(pieces, BOTH, false), "utf-8");

  it("is one value, lines of them, or values after each other", () => {
    const laid = json(piece("request", '{"id":1}\n{"id":12345678901234567890}\n'), piece("response", '[1][2]"a" true\n'), piece("request", "7"));
    expect(laid?.wrong).toBeNull();
    expect(sided(laid!.lines)).toEqual([
      "> {", '>   "id": 1', "> }", "> {", '>   "id": 12345678901234567890', "> }",
      "< [", "<   1", "< ]", "< [", "<   2", "< ]", '< "a"', "< true",
      "> 7",
    ]);
    expect(laid!.lines.closes(6)).toBe(8);
  });

  it("may go on in the next message of its side", () => {
    const laid = json(piece("request", '{"a":'), piece("response", "[]"), piece("request", '"}{"}{"b":2}'));
    expect(laid?.wrong).toBeNull();
    expect(sided(laid!.lines)).toEqual(["< []", "> {", '>   "a": "}{"', "> }", "> {", '>   "b": 2', "> }"]);
  });

  it("says where it is none", () => {
    expect(json(piece("request", "EHLO me\r\n"))).toBeNull();
    expect(json(piece("request", ""))).toBeNull();
    const laid = json(piece("request", '{"a":1}\nEHLO\nmore'), piece("response", '{"cut":'));
    expect(laid?.wrong).toMatchObject({ side: "request", at: 7 });
    expect(sided(laid!.lines)).toEqual(["> {", '>   "a": 1', "> }", "> ", "> EHLO", "> more", '< {"cut":']);
  });

  it("is cut into its values", () => {
    expect(values('{"a":[1,{"b":"\\"}"}]} [2] nul')).toEqual({ values: ['{"a":[1,{"b":"\\"}"}]}', "[2]"], end: 25, error: null });
    expect(values("\u001e1\n\u001e2\n").values).toEqual(["1", "2"]);
    expect(values("}").error).not.toBeNull();
    expect(values("{]").error).not.toBeNull();
  });
});
