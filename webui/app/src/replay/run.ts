//! The times of a run, ready to be drawn.

import { duration } from "../lib/format";
import type { Distribution } from "../lib/types";

export interface Bar {
  /** Where it begins, as it is written. */
  from: string;
  words: string;
  count: number;
  /** Its part of the fullest bar: 0 to 1. */
  part: number;
}

export function bars(of: Distribution): Bar[] {
  const most = Math.max(1, ...of.histogram.map((bar) => bar.count));
  return of.histogram.map((bar) => ({
    from: duration(bar.from_ms),
    words: `${duration(bar.from_ms)} to ${duration(bar.to_ms)}: ${bar.count}`,
    count: bar.count,
    part: bar.count / most,
  }));
}

export function timesOf(of: Distribution): [name: string, ms: number][] {
  return [["Min", of.min_ms], ["Median", of.median_ms], ["Mean", of.mean_ms], ["95 %", of.p95_ms], ["99 %", of.p99_ms], ["Max", of.max_ms]];
}
