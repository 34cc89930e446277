//! How the last body was looked at: the next one is looked at in the same way, as one walks through flows.

import type { View } from "./kind";

export class Kept {
  /** What is looked for. */
  search = { text: "", exact: false };
  readonly #views = new Map<string, View>();

  /** The view that was chosen for a body of the same kind: one that the same views make sense for. */
  view(offered: readonly View[]): View | null {
    return this.#views.get(offered.join(" ")) ?? null;
  }

  choose(offered: readonly View[], view: View): void {
    // the best one is what one gets anyway
    if (view === offered[0]) this.#views.delete(offered.join(" "));
    else this.#views.set(offered.join(" "), view);
  }
}

export const kept = new Kept();
