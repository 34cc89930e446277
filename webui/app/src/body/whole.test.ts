import { describe, expect, it } from "vitest";
import type { FlowDetail } from "../lib/types";
import { arrival } from "./arrival";
import { JsonCheck } from "./jsonCheck";
import { Kept } from "./kept";
import { views } from "./kind";
import { layOut } from "./layout";

const bytes = (text: string) => new TextEncoder().encode(text);

/** What is wrong with a text, however it is cut into pieces. */
function wrong(text: string, many = false): string | null {
  const all = [text.length, 1, 3].map((step) => {
    const check = new JsonCheck(many);
    for (let at = 0; at < text.length; at += step) check.feed(text.slice(at, at + step));
    check.end();
    return check.wrong && `${check.wrong.line}:${check.wrong.column} ${check.wrong.what}`;
  });
  expect(new Set(all).size).toBe(1);
  return all[0] ?? null;
}

describe("JSON that is none", () => {
  it("is told from JSON as the browser's own parser does", () => {
    for (const text of ['{"a":[1,-2.5e+3,{"b":null}],"c":"\\u00e4\\"","d":{}}', " [ ] ", "0", '"x"', "true", "[[],{}]"]) {
      JSON.parse(text);
      expect([text, wrong(text)]).toEqual([text, null]);
    }
    for (const text of ["", "{", '{"a":1,"b":[1,2,', "[1,2,]", '{"a":1,}', "[NaN]", "{a:1}", "[01]", '["a', "[1 2]", "[1}", '{"a"}', '{"a":}', "[,1]", "nul", '["\\x"]', "[1]]", '["a\nb"]', "1 2"]) {
      expect(() => JSON.parse(text) as unknown).toThrow();
      expect([text, wrong(text) !== null]).toEqual([text, true]);
    }
  });

  it("says where and what", () => {
    expect(wrong('{"a":1,\n"b":[1,2,')).toBe('2:10 it ends before the list of line 2, column 5 does');
    expect(wrong("[1,2,]")).toBe('1:6 a comma before "]"');
    expect(wrong('{"a":NaN}')).toBe('1:6 "NaN" is no value of JSON');
    expect(wrong('{"a":"half')).toBe("1:6 it ends inside of a string");
    expect(wrong('{"a":1}{')).toBe("1:8 something follows the end of the value");
  });

  it("may be many values where they are lines", () => {
    expect(wrong('{"a":1}\n[2]\n', true)).toBeNull();
    expect(wrong('{"a":1}\n[2\n', true)).toContain("it ends before");
  });

  it("stands above the text, of a body that is whole", async () => {
    const note = async (text: string, type: string, whole = true) => (await layOut(bytes(text), type, "json", new AbortController().signal, whole))?.note ?? null;
    expect(await note('{"a":[1,', "application/json")).toContain("line 1, column 9");
    expect(await note('{"a":[1,', "application/json", false)).toBeNull();
    expect(await note('{"a":1}\n{"a":2}', "application/x-ndjson")).toBeNull();
    expect(await note("{a:1}", "application/json5")).toBeNull();
    expect(await note('{"a":1}', "application/json")).toBeNull();
  });
});

describe("a text in a charset", () => {
  it("is a text when its type says so, and bytes are bytes whatever is said", () => {
    const utf16 = new Uint8Array([...new Uint8Array(new Uint16Array([..."Köln, am Rhein"].map((sign) => sign.charCodeAt(0))).buffer)]);
    const japanese = new Uint8Array([0x82, 0xb1, 0x82, 0xf1, 0x82, 0xc9, 0x82, 0xbf, 0x82, 0xcd]);
    expect(views("text/plain; charset=utf-16le", utf16)[0]).toBe("text");
    expect(views("text/plain; charset=shift_jis", japanese)[0]).toBe("text");
    expect(views("text/plain", utf16)[0]).toBe("hex");
    expect(views("text/plain; charset=utf-8", new Uint8Array([0, 1, 2, 3, 0xff, 0xfe, 0, 5]))[0]).toBe("hex");
  });
});

function flow(more: object, body: object = {}): FlowDetail {
  const response = { body_size: 10, headers: [["Content-Length", "1000"]], ...body };
  const times = { request_last: "2026-11-21T00:00:00Z", response_last: null };
  return { kind: "http", state: "complete", method: "GET", status: 200, error: null, request: { body_size: 0, headers: [] }, response, times, ...more } as unknown as FlowDetail;
}

describe("what came of a body", () => {
  it("is told while it comes, and when it was cut", () => {
    expect(arrival(flow({ state: "running" }), "response")).toEqual({ text: "Still coming: 10 B of 1.0 kB so far.", cut: false });
    const error = { cause: "closed", side: "server", text: "localhost closed the connection." };
    expect(arrival(flow({ state: "failed", error }), "response")).toEqual({ text: "Cut: 10 B of 1.0 kB came: localhost closed the connection.", cut: true });
    expect(arrival(flow({ state: "failed", error }, { headers: [["Transfer-Encoding", "chunked"]] }), "response")?.text).toContain("only 10 B came");
    expect(arrival(flow({ state: "interrupted" }), "response")?.cut).toBe(true);
  });

  it("is not spoken of when it is whole", () => {
    expect(arrival(flow({}, { headers: [["content-length", "10"]] }), "response")).toBeNull();
    expect(arrival(flow({}, { headers: [] }), "response")).toBeNull();
    expect(arrival(flow({ method: "HEAD" }, { body_size: 0 }), "response")).toBeNull();
    expect(arrival(flow({ status: 304 }, { body_size: 0 }), "response")).toBeNull();
    expect(arrival(flow({ state: "running" }), "request")).toBeNull();
    // in chunks, and how fast
    const chunked = flow({ state: "running", times: { request_last: "2026-01-01T00:00:00Z", response_last: "2026-01-01T00:00:01Z" } }, { headers: [["Transfer-Encoding", "chunked"]] });
    expect(arrival(chunked, "response", 2_000)?.text).toBe("Still coming: 10 B so far, 2.0 kB/s.");
    expect(arrival(flow({ response: null }), "response")).toBeNull();
  });
});

describe("how a body was looked at", () => {
  it("holds for bodies that offer the same", () => {
    const kept = new Kept();
    kept.choose(["json", "text", "hex"], "hex");
    expect(kept.view(["json", "text", "hex"])).toBe("hex");
    expect(kept.view(["text", "hex"])).toBeNull();
    kept.choose(["json", "text", "hex"], "json");
    expect(kept.view(["json", "text", "hex"])).toBeNull();
  });
});
