//! Two texts side by side, by lines (Myers' algorithm), and two heads, by fields.

import type { Field } from "../lib/types";

export interface DiffRow {
  kind: "same" | "changed" | "removed" | "added";
  /** Line numbers from 1; null where a side has nothing. */
  left: number | null;
  right: number | null;
}

/** Beyond so many differences the middle is shown as replaced: the exact answer would take too long. */
const MOST_EDITS = 1_500;

export function diffLines(left: readonly string[], right: readonly string[]): DiffRow[] {
  let head = 0;
  while (head < left.length && head < right.length && left[head] === right[head]) head++;
  let tail = 0;
  while (tail < left.length - head && tail < right.length - head && left.at(-1 - tail) === right.at(-1 - tail)) tail++;
  const rows: DiffRow[] = [];
  for (let i = 0; i < head; i++) rows.push({ kind: "same", left: i + 1, right: i + 1 });
  middle(left.slice(head, left.length - tail), right.slice(head, right.length - tail), head, rows);
  for (let i = tail; i > 0; i--) rows.push({ kind: "same", left: left.length - i + 1, right: right.length - i + 1 });
  return rows;
}

function middle(left: string[], right: string[], from: number, rows: DiffRow[]): void {
  const common = pairs(left, right) ?? [];
  let [l, r] = [0, 0];
  for (const [atLeft, atRight] of [...common, [left.length, right.length] as const]) {
    while (l < atLeft && r < atRight) rows.push({ kind: "changed", left: from + ++l, right: from + ++r });
    while (l < atLeft) rows.push({ kind: "removed", left: from + ++l, right: null });
    while (r < atRight) rows.push({ kind: "added", left: null, right: from + ++r });
    if (l < left.length && r < right.length) rows.push({ kind: "same", left: from + ++l, right: from + ++r });
  }
}

/** The lines that both have, as pairs of places; null when there are too many differences. */
function pairs(left: string[], right: string[]): [number, number][] | null {
  const most = Math.min(left.length + right.length, MOST_EDITS);
  const furthest = new Int32Array(2 * most + 2);
  const trace: Int32Array[] = [];
  for (let edits = 0; edits <= most; edits++) {
    trace.push(furthest.slice(most - edits, most + edits + 2));
    for (let k = -edits; k <= edits; k += 2) {
      const down = k === -edits || (k !== edits && (furthest[most + k - 1] as number) < (furthest[most + k + 1] as number));
      let x = down ? (furthest[most + k + 1] as number) : (furthest[most + k - 1] as number) + 1;
      while (x < left.length && x - k < right.length && left[x] === right[x - k]) x++;
      furthest[most + k] = x;
      if (x >= left.length && x - k >= right.length) return backtrack(trace, left.length, right.length);
    }
  }
  return null;
}

function backtrack(trace: Int32Array[], atLeft: number, atRight: number): [number, number][] {
  const found: [number, number][] = [];
  let [x, y] = [atLeft, atRight];
  for (let edits = trace.length - 1; edits > 0; edits--) {
    const row = trace[edits] as Int32Array;
    const at = (k: number) => row[k + edits] ?? 0;
    const k = x - y;
    const down = k === -edits || (k !== edits && at(k - 1) < at(k + 1));
    const startX = at(down ? k + 1 : k - 1);
    const startY = startX - (down ? k + 1 : k - 1);
    while (x > startX + (down ? 0 : 1) && y > startY + (down ? 1 : 0)) found.push([--x, --y]);
    [x, y] = [startX, startY];
  }
  while (x > 0 && y > 0) found.push([--x, --y]);
  return found.reverse();
}

export interface FieldRow {
  name: string;
  left: string | null;
  right: string | null;
  kind: DiffRow["kind"];
}

/** Fields of two heads, paired by name (without case) in the order of the left one; what only the right has comes last. */
export function diffFields(left: readonly Field[], right: readonly Field[]): FieldRow[] {
  const free = right.map((field) => ({ field, used: false }));
  const rows = left.map(([name, value]): FieldRow => {
    const named = free.filter((one) => !one.used && one.field[0].toLowerCase() === name.toLowerCase());
    const partner = named.find((one) => one.field[1] === value) ?? named[0];
    if (!partner) return { name, left: value, right: null, kind: "removed" };
    partner.used = true;
    return { name, left: value, right: partner.field[1], kind: value === partner.field[1] ? "same" : "changed" };
  });
  for (const { field, used } of free) if (!used) rows.push({ name: field[0], left: null, right: field[1], kind: "added" });
  return rows;
}

/** Rows with long stretches of equal ones put together; `hidden` says how many a row stands for. */
export function folded(rows: readonly DiffRow[], context = 3): (DiffRow & { hidden?: number; from?: number })[] {
  const shown: (DiffRow & { hidden?: number; from?: number })[] = [];
  for (let at = 0; at < rows.length; ) {
    let end = at;
    while (end < rows.length && rows[end]?.kind === "same") end++;
    const first = at === 0 ? at : at + context;
    const last = end === rows.length ? end : end - context;
    if (last - first > 4) {
      shown.push(...rows.slice(at, first));
      shown.push({ ...(rows[first] as DiffRow), hidden: last - first, from: first });
      shown.push(...rows.slice(last, end));
    } else shown.push(...rows.slice(at, end));
    at = end;
    while (at < rows.length && rows[at]?.kind !== "same") shown.push(rows[at++] as DiffRow);
  }
  return shown;
}
