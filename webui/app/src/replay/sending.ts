//! How a request is sent: once or many times, whether redirections are followed, and what is said in a WebSocket.

import type { Draft } from "./draft";

export interface Sending {
  follow: boolean;
  times: number;
  atOnce: number;
  /** Of a WebSocket: what its client said is said again, what is typed here is said after it, a line a message. */
  recorded: boolean;
  messages: string;
  /** How long it stays open after the last message: seconds. */
  listen: number;
}

/** What the program allows. */
export const MOST_SENDS = 10_000;
export const MOST_AT_ONCE = 64;
export const MOST_LISTEN = 3600;

export function usual(): Sending {
  return { follow: false, times: 1, atOnce: 1, recorded: true, messages: "", listen: 5 };
}

/** Whether the request opens a WebSocket. */
export function isWebSocket(draft: Draft): boolean {
  return /^wss?:/i.test(draft.url.trim()) || draft.headers.some(([name, value]) => /^upgrade$/i.test(name.trim()) && /^websocket$/i.test(value.trim()));
}

/** What is wrong with the numbers; null when nothing is. */
export function problem(sending: Sending): string | null {
  const whole = (value: number, most: number) => Number.isInteger(value) && value >= 1 && value <= most;
  if (!whole(sending.times, MOST_SENDS)) return `It can be sent 1 to ${MOST_SENDS.toLocaleString("en")} times.`;
  if (!whole(sending.atOnce, MOST_AT_ONCE)) return `1 to ${MOST_AT_ONCE} can be sent at once.`;
  if (!(sending.listen >= 0 && sending.listen <= MOST_LISTEN)) return `A WebSocket can be kept open for 0 to ${MOST_LISTEN} seconds.`;
  return null;
}
