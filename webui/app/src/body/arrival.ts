//! Whether a body is all there: one that still comes, and one that was cut, say so.

import { bytes } from "../lib/format";
import { rateWords } from "../lib/rates.svelte";
import type { FlowDetail, Side } from "../lib/types";

export interface Arrival {
  text: string;
  /** It ended before it was whole. */
  cut: boolean;
}

/** What is to be said about how much of a body came; null when it is whole, or nobody can tell. */
export function arrival(flow: FlowDetail, side: Side, rate: number | null = null): Arrival | null {
  const message = flow[side];
  if (!message || flow.kind !== "http") return null;
  const [here, all] = [message.body_size, announced(flow, side)];
  const amount = all === null ? bytes(here) : `${bytes(here)} of ${bytes(all)}`;
  if (all !== null && here >= all) return null;
  // the request is through when its answer has begun, or the last of it was seen; then a flow runs on because of its answer
  const open = side === "response" ? flow.times.response_last === null || all !== null || flow.times.request_last !== null : flow.times.request_last === null;
  if (flow.state === "running") return open ? { text: here === 0 && all === null ? "Still coming." : `Still coming: ${amount} so far${rate === null ? "" : `, ${rateWords(rate)}`}.`, cut: false } : null;
  const broken = flow.state === "interrupted" || (flow.state === "failed" && (side === "response" || flow.times.request_last === null));
  if (!broken && all === null) return null;
  const why = flow.state === "interrupted" ? "overhear was ended meanwhile." : (flow.error?.text ?? "the connection ended.");
  return { text: `Cut: ${all === null ? `only ${amount}` : amount} came: ${why}`, cut: true };
}

/** The length that the message gives itself; null where it has none, or no body is allowed (RFC 9110, section 8.6). */
function announced(flow: FlowDetail, side: Side): number | null {
  if (side === "response" && (flow.method === "HEAD" || flow.method === "CONNECT" || flow.status === null || flow.status < 200 || flow.status === 204 || flow.status === 304)) return null;
  const fields = flow[side]?.headers ?? [];
  if (fields.some(([name]) => name.toLowerCase() === "transfer-encoding")) return null;
  const value = fields.find(([name]) => name.toLowerCase() === "content-length")?.[1] ?? "";
  return /^\d{1,15}$/.test(value.trim()) ? Number(value) : null;
}
