//! The phases of a flow on one axis of time.

import { between } from "../lib/format";
import type { ConnectionTimes, FlowDetail } from "../lib/types";

export type PhaseKind = "dns" | "connect" | "tls" | "send" | "wait" | "transfer";

export interface Phase {
  kind: PhaseKind;
  name: string;
  title: string;
  /** Milliseconds from the beginning of the axis. */
  start: number;
  ms: number;
}

export interface Timeline {
  /** Set up before this flow began, perhaps long before; on an axis of its own. */
  setup: Phase[];
  /** Milliseconds between the set-up and the flow; null when unknown or none. */
  age: number | null;
  phases: Phase[];
  /** Length of the longer axis in milliseconds. */
  total: number;
}

type Span = [kind: PhaseKind, name: string, title: string, from: string | null, to: string | null];

const NONE: ConnectionTimes = { accepted: null, dns_start: null, dns_done: null, connect_start: null, connected: null, server_tls_done: null, client_tls_done: null, closed: null };

export function timeline(flow: FlowDetail): Timeline {
  const { times } = flow;
  const c = flow.connection?.times ?? NONE;
  const started = times.started ?? flow.started_at;
  const dialed = c.dns_start ?? c.connect_start;
  // after its end, the clock was set back since: nothing of it belongs on this axis
  const later = dialed !== null && (between(times.ended ?? times.response_last, dialed) ?? 0) > 0;
  const earlier = later || (dialed !== null && (between(started, dialed) ?? 0) < 0);
  const ready = c.server_tls_done ?? c.connected;
  const dial: Span[] = [
    ["dns", "DNS", "resolving the name", c.dns_start, c.dns_done],
    ["connect", "Connect", "TCP to the server", c.connect_start, c.connected],
    // what passed by has one connection, and one handshake
    flow.has_packets
      ? ["tls", "TLS", "handshake of client and server", c.connected, c.server_tls_done]
      : ["tls", "Server TLS", "handshake with the server", c.connected, c.server_tls_done],
  ];
  if (earlier && !flow.has_packets) dial.push(["tls", "Client TLS", "handshake with the client", latest(c.server_tls_done, c.connected), c.client_tls_done]);
  const waitFrom = earlier ? times.request_last : latest(times.request_last, ready);
  const exchange: Span[] = [
    ["send", "Send", "first to last byte of the request", times.request_first, times.request_last],
    ["wait", "Wait", "until the first byte of the response (TTFB)", waitFrom, times.response_first],
    ["transfer", "Transfer", "first to last byte of the response", times.response_first, times.response_last],
  ];
  // a client begins to send before the server is dialled; the bars tell that, and the order is the one that everybody expects
  const setup = earlier ? phases(dial, dialed ?? started) : [];
  const inner = earlier ? exchange : [...dial, ...exchange];
  const main = phases(inner, started);
  const reach = (list: Phase[]) => list.reduce((most, phase) => Math.max(most, phase.start + phase.ms), 0);
  return {
    setup,
    age: earlier ? some(between(latest(ready, c.client_tls_done), started)) : null,
    phases: main,
    total: Math.max(reach(main), reach(setup), 0.001),
  };
}

/** Nothing for less than nothing. */
function some(ms: number | null): number | null {
  return ms !== null && ms >= 0 ? ms : null;
}

/** Three to six round marks of an axis of `total` milliseconds, the first at 0. */
export function ticks(total: number): number[] {
  if (!(total > 0)) return [0];
  const power = 10 ** Math.floor(Math.log10(total));
  const step = ([0.2, 0.25, 0.5, 1, 2].map((n) => n * power).find((n) => total / n <= 5)) ?? total;
  return Array.from({ length: Math.floor(total / step + 1e-9) + 1 }, (_, i) => i * step);
}

function phases(spans: Span[], origin: string): Phase[] {
  const found: Phase[] = [];
  for (const [kind, name, title, from, to] of spans) {
    const ms = between(from, to);
    const start = between(origin, from);
    if (ms === null || start === null || ms < 0) continue;
    found.push({ kind, name, title, start: Math.max(0, start), ms });
  }
  return found;
}

function latest(a: string | null, b: string | null): string | null {
  if (!a || !b) return a ?? b;
  return (between(a, b) ?? 0) > 0 ? b : a;
}
