//! The rules, as the server has them: read when the page begins, and again whenever they changed, here or elsewhere.

import { api, words } from "../lib/api";
import type { Rule, RuleList, StoredRule } from "../lib/types";

/** A rule that lets what it matches wait for a person. */
export function isBreakpoint(rule: Rule): boolean {
  return rule.actions.some((action) => action.do === "wait");
}

/** What a stored rule says, without what the server adds. */
export function plain({ name, group, on, filter, stage, sender, actions }: Rule): Rule {
  return { name, stage, actions, ...(sender && stage === "message" ? { sender } : {}), ...(group ? { group } : {}), ...(on === false ? { on } : {}), ...(filter ? { filter } : {}) };
}

class Rulebook {
  items: readonly StoredRule[] = $state.raw([]);
  file: string | null = $state(null);
  fileError: string | null = $state(null);
  /** Why the rules could not be read. */
  error: string | null = $state(null);
  /** They were read once. */
  known = $state(false);
  #reading: Promise<void> | null = null;
  #again = false;

  /** In the order in which they act. */
  get breakpoints(): readonly StoredRule[] {
    return this.items.filter(isBreakpoint);
  }

  /** Those that stop something now. */
  get armed(): number {
    return this.breakpoints.filter((rule) => rule.on !== false && rule.error === null).length;
  }

  find(id: number | null): StoredRule | undefined {
    return this.items.find((rule) => rule.id === id);
  }

  heard(list: RuleList): void {
    this.items = list.items;
    this.file = list.file;
    this.fileError = list.file_error;
    this.error = null;
    this.known = true;
  }

  /** Never twice at once; what changed meanwhile is read afterwards, before anybody is told that it was read. */
  read(): Promise<void> {
    if (this.#reading) this.#again = true;
    else this.#reading = this.#read();
    return this.#reading;
  }

  async #read(): Promise<void> {
    do {
      this.#again = false;
      try {
        this.heard(await api.rules());
      } catch (error) {
        this.error = words(error);
      }
    } while (this.#again);
    this.#reading = null;
  }

  /** Switches one; the list is told by the server. */
  async turn(rule: StoredRule, on: boolean): Promise<void> {
    this.items = this.items.map((one) => (one.id === rule.id ? { ...one, on } : one));
    try {
      await api.changeRule(rule.id, { ...plain(rule), on });
    } finally {
      await this.read();
    }
  }
}

export const rulebook = new Rulebook();
