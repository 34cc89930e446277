//! What rules and scripts did, in words.

import type { FlowDetail } from "../lib/types";

/** What is said of one that did not do what it should: a script fails, a rule could not act. */
export function failedWord(did: Pick<FlowDetail["rules_did"][number], "action">): string {
  return did.action === "script" ? "failed" : "could not act";
}

/** Whether there is something to show of what was changed: rules did something, or a person sent messages into a WebSocket. */
export function isChanged(flow: FlowDetail): boolean {
  const byHand = flow.kind === "websocket" && flow.modified && flow.replay_of === null;
  return flow.rules_did?.length > 0 || byHand;
}
