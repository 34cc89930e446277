//! Breakpoints: rules whose action is to wait. Set from a filter, switched on and off.

import { app } from "../lib/app.svelte";
import { api } from "../lib/api";
import type { Command } from "../lib/commands.svelte";
import { plural } from "../lib/format";
import type { MenuEntry } from "../lib/menu.svelte";
import { router } from "../lib/route.svelte";
import type { Flow, Rule, Stage, StoredRule } from "../lib/types";
import { asked, both } from "../list/terms";
import { rulebook } from "../rules/rulebook.svelte";
import { askedBreakpoint } from "./asked.svelte";
import { stopped } from "./stopped.svelte";

export const GROUP = "Breakpoints";
/** The server's bound of a name, in bytes. */
const MOST_NAME = 200;

/** A name that a rule may have: one line without commas, as long as it may be. */
export function nameOf(text: string): string {
  // eslint-disable-next-line no-control-regex -- what a filter may hold and a name may not
  let name = text.replace(/[,\u0000-\u001f\u007f-\u009f]+/g, " ").replace(/\s+/g, " ").trim();
  while (new TextEncoder().encode(name).length > MOST_NAME) name = [...name].slice(0, -1).join("");
  return name;
}

/** The rule that stops what a filter matches. `seconds`: after so many it goes on by itself; 0 for never. */
export function breakpointRule(filter: string, stage: Stage, seconds = 0): Rule {
  const name = nameOf(filter) || "everything";
  return { name: nameOf(`Break on ${name}`), group: GROUP, filter, stage, actions: [seconds > 0 ? { do: "wait", seconds } : { do: "wait" }] };
}

/** Sets breakpoints; the same one is switched on rather than set twice. */
export async function setBreakpoints(rules: readonly Rule[]): Promise<void> {
  for (const rule of rules) {
    const same = rulebook.breakpoints.find((one) => !one.from_file && one.filter === rule.filter && one.stage === rule.stage && one.actions.length === 1);
    if (same) await api.changeRule(same.id, rule);
    else await api.addRule(rule);
  }
  await rulebook.read();
}

async function quickly(filter: string, stage: Stage): Promise<void> {
  const done = await app.attempt(async () => (await setBreakpoints([breakpointRule(filter, stage)]), true));
  if (done) app.say(`The next ${stage} of ${filter} waits for you.`);
}

/** Asks what is to be stopped. */
export function askBreakpoint(filter: string, stage: Stage = "request"): void {
  askedBreakpoint.filter = filter;
  askedBreakpoint.stage = stage;
  app.dialog = "breakpoint";
}

/** Switches all breakpoints that can be switched here. */
export async function turnAll(on: boolean): Promise<void> {
  await app.attempt(async () => {
    for (const rule of rulebook.breakpoints) if (!rule.from_file && (rule.on !== false) !== on) await rulebook.turn(rule, on);
  });
}

/** What a breakpoint stops, in a few words. */
export function describe(rule: StoredRule): string {
  const what = { request: "Requests", response: "Responses", message: "Messages" }[rule.stage];
  return `${what} ${rule.filter ? `of ${rule.filter}` : "of everything"}`;
}

/** The menu of the toolbar's button. */
export function breakpointMenu(): MenuEntry[] {
  const all = rulebook.breakpoints;
  const on = all.some((rule) => rule.on !== false);
  return [
    ...waitingEntry(),
    "line",
    { id: "break-on", title: router.now.filter ? "Break on this filter …" : "Break on …", keys: "Shift+B", run: () => askBreakpoint(router.now.filter) },
    ...(all.length > 1 ? [{ id: "break-all", title: on ? "Switch all off" : "Switch all on", run: () => turnAll(!on) }] : []),
    "line",
    ...all.map((rule): MenuEntry => ({
      id: `break-${rule.id}`,
      title: rule.from_file ? `${describe(rule)} (of the file)` : describe(rule),
      checked: rule.on !== false,
      disabled: rule.from_file,
      run: () => app.attempt(() => rulebook.turn(rule, rule.on === false)),
    })),
    "line",
    { id: "break-rules", title: "Edit them among the rules …", run: () => router.go({ screen: "rules", rule: all[0]?.id ?? null }, true) },
  ];
}

function waitingEntry(): MenuEntry[] {
  const count = stopped.now.length;
  return [{ id: "waiting", title: count > 0 ? `${plural(count, "message waits", "messages wait")} …` : "What waits …", keys: "w", run: openWaiting }];
}

export function openWaiting(): void {
  const first = stopped.now[0];
  router.go({ screen: "waiting", waiting: router.now.screen === "waiting" ? router.now.waiting : (first?.id ?? null) }, true);
}

/** "Break on" for a row of the list. */
export function breakEntries(flow: Flow): MenuEntry[] {
  if (flow.kind !== "http" && flow.kind !== "websocket") return [];
  const waits = stopped.ofFlow(flow.id);
  const values = asked(flow);
  const host = values["host"];
  const path = values["path"];
  const places = [
    ...(host ? [{ id: "host", name: "this host", filter: host.filter }] : []),
    ...(host && path ? [{ id: "path", name: "this path", filter: both(host.filter, path.filter) }] : []),
  ];
  const stages: [Stage, string][] = [["request", "Requests"], ["response", "Responses"], ...(flow.kind === "websocket" ? [["message", "Messages"] as [Stage, string]] : [])];
  return [
    ...(waits ? [{ id: "waits", title: "It waits: edit it …", run: () => router.go({ screen: "waiting", waiting: waits.id }, true) }] : []),
    {
      id: "break",
      title: "Break on",
      items: [
        ...stages.flatMap(([stage, title]) => places.map((place): MenuEntry => ({ id: `break-${stage}-${place.id}`, title: `${title} of ${place.name}`, run: () => quickly(place.filter, stage) }))),
        "line",
        { id: "break-more", title: "More …", run: () => askBreakpoint(places.at(-1)?.filter ?? "") },
      ],
    },
  ];
}

export function breakpointCommands(): Command[] {
  return [
    { id: "waiting", title: "What waits at breakpoints", group: "Breakpoints", keys: ["w"], run: openWaiting },
    { id: "waiting.go", title: "Let everything go that waits", group: "Breakpoints", when: () => stopped.now.length > 0, run: letAllGo },
    { id: "break.on", title: "Break on …", group: "Breakpoints", keys: ["Shift+B"], run: () => askBreakpoint(router.now.filter) },
    { id: "break.off", title: "Switch all breakpoints off", group: "Breakpoints", when: () => rulebook.armed > 0, run: () => turnAll(false) },
    { id: "break.again", title: "Switch all breakpoints on", group: "Breakpoints", when: () => rulebook.breakpoints.some((rule) => rule.on === false), run: () => turnAll(true) },
  ];
}

export async function letAllGo(): Promise<void> {
  const done = await app.attempt(() => api.continueAllWaiting());
  if (done) app.say(`${plural(done.count, "message")} went on.`);
}
