import { describe, expect, it } from "vitest";
import { compareBodies, firstDifference, sha256, type Part } from "./bodies";
import { canonical, parse, type Json } from "./json";
import { Stops } from "./stops.svelte";
import { differences } from "./structure";
import { apart } from "./timings";
import { diffWords } from "./words";

const json = (text: string) => {
  const value = parse(text);
  expect(value, text).not.toBeNull();
  return value as Json;
};
const diff = (left: string, right: string) => differences(json(left), json(right)).map(({ kind, path, left: l, right: r }) => [kind, path, l, r]);
const part = (text: string | Uint8Array<ArrayBuffer>, type: string | null = null): Part => {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  return { bytes, type, size: bytes.length, cut: false };
};

describe("JSON for comparing", () => {
  it("reads what RFC 8259 allows and nothing else", () => {
    for (const text of ["null", " [ ] ", '{"a":{}}', '"\\u00e4\\n"', "-0.5e+3", "[1,[2,[3]]]", "\ufeff1"]) expect(parse(text), text).not.toBeNull();
    for (const text of ["", "{", "[1,]", "{'a':1}", "01", "1 2", '"\t"', '"a', "nul", '{"a" 1}', '"\\']) expect(parse(text), text).toBeNull();
  });

  it("does not overflow on deep nesting", () => {
    expect(parse("[".repeat(100_000) + "]".repeat(100_000))).toBeNull();
  });

  it("writes equal values alike, and keeps digits that a double would lose", () => {
    expect(canonical(json('{"b":1.0,"a":[true,"x"]}'))).toBe('{"a": [true, "x"], "b": 1}');
    expect(canonical(json("12345678901234567891"))).toBe("12345678901234567891");
    expect(canonical(json("1e999"))).toBe("1e999");
  });
});

describe("structure", () => {
  it("ignores the order of names and gives each difference its path", () => {
    expect(diff('{"a":1,"b":[1,2]}', '{"b":[1,2],"a":1}')).toEqual([]);
    expect(diff('{"a":{"b c":1,"d":2}}', '{"a":{"b c":"1","e":3}}')).toEqual([
      ["changed", '$.a["b c"]', "1", '"1"'],
      ["removed", "$.a.d", "2", null],
      ["added", "$.a.e", null, "3"],
    ]);
    expect(diff("1", "[1]")).toEqual([["changed", "$", "1", "[1]"]]);
  });

  it("tells an item that came in from those that moved for it", () => {
    expect(diff('[{"id":1},{"id":2}]', '[{"id":0},{"id":1},{"id":2}]')).toEqual([["added", "$[0]", null, '{"id": 0}']]);
    expect(diff('[{"id":1,"n":"a"},2]', '[{"id":1,"n":"b"},2]')).toEqual([["changed", "$[0].n", '"a"', '"b"']]);
  });

  it("knows a member that is named like something every object has", () => {
    expect(diff('{"__proto__":1}', '{"constructor":1}')).toEqual([["removed", "$.__proto__", "1", null], ["added", "$.constructor", null, "1"]]);
  });

  it("stops at the limit", () => {
    const list = (n: number) => JSON.stringify(Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`k${i}`, i * n])));
    expect(differences(json(list(2)), json(list(3)), 10)).toHaveLength(10);
  });
});

describe("words", () => {
  it("marks what differs inside a line", () => {
    const both = diffWords("max-age=60, public", "max-age=600, public");
    expect(both.left).toEqual([["max-age=", false], ["60", true], [", public", false]]);
    expect(both.right).toEqual([["max-age=", false], ["600", true], [", public", false]]);
  });

  it("marks lines whole that have little in common, and huge ones", () => {
    expect(diffWords("entirely", "different words here").left).toEqual([["entirely", true]]);
    const long = "a ".repeat(4_000);
    expect(diffWords(long, `${long}b`).left).toEqual([[long, true]]);
  });
});

describe("bodies", () => {
  it("are compared as what they are", () => {
    expect(compareBodies(null, null).as).toBe("none");
    expect(compareBodies(part("a"), part("a")).as).toBe("same");
    expect(compareBodies(part('{"a":1}', "application/json"), part('{"a":2}', "application/json")).differences.map((one) => one.path)).toEqual(["$.a"]);
    const alike = compareBodies(part('{"a":1,"b":2}', "application/json"), part('{ "b": 2, "a": 1 }', "application/json"));
    expect([alike.as, alike.note?.includes("say the same")]).toEqual(["same", true]);
    expect(compareBodies(part("one\ntwo", "text/plain"), part("one\nthree", "text/plain")).rows.map((row) => row.kind)).toEqual(["same", "changed"]);
    expect(compareBodies(part("text", "text/plain"), part(new Uint8Array([0, 1, 2]), "image/png")).as).toBe("binary");
    expect(compareBodies(null, part("new", "text/plain")).rows.map((row) => row.kind)).toEqual(["added"]);
    expect(compareBodies(part("{broken", "application/json"), part("{}", "application/json")).as).toBe("text");
  });

  it("says that only a part of large ones is compared", () => {
    const large = (end: string) => part(`x\n`.repeat(2_200_000) + end, "text/plain");
    expect(compareBodies(large("a"), part("y", "text/plain")).note).toContain("4 MiB");
    const cut = { ...part("same"), cut: true };
    expect(compareBodies(cut, part("same")).note).toContain("16 MiB");
  });

  it("knows where bytes begin to differ, and their hash", async () => {
    expect(firstDifference(new Uint8Array([1, 2]), new Uint8Array([1, 2]))).toBeNull();
    expect(firstDifference(new Uint8Array([1, 2]), new Uint8Array([1, 3]))).toBe(1);
    expect(firstDifference(new Uint8Array([1]), new Uint8Array([1, 3]))).toBe(1);
    expect(await sha256(new TextEncoder().encode("abc"))).toMatch(/^ba7816bf/);
  });
});

describe("stops", () => {
  it("go through all sections and round the end", () => {
    const seen: string[] = [];
    const stops = new Stops(["a", "b", "c"]);
    stops.step(1);
    expect(stops.at).toBe(-1);
    const section = (name: string, count: number) => stops.set(name, { count, show: (index) => seen.push(`${name}${index}`) });
    section("c", 1);
    section("a", 2);
    section("b", 0);
    expect(stops.total).toBe(3);
    for (const by of [1, 1, 1, 1, -1] as const) stops.step(by);
    expect(seen).toEqual(["a0", "a1", "c0", "a0", "c0"]);
    expect([stops.within("a"), stops.within("b"), stops.within("c")]).toEqual([-1, -1, 0]);
  });
});

it("two times are apart when it is worth a look", () => {
  const row = (left: number | null, right: number | null) => apart({ name: "", left, right });
  expect([row(1, 2), row(100, 110), row(100, 200), row(null, 3), row(null, null)]).toEqual([false, false, true, true, false]);
});
