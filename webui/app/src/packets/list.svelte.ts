//! The packets of a flow, or of a capture, read page by page from the beginning.

import { aborted, api, words } from "../lib/api";
import type { PacketDetail, PacketLine, PacketPage } from "../lib/types";

const PAGE = 500;
/** More are not kept; all of them are in the download. */
const MOST = 200_000;

/** Where packets come from. */
export interface PacketSource {
  page(at: { cursor: string | null; limit: number }, signal: AbortSignal): Promise<PacketPage>;
  packet(file: number, offset: number, signal: AbortSignal): Promise<PacketDetail>;
}

export function ofFlow(id: number): PacketSource {
  return {
    page: (at, signal) => api.packets(id, at, signal),
    packet: (file, offset, signal) => api.packet(id, file, offset, signal),
  };
}

/** Those that an expression of pcap-filter(7) wants; all when it is empty. */
export function ofCapture(id: number, expression: string): PacketSource {
  return {
    page: (at, signal) => api.capturePackets(id, { ...at, ...(expression ? { expression } : {}) }, signal),
    packet: (file, offset, signal) => api.capturePacket(id, file, offset, signal),
  };
}

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

  constructor(
    readonly source: PacketSource,
    /** What is said when there are none. */
    readonly nothing = "There are no packets.",
  ) {}

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
      let page: PacketPage;
      // of a capture a page may have nothing of what is wanted
      do {
        page = await this.source.page({ cursor: this.#cursor, limit: PAGE }, this.#abort.signal);
        this.#cursor = page.next;
      } while (page.items.length === 0 && page.next !== null);
      this.items.push(...page.items);
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
