//! Who made another of a flow.

import { isolated } from "../lib/bidi";
import type { Flow } from "../lib/types";

/** By rules and scripts (which have the names of their files), or by the person who sent it again. */
export function modifiedBy(flow: Pick<Flow, "rules" | "replay_of">): string {
  const names = flow.rules ?? [];
  const scripts = names.filter((name) => /\.[cm]?js$/.test(name));
  const rules = names.filter((name) => !scripts.includes(name));
  const said = (what: string, of: string[]) => (of.length === 0 ? [] : [`the ${what}${of.length === 1 ? "" : "s"} ${of.map((name) => isolated(name)).join(", ")}`]);
  if (names.length > 0) return `modified by ${[...said("rule", rules), ...said("script", scripts)].join(" and ")}`;
  return `modified: its request is another than that of #${flow.replay_of}`;
}
