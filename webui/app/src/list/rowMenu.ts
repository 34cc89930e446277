//! What can be done with the chosen rows, as a menu.

import { addTag, askTag, COLORS, deleteWithUndo, editComment, setColor, setStarred } from "../annotate/actions";
import { openCompare } from "../compare/open";
import { copyText } from "../export/clipboard";
import { COPY_FORMATS, copyAs } from "../export/copy";
import { api } from "../lib/api";
import { app } from "../lib/app.svelte";
import { isolated } from "../lib/bidi";
import { plural } from "../lib/format";
import type { MenuEntry } from "../lib/menu.svelte";
import { router } from "../lib/route.svelte";
import { format } from "../lib/url";
import type { Flow } from "../lib/types";
import { Relative, relative } from "./relations.svelte";
import { ruleEntries } from "../rules/starts";
import { breakEntries } from "../waiting/breakpoints";
import { asked, both, without, type Asked } from "./terms";

/** The menu of a row, for all chosen rows; `column` is the one that was pointed at. */
export function rowMenu(flow: Flow, ids: number[], column: string | null): MenuEntry[] {
  const one = ids.length === 1;
  return [
    { id: "open", title: "Open", keys: "Enter", run: () => openFlow(flow.id) },
    { id: "open-tab", title: "Open in a new tab", disabled: !one, run: () => openTab(flow.id) },
    "line",
    ...filterEntries(flow, column),
    "line",
    { id: "replay", title: "Edit and send again …", keys: "r", disabled: !one || !sendable(flow), run: () => replay(flow.id) },
    { id: "again", title: one ? "Send again" : `Send ${ids.length} again, in order`, disabled: ids.length > MOST_AGAIN || ids.some((id) => !sendable(app.known(id) ?? flow)), run: () => sendAgain(ids) },
    ...relations(flow, one),
    ...(one ? [...breakEntries(flow), ...ruleEntries(flow)] : []),
    { id: "compare", title: "Compare the two", keys: "v", disabled: ids.length !== 2, run: () => compare(ids) },
    { id: "copy", title: "Copy as", items: copyEntries(flow, ids) },
    "line",
    { id: "star", title: flow.starred ? "Take the star off" : "Star", keys: "s", run: () => setStarred(ids, !flow.starred) },
    { id: "color", title: "Colour", items: colorEntries(flow, ids) },
    { id: "tag", title: "Tag …", keys: "t", run: () => askTag(ids) },
    ...lastTag(ids),
    { id: "comment", title: "Comment …", keys: "c", disabled: !one, run: () => editComment(flow.id) },
    "line",
    { id: "export", title: one ? "Export …" : `Export ${plural(ids.length, "flow")} …`, keys: "e", run: () => (app.dialog = "export") },
    { id: "delete", title: one ? "Delete" : `Delete ${plural(ids.length, "flow")}`, keys: "Delete", danger: true, run: () => deleteWithUndo({ ids }) },
  ];
}

/** "Filter by this value" for everything that a flow can be found by; what was pointed at comes first. */
export function filterEntries(flow: Flow, column: string | null): MenuEntry[] {
  const values = asked(flow);
  const pointed = column === null ? undefined : values[column];
  const all = Object.entries(values);
  return [
    ...(pointed ? valueEntries(pointed) : []),
    { id: "filter-by", title: "Only with the same", items: all.map(([key, value]) => ({ id: `by-${key}`, title: named(value), run: () => narrow(both(router.now.filter, value.filter)) })) },
    { id: "filter-out", title: "Without those of", items: all.map(([key, value]) => ({ id: `not-${key}`, title: named(value), run: () => narrow(without(router.now.filter, value.filter)) })) },
  ];
}

/** The two entries for one value, for any menu of the page. */
export function valueEntries(value: Asked): MenuEntry[] {
  return [
    { id: "filter-only", title: `Only ${named(value)}`, run: () => narrow(both(router.now.filter, value.filter)) },
    { id: "filter-exclude", title: `Without ${named(value)}`, run: () => narrow(without(router.now.filter, value.filter)) },
  ];
}

function named(value: Asked): string {
  const shown = value.shown.length > 40 ? `${value.shown.slice(0, 39)}…` : value.shown;
  return `${value.name} ${isolated(shown)}`;
}

function narrow(filter: string): void {
  router.go({ screen: "list", filter }, true);
}

export function openFlow(id: number): void {
  router.go({ flow: id });
}

export function openTab(id: number): void {
  open(format({ ...router.now, screen: "list", flow: id }), "_blank", "noopener");
}

export function replay(id: number): void {
  router.go({ screen: "replay", flow: id }, true);
}

/** A run has so many requests at most. */
const MOST_AGAIN = 200;

export function sendable(flow: Pick<Flow, "kind">): boolean {
  return flow.kind === "http" || flow.kind === "websocket";
}

/** Sends requests as they were recorded, the oldest first, each after the one before; and shows how it goes. */
export async function sendAgain(ids: number[]): Promise<void> {
  const requests = [...ids].sort((x, y) => x - y).map((flow) => ({ flow }));
  const run = await app.attempt(() => api.beginRun({ requests }));
  if (run) router.go({ screen: "run", run: run.id }, true);
}

export function compare(ids: number[]): void {
  const [a, b] = [...ids].sort((x, y) => x - y);
  if (a !== undefined && b !== undefined) openCompare(a, b);
}

/** Goes to the flow that this one was sent again from, or that its redirection led to. */
export async function follow(flow: Flow): Promise<void> {
  const to = await app.attempt(() => relative(flow));
  if (to === undefined) return;
  if (to === null) app.say("No other recorded flow belongs to this one.");
  else openFlow(to);
}

function relations(flow: Flow, one: boolean): MenuEntry[] {
  if (!one) return [];
  if (flow.replay_of === null) {
    const known = new Relative(flow);
    return [{ id: "related", title: "Go to the one that belongs to it", keys: "o", get disabled() { return known.none; }, run: () => follow(flow) }];
  }
  const first = flow.replay_of;
  return [
    { id: "related", title: `Go to #${first}, which was sent again`, keys: "o", run: () => follow(flow) },
    { id: "compare-original", title: `Compare with #${first}`, run: () => openCompare(first, flow.id) },
  ];
}

function copyEntries(flow: Flow, ids: number[]): MenuEntry[] {
  return [
    { id: "copy-url", title: "URL", disabled: ids.length !== 1, run: () => app.attempt(async () => (await copyText(flow.url), app.say("URL copied."))) },
    "line",
    ...COPY_FORMATS.map(([key, title]): MenuEntry => ({ id: `copy-${key}`, title, ...(key === "curl" ? { keys: "y" } : {}), run: () => copyAs(ids, key) })),
  ];
}

function colorEntries(flow: Flow, ids: number[]): MenuEntry[] {
  const name = (color: string) => color.charAt(0).toUpperCase() + color.slice(1);
  return [
    ...COLORS.map((color): MenuEntry => ({ id: `color-${color}`, title: name(color), swatch: `var(--mark-${color})`, run: () => setColor(ids, color) })),
    "line",
    { id: "color-none", title: "None", disabled: ids.length === 1 && !flow.color, run: () => setColor(ids, null) },
  ];
}

/** The tag that a chosen row already has is offered to all of them. */
function lastTag(ids: number[]): MenuEntry[] {
  if (ids.length < 2) return [];
  const tag = ids.map((id) => app.list.find(id)?.tags[0]).find((found) => found !== undefined);
  return tag === undefined ? [] : [{ id: "tag-same", title: `Tag with “${isolated(tag)}”`, run: () => addTag(ids, tag) }];
}
