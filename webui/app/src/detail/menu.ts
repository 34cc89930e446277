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

/** Opens the menu, at a pointer or below what a key stands on; `filter` is the term that finds flows with the same value. A selected text keeps the browser's own menu. */
export function offer(event: MouseEvent | Element, label: string, copies: Copyable[], filter: string | null): void {
  if (!getSelection()?.isCollapsed) return;
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
