//! Flows, whole and as rows of the list; what is done with them.

import type { Connection } from "./connection";

export type Kind = "http" | "websocket" | "tcp" | "tls" | "udp" | "dns" | "icmp";
export type FlowState = "running" | "complete" | "failed" | "interrupted";
export type Side = "request" | "response";
export type Color = "red" | "orange" | "yellow" | "green" | "blue" | "purple" | "grey";
export type Party = "client" | "server" | "proxy";

export type Cause =
  | "dns" | "refused" | "unreachable" | "timeout" | "tls" | "certificate"
  | "protocol" | "loop" | "reset" | "closed" | "forbidden" | "other";

/** A field of a head: name and value as sent. */
export type Field = [name: string, value: string];

export interface Failure {
  cause: Cause;
  side: Party;
  text: string;
}

/** How a gRPC call ended. */
export interface GrpcStatus {
  /** 0 is a call that went well. */
  status: number;
  /** `UNAVAILABLE`; null for a number that has no name. */
  name: string | null;
  /** What the server says about it. */
  message: string;
}

export interface Message {
  version: string | null;
  content_type: string | null;
  content_encoding: string | null;
  head_size: number;
  body_size: number;
}

/** A row of the list. */
export interface Flow {
  id: number;
  connection_id: number;
  kind: Kind;
  state: FlowState;
  method: string;
  url: string;
  scheme: string;
  host: string;
  port: number;
  path: string;
  status: number | null;
  /** How the gRPC call ended that it is; null for what is none, or has not ended. */
  grpc: GrpcStatus | null;
  error: Failure | null;
  /** RFC 3339, nanoseconds. */
  started_at: string;
  duration_ms: number | null;
  client: string;
  /** The program on this computer that made the connection, when it is known. */
  app: string | null;
  server: string | null;
  request: Message;
  response: Message | null;
  replay_of: number | null;
  /** A replay whose request is another than that of the flow it replays, or rules have changed what passed. */
  modified: boolean;
  /** The names of the rules that touched it. */
  rules: string[];
  tags: string[];
  comment: string;
  color: Color | null;
  starred: boolean;
  /** The session it was recorded in. */
  session: number;
}

export interface Head {
  start_line: string | null;
  headers: Field[];
}

export interface MessageDetail extends Message {
  headers: Field[];
  trailers?: Field[];
  start_line: string | null;
}

/** What went on instead of what came. */
export interface Sent {
  /** The head as it went on, when that differs. */
  sent?: Head | null;
  /** Bytes of the body that was sent instead, without content coding. */
  sent_body_size?: number;
}

export interface FlowDetail extends Omit<Flow, "request" | "response"> {
  tls: { version: string; cipher: string; alpn: string | null; sni: string | null } | null;
  request: MessageDetail & Sent;
  response: (MessageDetail & Sent) | null;
  interim: (Head & { at: string })[];
  related: { replays: number[]; redirect_from: number | null; redirect_to: number | null; answered_with: number | null };
  times: FlowTimes;
  /** Null when nothing is known of it, as in an imported flow. */
  connection: Connection | null;
  /** It came from a capture, and has packets or had them. */
  has_packets: boolean;
  /** What rules did to it, or could not do, in order. */
  rules_did: { rule: number; name: string; stage: string; action: string; text: string; failed?: boolean; flow?: number }[];
}

export interface FlowTimes {
  started: string | null;
  request_first: string | null;
  request_last: string | null;
  response_first: string | null;
  response_last: string | null;
  ended: string | null;
}

export interface Page {
  items: Flow[];
  next: string | null;
}

/** One WebSocket message, or one piece of a raw stream. */
export interface StreamMessage {
  side: Side;
  seq: number;
  at: string;
  offset: number;
  size: number;
  /** Bytes of its side that passed before it and were not captured. */
  missing: number;
  /** base64 */
  data: string;
}

/** What changed in the list since the last event. */
export interface FlowsEvent {
  items: Flow[];
  gone: number[];
  deleted: number[];
}

export type ExportFormat = "pcapng" | "pcap" | "har" | "curl" | "fetch" | "python" | "raw" | "jsonl";

/** What was deleted, and the word that brings it back while it can be. */
export interface Deletion {
  deleted: number;
  undo: string | null;
}

/** What flows are told apart by, beside what was recorded. */
export interface Annotation {
  tags?: string[];
  comment?: string;
  color?: Color | null;
  starred?: boolean;
}

/** The same for many flows at once. */
export interface Annotations {
  add_tags?: string[];
  remove_tags?: string[];
  color?: Color | null;
  starred?: boolean;
}
