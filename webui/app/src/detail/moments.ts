//! Times in words: how far, and in which direction.

const UNITS: [ms: number, one: string, many: string][] = [
  [365.25 * 86_400_000, "year", "years"],
  [30.44 * 86_400_000, "month", "months"],
  [86_400_000, "day", "days"],
  [3_600_000, "hour", "hours"],
  [60_000, "minute", "minutes"],
  [1_000, "second", "seconds"],
];

/** `3 days`, `1 hour`; `0 seconds` for less than one. */
export function span(ms: number): string {
  const most = Math.abs(ms);
  for (const [size, one, many] of UNITS) {
    if (most >= size * 0.995) {
      const n = Math.round(most / size);
      return `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
    }
  }
  return "0 seconds";
}

/** `in 3 days`, `2 hours ago`, seen from `from`. Both in milliseconds. */
export function relative(at: number, from: number): string {
  const ms = at - from;
  if (Math.abs(ms) < 1_000) return "at that moment";
  return ms > 0 ? `in ${span(ms)}` : `${span(ms)} ago`;
}

/** `2026-11-21 14:03:09 UTC`; empty when the number is no time. */
export function utc(ms: number): string {
  const at = new Date(ms);
  return Number.isNaN(at.getTime()) ? "" : at.toISOString().replace("T", " ").replace(/\.\d+Z$/, " UTC");
}

/** The three forms of RFC 9110 § 5.6.7, and what servers send instead; null when it is none. */
export function httpDate(text: string): number | null {
  const ms = Date.parse(text.trim());
  return Number.isNaN(ms) || /^-?\d+$/.test(text.trim()) ? null : ms;
}
