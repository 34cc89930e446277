//! The differences of a comparison as places to go to, one after the other.

import { untrack } from "svelte";

/** A part of the comparison: how many differences it has, and how one of them is brought into view. */
export interface Section {
  count: number;
  show: (index: number) => void;
}

export class Stops {
  /** The place that was gone to last, from 0; -1 before the first. */
  at = $state(-1);
  #sections: Map<string, Section> = $state.raw(new Map());

  /** Sections in the order in which they stand on the page. */
  constructor(private readonly order: readonly string[]) {}

  get total(): number {
    return this.#all().reduce((sum, [, section]) => sum + section.count, 0);
  }

  /** Places a section, or replaces it. */
  set(name: string, section: Section): void {
    // sections place themselves from effects, which must not depend on what they write
    this.#sections = new Map(untrack(() => this.#sections)).set(name, section);
  }

  /** Goes on by `by` differences, round the end. */
  step(by: 1 | -1): void {
    const total = this.total;
    if (total === 0) return;
    this.at = this.at < 0 && by < 0 ? total - 1 : (this.at + by + total) % total;
    let index = this.at;
    for (const [, section] of this.#all()) {
      if (index < section.count) return section.show(index);
      index -= section.count;
    }
  }

  /** The difference of a section that was gone to; -1 when it is elsewhere. */
  within(name: string): number {
    let index = this.at;
    if (index < 0) return -1;
    for (const [key, section] of this.#all()) {
      if (key === name) return index < section.count ? index : -1;
      index -= section.count;
      if (index < 0) return -1;
    }
    return -1;
  }

  #all(): [string, Section][] {
    return this.order.flatMap((name) => {
      const section = this.#sections.get(name);
      return section ? [[name, section] as [string, Section]] : [];
    });
  }
}
