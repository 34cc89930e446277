//! The scripts of this run and what they say, read again whenever the server tells that there is something new.

import { api, words } from "../lib/api";
import type { Script, ScriptLine } from "../lib/types";

/** As many lines as the server keeps. */
const MOST = 1000;

class Scripts {
  items: Script[] | null = $state.raw(null);
  lines: ScriptLine[] = $state.raw([]);
  error: string | null = $state(null);
  #again = false;
  #reading = false;

  /** Reads the scripts, and what was said since the last time. One reading at a time; what is asked meanwhile is read behind it. */
  async read(): Promise<void> {
    this.#again = true;
    if (this.#reading) return;
    this.#reading = true;
    while (this.#again) {
      this.#again = false;
      try {
        const [items, lines] = await Promise.all([api.scripts(), api.scriptConsole()]);
        this.items = items;
        this.lines = lines.slice(-MOST);
        this.error = null;
      } catch (error) {
        this.error = words(error);
      }
    }
    this.#reading = false;
  }

  async clear(): Promise<void> {
    await api.clearScriptConsole();
    await this.read();
  }
}

export const scripts = new Scripts();
