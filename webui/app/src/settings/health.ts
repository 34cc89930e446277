//! What of the server's state deserves a warning.

import { bytes } from "../lib/format";
import type { Status } from "../lib/types";

/** Less free space than this is nearly none. */
export const LITTLE_DISK = 1_000_000_000;

export interface Warning {
  kind: "disk" | "queue";
  text: string;
}

/** Warnings in words, the worst first; none when all is well. */
export function warnings(status: Pick<Status, "disk_free" | "queued_bytes" | "queue_bytes_limit">): Warning[] {
  const found: Warning[] = [];
  if (status.disk_free !== null && status.disk_free < LITTLE_DISK) found.push({ kind: "disk", text: `The disk is nearly full: ${bytes(status.disk_free)} free. When it is full, traffic passes and is not recorded; clearing or deleting sessions makes room.` });
  if (status.queue_bytes_limit > 0 && status.queued_bytes > status.queue_bytes_limit / 2) {
    found.push({ kind: "queue", text: `${bytes(status.queued_bytes)} wait to be written${status.queued_bytes >= status.queue_bytes_limit ? ": the traffic is slowed down until the disk has taken them" : ""}.` });
  }
  return found;
}

/** Whether a program that runs for `now` seconds is another one than that which had run for `before`, so many seconds ago. */
export function startedAgain(before: number, ago: number, now: number): boolean {
  // both are whole seconds
  return now < before + ago - 2;
}

/** Flows a second as a short text. */
export function rate(perSecond: number): string {
  if (perSecond <= 0) return "0 flows/s";
  return `${perSecond < 9.95 ? perSecond.toFixed(1) : Math.round(perSecond)} flows/s`;
}

/** Seconds as `3 min`, `2 h 5 min`, `4 days`. */
export function uptime(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1) return "less than a minute";
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} days`;
}
