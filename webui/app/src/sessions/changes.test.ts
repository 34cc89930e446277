import { expect, it } from "vitest";
import type { ComparedSide } from "../lib/types";
import { slowerWords, statusWords } from "./changes";

const side = (median_ms: number | null, ...statuses: [number | null, number][]): ComparedSide => ({
  count: 1, flow: 1, median_ms, statuses: statuses.map(([status, count]) => ({ status, count })),
});

it("statuses are told with how often they came", () => {
  expect(statusWords(side(1, [null, 1], [200, 3]))).toBe("failed, 3 × 200");
  expect(statusWords(null)).toBe("");
});

it("it is told how much longer it takes, and how many times as long", () => {
  expect(slowerWords(side(80), side(200))).toBe("+120 ms (2.5×)");
  expect(slowerWords(side(200), side(80))).toBe("−120 ms");
  expect(slowerWords(side(0), side(20))).toBe("+20 ms");
  expect(slowerWords(null, side(1))).toBe("");
  expect(slowerWords(side(null), side(1))).toBe("");
});
