//! How fast answers come that are still coming: out of what the event stream tells of running flows.

import { SvelteMap } from "svelte/reactivity";
import { bytes } from "./format";
import type { Flow } from "./types";

/** The rate is that of this long: milliseconds. */
const WINDOW = 3_000;
/** It is looked at so often, so that what stands still says so. */
const LOOK = 1_000;
/** Of more flows at once nothing is known. */
const MOST = 500;

interface Sample {
  at: number;
  size: number;
}

/** Bytes a second over the window that ends at `now`: from the last sample before it to the last one. Null while one moment alone is known. */
export function rateAt(samples: readonly Sample[], now: number): number | null {
  const [first, last] = [samples[0], samples.at(-1)];
  if (!first || !last) return null;
  const since = now - first.at;
  return since < 250 ? null : ((last.size - first.size) * 1000) / since;
}

/** `1.2 MB/s`. */
export function rateWords(rate: number | null): string {
  return rate === null ? "" : `${bytes(Math.round(rate))}/s`;
}

export class Rates {
  readonly #samples = new Map<number, Sample[]>();
  readonly #rates = new SvelteMap<number, number>();
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Bytes a second of a flow's answer in the last seconds; null when none comes, or that is not known yet. */
  of(id: number): number | null {
    return this.#rates.get(id) ?? null;
  }

  /** What changed in the list. */
  saw(changes: ReadonlyMap<number, Flow | "gone" | "deleted">): void {
    for (const [id, flow] of changes) {
      const comes = typeof flow === "object" && flow.state === "running" && (flow.kind === "http" || flow.kind === "tcp") && (flow.response?.body_size ?? 0) > 0;
      if (comes) this.#add(id, flow.response?.body_size ?? 0);
      else this.#forget(id);
    }
    if (this.#samples.size > 0) this.#timer ??= setInterval(() => this.look(), LOOK);
  }

  #add(id: number, size: number): void {
    const samples = this.#samples.get(id) ?? [];
    if (samples.length === 0 && this.#samples.size >= MOST) return;
    this.#samples.set(id, samples);
    if (samples.at(-1)?.size !== size) samples.push({ at: this.now(), size });
    this.#reckon(id, samples);
  }

  #reckon(id: number, samples: Sample[]): void {
    const now = this.now();
    // the last one before the window is where the window begins
    while (samples.length > 1 && now - (samples[1]?.at ?? now) >= WINDOW) samples.shift();
    const [only] = samples;
    if (samples.length === 1 && only && now - only.at >= WINDOW) this.#rates.set(id, 0);
    else {
      const rate = rateAt(samples, now);
      if (rate !== null) this.#rates.set(id, rate);
    }
  }

  #forget(id: number): void {
    this.#samples.delete(id);
    this.#rates.delete(id);
  }

  /** Reckons all again; nothing runs when nothing comes. */
  look(): void {
    for (const [id, samples] of this.#samples) this.#reckon(id, samples);
    if (this.#samples.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

export const rates = new Rates();
