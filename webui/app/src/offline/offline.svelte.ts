//! Whether requests are answered with what was recorded, as the server says.

import { api } from "../lib/api";
import type { Offline, OfflineNow } from "../lib/types";

const NOTHING: Offline = { on: false, filter: "", ignore_query: [], same_headers: [], same_body: false, missing: "not-found" };

class OfflineState {
  /** Null until it was asked for. */
  now: OfflineNow | null = $state.raw(null);
  /** As it was when it was last on. */
  #last: Offline = NOTHING;
  #asked = 0;

  get known(): boolean {
    return this.now !== null;
  }

  get on(): boolean {
    return this.now?.on ?? false;
  }

  /** What it is set to, or a next time begins with. */
  get setting(): Offline {
    const { on, filter, ignore_query, same_headers, same_body, missing } = this.now?.on ? this.now : this.#last;
    return { on, filter, ignore_query, same_headers, same_body, missing };
  }

  async read(): Promise<void> {
    const mine = ++this.#asked;
    // what was known stays: the stream says by itself that the server is away
    const now = await api.offline().catch(() => null);
    if (mine === this.#asked && now) this.#heard(now);
  }

  /** Answers from the recording from now on, beginning with the first recorded answer to each request. */
  async begin(offline: Offline): Promise<void> {
    this.#heard(await api.setOffline(offline));
  }

  /** Asks the servers again. */
  async end(): Promise<void> {
    this.#heard(await api.setOffline({ ...this.setting, on: false }));
  }

  #heard(now: OfflineNow): void {
    this.#asked++;
    if (this.on) this.#last = this.setting;
    this.now = now;
  }
}

export const offline = new OfflineState();
