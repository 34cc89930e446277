//! The phases of a flow on one axis of time.

import { between } from "../lib/format";
import type { FlowDetail } from "../lib/types";

export interface Phase {
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

type Span = [name: string, title: string, from: string | null, to: string | null];

export function timeline(flow: FlowDetail): Timeline {
  const { times, connection } = flow;
  const c = connection.times;
  const started = times.started ?? flow.started_at;
  const dialed = c.dns_start ?? c.connect_start;
  const earlier = dialed !== null && (between(started, dialed) ?? 0) < 0;
  const ready = c.server_tls_done ?? c.connected;
  const dial: Span[] = [
    ["DNS", "resolving the name", c.dns_start, c.dns_done],
    ["Connect", "TCP to the server", c.connect_start, c.connected],
    ["Server TLS", "handshake with the server", c.connected, c.server_tls_done],
  ];
  if (earlier) dial.push(["Client TLS", "handshake with the client", latest(c.server_tls_done, c.connected), c.client_tls_done]);
  const waitFrom = earlier ? times.request_last : latest(times.request_last, ready);
  const exchange: Span[] = [
    ["Request", "first to last byte of the request", times.request_first, times.request_last],
    ["Wait", "until the first byte of the response", waitFrom, times.response_first],
    ["Response", "first to last byte of the response", times.response_first, times.response_last],
  ];
  const setup = earlier ? phases(dial, dialed ?? started) : [];
  const inner = earlier ? exchange : [exchange[0] as Span, ...dial, ...exchange.slice(1)];
  const main = phases(inner, started);
  const reach = (list: Phase[]) => list.reduce((most, phase) => Math.max(most, phase.start + phase.ms), 0);
  return {
    setup,
    age: earlier ? between(latest(ready, c.client_tls_done), started) : null,
    phases: main,
    total: Math.max(reach(main), reach(setup), 0.001),
  };
}

function phases(spans: Span[], origin: string): Phase[] {
  const found: Phase[] = [];
  for (const [name, title, from, to] of spans) {
    const ms = between(from, to);
    const start = between(origin, from);
    if (ms === null || start === null || ms < 0) continue;
    found.push({ name, title, start: Math.max(0, start), ms });
  }
  return found;
}

function latest(a: string | null, b: string | null): string | null {
  if (!a || !b) return a ?? b;
  return (between(a, b) ?? 0) > 0 ? b : a;
}
