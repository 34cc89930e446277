//! The list's commands: what the keys, the palette and the sheet can do with the chosen rows.

import { askTag, COLORS, deleteWithUndo, editComment, setColor, setStarred } from "../annotate/actions";
import { COPY_FORMATS, copyAs } from "../export/copy";
import { api } from "../lib/api";
import { app } from "../lib/app.svelte";
import type { Command } from "../lib/commands.svelte";
import { router } from "../lib/route.svelte";
import type { Flow } from "../lib/types";
import { compare, follow, openTab, replay, sendable, sendAgain } from "./rowMenu";

const GROUP = "Chosen flows";

function chosen(): number[] {
  return [...app.selection.ids];
}

function focused(): Flow | undefined {
  return app.selection.focus === null ? undefined : app.known(app.selection.focus);
}

const onList = () => router.now.screen === "list";
const some = () => onList() && app.selection.ids.size > 0;
const one = () => onList() && focused() !== undefined;

/** Where a person reads or walks through something else, a key that deletes means nothing. */
function elsewhere(): boolean {
  return document.activeElement?.closest("[data-testid=detail], [data-testid=tree], [data-testid=timeline]") != null;
}

async function starred(): Promise<void> {
  const [ids, id] = [chosen(), app.selection.focus];
  // what stands open without a row may not be known yet
  const flow = focused() ?? (id === null ? undefined : (await app.attempt(() => api.among([id], "", "all")))?.[0]);
  await setStarred(ids, !(flow?.starred ?? false));
}

export function listCommands(): Command[] {
  return [
    { id: "flow.star", title: "Star, or take the star off", group: GROUP, keys: ["s"], when: some, run: starred },
    { id: "flow.tag", title: "Tag", group: GROUP, keys: ["t"], when: some, run: () => askTag(chosen()) },
    { id: "flow.comment", title: "Comment", group: GROUP, keys: ["c"], when: one, run: () => editComment(app.selection.focus ?? 0) },
    { id: "flow.replay", title: "Edit and send again", group: GROUP, keys: ["r"], when: () => one() && sendable(focused() as Flow), run: () => replay(app.selection.focus ?? 0) },
    { id: "flow.again", title: "Send again as recorded, in order", group: GROUP, when: () => some() && app.selection.ids.size <= 200, run: () => sendAgain(chosen()) },
    { id: "flow.compare", title: "Compare the two", group: GROUP, keys: ["v"], when: () => onList() && app.selection.ids.size === 2, run: () => compare(chosen()) },
    { id: "flow.related", title: "Go to the flow that belongs to it: redirected, or sent again", group: GROUP, keys: ["o"], when: one, run: () => follow(focused() as Flow) },
    { id: "flow.tab", title: "Open in a new tab", group: GROUP, when: one, run: () => openTab(app.selection.focus ?? 0) },
    { id: "flow.export", title: "Export", group: GROUP, keys: ["e"], when: () => onList() && app.list.total > 0, run: () => (app.dialog = "export") },
    { id: "flow.delete", title: "Delete", group: GROUP, keys: ["Delete", "Backspace"], when: () => some() && !elsewhere(), run: () => deleteWithUndo({ ids: chosen() }) },
    ...COPY_FORMATS.map(([key, title]): Command => ({ id: `flow.copy.${key}`, title: `Copy as ${title}`, group: GROUP, ...(key === "curl" ? { keys: ["y"] } : {}), when: some, run: () => copyAs(chosen(), key) })),
    ...COLORS.map((color): Command => ({ id: `flow.color.${color}`, title: `Colour: ${color}`, group: GROUP, when: some, run: () => setColor(chosen(), color) })),
    { id: "flow.color.none", title: "Colour: none", group: GROUP, when: some, run: () => setColor(chosen(), null) },
    { id: "list.columns", title: "Arrange columns", group: "List", when: onList, run: () => (app.dialog = "columns") },
    { id: "list.filter.none", title: "Show all flows: no filter", group: "List", when: () => onList() && router.now.filter !== "", run: () => router.go({ filter: "" }) },
    // the grid takes these itself, where its focus is
    { id: "list.move", title: "Up and down", group: "List", keys: ["ArrowUp", "ArrowDown", "k", "j"] },
    { id: "list.page", title: "A page up and down", group: "List", keys: ["PageUp", "PageDown"] },
    { id: "list.ends", title: "The oldest and the newest", group: "List", keys: ["Home", "End"] },
    { id: "list.range", title: "Choose a range", group: "List", keys: ["Shift+ArrowUp", "Shift+ArrowDown"] },
    { id: "list.stand", title: "Go on without choosing", group: "List", keys: ["Mod+ArrowUp", "Mod+ArrowDown"] },
    { id: "list.toggle", title: "Choose one more, or one less", group: "List", keys: [" "] },
    { id: "list.all", title: "Choose all", group: "List", keys: ["Mod+A"] },
    { id: "list.open", title: "Open, and into the open flow", group: "List", keys: ["Enter"] },
    { id: "list.menu", title: "The menu of the chosen flows", group: "List", keys: ["Shift+F10", "ContextMenu"] },
    { id: "list.column.move", title: "Move the column", group: "Columns", keys: ["Alt+ArrowLeft", "Alt+ArrowRight"] },
    { id: "list.column.size", title: "Make the column wider or narrower", group: "Columns", keys: ["Shift+ArrowLeft", "Shift+ArrowRight"] },
    { id: "list.column.sort", title: "Sort by the column", group: "Columns", keys: ["Enter"] },
  ];
}
