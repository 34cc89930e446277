//! What waits at breakpoints, as the server told last. It belongs to no page: every page shows the same.

import type { Waiting } from "../lib/types";

class Stopped {
  /** Oldest first, those whose client gave up among them. */
  items: readonly Waiting[] = $state.raw([]);
  /** Those that gave up and were seen. */
  #seen: ReadonlySet<number> = $state.raw(new Set());
  /** Decided here: a list that was on its way still has them. */
  #decided = new Set<number>();

  /** What a person can decide about. */
  get now(): readonly Waiting[] {
    return this.items.filter((item) => !item.gone);
  }

  /** Whose client gave up, until somebody has seen it. */
  get gaveUp(): readonly Waiting[] {
    return this.items.filter((item) => item.gone && !this.#seen.has(item.id));
  }

  /** What is listed: what waits, and what gave up and was not put aside. */
  get shown(): readonly Waiting[] {
    return this.items.filter((item) => !item.gone || !this.#seen.has(item.id));
  }

  heard(items: Waiting[]): void {
    this.items = items.filter((item) => !this.#decided.has(item.id));
    for (const id of this.#decided) if (!items.some((item) => item.id === id)) this.#decided.delete(id);
    const seen = [...this.#seen].filter((id) => items.some((item) => item.id === id));
    if (seen.length !== this.#seen.size) this.#seen = new Set(seen);
  }

  find(id: number | null): Waiting | undefined {
    return this.items.find((item) => item.id === id);
  }

  /** What of a flow waits now. */
  ofFlow(flow: number): Waiting | undefined {
    return this.items.find((item) => item.flow === flow && !item.gone);
  }

  /** A person decided here. */
  decided(id: number): void {
    this.#decided.add(id);
    this.items = this.items.filter((item) => item.id !== id);
  }

  /** Puts aside what gave up. */
  putAside(ids: readonly number[]): void {
    this.#seen = new Set([...this.#seen, ...ids]);
  }
}

export const stopped = new Stopped();
