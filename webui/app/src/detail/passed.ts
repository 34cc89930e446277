//! TLS that was passed through unread, and what an app refused.

import type { FlowDetail } from "../lib/types";

/** It was relayed by the proxy, unopened. */
export function isPassedThrough(flow: FlowDetail): boolean {
  return flow.kind === "tls" && flow.state !== "failed" && !flow.has_packets;
}

/** The client refused overhear's certificate: its host may pass through instead. */
export function mayPass(flow: FlowDetail): boolean {
  return flow.kind === "tls" && flow.error?.cause === "tls" && flow.error.side === "client" && !flow.has_packets;
}

/** The host that the client asked for in TLS, or else the one that the tunnel leads to. */
export function askedHost(flow: FlowDetail): string {
  return flow.connection?.client_tls?.sni ?? flow.host;
}
