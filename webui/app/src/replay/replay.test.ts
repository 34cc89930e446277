import { describe, expect, it } from "vitest";
import type { FlowDetail } from "../lib/types";
import { draftOf, emptyDraft, editableText, followHost, parseRaw, rawOf, requestOf } from "./draft";
import { Bench } from "./history.svelte";

it("keeps an answer that is over, whatever was on its way longer", () => {
  const bench = new Bench(0);
  const answer = (state: string) => ({ id: 7, state }) as FlowDetail;
  bench.sent(emptyDraft(), 7);
  for (const state of ["running", "complete", "running"]) bench.answered(answer(state));
  expect(bench.current?.answer?.state).toBe("complete");
});

describe("the draft", () => {
  const flow = {
    method: "POST", url: "https://a.test/x",
    request: { version: "HTTP/2", headers: [[":method", "POST"], ["host", "a.test"], ["Content-Encoding", "gzip"], ["Proxy-Connection", "x"], ["X-a", "1"], ["x-A", "2"]], body_size: 5 },
  } as unknown as FlowDetail;

  it("keeps the fields in order, without what is not the request's", () => {
    const draft = draftOf(flow);
    expect(rawOf(draft.headers)).toBe("host: a.test\nContent-Encoding: gzip\nX-a: 1\nx-A: 2");
    expect(draft.version).toBe("HTTP/2");
  });

  it("opens a WebSocket that came over HTTP/2 over HTTP/1.1", () => {
    const socket = { ...flow, kind: "websocket", method: "CONNECT", url: "wss://a.test/x" } as FlowDetail;
    expect(draftOf(socket)).toMatchObject({ method: "GET", url: "wss://a.test/x", version: "HTTP/1.1", mode: "none" });
  });

  it("sends recorded bytes while nobody changed the text", () => {
    const draft = { ...draftOf(flow), mode: "text" as const, text: "abc", recorded: "abc" };
    expect(requestOf(draft, 3).body).toEqual({ flow: 3 });
    expect(requestOf(draft, 3).headers).toHaveLength(4);
    const changed = requestOf({ ...draft, text: "abcd" }, 3);
    expect(changed.body).toEqual({ text: "abcd" });
    expect(changed.headers.map(([name]) => name)).toEqual(["host", "X-a", "x-A"]);
    expect(requestOf({ ...draft, text: "a\nb", newline: "\r\n" }, 3).body).toEqual({ text: "a\r\nb" });
    expect(requestOf({ ...draft, mode: "none" }, 3).body).toBeUndefined();
  });

  it("reads a raw head and says which line is wrong", () => {
    expect(parseRaw("Host: a\n\nX:1\n:scheme: https")).toEqual({ headers: [["Host", "a"], ["X", "1"], [":scheme", "https"]], wrong: null });
    expect(parseRaw("Host: a\nnonsense").wrong).toBe(2);
  });

  it("lets Host follow the URL", () => {
    expect(followHost([["HOST", "a.test"]], "https://a.test/x", "http://b.test:81/x")).toEqual([["HOST", "b.test:81"]]);
    expect(followHost([["Host", "other"]], "https://a.test/x", "https://b.test/x")).toEqual([["Host", "other"]]);
    expect(followHost([["Host", "a.test"]], "https://a.test/", "https:/")).toEqual([["Host", "a.test"]]);
  });

  it("edits only what comes back as the same bytes", () => {
    const bytes = (text: string) => new TextEncoder().encode(text);
    expect(editableText(bytes("grün"), null)).toEqual({ text: "grün", newline: "\n" });
    expect(editableText(bytes("\ufeffx"), null)).toEqual({ text: "\ufeffx", newline: "\n" });
    expect(editableText(bytes("a\r\nb"), null)).toEqual({ text: "a\nb", newline: "\r\n" });
    expect(editableText(bytes("a\r\nb\nc"), null)).toBeNull();
    expect(editableText(bytes("a\rb"), null)).toBeNull();
    expect(editableText(Uint8Array.of(0xfc, 0x67), "text/plain")).toBeNull();
    expect(editableText(Uint8Array.of(0, 1), "text/plain")).toBeNull();
  });
});
