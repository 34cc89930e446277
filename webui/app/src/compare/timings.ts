//! How long each phase of a flow took, for two flows beside each other.

import { between } from "../lib/format";
import type { FlowDetail } from "../lib/types";

export interface TimingRow {
  name: string;
  /** Milliseconds; null where a flow had no such phase. */
  left: number | null;
  right: number | null;
}

export function timings(left: FlowDetail, right: FlowDetail): TimingRow[] {
  const [a, b] = [phases(left), phases(right)];
  return a
    .map(([name, ms], at): TimingRow => ({ name, left: ms, right: b[at]?.[1] ?? null }))
    .filter((row) => row.left !== null || row.right !== null);
}

/** Whether two times are so far apart that it is worth a look: a fifth, and five milliseconds. */
export function apart(row: TimingRow): boolean {
  if (row.left === null || row.right === null) return row.left !== row.right;
  const gap = Math.abs(row.left - row.right);
  return gap > 5 && gap > Math.max(row.left, row.right) / 5;
}

function phases(flow: FlowDetail): [string, number | null][] {
  const { times, connection } = flow;
  const c = connection?.times;
  // a connection that stood before the flow began cost it nothing
  const own = (from: string | null, to: string | null) => ((between(times.started ?? flow.started_at, from) ?? -1) >= 0 ? between(from, to) : null);
  return [
    ["DNS", own(c?.dns_start ?? null, c?.dns_done ?? null)],
    ["Connect", own(c?.connect_start ?? null, c?.connected ?? null)],
    ["TLS", own(c?.connected ?? null, c?.server_tls_done ?? null)],
    ["Request", between(times.request_first, times.request_last)],
    ["Wait", between(times.request_last, times.response_first)],
    ["Response", between(times.response_first, times.response_last)],
    ["All", flow.duration_ms],
  ];
}
