//! What is suggested while a filter is typed, in whichever field: asked for a moment after a key, chosen by arrows, put in by
//! Tab, Enter or a click. The field keeps the focus and its text; what else its keys mean is its own.

import { tick } from "svelte";
import { aborted, api, type SessionChoice } from "../lib/api";
import type { FilterField } from "../lib/types";
import { completed, fieldSuggestions, spot, valueSuggestions, type Spot, type Suggestion } from "./complete";

const SUGGEST_MS = 80;

/** The field that is typed in. */
export interface Completed {
  input: () => HTMLInputElement | undefined;
  text: () => string;
  /** Takes a suggestion's text in; `open`: a field whose value is to be typed, which is no filter yet. */
  put: (text: string, open: boolean) => void;
  /** Whose values are suggested. */
  session: () => SessionChoice;
}

export class Completion {
  all: readonly Suggestion[] = $state.raw([]);
  /** None is chosen before an arrow was pressed: Enter then means the text as it is. */
  chosen = $state(-1);
  #asking: ReturnType<typeof setTimeout> | undefined;
  #abort = new AbortController();
  #fields: readonly FilterField[] = [];

  constructor(private readonly field: Completed) {}

  get open(): boolean {
    return this.all.length > 0;
  }

  /** Something was typed. */
  typed(): void {
    clearTimeout(this.#asking);
    this.#asking = setTimeout(() => void this.#suggest(), SUGGEST_MS);
  }

  readonly hide = (): void => {
    clearTimeout(this.#asking);
    this.#abort.abort();
    this.all = [];
    this.chosen = -1;
  };

  readonly accept = async (one: Suggestion): Promise<void> => {
    // more may have been typed since it was suggested
    const text = this.field.text();
    const next = completed(text, spot(text, this.#caret(text)), one.insert);
    this.field.put(next.text, one.open);
    this.hide();
    await tick();
    this.field.input()?.setSelectionRange(next.caret, next.caret);
    if (one.open) void this.#suggest();
  };

  /** Whether the key was one of the suggestions'. */
  key(event: KeyboardEvent): boolean {
    if (!this.open) return false;
    const pick = this.all[this.chosen];
    if (event.key === "ArrowDown") this.chosen = (this.chosen + 1) % this.all.length;
    else if (event.key === "ArrowUp") this.chosen = (Math.max(this.chosen, 0) - 1 + this.all.length) % this.all.length;
    else if (event.key === "Tab" && !event.shiftKey) void this.accept(pick ?? (this.all[0] as Suggestion));
    else if (event.key === "Enter" && pick) void this.accept(pick);
    else if (event.key === "Escape") this.hide();
    else return false;
    return true;
  }

  #caret(text: string): number {
    return this.field.input()?.selectionStart ?? text.length;
  }

  async #suggest(): Promise<void> {
    const text = this.field.text();
    const at = spot(text, this.#caret(text));
    this.#abort.abort();
    const { signal } = (this.#abort = new AbortController());
    try {
      if (this.#fields.length === 0) this.#fields = await api.filterFields();
      const found = at.field === null ? (at.prefix === "" ? [] : fieldSuggestions(this.#fields, at)) : await this.#values(at, signal);
      if (signal.aborted || document.activeElement !== this.field.input()) return;
      // the one that was chosen stays so, wherever it is now
      const insert = this.all[this.chosen]?.insert;
      this.all = found;
      this.chosen = found.findIndex((one) => one.insert === insert);
    } catch (error) {
      // without suggestions a filter can be typed all the same
      if (!aborted(error)) this.hide();
    }
  }

  async #values(at: Spot, signal: AbortSignal): Promise<Suggestion[]> {
    const field = this.#fields.find((one) => one.name === at.field);
    if (field?.completes) return valueSuggestions(await api.values(field.name, { prefix: at.prefix, session: this.field.session() }, signal), at);
    return valueSuggestions((field?.values ?? []).map((value) => ({ value, count: null })), at);
  }
}
