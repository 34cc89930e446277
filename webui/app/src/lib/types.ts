//! The objects of the REST API, as `/api/openapi.json` describes them.

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
  related: { replays: number[]; redirect_from: number | null; redirect_to: number | null };
  times: FlowTimes;
  /** Null when nothing is known of it, as in an imported flow. */
  connection: Connection | null;
  /** It came from a capture, and has packets or had them. */
  has_packets: boolean;
  /** What rules did to it, or could not do, in order. */
  rules_did: { rule: number; name: string; stage: string; action: string; text: string; failed?: boolean }[];
}

export interface FlowTimes {
  started: string | null;
  request_first: string | null;
  request_last: string | null;
  response_first: string | null;
  response_last: string | null;
  ended: string | null;
}

export interface ConnectionTimes {
  accepted: string | null;
  dns_start: string | null;
  dns_done: string | null;
  connect_start: string | null;
  connected: string | null;
  server_tls_done: string | null;
  client_tls_done: string | null;
  closed: string | null;
}

export interface Connection {
  id: number;
  client: string;
  app: { name: string; pid: number } | null;
  local: string;
  host: string;
  port: number;
  server: string | null;
  upstream_local: string | null;
  times: ConnectionTimes;
  closed_by: Party | null;
  reset: boolean;
  client_tls: Tls | null;
  server_tls: Tls | null;
}

export interface Tls {
  version: string;
  cipher: string;
  sni: string | null;
  alpn_offered: string[];
  alpn: string | null;
  /** Of the ClientHello, where packets were read. */
  ja3?: string | null;
  ja4?: string | null;
  certificates: Certificate[];
}

export interface Certificate {
  subject: string;
  issuer: string;
  serial: string;
  not_before: string;
  not_after: string;
  names: string[];
  key: string;
  signature: string;
  sha256: string;
  pem: string;
  /** Why it cannot be read; then only `sha256` and `pem` say something. */
  error?: string | null;
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
  lan: string[];
  web: string;
  data: string;
  ca: { name: string; fingerprint: string; not_after: string; path: string };
}

/** Packets that are captured beside the proxy, on one interface. */
export interface Capture {
  id: number;
  interface: string;
  /** What a person asked for; null: everything but the ports 80 and 443. */
  expression: string | null;
  /** What the system filters by. */
  filter: string;
  state: "starting" | "running" | "waiting" | "failed";
  packets: number;
  bytes: number;
  dropped: number;
  error: string | null;
}

/** An interface that can be captured on. */
export interface Interface {
  name: string;
  description: string | null;
  addresses: string[];
  loopback: boolean;
  up: boolean;
  wireless: boolean;
}

