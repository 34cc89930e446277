//! Keys that a part of the page takes itself, where its focus is: told here, so that the sheet on `?` has them also while that
//! part is not shown.

import { numberOf, TABS } from "../detail/tabs";
import type { Command } from "../lib/commands.svelte";

type Told = [id: string, title: string, ...keys: string[]];

const PARTS: Record<string, Told[]> = {
  Flow: [
    ["detail.tabs", "Among the parts, on their names", "ArrowLeft", "ArrowRight"],
    ["detail.tab.next", "The next part of the flow", "]"],
    ["detail.tab.previous", "The part of the flow before", "["],
    ...TABS.map(([key, name]): Told => [`detail.tab.${key}`, `Go to ${name}`, String(numberOf(key))]),
  ],
  Body: [
    ["body.find", "Find in the body", "Mod+F"],
    ["body.find.next", "The next and the previous place", "Enter", "Shift+Enter"],
    ["body.side", "The other body: of the request or the response", "x"],
    ["body.fold", "Fold all but the outermost", "-"],
    ["body.unfold", "Unfold everything", "+"],
    ["body.line", "In JSON: from line to line, and its path is told", "ArrowUp", "ArrowDown", "Home", "End"],
    ["body.line.fold", "In JSON: fold or go out, unfold or go in", "ArrowLeft", "ArrowRight"],
    ["body.line.menu", "In JSON: the menu of the line", "Shift+F10", "ContextMenu"],
  ],
  Messages: [
    ["messages.move", "From message to message", "ArrowUp", "ArrowDown", "PageUp", "PageDown"],
    ["messages.ends", "The first and the last", "Home", "End"],
    ["messages.menu", "The menu of the message", "Shift+F10", "ContextMenu"],
  ],
  Comparison: [
    ["compare.next", "The next difference", "n", "F7"],
    ["compare.previous", "The difference before", "p", "Shift+F7"],
    ["compare.swap", "Left becomes right", "s"],
    ["compare.back", "Back to the flows", "Escape"],
  ],
  Workbench: [
    ["replay.send", "Send", "Mod+Enter"],
    ["replay.leave", "Back to the flow", "Escape"],
  ],
  Breakpoints: [
    ["waiting.continue", "Continue with what is edited", "Mod+Enter"],
    ["waiting.drop", "Drop: reset the client's connection", "Mod+."],
    ["waiting.next", "The next that waits", "F8"],
    ["waiting.previous", "The one before that waits", "Shift+F8"],
    ["waiting.leave", "Back to the flows", "Escape"],
  ],
  Rules: [
    ["rules.new", "New rule", "n"],
    ["rules.save", "Save the rule that is written", "Mod+Enter"],
    ["rules.move", "Among the rules", "ArrowUp", "ArrowDown", "Home", "End"],
    ["rules.order", "The rule earlier or later", "Alt+ArrowUp", "Alt+ArrowDown"],
    ["rules.switch", "Switch the rule on or off", " "],
    ["rules.double", "Duplicate the rule", "d"],
    ["rules.delete", "Delete the rule", "Delete"],
  ],
  "Tree of hosts": [
    ["tree.move", "Up and down", "ArrowUp", "ArrowDown", "Home", "End"],
    ["tree.fold", "Open, or close and go out", "ArrowRight", "ArrowLeft"],
    ["tree.choose", "Only its flows", "Enter", " "],
    ["tree.menu", "Its menu", "Shift+F10", "ContextMenu"],
  ],
  Timeline: [
    ["timeline.move", "Earlier and later", "ArrowLeft", "ArrowRight", "PageUp", "PageDown", "Home", "End"],
    ["timeline.draw", "Draw a range", "Shift+ArrowLeft", "Shift+ArrowRight"],
    ["timeline.apply", "Only the flows of that range", "Enter", " "],
    ["timeline.clear", "Of all times again", "Escape", "Delete"],
  ],
};

export const TOLD: readonly Command[] = Object.entries(PARTS).flatMap(([group, all]) =>
  all.map(([id, title, ...keys]): Command => ({ id, title, group, keys })),
);

/** The registered commands, and those of parts that are not shown. */
export function allKeys(registered: readonly Command[]): Command[] {
  const ids = new Set(registered.map((command) => command.id));
  return [...registered, ...TOLD.filter((command) => !ids.has(command.id))];
}
