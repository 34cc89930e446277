import { describe, expect, it } from "vitest";
import { between, bytes, clock, codeAndWords, day, duration, moment, exactBytes, plural, shortType, stateOf } from "./format";

describe("figures", () => {
  it("writes bytes", () => {
    expect([0, 999, 1000, 9_949, 10_400, 999_499, 1_000_000, 3_250_000_000, 5e12].map(bytes)).toEqual(
      ["0 B", "999 B", "1.0 kB", "9.9 kB", "10 kB", "999 kB", "1.0 MB", "3.3 GB", "5000 GB"],
    );
    expect(bytes(null)).toBe("");
    expect(exactBytes(1234)).toBe("1,234 bytes");
    expect(exactBytes(1)).toBe("1 byte");
  });

  it("writes durations", () => {
    expect([0, 0.004, 0.5, 3.14, 84.4, 999.6, 1240, 12_340, 61_000, 3_720_000].map(duration)).toEqual(
      ["<0.01 ms", "<0.01 ms", "0.50 ms", "3.1 ms", "84 ms", "1.00 s", "1.24 s", "12.3 s", "1 min 1 s", "1 h 2 min"],
    );
  });

  it("keeps nanoseconds between two moments", () => {
    expect(between("2026-11-21T01:02:03.999999000Z", "2026-11-21T01:02:04.000001Z")).toBeCloseTo(0.002, 9);
    expect(between("2026-11-21T01:02:03Z", null)).toBeNull();
  });

  it("shortens types", () => {
    const types = ["application/json; charset=utf-8", "image/svg+xml", "application/vnd.api+json", "text/plain", "application/x-protobuf", "", null];
    expect(types.map(shortType)).toEqual(["json", "svg", "json", "text", "protobuf", "", ""]);
  });

  it("counts in words", () => {
    expect(plural(1, "flow")).toBe("1 flow");
    expect(plural(12_000, "flow")).toBe("12,000 flows");
  });
});

describe("the state of a flow", () => {
  const state = (flow: object) => stateOf({ kind: "http", state: "complete", status: null, error: null, response: null, ...flow } as never);
  it("is a word and a colour", () => {
    expect(state({ status: 200 })).toEqual({ word: "200 OK", tone: "ok" });
    expect(state({ status: 299 })).toEqual({ word: "299", tone: "ok" });
    expect(state({ status: 404 }).tone).toBe("client");
    expect(state({ state: "running" }).tone).toBe("running");
    expect(state({ state: "failed", status: 502, error: { cause: "certificate", side: "server", text: "" } })).toEqual({ word: "bad certificate", tone: "failed" });
    const closed = { state: "failed", error: { cause: "closed", side: "server", text: "" } };
    expect(state({ ...closed, status: 200, response: { version: "HTTP/1.1" } }).word).toBe("200 closed early");
    // its client got the 502 from overhear
    expect(state({ ...closed, status: 502, response: { version: null } }).word).toBe("closed early");
    expect(state({ state: "interrupted" }).word).toBe("interrupted");
    expect(state({ kind: "tcp" }).word).toBe("closed");
    expect(state({ kind: "websocket", state: "running", status: 101 }).word).toBe("101 open");
    expect(state({ kind: "websocket", status: 200 })).toEqual({ word: "200 closed", tone: "ok" });
  });

  it("takes a status code from its words", () => {
    expect(["500 Internal Server Error", "200 closed early", "200 …", "bad certificate", "299"].map(codeAndWords)).toEqual([
      ["500", "Internal Server Error"], ["200", "closed early"], ["200", "…"], ["", "bad certificate"], ["", "299"],
    ]);
  });

  it("stays in words when the clock jumped", () => {
    expect([duration(-0.5), duration(-3.2e11), duration(Number.NaN)]).toEqual(["?", "?", "?"]);
    expect([duration(36 * 3_600_000), duration(3.2e11)]).toEqual(["36 h 0 min", "3,703 d 16 h"]);
    expect(between("2026-11-21T10:00:00.5Z", "1999-11-21T10:00:00.25Z")).toBeLessThan(-8e11);
    expect([clock("nonsense"), moment("nonsense"), day("nonsense")]).toEqual(["nonsense", "nonsense", "nonsense"]);
  });
});
