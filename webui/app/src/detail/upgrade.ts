//! A raw conversation that began in the clear and turned to TLS, which was read: what was said before, and what inside.

import type { Flow, FlowDetail } from "../lib/types";

/** When it turned to TLS (STARTTLS, or what databases have in its place); null where it did not, or TLS came first. */
export function turnedAt(flow: Flow | FlowDetail): string | null {
  if (flow.kind !== "tcp" || !("connection" in flow) || typeof flow.connection !== "object" || flow.has_packets) return null;
  const [began, done] = [flow.times.started, flow.connection?.times.client_tls_done ?? null];
  return began !== null && done !== null && began < done ? done : null;
}

/** What stands where TLS begins. */
export const BEGINS = "[TLS begins here: what follows was encrypted on its way]";
