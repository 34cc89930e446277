import { describe, expect, test } from "vitest";
import { inOrder, sorted, taken, type Slot } from "./slots";

const rows = (slots: Slot[]) => slots.map((slot) => slot.row);
const elements = (slots: Slot[]) => slots.map((slot) => slot.element);

describe("elements that are used again", () => {
  const begun = taken([], 0, 4);
  const down = taken(begun, 2, 6);

  test("are in order where nothing was scrolled", () => {
    expect(rows(begun)).toEqual([0, 1, 2, 3]);
    expect(rows(taken(begun, 0, 6))).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test("keep the rows that stay, and take those that come for those that went", () => {
    expect(rows(down)).toEqual([4, 5, 2, 3]);
    expect(elements(down)).toEqual(elements(begun));
    expect(down.slice(2)).toEqual(begun.slice(2));
    // the same, for who compares
    expect(down[2]).toBe(begun[2]);
    expect(rows(taken(down, 0, 4))).toEqual([0, 1, 2, 3]);
    expect(rows(taken(down, 3, 7))).toEqual([4, 5, 6, 3]);
  });

  test("are fewer where fewer rows are in view, and more where more are", () => {
    expect(rows(taken(down, 4, 6))).toEqual([4, 5]);
    expect(rows(taken(down, 3, 8))).toEqual([4, 5, 6, 3, 7]);
    expect(taken(begun, 0, 0)).toEqual([]);
  });

  test("are in order again after a jump", () => {
    expect(rows(taken(down, 100, 104))).toEqual([100, 101, 102, 103]);
  });

  test("show every row once, wherever the view goes", () => {
    let slots: Slot[] = [];
    let seed = 1;
    for (let n = 0; n < 500; n++) {
      seed = (seed * 48271) % 2147483647;
      const first = seed % 90;
      const last = first + (seed % 37);
      slots = taken(n % 7 === 0 ? sorted(slots) : slots, first, last);
      expect(rows(sorted(slots))).toEqual(Array.from({ length: last - first }, (_, at) => first + at));
      expect(new Set(elements(slots)).size).toBe(slots.length);
    }
  });

  test("come in the order of their rows with what stands in them", () => {
    expect(inOrder([])).toBe(true);
    expect(inOrder(down)).toBe(false);
    expect(inOrder(sorted(down))).toBe(true);
    expect(elements(sorted(down))).toEqual([2, 3, 0, 1]);
  });
});
