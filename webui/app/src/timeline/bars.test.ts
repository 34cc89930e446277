import { expect, it } from "vitest";
import { bars, end, told } from "./bars";

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

it("names its ends, however far apart they are, and in whatever order", () => {
  const at = (text: string) => Date.parse(text);
  expect(end(at("2026-11-21T10:00:00.25"), at("2026-11-21T10:00:01"))).toBe("10:00:00.250");
  expect(end(at("2026-11-21T10:00:00"), at("2026-11-21T10:40:00"))).toBe("10:00:00");
  expect(end(at("1999-12-31T23:00:00"), at("2036-11-21T10:40:00"))).toBe("1999-12-31 23:00");
  expect(end(at("2036-11-21T10:40:00"), at("1999-12-31T23:00:00"))).toBe("2036-11-21 10:40");
  expect(told(at("1999-12-31T23:00:00"), 31_557_600_000, [{ count: 2, errors: 0 }], 0, 0)).toBe("23:00:00, 365 d 6 h: 2 flows");
});
