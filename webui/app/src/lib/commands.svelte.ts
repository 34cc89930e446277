//! Everything the page can be told to do, in one registry: the command palette, the sheet on `?` and the keys come from it.
//! Each part registers its own commands, when it is loaded or mounted.

import { matches, types } from "./keys";

export interface Command {
  /** Unique: `flow.replay`. Registering it again replaces it. */
  id: string;
  /** As in a menu: "Export". */
  title: string;
  /** The heading it stands under in the sheet. */
  group?: string;
  /** Strokes as in `keys.ts`, the first is the one that is shown. */
  keys?: string[];
  /** Whether it makes sense now; always when absent. */
  when?: () => boolean;
  /** Absent: the part takes the key itself, where its focus is; the sheet only tells of it. */
  run?: () => unknown;
}

export class Commands {
  all: readonly Command[] = $state.raw([]);

  /** Adds commands. Returns what takes them away again. */
  register(...commands: Command[]): () => void {
    const ids = new Set(commands.map((command) => command.id));
    this.all = [...this.all.filter((command) => !ids.has(command.id)), ...commands];
    return () => {
      this.all = this.all.filter((command) => !commands.includes(command));
    };
  }

  /** What can be done now. */
  available(): Command[] {
    return this.all.filter((command) => command.run && (command.when?.() ?? true));
  }

  /** Runs a command by its name, if it can be done now. */
  run(id: string): boolean {
    const command = this.available().find((one) => one.id === id);
    command?.run?.();
    return command !== undefined;
  }

  /** Runs what a key stands for. While something is typed, only keys with a modifier count. */
  press(event: KeyboardEvent): boolean {
    if (event.defaultPrevented || event.isComposing) return false;
    const typing = event.target instanceof Element && event.target.closest("input, textarea, select, [contenteditable]") !== null;
    for (const command of this.available()) {
      const fits = command.keys?.some((keys) => !(typing && types(keys)) && matches(event, keys));
      if (!fits) continue;
      event.preventDefault();
      command.run?.();
      return true;
    }
    return false;
  }
}

export const commands = new Commands();
