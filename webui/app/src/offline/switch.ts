//! The ways to the switch: from the toolbar's menu, the status bar, a command.

import { app } from "../lib/app.svelte";
import type { Command } from "../lib/commands.svelte";
import type { MenuEntry } from "../lib/menu.svelte";
import { offline } from "./offline.svelte";

export function openOffline(): void {
  app.dialog = "offline";
}

export async function endOffline(): Promise<void> {
  const done = await app.attempt(async () => (await offline.end(), true));
  if (done) app.say("Online: requests reach their servers again.");
}

/** The entry of the toolbar's menu. */
export function offlineEntry(): MenuEntry {
  return { id: "offline", title: offline.on ? "Offline: answers come from the recording …" : "Offline: answer from the recording …", run: openOffline };
}

export function offlineCommands(group: string): Command[] {
  return [
    { id: "offline", title: "Offline: answer from the recording …", group, run: openOffline },
    { id: "offline.end", title: "Online: ask the servers again", group, when: () => offline.on, run: endOffline },
  ];
}
