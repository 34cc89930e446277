//! A head as it came and as it went on, as one: what both have stands once, what only one has is marked. Nothing is lost: those
//! that came, in their order, are the head that came, and those that went on the other.

import { diffLines } from "../compare/diff";
import type { Field, Head } from "../lib/types";

/** In which of the two heads something is. */
export type In = "both" | "came" | "sent";

export interface Merged {
  /** The pieces of the start line. */
  line: [text: string, where: In][];
  fields: Field[];
  /** In which head each field is. */
  where: In[];
}

export function merged(came: Head, sent: Head): Merged {
  const [left, right] = [came.headers, sent.headers];
  const fields: Field[] = [];
  const where: In[] = [];
  const put = (field: Field | undefined, of: In) => {
    if (!field) return;
    fields.push(field);
    where.push(of);
  };
  for (const row of diffLines(left.map(text), right.map(text))) {
    if (row.kind === "same") put(left[(row.left ?? 0) - 1], "both");
    else {
      if (row.left !== null) put(left[row.left - 1], "came");
      if (row.right !== null) put(right[row.right - 1], "sent");
    }
  }
  return { line: startLine(came.start_line ?? "", sent.start_line ?? ""), fields, where };
}

/** Names and values have no line ends inside. */
function text([name, value]: Field): string {
  return `${name}\n${value}`;
}

/** What both begin with, what each has of its own, and what both end with; whole words of the line. */
function startLine(came: string, sent: string): [string, In][] {
  if (came === sent) return came === "" ? [] : [[came, "both"]];
  let from = 0;
  while (from < came.length && came[from] === sent[from]) from++;
  // the form of the target changes between its delimiters, not within a word that both begin with
  from = came.lastIndexOf(" ", from - 1) + 1;
  let end = 0;
  while (end < Math.min(came.length, sent.length) - from && came.at(-1 - end) === sent.at(-1 - end)) end++;
  // likewise at its end: of `http://a.test/x` and `/x` the second is whole within the first
  while (end > 0 && !/[ /?#]/.test(came.charAt(came.length - end))) end--;
  const pieces: [string, In][] = [
    [came.slice(0, from), "both"],
    [came.slice(from, came.length - end), "came"],
    [sent.slice(from, sent.length - end), "sent"],
    [came.slice(came.length - end), "both"],
  ];
  return pieces.filter(([piece]) => piece !== "");
}

/** How many things differ: the start line counts as one, and what took the place of something too. */
export function differences({ line, where }: Merged): number {
  let found = line.some(([, of]) => of !== "both") ? 1 : 0;
  let waiting = 0;
  for (const of of where) {
    if (of === "came") {
      found++;
      waiting++;
    } else if (of === "sent") {
      if (waiting > 0) waiting--;
      else found++;
    } else waiting = 0;
  }
  return found;
}
