//! What rules and scripts did, in words.

import type { FlowDetail } from "../lib/types";

/** What is said of one that did not do what it should: a script fails, a rule could not act. */
export function failedWord(did: Pick<FlowDetail["rules_did"][number], "action">): string {
  return did.action === "script" ? "failed" : "could not act";
}
