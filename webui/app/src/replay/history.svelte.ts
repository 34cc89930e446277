//! The workbenches of this visit: what was sent from each flow, with its answers. Leaving a workbench loses nothing, nor does
//! loading the page again.

import type { FlowDetail } from "../lib/types";
import type { Draft } from "./draft";
import { usual, type Sending } from "./sending";

/** A request as it was sent, and what came back. */
export interface Version {
  /** From 1, in the order in which they were sent. */
  number: number;
  draft: Draft;
  /** The flow that it made. */
  flow: number;
  at: Date;
  answer: FlowDetail | null;
  /** What is said of redirections that were followed, or were not. */
  note?: string;
}

/** Kept versions of one workbench, and kept workbenches. */
const VERSIONS = 50;
const BENCHES = 12;

export class Bench {
  draft: Draft | null = $state(null);
  /** How often it is sent, and so on. */
  sending: Sending = $state(usual());
  /** The last run of many sends; it is shown until something is sent once. */
  run: number | null = $state(null);
  original: FlowDetail | null = $state.raw(null);
  versions: readonly Version[] = $state.raw([]);
  /** The number of the version whose answer is shown; 0 is none. */
  shown = $state(0);
  #sent = 0;

  constructor(readonly id: number) {}

  static of(kept: Kept): Bench {
    const bench = new Bench(kept.id);
    bench.draft = kept.draft;
    bench.shown = kept.shown;
    bench.sending = { ...usual(), ...kept.sending };
    bench.run = kept.run ?? null;
    bench.#sent = kept.sent;
    bench.versions = kept.versions.map((version) => ({ ...version, at: new Date(version.at), answer: null }));
    return bench;
  }

  kept(): Kept {
    const versions = this.versions.map(({ number, draft, flow, at, note }) => ({ number, draft, flow, at: at.toISOString(), ...(note === undefined ? {} : { note }) }));
    return { id: this.id, draft: $state.snapshot(this.draft), shown: this.shown, sent: this.#sent, sending: $state.snapshot(this.sending), run: this.run, versions };
  }

  get current(): Version | null {
    return this.versions.find((version) => version.number === this.shown) ?? null;
  }

  /** The version that was sent before the shown one. */
  get previous(): Version | null {
    const at = this.versions.findIndex((version) => version.number === this.shown);
    return this.versions[at - 1] ?? null;
  }

  /** Notes what was sent, and shows it. */
  sent(draft: Draft, flow: number, note?: string): void {
    const version: Version = { number: ++this.#sent, draft, flow, at: new Date(), answer: null, ...(note === undefined ? {} : { note }) };
    this.run = null;
    this.versions = [...this.versions, version].slice(-VERSIONS);
    this.shown = version.number;
  }

  /** An answer as far as it is known now. What says that it goes on, of one that is over, was on its way longer. */
  answered(answer: FlowDetail): void {
    const older = (known: FlowDetail | null) => answer.state === "running" && known !== null && known.state !== "running";
    this.versions = this.versions.map((version) => (version.flow === answer.id && !older(version.answer) ? { ...version, answer } : version));
  }

  /** Goes back to a version: its request into the editor, its answer beside. */
  restore(number: number): void {
    const version = this.versions.find((one) => one.number === number);
    if (!version) return;
    this.shown = number;
    this.draft = structuredClone(version.draft);
  }
}

/** What is kept of a workbench while the page is loaded again: answers are read anew. */
export interface Kept {
  id: number;
  draft: Draft | null;
  shown: number;
  sent: number;
  sending?: Sending;
  run?: number | null;
  versions: (Pick<Version, "number" | "draft" | "flow" | "note"> & { at: string })[];
}

const KEY = "overhear.workbenches";
const benches = new Map<number, Bench>();

/** Takes back what was kept before the page was loaded again. */
export function takeBack(storage: Storage): void {
  try {
    const all = JSON.parse(storage.getItem(KEY) ?? "[]") as Kept[];
    storage.removeItem(KEY);
    for (const one of all) benches.set(one.id, Bench.of(one));
  } catch {
    // of another version, or no storage: begun anew
  }
}

/** Keeps all workbenches; where the storage has no room, the one that was left last. */
export function keepAll(storage: Storage): void {
  const all = [...benches.values()].filter((bench) => bench.draft !== null).map((bench) => bench.kept());
  for (const some of [all, all.slice(-1)]) {
    try {
      if (some.length > 0) storage.setItem(KEY, JSON.stringify(some));
      return;
    } catch {
      // too large: fewer
    }
  }
}

if (typeof window !== "undefined") {
  takeBack(sessionStorage);
  addEventListener("pagehide", () => keepAll(sessionStorage));
}

/** The workbench of a flow, or 0 for a request of nothing: the one of before, if it is still kept. */
export function benchOf(id: number): Bench {
  const bench = benches.get(id) ?? new Bench(id);
  benches.delete(id);
  benches.set(id, bench);
  for (const old of [...benches.keys()].slice(0, Math.max(0, benches.size - BENCHES))) benches.delete(old);
  return bench;
}
