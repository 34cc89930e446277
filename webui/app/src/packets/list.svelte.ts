//! The packets of a flow, read page by page from its beginning.

import { aborted, api, words } from "../lib/api";
import type { PacketLine } from "../lib/types";

const PAGE = 500;
/** More are not kept; all of them are in the download. */
const MOST = 200_000;

export class PacketList {
  /** Only ever appended to; `count` says how many are shown. */
  readonly items: PacketLine[] = [];
  count = $state(0);
  /** All that there are now are here. */
  done = $state(false);
  full = $state(false);
  /** Some were removed for want of room. */
  gone = $state(false);
  error = $state<string | null>(null);
  #cursor: string | null = null;
  #reading: Promise<void> | null = null;
  readonly #abort = new AbortController();

  constructor(private readonly id: number) {}

  close(): void {
    this.#abort.abort();
  }

  /** Reads the next page. */
  more(): Promise<void> {
    this.#reading ??= this.#read().finally(() => (this.#reading = null));
    return this.#reading;
  }

  /** Where the packet with a number stands; read on until it comes. Null when it is none of the flow, or too far away. */
  async find(number: number): Promise<number | null> {
    while (!this.done && !this.full && this.error === null && (this.items.at(-1)?.number ?? 0) < number) await this.more();
    const at = this.items.findIndex((item) => item.number === number);
    return at < 0 ? null : at;
  }

  async #read(): Promise<void> {
    if (this.done || this.full) return;
    try {
      const page = await api.packets(this.id, { cursor: this.#cursor, limit: PAGE }, this.#abort.signal);
      this.items.push(...page.items);
      this.#cursor = page.next;
      this.gone = page.gone;
      this.done = page.next === null;
      this.full = this.items.length >= MOST;
      this.count = this.items.length;
      this.error = null;
    } catch (error) {
      if (!aborted(error)) this.error = words(error);
      else this.done = true;
    }
  }
}

/** A line without the addresses, which are the same in every line of a flow. */
export function short(summary: string): string {
  return /^IP6? \S+ > \S+: (.*)$/s.exec(summary)?.[1] ?? summary;
}
