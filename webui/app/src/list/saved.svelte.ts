//! Filters that are worth a click: some that everybody needs, and those that were saved with a name; and what was asked before.

import { listOf, pref, text } from "../lib/prefs.svelte";
import { bare, both, splitTerms } from "./terms";

export interface Saved {
  name: string;
  filter: string;
}

/** Terms that are put in and taken out of whatever the filter is. */
export const COMMON: readonly Saved[] = [
  { name: "Errors", filter: "(error: or status:>=400 or grpc:>0)" },
  { name: "Slow", filter: "duration:>1s" },
  { name: "Not GET", filter: "-method:GET" },
  { name: "JSON", filter: "type:json" },
  { name: "No images, styles, scripts", filter: "-(type:image or type:css or type:javascript or type:font)" },
  { name: "WebSocket", filter: "kind:websocket" },
  { name: "Running", filter: "state:running" },
  { name: "Starred", filter: "is:starred" },
];

const MOST = 50;

const saved = pref<Saved[]>("filters", [], listOf((stored) => {
  const { name, filter } = (stored ?? {}) as Partial<Saved>;
  return typeof name === "string" && typeof filter === "string" && name && filter ? { name, filter } : undefined;
}));
const asked = pref<string[]>("asked", [], listOf(text, MOST));

export const filters = {
  get saved(): readonly Saved[] {
    return saved.value;
  },
  /** A name stands for one filter. */
  save(name: string, filter: string): void {
    saved.value = [...saved.value.filter((one) => one.name !== name), { name, filter }];
  },
  rename(name: string, now: string): void {
    saved.value = saved.value.filter((one) => one.name !== now || one.name === name).map((one) => (one.name === name ? { ...one, name: now } : one));
  },
  forget(name: string): void {
    saved.value = saved.value.filter((one) => one.name !== name);
  },
  /** What was asked before, the last first. */
  get asked(): readonly string[] {
    return asked.value;
  },
  remember(filter: string): void {
    const one = filter.trim();
    if (one !== "" && one !== asked.value[0]) asked.value = [one, ...asked.value.filter((other) => other !== one)].slice(0, MOST);
  },
};

/** Whether all of a filter's terms are asked for. */
export function has(filter: string, term: string): boolean {
  return splitTerms(filter)?.includes(term) ?? false;
}

/** A filter with a term put in, or taken out when it was there. */
export function switched(filter: string, term: string): string {
  if (!has(filter, term)) return both(filter, term);
  const rest = (splitTerms(filter) ?? []).filter((one) => one !== term);
  const [only] = rest;
  // parentheses that were only needed beside the term go with it; those of another such term are its own
  if (rest.length === 1 && only !== undefined && !COMMON.some((one) => one.filter === only)) return bare(only);
  return rest.join(" ");
}
