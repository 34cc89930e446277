//! Which of the recorded flows a rule would have matched, asked while it is written; and what is wrong with it.

import { aborted, api, ApiError, words } from "../lib/api";
import type { FilterProblem, Flow, Rule } from "../lib/types";

const PAUSE_MS = 250;

/** What is wrong, and where. */
export interface RuleProblem {
  text: string;
  filter: FilterProblem | null;
  /** Which action, from 0. */
  action: number | null;
}

/** What an answer of the server says of a rule; null when it was about something else. */
export function problemOf(error: unknown): RuleProblem {
  const known = error instanceof ApiError ? error : null;
  return { text: words(error), filter: known?.filter ?? null, action: known?.action ?? null };
}

/** A rule that only has the filter: what it matches can be known before the rest is right. */
function filterOnly(rule: Rule): Rule {
  return { name: "preview", stage: rule.stage, ...(rule.sender ? { sender: rule.sender } : {}), filter: rule.filter ?? "", actions: [{ do: "comment", text: "" }] };
}

export class Preview {
  /** Of the recorded flows; null while it is not known. */
  count: number | null = $state(null);
  items: readonly Flow[] = $state.raw([]);
  problem: RuleProblem | null = $state.raw(null);
  /** What was asked for last has been answered. */
  settled = $state(false);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #abort = new AbortController();

  /** Asks a moment later, unless something else is asked before. */
  ask(rule: Rule): void {
    this.stop();
    this.settled = false;
    this.#timer = setTimeout(() => void this.#now(rule), PAUSE_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#abort.abort();
    this.#abort = new AbortController();
  }

  async #now(rule: Rule): Promise<void> {
    const { signal } = this.#abort;
    try {
      this.#found(await api.previewRule(rule, signal));
      this.problem = null;
    } catch (error) {
      if (aborted(error)) return;
      this.problem = problemOf(error);
      try {
        this.#found(await api.previewRule(filterOnly(rule), signal));
      } catch (again) {
        if (aborted(again)) return;
        this.count = null;
        this.items = [];
      }
    }
    this.settled = true;
  }

  #found(answer: { count: number; items: Flow[] }): void {
    this.count = answer.count;
    this.items = answer.items;
  }
}
