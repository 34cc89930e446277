import { describe, expect, it } from "vitest";
import type { Distribution, FlowDetail } from "../lib/types";
import { draftOf, emptyDraft, requestOf } from "./draft";
import { bars, timesOf } from "./run";
import { isWebSocket, problem, usual } from "./sending";

describe("how a request is sent", () => {
  it("a WebSocket is told by its URL or its field", () => {
    expect(isWebSocket(emptyDraft())).toBe(false);
    expect(isWebSocket({ ...emptyDraft(), url: " WSS://a.test" })).toBe(true);
    expect(isWebSocket({ ...emptyDraft(), headers: [["upgrade", "WebSocket"]] })).toBe(true);
    expect(isWebSocket({ ...emptyDraft(), headers: [["Upgrade", "h2c"]] })).toBe(false);
  });

  it("numbers beyond what the program allows are told before it is asked", () => {
    expect(problem(usual())).toBeNull();
    expect(problem({ ...usual(), times: 10_000, atOnce: 64, listen: 0 })).toBeNull();
    for (const times of [0, 1.5, 10_001, NaN]) expect(problem({ ...usual(), times })).toContain("10,000");
    for (const atOnce of [0, 65]) expect(problem({ ...usual(), atOnce })).toContain("64");
    for (const listen of [-1, 3601, NaN]) expect(problem({ ...usual(), listen })).toContain("3600");
  });

  it("out of nothing it has no source, and bytes go as they are", () => {
    expect(requestOf({ ...emptyDraft(), url: " http://a.test " }, null)).toEqual({ method: "GET", url: "http://a.test", headers: [] });
    expect(requestOf({ ...emptyDraft(), mode: "bytes", base64: "/w==" }, null).body).toEqual({ base64: "/w==" });
    expect(requestOf({ ...emptyDraft(), mode: "text", text: "" }, null).body).toEqual({ text: "" });
  });

  it("what was said in a WebSocket is no body of its opening", () => {
    const flow = { kind: "websocket", method: "GET", url: "ws://a.test", request: { version: "HTTP/1.1", headers: [], body_size: 7 } } as unknown as FlowDetail;
    expect(draftOf(flow).mode).toBe("none");
  });
});

it("the fullest bar is drawn whole, the others in proportion", () => {
  const of = {
    min_ms: 1, median_ms: 2, mean_ms: 3, p95_ms: 4, p99_ms: 5, max_ms: 6,
    histogram: [{ from_ms: 1, to_ms: 2, count: 4 }, { from_ms: 2, to_ms: 3, count: 0 }, { from_ms: 3, to_ms: 4, count: 1 }],
  } as unknown as Distribution;
  expect(bars(of).map((bar) => [bar.count, bar.part])).toEqual([[4, 1], [0, 0], [1, 0.25]]);
  expect(bars({ ...of, histogram: [] })).toEqual([]);
  expect(timesOf(of).map(([, ms]) => ms)).toEqual([1, 2, 3, 4, 5, 6]);
});
