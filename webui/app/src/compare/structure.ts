//! Two JSON values compared by what they say: the order of names does not count, and each difference has its path.

import { diffLines } from "./diff";
import { canonical, type Json } from "./json";

export interface Difference {
  kind: "changed" | "removed" | "added";
  /** `$.items[3].name`; where an item moved, its place on the side that has it. */
  path: string;
  /** On one line; null where a side has nothing. */
  left: string | null;
  right: string | null;
}

/** The differences in the order of the left value, at most `limit`. */
export function differences(left: Json, right: Json, limit = 5_000): Difference[] {
  const found: Difference[] = [];
  walk(left, right, "$", found, limit);
  return found;
}

function walk(left: Json, right: Json, path: string, found: Difference[], limit: number): void {
  if (found.length >= limit) return;
  if (left.kind === "object" && right.kind === "object") {
    for (const [name, value] of left.members) {
      const other = right.members.get(name);
      if (other) walk(value, other, member(path, name), found, limit);
      else say(found, limit, { kind: "removed", path: member(path, name), left: canonical(value), right: null });
    }
    for (const [name, value] of right.members) {
      if (!left.members.has(name)) say(found, limit, { kind: "added", path: member(path, name), left: null, right: canonical(value) });
    }
  } else if (left.kind === "array" && right.kind === "array") {
    items(left.items, right.items, path, found, limit);
  } else {
    const [a, b] = [canonical(left), canonical(right)];
    if (a !== b) say(found, limit, { kind: "changed", path, left: a, right: b });
  }
}

/** Items that both lists have are matched, so that one which came in does not make all after it differ. */
function items(left: Json[], right: Json[], path: string, found: Difference[], limit: number): void {
  const [a, b] = [left.map(canonical), right.map(canonical)];
  for (const row of diffLines(a, b)) {
    if (row.kind === "same") continue;
    const [l, r] = [row.left === null ? null : row.left - 1, row.right === null ? null : row.right - 1];
    if (l !== null && r !== null) walk(left[l] as Json, right[r] as Json, `${path}[${l}]`, found, limit);
    else if (l !== null) say(found, limit, { kind: "removed", path: `${path}[${l}]`, left: a[l] ?? "", right: null });
    else if (r !== null) say(found, limit, { kind: "added", path: `${path}[${r}]`, left: null, right: b[r] ?? "" });
  }
}

function say(found: Difference[], limit: number, difference: Difference): void {
  if (found.length < limit) found.push(difference);
}

function member(path: string, name: string): string {
  return /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(name) ? `${path}.${name}` : `${path}[${JSON.stringify(name)}]`;
}
