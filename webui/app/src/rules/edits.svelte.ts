//! Rules that are being written: kept while others are looked at.

import type { Rule } from "../lib/types";
import { plain } from "./rulebook.svelte";

class Edits {
  /** The one that is being made. */
  fresh: Rule | null = $state(null);
  #all = new Map<number, Rule>();

  find(id: number): Rule | null {
    return id === 0 ? this.fresh : (this.#all.get(id) ?? null);
  }

  keep(id: number, rule: Rule): void {
    if (id === 0) this.fresh = rule;
    else this.#all.set(id, rule);
  }

  forget(id: number): void {
    if (id === 0) this.fresh = null;
    else this.#all.delete(id);
  }
}

export const edits = new Edits();

/** Whether two rules say the same. */
export function alike(a: Rule, b: Rule): boolean {
  const text = (rule: Rule) => {
    const { name, group, on, filter, stage, sender, actions } = plain(rule);
    return JSON.stringify([name, group ?? "", on ?? true, filter ?? "", stage, sender ?? null, actions.map((action) => Object.entries(action).sort(([x], [y]) => (x < y ? -1 : 1)))]);
  };
  return text(a) === text(b);
}
