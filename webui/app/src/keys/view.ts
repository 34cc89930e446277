//! What of the page is shown and how: the menu "View", and the same as commands.

import { app } from "../lib/app.svelte";
import type { Command } from "../lib/commands.svelte";
import type { MenuEntry } from "../lib/menu.svelte";
import { THEMES, theme } from "../lib/theme.svelte";

export function viewMenu(): MenuEntry[] {
  return [
    { id: "view-columns", title: "Columns …", run: () => (app.dialog = "columns") },
    "line",
    ...THEMES.map(([key, title]): MenuEntry => ({ id: `theme-${key}`, title, checked: theme.value === key, run: () => (theme.value = key) })),
    "line",
    { id: "view-palette", title: "Commands …", keys: "Mod+K", run: () => (app.dialog = "palette") },
    { id: "view-keys", title: "Keys …", keys: "?", run: () => (app.dialog = "keys") },
  ];
}

export function viewCommands(): Command[] {
  return [
    { id: "palette", title: "Commands", group: "Everywhere", keys: ["Mod+K"], run: () => (app.dialog = "palette") },
    { id: "keys", title: "All keys", group: "Everywhere", keys: ["?"], run: () => (app.dialog = "keys") },
    ...THEMES.map(([key, title]): Command => ({ id: `theme.${key}`, title: `Colours: ${title.toLowerCase()}`, group: "Everywhere", run: () => (theme.value = key) })),
  ];
}
