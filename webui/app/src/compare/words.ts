//! Two versions of a line, word by word.

import { diffLines } from "./diff";

/** A piece of a line, and whether the other line has it too. */
export type Piece = [text: string, differs: boolean];

/** Longer lines, and lines that have little in common, are marked whole. */
const LONGEST = 4_000;

export function diffWords(left: string, right: string): { left: Piece[]; right: Piece[] } {
  const whole = { left: [[left, true] as Piece], right: [[right, true] as Piece] };
  if (left.length > LONGEST || right.length > LONGEST) return whole;
  const [a, b] = [split(left), split(right)];
  const out = { left: [] as Piece[], right: [] as Piece[] };
  let common = 0;
  for (const row of diffLines(a, b)) {
    const differs = row.kind !== "same";
    if (row.left !== null) add(out.left, a[row.left - 1] ?? "", differs);
    if (row.right !== null) add(out.right, b[row.right - 1] ?? "", differs);
    if (!differs && row.left !== null) common += (a[row.left - 1] ?? "").trim().length;
  }
  return common * 5 < Math.max(left.trim().length, right.trim().length) ? whole : out;
}

/** Words, blanks and single other characters. */
function split(line: string): string[] {
  return line.match(/[\p{L}\p{N}_]+|\s+|[^\p{L}\p{N}_\s]/gu) ?? [];
}

function add(pieces: Piece[], text: string, differs: boolean): void {
  const last = pieces.at(-1);
  if (last && last[1] === differs) last[0] += text;
  else pieces.push([text, differs]);
}
