import { describe, expect, it } from "vitest";
import type { FlowDetail } from "../lib/types";
import type { Draft } from "./draft";
import { formText, pairsOf } from "./form";
import { names, offer, values } from "./headers";
import { Bench, benchOf } from "./history.svelte";
import { languageOf } from "./language";
import { parseRequest, rawRequest } from "./raw";

const draft = (change: Partial<Draft> = {}): Draft => ({
  method: "POST", url: "https://a.test/x?y=1", headers: [["Host", "a.test"], ["X-a", "1"]], mode: "text", text: "one\ntwo", recorded: null, newline: "\n", version: "HTTP/1.1", ...change,
});

describe("completion of a head", () => {
  it("offers names, those first that begin with what was typed", () => {
    expect(names("content-t")[0]).toBe("Content-Type");
    expect(names("type")).toContain("Content-Type");
    expect(names("x-o", [["X-Odd", "1"]])).toEqual(["X-Odd"]);
    expect(values("CONTENT-TYPE")).toContain("application/json");
    expect(values("X-Odd")).toEqual([]);
  });

  it("knows the place in the line", () => {
    expect(offer("PO", 2, true)?.options).toContain("POST");
    expect(offer("POST http", 9, true)).toBeNull();
    expect(offer("Acc", 3, false)).toMatchObject({ from: 0, kind: "name" });
    expect(offer("Accept: app", 11, false)).toMatchObject({ from: 8, kind: "value" });
    expect(offer("X-Odd: 1", 8, false)).toBeNull();
    expect(offer("", 0, false)).toBeNull();
  });
});

describe("a request as text", () => {
  it("comes back as it went", () => {
    for (const one of [draft(), draft({ headers: [], text: "" }), draft({ version: "", text: "\n\nbody" }), draft({ version: "HTTP/2" })]) {
      const { problem, ...read } = parseRequest(rawRequest(one), one.url);
      expect(problem).toBeNull();
      expect({ ...one, ...read }).toEqual(one);
    }
  });

  it("takes a path for the server that Host names", () => {
    expect(parseRequest("GET /y HTTP/1.1\nHost: b.test:8\n", "https://a.test/x").url).toBe("https://b.test:8/y");
    expect(parseRequest("GET /y", "http://a.test:81/x").url).toBe("http://a.test:81/y");
  });

  it("says which line is wrong", () => {
    const problem = (text: string) => parseRequest(text, "http://a.test/").problem;
    expect(problem("")).toContain("Line 1");
    expect(problem("GET")).toContain("Line 1");
    expect(problem("GET / HTTP/3")).toContain("HTTP/3");
    expect(problem("GET / HTTP/1.1\nA: b\nnothing\n\nbody: x")).toBe("Line 3 has no colon.");
    expect(problem("GET / HTTP/1.1\n\nno colon here")).toBeNull();
  });

  it("leaves a recorded body out", () => {
    expect(rawRequest(draft({ mode: "recorded", text: "" }))).toBe("POST https://a.test/x?y=1 HTTP/1.1\nHost: a.test\nX-a: 1\n\n");
  });
});

describe("a form", () => {
  it("is read and written with every kind of character", () => {
    const pairs: [string, string][] = [["a b", "1&2=3"], ["ü", "€\n"], ["empty", ""]];
    expect(pairsOf(formText(pairs))).toEqual(pairs);
    expect(formText([["", ""], ["a", "b"]])).toBe("a=b");
  });
});

it("a body's language is told by its type, else by its beginning", () => {
  expect(languageOf("application/problem+json", "")).toBe("json");
  expect(languageOf("application/graphql-response+json", "")).toBe("json");
  expect(languageOf("text/html; charset=utf-8", "{}")).toBe("html");
  expect(languageOf("application/atom+xml", "")).toBe("xml");
  expect(languageOf(null, "  [1")).toBe("json");
  expect(languageOf("text/plain", "words")).toBe("plain");
});

describe("the history of a workbench", () => {
  const answer = (id: number) => ({ id, state: "complete" }) as FlowDetail;

  it("brings back what was sent, with its answer", () => {
    const bench = new Bench(1);
    bench.draft = draft();
    bench.sent(draft({ url: "http://one/" }), 10);
    bench.sent(draft({ url: "http://two/" }), 11);
    bench.answered(answer(10));
    expect([bench.shown, bench.current?.answer, bench.previous?.flow]).toEqual([2, null, 10]);
    bench.restore(1);
    expect([bench.draft?.url, bench.current?.answer?.id, bench.previous]).toEqual(["http://one/", 10, null]);
    if (bench.draft) bench.draft.url = "http://changed/";
    bench.restore(1);
    expect(bench.draft?.url, "what was sent stays as it was sent").toBe("http://one/");
    bench.restore(99);
    expect(bench.shown).toBe(1);
  });

  it("keeps the latest, and numbers them on", () => {
    const bench = new Bench(1);
    for (let n = 1; n <= 60; n++) bench.sent(draft(), n);
    expect(bench.versions).toHaveLength(50);
    expect([bench.versions[0]?.number, bench.shown]).toEqual([11, 60]);
  });

  it("is the same when one comes back, until many others came", () => {
    const bench = benchOf(500);
    expect(benchOf(500)).toBe(bench);
    for (let id = 501; id < 520; id++) benchOf(id);
    expect(benchOf(500)).not.toBe(bench);
  });
});
