//! The menu on a recorded name or value: copy it, find flows that have it.

import { app } from "../lib/app.svelte";
import { menu, type MenuEntry } from "../lib/menu.svelte";
import { router } from "../lib/route.svelte";
import { copyText } from "../export/clipboard";

export interface Copyable {
  id: string;
  /** "Copy value" */
  title: string;
  text: string;
}

/** Opens the menu; `filter` is the term that finds flows with the same value. A selected text keeps the browser's own menu. */
export function offer(event: MouseEvent, label: string, copies: Copyable[], filter: string | null): void {
  if (!getSelection()?.isCollapsed) return;
  const entries: MenuEntry[] = copies.map(({ id, title, text }) => ({ id, title, run: () => copy(text) }));
  if (filter !== null) {
    entries.push("line", { id: "filter-by", title: "Filter by this value", run: () => router.go({ filter }) });
    const now = router.now.filter.trim();
    if (now !== "") entries.push({ id: "filter-and", title: "Filter by this value too", run: () => router.go({ filter: `(${now}) ${filter}` }) });
    entries.push({ id: "filter-not", title: "Hide flows with this value", run: () => router.go({ filter: now === "" ? `not ${filter}` : `(${now}) not ${filter}` }) });
  }
  menu.open(event, label, entries);
}

export async function copy(text: string, said = "Copied."): Promise<void> {
  if (await app.attempt(async () => (await copyText(text), true))) app.say(said);
}

/** `field:"value"`: a value in quotes means only itself. */
export function term(field: string, value: string): string {
  return `${field}:"${value.replace(/["\\]/g, (c) => `\\${c}`)}"`;
}
