//! The state of the tool, its settings, and how it says no.

import type { FilterProblem } from "./filter";
import type { Capture } from "./packet";

/** A port of the proxy, and what it is for. */
export interface Listener {
  address: string;
  mode: "proxy" | "reverse" | "transparent";
  /** In whose place a reverse listener stands. */
  server: string | null;
}

export interface Status {
  version: string;
  /** False while it is paused, and while it is in trouble. */
  recording: boolean;
  paused: boolean;
  trouble: string | null;
  flows: number;
  disk_bytes: number;
  /** Free on the disk that the data is on; null when the system does not say. */
  disk_free: number | null;
  queued_bytes: number;
  /** Above so many unwritten bytes the traffic is slowed down. */
  queue_bytes_limit: number;
  /** Mean of the last five seconds. */
  flows_per_second: number;
  connections: number;
  devices: number;
  captures: Capture[];
  session: { id: number; name: string; flows: number };
  uptime_s: number;
  proxy: string[];
  listeners: Listener[];
  lan: string[];
  web: string;
  data: string;
  ca: { name: string; fingerprint: string; not_after: string; path: string };
}

export interface Setting {
  key: string;
  title: string;
  help: string;
  flag: string;
  kind: "text" | "list" | "bool" | "file" | "secret";
  value: string | string[] | boolean | null;
  default: string | string[] | boolean | null;
  source: "flag" | "environment" | "file" | "default" | "page";
  /** What the file says; null when it says nothing, and for a secret. */
  saved: string | string[] | boolean | null;
  /** Takes effect at once, without a restart. */
  live: boolean;
  /** What is saved takes effect at the next start. */
  pending: boolean;
  /** Saved, but a flag or a variable says otherwise for now. */
  overridden: boolean;
}

export interface Settings {
  config_file: string | null;
  items: Setting[];
  accepted_certificates: string[];
  passed_hosts: PassedHost[];
}

/** A host whose TLS passes through unread in this run. */
export interface PassedHost {
  host: string;
  /** A client kept refusing overhear's certificate, and the setting pass-pinned allows that. */
  automatic: boolean;
}

/** RFC 9457, with what this API adds. */
export interface Problem {
  title?: string;
  status?: number;
  detail?: string;
  filter?: FilterProblem;
  /** Which action of a rule is wrong, from 0. */
  action?: number;
}
