//! The timeline's figures as shapes and words.

import { clock, day, duration, plural } from "../lib/format";

export interface Bucket {
  count: number;
  errors: number;
}

/** Least height of a bar that is not empty, of 100. */
const LEAST = 5;

/** A path of bars, a unit wide each, in a box as high as 100. */
export function bars(values: readonly number[], most: number): string {
  let path = "";
  values.forEach((value, at) => {
    if (value <= 0 || most <= 0) return;
    // the square root: a burst does not make everything else invisible
    const height = Math.max(LEAST, Math.sqrt(value / most) * 100);
    path += `M${at + 0.08} 100v${(-height).toFixed(1)}h.84V100z`;
  });
  return path;
}

/** What happened in some buckets: `13:05:04, 2.0 s: 12 flows, 1 error`. */
export function told(from: number, width: number, items: readonly Bucket[], first: number, last: number): string {
  const [a, b] = [Math.min(first, last), Math.max(first, last)];
  const some = items.slice(a, b + 1);
  const sum = (of: (bucket: Bucket) => number) => some.reduce((total, bucket) => total + of(bucket), 0);
  const errors = sum((bucket) => bucket.errors);
  const at = clock(new Date(from + a * width).toISOString()).slice(0, width < 1000 ? 12 : 8);
  return `${at}, ${duration((b - a + 1) * width)}: ${plural(sum((bucket) => bucket.count), "flow")}${errors > 0 ? `, ${plural(errors, "error")}` : ""}`;
}

/** An end of the axis: the time, with the day where the ends are not of the same, with milliseconds where they are close. */
export function end(at: number, other: number): string {
  const [text, there] = [new Date(at).toISOString(), new Date(other).toISOString()];
  const time = clock(text).slice(0, Math.abs(at - other) < 10_000 ? 12 : 8);
  return day(text) === day(there) ? time : `${day(text)} ${time.slice(0, 5)}`;
}
