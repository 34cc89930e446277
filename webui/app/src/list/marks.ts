//! What a row says beside its columns, as small signs after the path: one line for each state that a flow can have.

import { sessions } from "../sessions/sessions.svelte";
import { isolated } from "../lib/bidi";
import type { Flow } from "../lib/types";
import { stopped } from "../waiting/stopped.svelte";
import { tagNames } from "./columns";
import { modifiedBy } from "./modified";

export interface Mark {
  id: string;
  sign: string;
  /** Whether a flow has it. */
  has: (flow: Flow) => boolean;
  /** What the sign says, for a tooltip and for screen readers. */
  says: (flow: Flow) => string;
}

export const MARKS: readonly Mark[] = [
  { id: "waits", sign: "‖", has: (flow) => flow.state === "running" && stopped.ofFlow(flow.id) !== undefined, says: () => "waits at a breakpoint" },
  { id: "replay", sign: "↻", has: (flow) => flow.replay_of !== null && flow.replay_of !== undefined, says: (flow) => `sent again from #${flow.replay_of}` },
  { id: "modified", sign: "Δ", has: (flow) => flow.modified, says: modifiedBy },
  { id: "passed", sign: "⇥", has: (flow) => (flow.kind === "tcp" || flow.kind === "tls") && (flow.state === "running" || flow.state === "complete"), says: (flow) => (flow.kind === "tls" ? "TLS that was not opened" : "raw: bytes that are not HTTP, as they came") },
  { id: "redirect", sign: "↪", has: (flow) => flow.status !== null && [301, 302, 303, 307, 308].includes(flow.status), says: () => "redirects elsewhere" },
  { id: "imported", sign: "⤓", has: (flow) => sessions.find(flow.session)?.source === "imported", says: () => "imported from a file" },
  { id: "comment", sign: "✎", has: (flow) => !!flow.comment, says: (flow) => isolated(flow.comment) },
  { id: "tag", sign: "#", has: (flow) => flow.tags?.length > 0, says: tagNames },
  { id: "star", sign: "★", has: (flow) => flow.starred, says: () => "starred" },
];

export function marksOf(flow: Flow): Mark[] {
  return MARKS.filter((mark) => mark.has(flow));
}
