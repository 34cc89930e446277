//! The order in which rules act, as it is changed by dragging and by keys.

import type { StoredRule } from "../lib/types";

/** Numbers with one of them brought before the one at `to` (the length: behind all). */
export function moved(ids: readonly number[], id: number, to: number): number[] {
  const from = ids.indexOf(id);
  if (from < 0) return [...ids];
  const rest = ids.filter((one) => one !== id);
  const at = Math.max(0, Math.min(rest.length, to > from ? to - 1 : to));
  return rest.toSpliced(at, 0, id);
}

/** The group that a rule is in where it comes to stand: between two of one group it is of that. */
export function groupAt(rules: readonly StoredRule[], ids: readonly number[], id: number): string {
  const at = ids.indexOf(id);
  const of = (index: number) => rules.find((rule) => rule.id === ids[index])?.group ?? "";
  const own = of(at);
  const [before, after] = [of(at - 1), of(at + 1)];
  return before !== "" && before === after ? before : own;
}

/** Rules one after the other that are of the same group. */
export interface Run {
  group: string;
  fromFile: boolean;
  rules: StoredRule[];
}

export function runs(rules: readonly StoredRule[]): Run[] {
  const all: Run[] = [];
  for (const rule of rules) {
    const last = all.at(-1);
    const group = rule.group ?? "";
    if (last && last.group === group && last.fromFile === rule.from_file) last.rules.push(rule);
    else all.push({ group, fromFile: rule.from_file, rules: [rule] });
  }
  return all;
}

/** A name that no rule has yet: "Slow 2". */
export function freeName(name: string, taken: readonly string[]): string {
  const base = name.replace(/ \d+$/, "");
  for (let number = 2; ; number++) {
    const next = `${base.slice(0, 190)} ${number}`;
    if (!taken.includes(next)) return next;
  }
}
