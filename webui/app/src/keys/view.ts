//! What of the page is shown and how: the menu "View", and the same as commands.

import { app } from "../lib/app.svelte";
import { commands, type Command } from "../lib/commands.svelte";
import type { MenuEntry } from "../lib/menu.svelte";
import { THEMES, theme } from "../lib/theme.svelte";
import { layout } from "../lib/layout.svelte";

export function viewMenu(): MenuEntry[] {
  return [
    { id: "view-tree", title: "Tree of hosts", keys: "b", checked: layout.tree, run: () => commands.run("view.tree") },
    { id: "view-timeline", title: "Timeline", keys: "l", checked: layout.timeline, run: () => (layout.timeline = !layout.timeline) },
    ...(layout.medium ? [] : [{ id: "view-below", title: "Detail below the list", keys: "d", checked: layout.below, run: () => (layout.below = !layout.below) }]),
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
    { id: "view.timeline", title: "Show or hide the timeline", group: "List", keys: ["l"], run: () => (layout.timeline = !layout.timeline) },
    { id: "view.below", title: "Detail below or beside the list", group: "List", keys: ["d"], when: () => !layout.medium, run: () => (layout.below = !layout.below) },
    ...THEMES.map(([key, title]): Command => ({ id: `theme.${key}`, title: `Colours: ${title.toLowerCase()}`, group: "Everywhere", run: () => (theme.value = key) })),
  ];
}
