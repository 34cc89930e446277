import { describe, expect, it } from "vitest";
import { ranged, rangeOf } from "./range";

const from = Date.parse("2026-11-21T13:05:00.500Z");
const to = Date.parse("2026-11-21T13:06:00Z");
const term = "started:2026-11-21T13:05:00.500Z..2026-11-21T13:06:00.000Z";

describe("the range of a filter", () => {
  it("is put in and taken out again", () => {
    for (const filter of ["", "host:a status:500", "a or b", '(a or b) c "x y"']) {
      const both = ranged(filter, { from, to });
      expect(both).toContain(term);
      expect(rangeOf(both)).toEqual({ range: { from, to }, rest: filter });
      expect(ranged(both, null)).toBe(filter);
      expect(ranged(both, { from, to })).toBe(both);
    }
  });

  it("is none where it is one of several alternatives, or no range", () => {
    for (const filter of [`${term} or a`, "started:>2026-11-21T13:05:00Z", "started:x..y", `not (${term})`]) {
      expect(rangeOf(filter)).toEqual({ range: null, rest: filter });
    }
  });
});
