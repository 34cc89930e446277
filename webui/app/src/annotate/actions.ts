//! What can be done to flows from a menu, a key or a button: colour, star, tags, comment, deleting.

import { api, type SessionChoice } from "../lib/api";
import { app } from "../lib/app.svelte";
import { plural } from "../lib/format";
import { layout } from "../lib/layout.svelte";
import type { MenuEntry } from "../lib/menu.svelte";
import type { Annotations, Color, Deletion } from "../lib/types";
import { router } from "../lib/route.svelte";
import { asked } from "./asked.svelte";
import { undo } from "./undo.svelte";

export const COLORS: readonly Color[] = ["red", "orange", "yellow", "green", "blue", "purple", "grey"];

/** The numbers go into an address, which has a length. */
const IDS_IN_ADDRESS = 500;
/** And a request names at most so many. */
const IDS_IN_BODY = 50_000;

/** What is deleted: flows by number, or what a filter matches within a session. */
export type Doomed = { ids: number[] } | { filter: string; session?: SessionChoice };

export function setColor(ids: number[], color: Color | null): Promise<void> {
  return change(ids, { color });
}

export function setStarred(ids: number[], on: boolean): Promise<void> {
  return change(ids, { starred: on });
}

/** The colours as a menu. */
export function colorMenu(ids: number[], now: Color | null): MenuEntry[] {
  const name = (color: string) => color.charAt(0).toUpperCase() + color.slice(1);
  return [
    ...COLORS.map((color): MenuEntry => ({ id: `color-${color}`, title: name(color), swatch: `var(--mark-${color})`, run: () => setColor(ids, color) })),
    "line",
    { id: "color-none", title: "None", disabled: now === null, run: () => setColor(ids, null) },
  ];
}

export function addTag(ids: number[], tag: string): Promise<void> {
  return change(ids, { add_tags: [tag] });
}

export function removeTag(ids: number[], tag: string): Promise<void> {
  return change(ids, { remove_tags: [tag] });
}

/** Asks for a tag and puts it on. */
export function askTag(ids: number[]): void {
  if (ids.length === 0) return;
  asked.ids = ids;
  app.dialog = "tag";
}

/** Opens the comment of a flow to be written. */
export function editComment(id: number): void {
  asked.ids = [id];
  app.dialog = "comment";
}

/** Deletes at once, goes on to the next row, and offers to bring it back. */
export async function deleteWithUndo(what: Doomed): Promise<void> {
  const done: Deletion[] = [];
  const back = "ids" in what ? await goOn(what.ids) : () => {};
  await app.attempt(async () => {
    if ("filter" in what) done.push(await api.deleteMatching(what.filter, what.session));
    else for (const some of pieces(what.ids, IDS_IN_ADDRESS)) done.push(await api.deleteIds(some));
  });
  // what went before a failure can be brought back all the same
  const deleted = done.reduce((sum, one) => sum + one.deleted, 0);
  if (deleted > 0) undo.offer(`${plural(deleted, "flow")} deleted.`, done.flatMap((one) => one.undo ?? []), "ids" in what ? what.ids : []);
  else back();
}

/** Stands on the row after those that go, and shows it if the one that goes was shown. Returns what takes that back. */
async function goOn(ids: number[]): Promise<() => void> {
  const { selection, list } = app;
  const [chosen, focus, shown, stays] = [[...selection.ids], selection.focus, router.now.flow, app.standing()];
  const gone = new Set(ids);
  const leaves = focus !== null && gone.has(focus) && !selection.choosing;
  const next = leaves ? await list.after(focus, gone) : undefined;
  // a person may have gone on meanwhile
  if (!next || !stays()) return () => {};
  selection.only(next.id);
  // several are done with; after one, the next is read
  if (shown !== null && gone.has(shown) && gone.size === 1 && router.now.screen === "list" && !layout.narrow) router.go({ flow: next.id });
  return () => {
    if (selection.focus !== next.id || focus === null) return;
    selection.range(chosen, focus);
    if (router.now.flow === next.id && shown !== null) router.go({ flow: shown });
  };
}

async function change(ids: number[], annotations: Annotations): Promise<void> {
  await app.attempt(async () => {
    for (const some of pieces(ids, IDS_IN_BODY)) await api.annotateMany(some, annotations);
  });
}

function pieces(ids: number[], size: number): number[][] {
  return Array.from({ length: Math.ceil(ids.length / size) }, (_, at) => ids.slice(at * size, (at + 1) * size));
}
