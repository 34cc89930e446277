import { expect, it } from "vitest";
import type { Flow } from "../lib/types";
import { gap } from "./gaps";

const at = (id: number, started_at: string) => ({ id, started_at }) as Flow;

it("tells of pauses, in either order of the list, and of no others", () => {
  const first = at(1, "2026-11-21T10:00:00.000000000Z");
  expect(gap(first, at(2, "2026-11-21T10:00:12.300000000Z"))).toBe("12 s");
  expect(gap(at(2, "2026-11-21T10:00:12.300000000Z"), first)).toBe("12 s");
  expect(gap(first, at(2, "2026-11-21T10:03:12.300000000Z"))).toBe("3 min 12 s");
  expect(gap(first, at(2, "2026-11-23T11:03:12.300000000Z"))).toBe("2 d 1 h");
  expect(gap(first, at(2, "2026-11-21T10:00:02.900000000Z"))).toBeNull();
  expect(gap(first, undefined)).toBeNull();
  // the clock was set back
  expect(gap(first, at(2, "2026-11-21T09:00:00.000000000Z"))).toBeNull();
  expect(gap(first, at(2, "nonsense"))).toBeNull();
  // or jumped by years
  expect(gap(first, at(2, "2036-11-21T10:00:00.000000000Z"))).toBe("3,653 d 0 h");
  expect(gap(first, at(2, "1999-11-21T10:00:00.000000000Z"))).toBeNull();
});
