//! Pauses between rows that follow each other in time.

import { duration } from "../lib/format";
import type { Flow } from "../lib/types";

/** A shorter pause is the ordinary course of things. */
const PAUSE_MS = 3_000;

/** How long nothing began between two neighbours, in words; null for no pause, or a clock that was set back. */
export function gap(before: Flow | undefined, after: Flow | undefined): string | null {
  if (!before || !after) return null;
  const ms = Math.abs(Date.parse(after.started_at) - Date.parse(before.started_at));
  const forward = after.id > before.id === after.started_at >= before.started_at;
  if (!forward || !(ms >= PAUSE_MS)) return null;
  return duration(ms < 60_000 ? Math.round(ms / 1000) * 1000 : ms).replace(/\.00? s/, " s").replace(/\.0 s/, " s");
}
