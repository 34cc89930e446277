//! Which recorded flows answer: a session, a filter, or both, in one filter of the language; and back again.

import type { Offline } from "../lib/types";
import { alternatives, bare, both } from "../list/terms";

/** As a person chooses it. */
export interface OfflineChoice {
  /** A session's number; null for every session. */
  session: number | null;
  /** What else the flows must match. */
  filter: string;
  ignoreQuery: string;
  sameHeaders: string;
  sameBody: boolean;
  missing: Offline["missing"];
}

/** The filter that means a session and, in it, what else is asked for. */
export function filterOf({ session, filter }: Pick<OfflineChoice, "session" | "filter">): string {
  const more = filter.trim();
  if (session === null) return more;
  return more === "" ? `session:${session}` : both(`session:${session}`, more);
}

/** A filter taken apart again, if it is all within one session. */
export function choiceOf(offline: Offline): OfflineChoice {
  const text = offline.filter.trim();
  const within = alternatives(text) ? null : /^session:(\d+)(?:\s+(\S.*))?$/.exec(text);
  return {
    session: within ? Number(within[1]) : null,
    filter: within ? bare(within[2] ?? "") : text,
    ignoreQuery: offline.ignore_query.join(", "),
    sameHeaders: offline.same_headers.join(", "),
    sameBody: offline.same_body,
    missing: offline.missing,
  };
}

export function offlineOf(choice: OfflineChoice): Offline {
  return {
    on: true,
    filter: filterOf(choice),
    ignore_query: words(choice.ignoreQuery),
    same_headers: words(choice.sameHeaders),
    same_body: choice.sameBody,
    missing: choice.missing,
  };
}

function words(text: string): string[] {
  return text.split(",").map((word) => word.trim()).filter((word) => word !== "");
}
