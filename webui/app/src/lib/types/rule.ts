//! Rules, what waits at breakpoints, and what was changed.

import type { Field, FlowDetail, Side } from "./flow";

/** Where a rule acts: on requests, on responses, or on messages of WebSockets. */
export type Stage = "request" | "response" | "message";

/** One thing that a rule does: its name in `do`, and its values. */
export type Action = { do: string } & Record<string, unknown>;

/** What is changed on its way, and when. */
export interface Rule {
  name: string;
  /** Absent: none. */
  group?: string;
  /** Absent: it acts. */
  on?: boolean;
  /** Absent: all messages. */
  filter?: string;
  stage: Stage;
  /** Of the stage message: whose messages; absent: both sides'. */
  sender?: "client" | "server" | null;
  actions: Action[];
}

export interface StoredRule extends Rule {
  /** Negative for one of the file. */
  id: number;
  from_file: boolean;
  /** Why it cannot be used: it does not act. */
  error: string | null;
}

export interface RuleList {
  items: StoredRule[];
  /** The file of rules, when there is one. */
  file: string | null;
  file_error: string | null;
}

/** A message that waits at a breakpoint. */
export interface Waiting {
  id: number;
  flow: number;
  rule: string;
  stage: Stage;
  since: string;
  /** When it goes on as it is; null for never. */
  until: string | null;
  /** Grows with every edit that is kept. */
  version: number;
  /** Its client gave up: nothing can be decided any more. */
  gone: boolean;
  method: string;
  url: string;
  status: number | null;
  /** What a message of a WebSocket is; null for requests and responses. */
  message?: { sender: "client" | "server"; kind: "text" | "binary" } | null;
}

/** Exactly one of the members. */
export interface BodyContent {
  text?: string;
  base64?: string;
}

/** A message that waits, whole. */
export interface WaitingMessage extends Waiting {
  headers: Field[];
  /** Without content coding; null when it could not be held. */
  body: BodyContent | null;
  body_unseen: string | null;
}

/** A message of a WebSocket that rules, or a person, changed or left out; or one that was sent by hand. */
export interface ChangedMessage {
  side: Side;
  /** Where it begins in what came from its side, bytes. */
  offset: number;
  length: number;
  kind: "text" | "binary";
  dropped: boolean;
  /** What went on instead, or by hand; null when it went on as it came. */
  sent: BodyContent | null;
  /** No endpoint has written it: it was sent to the server (`request`) or to the client. */
  by_hand: boolean;
  /** When it was sent by hand. */
  at: string | null;
  rules_did: FlowDetail["rules_did"];
}

/** What a person makes of a message; what is absent stays. */
export interface WaitingEdit {
  version?: number;
  method?: string;
  url?: string;
  status?: number;
  headers?: Field[];
  body?: BodyContent;
  /** What tells where the body ends and how it is coded is sent as it is written. */
  as_written?: boolean;
}

/** An answer in the server's place. */
export interface WaitingAnswer {
  version?: number;
  status: number;
  headers: Field[];
  body?: BodyContent;
  /** What tells where the body ends and how it is coded is sent as it is written. */
  as_written?: boolean;
}

/** Whether requests are answered with what was recorded. */
export interface Offline {
  on: boolean;
  /** Which recorded flows, in the filter language; empty for all. */
  filter: string;
  /** Names in the query that may differ; `*` for the whole query. */
  ignore_query: string[];
  same_headers: string[];
  same_body: boolean;
  /** What becomes of a request like which nothing was recorded. */
  missing: "not-found" | "pass";
}

export interface OfflineNow extends Offline {
  /** How many flows there are to answer with. */
  flows: number;
}
