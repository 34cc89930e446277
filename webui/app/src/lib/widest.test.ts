import { describe, expect, it } from "vitest";
import { ascii, widest } from "./widest";

const widths = ascii((character) => (character === "W" ? 12 : character === "1" ? 4 : character === "8" ? 7 : 6));

describe("how wide a text can be", () => {
  it("is never less than its characters are", () => {
    expect(widest(widths, "")).toBe(0);
    expect(widest(widths, "WaW")).toBeGreaterThanOrEqual(30);
    expect(widest(widths, " ~")).toBeGreaterThanOrEqual(12);
  });
  it("takes every digit for the widest: figures may be of one width", () => {
    expect(widest(widths, "11")).toBeGreaterThanOrEqual(14);
  });
  it("is not known of what no font is asked for", () => {
    for (const text of ["é", "日本", "a\u0301", "\t", "\u007f", "👍", "\u202e"]) expect(widest(widths, text)).toBe(Infinity);
    expect(widest([], "a")).toBe(Infinity);
  });
});
