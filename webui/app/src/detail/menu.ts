//! The menu on a recorded name or value: copy it, find flows that have it.

import { app } from "../lib/app.svelte";
import { menu, type MenuEntry } from "../lib/menu.svelte";
import { router } from "../lib/route.svelte";
import { copyText } from "../export/clipboard";
import { both, without } from "../list/terms";

export interface Copyable {
  id: string;
  /** "Copy value" */
  title: string;
  text: string;
}

/** A text was selected when a pointer or a key went down: macOS selects the word that is asked about before it asks for a menu. */
let selected = false;
// a range without any text is no text that anybody sees as selected
const look = () => (selected = (getSelection()?.toString() ?? "") !== "");
globalThis.addEventListener?.("pointerdown", look, true);
globalThis.addEventListener?.("keydown", look, true);

/** Opens the menu, at a pointer or below what a key stands on; `filter` is the term that finds flows with the same value. A selected text keeps the browser's own menu. */
export function offer(event: MouseEvent | Element, label: string, copies: Copyable[], filter: string | null): void {
  if (event instanceof Event && selected) return;
  if (event instanceof Event) getSelection()?.empty();
  const entries: MenuEntry[] = copies.map(({ id, title, text }) => ({ id, title, run: () => copy(text) }));
  if (filter !== null) {
    const narrow = (to: string) => router.go({ screen: "list", filter: to }, true);
    entries.push(
      "line",
      { id: "filter-by", title: "Filter by this value", run: () => narrow(both(router.now.filter, filter)) },
      { id: "filter-not", title: "Hide flows with this value", run: () => narrow(without(router.now.filter, filter)) },
    );
  }
  menu.open(event, label, entries);
}

export async function copy(text: string, said = "Copied."): Promise<void> {
  if (await app.attempt(async () => (await copyText(text), true))) app.say(said);
}
