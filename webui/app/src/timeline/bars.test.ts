import { expect, it } from "vitest";
import { bars, told } from "./bars";

it("draws bars by the square root, none for nothing, and small ones visibly", () => {
  expect(bars([0, 4, 1], 4)).toBe("M1.08 100v-100.0h.84V100zM2.08 100v-50.0h.84V100z");
  expect(bars([1], 1_000_000)).toContain("v-5.0");
  expect(bars([0, 0], 0)).toBe("");
});

it("tells what happened in a stretch", () => {
  const items = [{ count: 1, errors: 0 }, { count: 11, errors: 1 }, { count: 5, errors: 5 }];
  expect(told(Date.parse("2026-11-21T10:00:00"), 1000, items, 1, 0)).toBe("10:00:00, 2.00 s: 12 flows, 1 error");
  expect(told(Date.parse("2026-11-21T10:00:00"), 100, items, 0, 0)).toBe("10:00:00.000, 100 ms: 1 flow");
});
