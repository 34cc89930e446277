//! What a session is called, and its flows as a filter.

import { clock, day } from "../lib/format";
import type { Session } from "../lib/types";

/** Its name, or what it is. */
export function sessionName(session: Pick<Session, "id" | "name" | "current" | "source">): string {
  if (session.name.trim() !== "") return session.name;
  if (session.current) return "The recording that runs";
  return session.source === "imported" ? `Import ${session.id}` : `Recording ${session.id}`;
}

/** `2026-11-21 14:03 to 15:10`, in the time zone of the person. */
export function sessionTimes(session: Pick<Session, "started_at" | "ended_at">): string {
  const at = (time: string) => `${day(time)} ${clock(time).slice(0, 5)}`;
  const start = at(session.started_at);
  if (session.ended_at === null) return `since ${start}`;
  const end = at(session.ended_at);
  return day(session.started_at) === day(session.ended_at) ? `${start} to ${end.slice(11)}` : `${start} to ${end}`;
}
