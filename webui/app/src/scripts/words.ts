//! A script's state and measures in words.

import { plural } from "../lib/format";
import type { Script } from "../lib/types";

/** The tone and the words of a state. */
export function state(script: Script): { tone: "ok" | "client" | "failed"; words: string } {
  switch (script.state) {
    case "active":
      return { tone: "ok", words: "acts" };
    case "stale":
      return { tone: "client", words: "the version before acts: the file as it is cannot be used" };
    case "failed":
      return { tone: "failed", words: "does not act" };
  }
}

/** What is wrong, with its place. */
export function mistake(script: Script): string | null {
  const { error } = script;
  if (error === null) return null;
  const place = error.line === null ? "" : ` (line ${error.line}${error.column === null ? "" : `, column ${error.column}`})`;
  return `${error.text}${place}`;
}

/** How often it was called, how long that took, how often it failed. */
export function measures(script: Script): string {
  if (script.calls === 0) return "not called yet";
  const each = script.time_ms / script.calls;
  const time = each < 0.1 ? "less than 0.1 ms" : `${each < 10 ? each.toFixed(1) : Math.round(each)} ms`;
  const failed = script.failures > 0 ? `, ${script.failures} failed` : "";
  return `${plural(script.calls, "call")}, ${time} each${failed}`;
}
