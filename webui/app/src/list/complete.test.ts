import { describe, expect, it } from "vitest";
import { completed, fieldSuggestions, spot, valueSuggestions } from "./complete";

const FIELDS = ["host", "header", "status"].map((name) => ({ name, what: `the ${name}`, example: `${name}:x`, values: null, completes: true }));
const here = (marked: string) => ({ text: marked.replace("^", ""), caret: marked.indexOf("^") });
const at = (marked: string) => spot(here(marked).text, here(marked).caret);

describe("completing a filter", () => {
  it("finds the word at the caret", () => {
    expect(at("ho^")).toEqual({ field: null, prefix: "ho", from: 0, to: 2 });
    expect(at("a (host:ex^ample) b")).toEqual({ field: "host", prefix: "ex", from: 8, to: 15 });
    expect(at("status:>=4^")).toEqual({ field: "status", prefix: "4", from: 9, to: 10 });
    expect(at("not -ho^")).toEqual({ field: null, prefix: "ho", from: 5, to: 7 });
    expect(at('tag:"a b^')).toEqual({ field: "tag", prefix: "a b", from: 4, to: 8 });
    expect(at('"a b" x|me^')).toEqual({ field: null, prefix: "me", from: 8, to: 10 });
    expect(at("^")).toEqual({ field: null, prefix: "", from: 0, to: 0 });
  });

  it("suggests fields and values", () => {
    expect(fieldSuggestions(FIELDS, at("h^")).map((one) => one.insert)).toEqual(["host:", "header:"]);
    expect(fieldSuggestions(FIELDS, at("host^"))).toEqual([]);
    const values = [{ value: "api.test", count: 12 }, { value: "a b", count: 3 }, { value: "x", count: null }];
    expect(valueSuggestions(values, at("host:^")).map((one) => [one.insert, one.detail])).toEqual([["api.test ", "12"], ['"a b" ', "3"], ["x ", ""]]);
    expect(valueSuggestions(values, at("host:API^")).map((one) => one.shown)).toEqual(["api.test"]);
    expect(valueSuggestions(values, at("host:x^"))).toEqual([]);
  });

  it("puts one in", () => {
    const { text } = here("a host:ex^ b");
    expect(completed(text, at("a host:ex^ b"), "example.com ")).toEqual({ text: "a host:example.com b", caret: 18 });
    expect(completed("st", at("st^"), "status:")).toEqual({ text: "status:", caret: 7 });
  });
});
