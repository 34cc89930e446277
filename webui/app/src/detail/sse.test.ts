import { describe, expect, it } from "vitest";
import { EventParser } from "./sse";

const bytes = (text: string) => new TextEncoder().encode(text);
const parse = (text: string, step = 1e9) => {
  const parser = new EventParser();
  const all = bytes(text);
  const found = [];
  for (let at = 0; at < all.length; at += step) found.push(...parser.feed(all.subarray(at, at + step)));
  return found;
};

describe("server-sent events", () => {
  const text = "\ufeff: hello\n\nevent: add\r\nid: 7\r\ndata: one\r\ndata:  two\r\n\r\ndata\rid\r\rretry: 500\n\ndata: {\"ü\":1}\n\ndata: cut";

  it("are told apart, wherever the stream is cut", () => {
    const whole = parse(text);
    expect(whole.map(({ type, data, id, retry, silent }) => [type, data, id, retry, silent])).toEqual([
      ["comment", "hello", "", null, true],
      ["add", "one\n two", "7", null, false],
      ["message", "", "", null, false],
      ["message", "", "", 500, true],
      ["message", '{"ü":1}', "", null, false],
    ]);
    for (const step of [1, 2, 3, 5]) expect(parse(text, step), String(step)).toEqual(whole);
  });

  it("survive what is no stream", () => {
    for (const odd of ["", "\n\n\n\r\r", ":", "::\n\n", "data:\n\n", "\u0000\n\n", "id: a\u0000b\ndata: x\n\n", "retry: x\n\n", "event\n\n", "x".repeat(100_000)]) parse(odd, 7);
    expect(parse("\r\n\r\n\r\n")).toEqual([]);
  });
});
