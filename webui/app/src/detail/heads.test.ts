import { describe, expect, it } from "vitest";
import type { Field, Head } from "../lib/types";
import { differences, merged, type In } from "./heads";

const head = (start_line: string | null, ...headers: Field[]): Head => ({ start_line, headers });
/** What one side had, out of both. */
const only = (came: Head, sent: Head, side: In): Head => {
  const both = merged(came, sent);
  const line = both.line.filter(([, of]) => of === "both" || of === side).map(([text]) => text).join("");
  return head(line || null, ...both.fields.filter((_, at) => both.where[at] === "both" || both.where[at] === side));
};

const HOST: Field = ["Host", "a.test"];
const CASES: [string, Head, Head, number][] = [
  ["the absolute form", head("GET http://a.test:8080/p?q=http://a.test HTTP/1.1", HOST, ["Proxy-Connection", "Keep-Alive"], ["Accept", "*/*"]), head("GET /p?q=http://a.test HTTP/1.1", HOST, ["Accept", "*/*"]), 2],
  ["an origin with nothing behind it", head("GET http://a.test/ HTTP/1.1", HOST), head("GET / HTTP/1.1", HOST), 1],
  ["a rewritten path", head("GET /one/two HTTP/1.1", HOST), head("GET /one/three?x HTTP/1.1", HOST), 1],
  ["another method and version", head("POST /a HTTP/1.0", HOST), head("PUT /a HTTP/1.1", HOST), 1],
  ["the same line", head("GET /a HTTP/1.1", ["A", "1"], HOST, ["A", "1"], ["B", "2"]), head("GET /a HTTP/1.1", HOST, ["A", "1"], ["B", "3"], ["C", "4"]), 3],
  ["HTTP/2, without a line", head(null, [":method", "GET"], [":path", "/a"]), head(null, [":method", "GET"], [":path", "/b"]), 1],
  ["a line that only one has", head("GET / HTTP/1.1", HOST), head(null, [":path", "/"]), 2],
  ["letters of another case", head("GET /a HTTP/1.1", ["host", "a"]), head("GET /a HTTP/1.1", ["Host", "a"]), 1],
];

describe("two heads as one", () => {
  it.each(CASES)("lose nothing: %s", (_, came, sent, count) => {
    expect(only(came, sent, "came")).toEqual(came);
    expect(only(came, sent, "sent")).toEqual(sent);
    expect(differences(merged(came, sent))).toBe(count);
  });

  it("mark what was said to the proxy alone", () => {
    const [, came, sent] = CASES[0] as (typeof CASES)[number];
    expect(merged(came, sent)).toEqual({
      line: [["GET ", "both"], ["http://a.test:8080", "came"], ["/p?q=http://a.test HTTP/1.1", "both"]],
      fields: [HOST, ["Proxy-Connection", "Keep-Alive"], ["Accept", "*/*"]],
      where: ["both", "came", "both"],
    });
  });

  it("mark whole words of a path", () => {
    expect(merged(head("GET /one/two HTTP/1.1"), head("GET /one/three HTTP/1.1")).line).toEqual([["GET ", "both"], ["/one/two", "came"], ["/one/three", "sent"], [" HTTP/1.1", "both"]]);
  });
});
