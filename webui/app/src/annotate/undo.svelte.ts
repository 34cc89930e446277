//! What was deleted last, and can still be brought back.

import { api, ApiError, words } from "../lib/api";
import { app } from "../lib/app.svelte";
import { plural } from "../lib/format";

/** The offer stays in view so long; Ctrl+Z works beyond. */
const SHOWN_MS = 20_000;

interface Offer {
  text: string;
  tokens: string[];
  /** Which flows, where they were named. */
  ids: number[];
  /** Something else than flows: brings it back, and says so. */
  back?: () => Promise<string>;
}

export class Undo {
  /** The offer in view. */
  shown: Offer | null = $state.raw(null);
  busy = $state(false);
  #offers: Offer[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Something was deleted; the server gave a word for each part of it. */
  offer(text: string, tokens: string[], ids: number[] = []): void {
    if (tokens.length === 0) {
      app.say(text);
      return;
    }
    const offer = { text, tokens, ids };
    this.#offers.push(offer);
    this.#show(offer);
  }

  /** Something else was deleted, or put in the place of something; `back` brings it back and says so. */
  offerBack(text: string, back: () => Promise<string>): void {
    const offer = { text, tokens: [], ids: [], back };
    this.#offers.push(offer);
    this.#show(offer);
  }

  /** There is something to bring back. */
  get possible(): boolean {
    return this.#offers.length > 0;
  }

  /** Brings back what was deleted last. */
  async last(): Promise<void> {
    const offer = this.#offers.at(-1);
    if (!offer || this.busy) return;
    this.busy = true;
    const stays = app.standing();
    // many flows take a while: the offer stays in view, and says so
    this.shown = offer;
    this.hold();
    try {
      if (offer.back) {
        const said = await offer.back();
        this.#forget(offer);
        app.say(said);
        return;
      }
      let restored = 0;
      while (offer.tokens.length > 0) {
        restored += (await api.undelete(offer.tokens.at(-1) as string)).restored;
        offer.tokens.pop();
      }
      this.#forget(offer);
      app.say(`${plural(restored, "flow")} brought back.`);
      if (offer.ids.length > 0) await app.broughtBack(offer.ids, stays);
    } catch (error) {
      // what the server no longer knows is not asked for again; without a server it can be tried later
      if (error instanceof ApiError && (error.status === 404 || error.status === 410)) this.#forget(offer);
      app.say(words(error), true);
    } finally {
      this.busy = false;
      this.release();
    }
  }

  dismiss(): void {
    clearTimeout(this.#timer);
    this.shown = null;
  }

  /** The offer stays while it is pointed at. */
  hold(): void {
    clearTimeout(this.#timer);
  }

  release(): void {
    if (this.shown) this.#show(this.shown);
  }

  #show(offer: Offer): void {
    clearTimeout(this.#timer);
    this.shown = offer;
    this.#timer = setTimeout(() => (this.shown = null), SHOWN_MS);
  }

  #forget(offer: Offer): void {
    this.#offers = this.#offers.filter((one) => one !== offer);
    if (this.shown === offer) this.dismiss();
  }
}

export const undo = new Undo();
