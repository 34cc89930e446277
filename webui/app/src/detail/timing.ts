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
  /** It did not get to its end: here the flow failed. */
  failed: boolean;
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

interface Span {
  kind: PhaseKind;
  name: string;
  title: string;
  from: string | null;
  to: string | null;
  /** It is of the way to the server, without which nothing comes back. */
  dial?: boolean;
  failed?: boolean;
}

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
    { kind: "dns", name: "DNS", title: "resolving the name", from: c.dns_start, to: c.dns_done, dial: true },
    { kind: "connect", name: "Connect", title: "TCP to the server", from: c.connect_start, to: c.connected, dial: true },
    // what passed by has one connection, and one handshake
    { kind: "tls", name: flow.has_packets ? "TLS" : "Server TLS", title: flow.has_packets ? "handshake of client and server" : "handshake with the server", from: c.connected, to: c.server_tls_done, dial: true },
  ];
  const client: Span = { kind: "tls", name: "Client TLS", title: "handshake with the client", from: latest(c.server_tls_done, c.connected), to: c.client_tls_done, dial: true };
  const waitFrom = earlier ? times.request_last : latest(times.request_last, ready);
  const exchange: Span[] = [
    { kind: "send", name: "Send", title: "first to last byte of the request", from: times.request_first, to: times.request_last },
    { kind: "wait", name: "Wait", title: "until the first byte of the response (TTFB)", from: waitFrom, to: times.response_first },
    { kind: "transfer", name: "Transfer", title: "first to last byte of the response", from: times.response_first, to: times.response_last },
  ];
  const broken = later ? null : brokenAt(flow, dial, client, exchange);
  if (broken) Object.assign(broken, { to: brokenOff(broken, flow, c, earlier), failed: true });
  if (!flow.has_packets && (broken === client || (earlier && !broken?.dial))) dial.push(client);
  // nothing comes back where the server was not reached: what the client was told then is overhear's own
  if (broken?.dial) exchange.splice(1);
  // a client begins to send before the server is dialled; the bars tell that, and the order is the one that everybody expects
  const setup = earlier ? phases(dial, dialed ?? started) : [];
  const inner = earlier ? exchange : [...dial, ...exchange];
  const main = phases(inner, started);
  const reach = (list: Phase[]) => list.reduce((most, phase) => Math.max(most, phase.start + phase.ms), 0);
  return {
    setup,
    age: earlier && !broken?.dial ? some(between(latest(ready, c.client_tls_done), started)) : null,
    phases: main,
    total: Math.max(reach(main), reach(setup), 0.001),
  };
}

/** The phase in which a flow failed: the first that began and has no end; null when it did not fail, or that is not known. */
function brokenAt(flow: FlowDetail, [dns, connect, server]: Span[], client: Span, [send, wait, transfer]: Span[]): Span | null {
  const { error } = flow;
  // what overhear itself refused did not fail on the way
  if (flow.state !== "failed" || !error || error.side === "proxy") return null;
  const open = (span: Span | undefined) => span !== undefined && span.from !== null && (span.to === null || (between(span.from, span.to) ?? 0) < 0);
  if (error.cause === "dns" && dns?.from) return dns;
  const encrypted = flow.kind === "tls" || flow.scheme === "https" || flow.scheme === "wss";
  const all: [Span | undefined, boolean][] = [
    [dns, open(dns)],
    [connect, open(connect)],
    [server, encrypted && error.side !== "client" && open(server)],
    [client, encrypted && error.side === "client" && !flow.has_packets && open(client)],
    [send, open(send)],
    [wait, open(wait)],
    // its last byte came, and the end of it did not
    [transfer, transfer?.from != null],
  ];
  return all.find(([, here]) => here)?.[0] ?? null;
}

/** When it was clear that a phase would not end: with the flow, or as soon as something is known to have happened after it. */
function brokenOff(span: Span, { times }: FlowDetail, c: ConnectionTimes, earlier: boolean): string | null {
  if (span.kind === "dns" && span.to) return span.to;
  const ended = times.ended ?? c.closed;
  if (!span.dial) return ended;
  // the client is answered for a server that was not reached, over TLS and where it asks for something
  const after = [ended, span.name === "Client TLS" ? null : c.client_tls_done, earlier ? times.request_first : null];
  return after.reduce<string | null>((first, time) => (time === null || (between(span.from, time) ?? -1) < 0 ? first : first === null || (between(time, first) ?? 0) > 0 ? time : first), null);
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
  for (const { kind, name, title, from, to, failed = false } of spans) {
    const ms = between(from, to);
    const start = between(origin, from);
    if (ms === null || start === null || ms < 0) continue;
    found.push({ kind, name, title, start: Math.max(0, start), ms, failed });
  }
  return found;
}

function latest(a: string | null, b: string | null): string | null {
  if (!a || !b) return a ?? b;
  return (between(a, b) ?? 0) > 0 ? b : a;
}