export interface Device {
  address: string;
  decision: "allow" | "refuse" | null;
  first_seen: string;
  last_seen: string;
  connections: number;
  user_agent: string | null;
  trusts: boolean | null;
  /** When it last accepted a certificate. */
  trusted: string | null;
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

/** One recording, from its start to its end. */
export interface Session {
  id: number;
  /** May be empty. */
  name: string;
  started_at: string;
  ended_at: string | null;
  source: "recorded" | "imported";
  flows: number;
  bytes: number;
  current: boolean;
}

/** A capture whose packets are kept. */
export interface KeptCapture {
  id: number;
  source: "live" | "file";
  name: string;
  session: number | null;
  started_at: string;
  ended_at: string | null;
  packets: number;
  kept: number;
}

/** Packets and their bytes on the wire. */
export interface PacketCount {
  packets: number;
  bytes: number;
}

/** A capture by numbers: of conversations and endpoints those with the most bytes, and how many there are. */
export interface CaptureOverview {
  all: PacketCount;
  first: string | null;
  last: string | null;
  conversations: {
    protocol: string;
    a: string;
    a_port: number | null;
    b: string;
    b_port: number | null;
    a_to_b: PacketCount;
    b_to_a: PacketCount;
    first: string;
    duration_ms: number;
    expression: string | null;
  }[];
  conversation_count: number;
  endpoints: { address: string; sent: PacketCount; received: PacketCount; expression: string }[];
  endpoint_count: number;
  protocols: { protocol: string; depth: number; packets: number; bytes: number; expression: string | null }[];
  gone: boolean;
}

/** What became of an imported file. */
export interface Imported {
  /** Null when there are no flows. */
  session: number | null;
  /** The capture whose packets are kept. */
  capture: number | null;
  flows: number;
  /** Entries that could not be taken, by their number in the file, from 0; at most 100 of them. */
  skipped: { entry: number; reason: string }[];
  note: string | null;
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
}

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

export type ComparedChange = "status" | "slower" | "new" | "gone" | "same";

/** A request as two sets of flows have it. */
export interface ComparedRequest {
  method: string;
  host: string;
  path: string;
  changes: ComparedChange[];
  a: ComparedSide | null;
  b: ComparedSide | null;
}

export interface ComparedSide {
  count: number;
  statuses: { status: number | null; count: number }[];
  median_ms: number | null;
  flow: number;
}

export interface SessionComparison {
  a: Session | null;
  b: Session | null;
  flows_a: number;
  flows_b: number;
  counts: Record<ComparedChange, number>;
  left_out: number;
  items: ComparedRequest[];
  next: number | null;
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

/** A message of a WebSocket that rules, or a person, changed or left out. */
export interface ChangedMessage {
  side: Side;
  /** Where it begins in what came from its side, bytes. */
  offset: number;
  length: number;
  kind: "text" | "binary";
  dropped: boolean;
  /** What went on instead; null when it went on as it came. */
  sent: BodyContent | null;
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
}

/** Where a filter is wrong, in characters. */
export interface FilterProblem {
  offset: number;
  length: number;
  message: string;
}

/** A field of the filter language. */
export interface FilterField {
  name: string;
  what: string;
  example: string;
  /** All values there are, where these are few. */
  values: string[] | null;
  /** The server knows the values that occur. */
  completes: boolean;
}

/** Flows over time, in spans of the same length. */
export interface Timeline {
  /** Where the first begins (RFC 3339); null when there are no flows. */
  from: string | null;
  to: string | null;
  bucket_ms: number;
  items: { count: number; errors: number }[];
}

/** A node of the tree of programs and devices, hosts and paths. */
export interface TreeItem {
  name: string;
  /** What to give as `client`, `host` or `path` for the level below. */
  key: string;
  count: number;
  errors: number;
  running: number;
  /** Of both bodies. */
  bytes: number;
  /** There is something below. */
  children: boolean;
  /** Matches the node's flows. */
  filter: string;
}

export interface TreeLevel {
  items: TreeItem[];
  more: number;
}

/** A packet of a flow or of a capture, in one line. */
export interface PacketLine {
  /** Its place in the capture, from 1. */
  number: number;
  file: number;
  offset: number;
  time: string;
  /** Null in the list of a capture. */
  direction: Side | null;
  interface: string | null;
  link: number;
  captured_length: number;
  original_length: number;
  summary: string;
}

export interface PacketPage {
  items: PacketLine[];
  next: string | null;
  /** Some lay in files that were removed for want of room. */
  gone: boolean;
}

/** One field of a packet's layer; places are offsets in its bytes. */
export interface PacketField {
  name: string;
  value: string;
  begin: number;
  end: number;
  fields: PacketField[];
}

export interface PacketLayer {
  name: string;
  summary: string;
  begin: number;
  end: number;
  fields: PacketField[];
  problem: string | null;
}

export interface PacketDetail extends Omit<PacketLine, "number" | "summary"> {
  link_name: string | null;
  layers: PacketLayer[];
  /** base64 */
  data: string;
}

/** What the packets of a TCP connection tell of the way. */
export interface Analysis {
  first: string | null;
  last: string | null;
  packets: number;
  whole: boolean;
  gone: boolean;
  request: DirectionAnalysis;
  response: DirectionAnalysis;
}

export interface DirectionAnalysis {
  address: string;
  counted: Counted;
  sent: Series;
  retransmitted: Series;
  out_of_order: Series;
  acknowledged: Series;
  window: Series;
  rtt: Series;
  throughput: { interval_s: number; bytes: number[] };
}

/** Points in the order of time; of many, fewer than there were. */
export interface Series {
  count: number;
  points: { time_s: number; value: number; end: number | null; packet: number }[];
}

/** Milliseconds. */
export interface Spread {
  samples: number;
  min: number | null;
  max: number | null;
  mean: number | null;
  stdev: number | null;
}

/** What is counted of a direction, as far as the page shows it. */
export interface Counted {
  packets: number;
  data_packets: number;
  data_bytes: number;
  unique_bytes: number;
  retransmitted_packets: number;
  retransmitted_bytes: number;
  out_of_order_packets: number;
  duplicate_acks: number;
  triple_duplicate_acks: number;
  sack_packets: number;
  pure_acks: number;
  resets: number;
  mss: number | null;
  window_scale: number | null;
  sack_permitted: boolean;
  timestamps: boolean;
  segment: { max: number; min: number; mean: number | null };
  window: { max: number; min: number; mean: number | null; zero: number };
  outstanding: { max: number; min: number; mean: number | null };
  initial_window_bytes: number;
  stream_length: number | null;
  missed_bytes: number | null;
  transmission_time_s: number;
  idle_max_ms: number;
  throughput: number | null;
  rtt_ms: Spread;
  rtt_handshake_ms: number | null;
  retransmission_time_ms: Spread;
}

/** Something that went wrong, with the packets that prove it. */
export interface Finding {
  cause: string;
  about: string;
  text: string;
  means: string;
  packets: number[];
  count: number;
}

/** A script: JavaScript that changes what passes. */
export interface Script {
  file: string;
  name: string;
  /** `stale`: the file as it is cannot be used, and the version before acts on. */
  state: "active" | "stale" | "failed";
  error: { text: string; line: number | null; column: number | null } | null;
  hooks: string[];
  filter: string;
  bodies: boolean;
  read: string | null;
  calls: number;
  failures: number;
  time_ms: number;
}

/** A line that a script has said. */
export interface ScriptLine {
  id: number;
  at: string;
  script: string;
  level: "debug" | "log" | "info" | "warn" | "error";
  text: string;
  flow: number | null;
}
