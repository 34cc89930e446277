//! What is sent again, once or many times.

import type { Cause, Field } from "./flow";

export interface ReplayRequest {
  /** What it was made from. */
  flow?: number;
  method: string;
  url: string;
  headers: Field[];
  body?: { text: string } | { base64: string } | { flow: number };
  version?: "HTTP/1.1" | "HTTP/2";
  follow_redirects?: boolean;
  websocket?: { recorded?: boolean; paced?: boolean; messages?: { text: string }[]; listen_s?: number };
}

/** What is sent many times. A request of which only the flow is given is as it was recorded. */
export interface ReplayPlan {
  requests: (ReplayRequest | { flow: number })[];
  times?: number;
  concurrency?: number;
}

/** Requests that are sent many times, and how that goes. */
export interface ReplayRun {
  id: number;
  state: "running" | "done" | "stopped";
  requests: { method: string; url: string; flow: number | null }[];
  times: number;
  concurrency: number;
  total: number;
  begun: number;
  done: number;
  started_at: string;
  ended_at: string | null;
  distribution: Distribution;
}

/** How sends ended, and how long those took that did not fail: milliseconds. */
export interface Distribution {
  statuses: { status: number | null; error: Cause | null; count: number; median_ms: number }[];
  answered: number;
  min_ms: number;
  median_ms: number;
  p95_ms: number;
  p99_ms: number;
  max_ms: number;
  mean_ms: number;
  histogram: { from_ms: number; to_ms: number; count: number }[];
}

export interface ReplayResult {
  round: number;
  request: number;
  flow: number;
  /** Another one when redirections were followed. */
  last: number;
  redirects: number;
  status: number | null;
  error: Cause | null;
  text: string | null;
  ms: number;
}
