//! What the server makes of the packets of a flow when somebody looks, read again when the flow has changed.

import { untrack } from "svelte";
import { aborted, words } from "../lib/api";

export class Told<T> {
  /** The last answer; it stays in view while another one is read. */
  now = $state.raw<T | null>(null);
  error = $state<string | null>(null);

  constructor(private readonly ask: (id: number, signal: AbortSignal) => Promise<T>) {}

  /** Asks about a flow. Returns what ends that. */
  of(id: number): () => void {
    const abort = new AbortController();
    untrack(() => void this.#read(id, abort.signal));
    return () => abort.abort();
  }

  async #read(id: number, signal: AbortSignal): Promise<void> {
    try {
      this.now = await this.ask(id, signal);
      this.error = null;
    } catch (failure) {
      if (!aborted(failure)) this.error = words(failure);
    }
  }
}
