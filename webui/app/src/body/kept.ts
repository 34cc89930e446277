//! How the last body was looked at: the next one is looked at in the same way, as one walks through flows. And where each of
//! the last bodies was looked at: who comes back finds the place.

import type { Side } from "../lib/types";
import type { View } from "./kind";

/** Where a person was in a list of rows. */
export interface Held {
  /** Pixels above what is in view. */
  top: number;
  /** Lines that were folded; null when these were too many to be kept. */
  folded: ReadonlySet<number> | null;
}

/** Where a person was in a body. */
export interface Stand extends Held {
  /** How it was looked at: the rows of one view are not those of another. */
  view: View | null;
  /** Bytes of it that were loaded. */
  loaded: number;
  /** Which of the found places was looked at. */
  found: number;
}

/** Places in so many bodies are kept. */
const STANDS = 200;
/** More folded lines than these are not kept. */
export const FOLDS = 5_000;

export class Kept {
  /** What is looked for. */
  search = { text: "", exact: false };
  readonly #views = new Map<string, View>();
  readonly #stands = new Map<string, Stand>();

  /** The view that was chosen for a body of the same kind: one that the same views make sense for. */
  view(offered: readonly View[]): View | null {
    return this.#views.get(offered.join(" ")) ?? null;
  }

  choose(offered: readonly View[], view: View): void {
    // the best one is what one gets anyway
    if (view === offered[0]) this.#views.delete(offered.join(" "));
    else this.#views.set(offered.join(" "), view);
  }

  /** The place in a body, which whoever shows it keeps up to date. */
  stand(id: number, side: Side): Stand {
    const key = `${id} ${side}`;
    const stand = this.#stands.get(key) ?? { top: 0, folded: new Set(), view: null, loaded: 0, found: -1 };
    // the last ones stay
    this.#stands.delete(key);
    this.#stands.set(key, stand);
    const [oldest] = this.#stands.keys();
    if (this.#stands.size > STANDS && oldest !== undefined) this.#stands.delete(oldest);
    return stand;
  }
}

export const kept = new Kept();
