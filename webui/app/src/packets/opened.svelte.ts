//! Which layers and fields are open: the same in every packet, as long as the page lives.

import { SvelteSet } from "svelte/reactivity";
import type { PacketLayer } from "../lib/types";

class Opened {
  readonly paths = new SvelteSet<string>();
  #begun = false;

  /** With the first packet the innermost layer that has fields is open. */
  begin(layers: readonly PacketLayer[]): void {
    if (this.#begun) return;
    this.#begun = true;
    const inner = layers.findLast((layer) => layer.fields.length > 0);
    if (inner) this.paths.add(inner.name);
  }

  open(path: string): void {
    this.paths.add(path);
  }

  toggle(path: string): void {
    if (!this.paths.delete(path)) this.paths.add(path);
  }
}

export const opened = new Opened();
