import { describe, expect, it } from "vitest";
import { mark } from "./mark";

describe("marking a wrong filter", () => {
  it("cuts at characters, not at UTF-16 units", () => {
    expect(mark("host:😀 staus:5", 7, 5)).toEqual({ before: "host:😀 ", wrong: "staus", after: ":5" });
  });
  it("marks a place after the end", () => {
    expect(mark("(a or", 5, 1)).toEqual({ before: "(a or", wrong: " ", after: "" });
  });
  it("stays inside the text", () => {
    expect(mark("ab", 1, 99)).toEqual({ before: "a", wrong: "b", after: "" });
    expect(mark("ab", -4, 0)).toEqual({ before: "", wrong: "a", after: "b" });
  });
});
