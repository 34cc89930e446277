import { describe, expect, test } from "vitest";
import { inOrder, taken } from "./slots";

describe("elements that are used again", () => {
  test("are in order where nothing was scrolled", () => {
    expect(taken([], 0, 4)).toEqual([0, 1, 2, 3]);
    expect(taken([0, 1, 2, 3], 0, 6)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test("keep the rows that stay, and take those that come for those that went", () => {
    expect(taken([0, 1, 2, 3], 2, 6)).toEqual([4, 5, 2, 3]);
    expect(taken([4, 5, 2, 3], 0, 4)).toEqual([0, 1, 2, 3]);
    expect(taken([4, 5, 2, 3], 3, 7)).toEqual([4, 5, 6, 3]);
  });

  test("are fewer where fewer rows are in view, and more where more are", () => {
    expect(taken([4, 5, 2, 3], 4, 6)).toEqual([4, 5]);
    expect(taken([4, 5, 2, 3], 3, 8)).toEqual([4, 5, 6, 3, 7]);
    expect(taken([0, 1], 0, 0)).toEqual([]);
  });

  test("are in order again after a jump", () => {
    expect(taken([4, 5, 2, 3], 100, 104)).toEqual([100, 101, 102, 103]);
  });

  test("show every row once, wherever the view goes", () => {
    let rows: number[] = [];
    let seed = 1;
    for (let n = 0; n < 500; n++) {
      seed = (seed * 48271) % 2147483647;
      const first = seed % 90;
      const last = first + (seed % 37);
      rows = taken(rows, first, last);
      expect([...rows].sort((a, b) => a - b)).toEqual(Array.from({ length: last - first }, (_, at) => first + at));
    }
  });

  test("say whether they are in order", () => {
    expect(inOrder([])).toBe(true);
    expect(inOrder([3, 4, 5])).toBe(true);
    expect(inOrder([4, 5, 3])).toBe(false);
  });
});
