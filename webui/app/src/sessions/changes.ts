//! Two sessions against each other, in words.

import { duration } from "../lib/format";
import type { ComparedChange, ComparedSide } from "../lib/types";

/** As the tabs stand. */
export const CHANGES: readonly [ComparedChange, string][] = [["status", "Other status"], ["slower", "Slower"], ["new", "New"], ["gone", "Gone"], ["same", "The same"]];

export const NAMES: Record<ComparedChange, string> = { status: "other status", slower: "slower", new: "new", gone: "gone", same: "the same" };

/** `200`, `3 × 200, failed`. */
export function statusWords(side: ComparedSide | null): string {
  if (side === null) return "";
  return side.statuses.map(({ status, count }) => `${count > 1 ? `${count} × ` : ""}${status ?? "failed"}`).join(", ");
}

/** How much longer it takes: `+120 ms (2.5×)`. */
export function slowerWords(a: ComparedSide | null, b: ComparedSide | null): string {
  const [before, after] = [a?.median_ms ?? null, b?.median_ms ?? null];
  if (before === null || after === null) return "";
  const gap = after - before;
  const times = before > 0 && gap > 0 ? ` (${(after / before).toFixed(1)}×)` : "";
  return `${gap < 0 ? "−" : "+"}${duration(Math.abs(gap))}${times}`;
}
