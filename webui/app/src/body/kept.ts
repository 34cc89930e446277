//! How the last body was looked at: the next one is looked at in the same way, as one walks through flows. And where each of
//! the last bodies was looked at: who comes back finds the place.

import type { Side } from "../lib/types";
import type { View } from "./kind";

/** Where a person was in what is shown of a body. */
export interface Held {
  /** Pixels above what is in view. */
  top: number;
  /** Lines that were folded; null when these were too many to be kept. */
  folded: ReadonlySet<number> | null;
  /** The parts of a multipart body, by their place. */
  parts?: Map<number, PartHeld>;
}

/** Where a person was in one part of a body, and how it was looked at where that was chosen. */
export interface PartHeld extends Held {
  open: boolean | null;
  view: View | null;
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

/** Where a person was in another part of a flow, and how much of what is long was asked for, by its name and place. */
export interface Spot {
  top: number;
  more: Map<string, number>;
}

/** Places in so many bodies are kept, and in as many other parts of flows. */
const STANDS = 200;
/** More folded lines than these are not kept. */
export const FOLDS = 5_000;

export class Kept {
  /** What is looked for. */
  search = { text: "", exact: false };
  readonly #views = new Map<string, View>();
  readonly #stands = new Map<string, Stand>();
  readonly #spots = new Map<string, Spot>();

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
    return latest(this.#stands, `${id} ${side}`, () => ({ top: 0, folded: new Set(), view: null, loaded: 0, found: -1 }));
  }

  /** The place in another part of a flow, likewise. */
  spot(id: number, part: string): Spot {
    return latest(this.#spots, `${id} ${part}`, () => ({ top: 0, more: new Map() }));
  }
}

/** What is held by a name, which becomes the last one; the oldest go. */
function latest<T>(all: Map<string, T>, key: string, make: () => T): T {
  const one = all.get(key) ?? make();
  all.delete(key);
  all.set(key, one);
  const [oldest] = all.keys();
  if (all.size > STANDS && oldest !== undefined) all.delete(oldest);
  return one;
}

export const kept = new Kept();
