//! What the event stream tells while something is being read. An answer may be older than what was told before it came, so that is
//! said again to whoever takes the answer.

import type { Changes } from "../lib/live.svelte";

export class Meanwhile {
  #readings = 0;
  #told: Changes[] = [];

  /** A reading begins. What it gives back tells what changed since, once the reading has ended. */
  begin(): () => Changes[] {
    const from = this.#told.length;
    this.#readings++;
    return () => {
      const since = this.#told.slice(from);
      if (--this.#readings === 0) this.#told = [];
      return since;
    };
  }

  /** Something changed. */
  tell(changes: Changes): void {
    if (this.#readings > 0) this.#told.push(changes);
  }
}
