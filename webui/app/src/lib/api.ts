//! The client of the REST API: addresses, requests, errors in words.

import type {
  Analysis, Annotation, Annotations, BodyContent, Capture, CaptureOverview, ChangedMessage, Deletion, Device, ExportFormat, FilterField, FilterProblem, Finding, Flow, FlowDetail, Imported, Interface, KeptCapture, Offline, OfflineNow, PacketDetail, PacketPage, Page, Problem, ReplayPlan, ReplayRequest,
  ReplayResult, ReplayRun, Rule, RuleList, Script, ScriptLine, Session, SessionComparison, Settings, Side, Status, StoredRule, StreamMessage, Timeline, TreeLevel, Waiting, WaitingAnswer, WaitingEdit, WaitingMessage,
} from "./types";

/** What the server, or the way to it, said no with. */
export class ApiError extends Error {
  constructor(
    message: string,
    /** The HTTP status; 0 when the server was not reached. */
    readonly status: number,
    readonly filter: FilterProblem | null = null,
    /** Which action of a rule is wrong, from 0. */
    readonly action: number | null = null,
  ) {
    super(message);
  }
}

/** What a list is sorted by. */
export const SORT_KEYS = ["id", "duration", "size", "status", "host", "method", "path", "type", "client", "upload", "kind"] as const;
export type SortKey = (typeof SORT_KEYS)[number];
export type Order = "asc" | "desc";

/** A session's number, or the one that is recorded into, or all of them. */
export type SessionChoice = number | "current" | "all";

export interface ListQuery {
  filter: string;
  session: SessionChoice;
  sort: SortKey;
  order: Order;
}

type Params = Record<string, string | number | boolean | null | undefined>;

/** An address under `/api/`; empty parameters are left out. */
export function address(path: string, params: Params = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined && value !== null && value !== "" && value !== false) query.set(name, String(value));
  }
  const text = query.toString();
  return `/api/${path}${text ? `?${text}` : ""}`;
}

/** A request whose failure is an `ApiError`. */
export async function request(url: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { credentials: "same-origin", ...init });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError("overhear does not answer. Is it still running?", 0);
  }
  if (!response.ok) throw await failure(response);
  return response;
}

async function failure(response: Response): Promise<ApiError> {
  let problem: Problem = {};
  if (response.headers.get("content-type")?.includes("json")) {
    problem = (await response.json().catch(() => ({}))) as Problem;
  }
  const text = problem.detail ?? problem.title ?? `The server answered ${response.status}.`;
  return new ApiError(text, response.status, problem.filter ?? null, problem.action ?? null);
}

async function json<T>(url: string, init?: RequestInit): Promise<T> {
  return (await (await request(url, init)).json()) as T;
}

function send(method: string, body: unknown): RequestInit {
  return { method, headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}

export const PAGE = 200;

export const api = {
  flows: (query: ListQuery, at: { cursor?: string | null; skip?: number; limit?: number }, signal?: AbortSignal) =>
    json<Page>(
      address("flows", { ...query, cursor: at.cursor, skip: at.skip || undefined, limit: at.limit ?? PAGE }),
      signal ? { signal } : {},
    ),
  /** Those of these flows that a list has. */
  among: async (ids: number[], filter: string, session: SessionChoice, signal?: AbortSignal) =>
    (await json<Page>(address("flows", { ids: ids.join(","), filter, session, limit: ids.length }), signal ? { signal } : {})).items,
  /** How many rows of a list stand before a flow; null when it is not in that list. */
  position: async (id: number, query: ListQuery, signal?: AbortSignal) =>
    (await json<{ position: number | null }>(address(`flows/${id}/position`, { ...query }), signal ? { signal } : {})).position,
  count: async (filter: string, session: SessionChoice, signal?: AbortSignal) =>
    (await json<{ count: number }>(address("flows/count", { filter, session }), signal ? { signal } : {})).count,
  flow: (id: number, signal?: AbortSignal) => json<FlowDetail>(address(`flows/${id}`), signal ? { signal } : {}),
  deleteIds: (ids: number[]) => json<Deletion>(address("flows", { ids: ids.join(",") }), { method: "DELETE" }),
  deleteMatching: (filter: string, session?: SessionChoice) => json<Deletion>(address("flows", { filter, session }), { method: "DELETE" }),
  undelete: (undo: string) => json<{ restored: number }>(address("flows/undelete"), send("POST", { undo })),
  annotate: (id: number, change: Annotation) => request(address(`flows/${id}`), send("PATCH", change)),
  annotateMany: (ids: number[], change: Annotations) => json<{ changed: number }>(address("flows"), send("PATCH", { ids, ...change })),
  messages: (id: number, skip: number, limit: number, signal?: AbortSignal) =>
    json<{ items: StreamMessage[]; next: number | null }>(
      address(`flows/${id}/messages`, { skip: skip || undefined, limit }),
      signal ? { signal } : {},
    ),
  changedMessages: (id: number, skip: number, limit: number, signal?: AbortSignal, byHand?: true) =>
    json<{ items: ChangedMessage[]; next: number | null }>(address(`flows/${id}/messages/changed`, { skip: skip || undefined, limit, by_hand: byHand }), signal ? { signal } : {}),
  /** Sends a message into a WebSocket that is open; not yet `sent` is one that waits for the end of another. */
  sendMessage: (id: number, message: BodyContent & { to: "server" | "client" }) => json<{ sent: boolean }>(address(`flows/${id}/messages`), send("POST", message)),
  packets: (id: number, at: { cursor?: string | null; limit?: number }, signal?: AbortSignal) =>
    json<PacketPage>(address(`flows/${id}/packets`, at), signal ? { signal } : {}),
  packet: (id: number, file: number, offset: number, signal?: AbortSignal) =>
    json<PacketDetail>(address(`flows/${id}/packets/${file}/${offset}`), signal ? { signal } : {}),
  analysis: (id: number, signal?: AbortSignal) => json<Analysis>(address(`flows/${id}/analysis`), signal ? { signal } : {}),
  findings: async (id: number, signal?: AbortSignal) =>
    (await json<{ items: Finding[] }>(address(`flows/${id}/findings`), signal ? { signal } : {})).items,
  replay: (what: ReplayRequest) => json<{ flow: number }>(address("replay"), send("POST", what)),
  beginRun: (plan: ReplayPlan) => json<ReplayRun>(address("replay/runs"), send("POST", plan)),
  run: (id: number, at: { request?: number | null } = {}, signal?: AbortSignal) => json<ReplayRun>(address(`replay/runs/${id}`, at), signal ? { signal } : {}),
  stopRun: (id: number) => json<ReplayRun>(address(`replay/runs/${id}`), { method: "DELETE" }),
  runResults: (id: number, at: { skip?: number; limit?: number }, signal?: AbortSignal) =>
    json<{ items: ReplayResult[]; next: number | null }>(address(`replay/runs/${id}/results`, at), signal ? { signal } : {}),
  record: (on: boolean) => json<{ on: boolean }>(address("recording"), send("PUT", { on })),
  interfaces: async () => (await json<{ items: Interface[] }>(address("interfaces"))).items,
  startCapture: (what: { interface: string; expression: string | null }) => json<Capture>(address("captures"), send("POST", what)),
  stopCapture: (id: number) => request(address(`captures/${id}`), { method: "DELETE" }),
  keptCaptures: async () => (await json<{ items: KeptCapture[] }>(address("captures/kept"))).items,
  capturePackets: (id: number, at: { cursor?: string | null; limit?: number; expression?: string }, signal?: AbortSignal) =>
    json<PacketPage>(address(`captures/kept/${id}/packets`, at), signal ? { signal } : {}),
  capturePacket: (id: number, file: number, offset: number, signal?: AbortSignal) =>
    json<PacketDetail>(address(`captures/kept/${id}/packets/${file}/${offset}`), signal ? { signal } : {}),
  captureOverview: (id: number, of: { expression?: string }, signal?: AbortSignal) =>
    json<CaptureOverview>(address(`captures/kept/${id}/overview`, of), signal ? { signal } : {}),
  deleteCapture: (id: number) => request(address(`captures/kept/${id}`), { method: "DELETE" }),
  decryptCapture: (id: number, keys: Blob) => json<Imported>(address(`captures/kept/${id}/decrypt`), { method: "POST", body: keys }),
  scripts: async () => (await json<{ items: Script[] }>(address("scripts"))).items,
  scriptConsole: async () => (await json<{ items: ScriptLine[] }>(address("scripts/console"))).items,
  clearScriptConsole: () => request(address("scripts/console"), { method: "DELETE" }),
  sessions: async () => (await json<{ items: Session[] }>(address("sessions"))).items,
  saveSession: (name: string) => json<Session>(address("sessions"), send("POST", { name })),
  renameSession: (id: number, name: string) => json<Session>(address(`sessions/${id}`), send("PATCH", { name })),
  deleteSession: (id: number) => json<Deletion>(address(`sessions/${id}`), { method: "DELETE" }),
  compareSessions: (what: Record<string, string | number | null | undefined>, signal?: AbortSignal) =>
    json<SessionComparison>(address("sessions/compare", what), signal ? { signal } : {}),
  status: () => json<Status>(address("status")),
  devices: async () => (await json<{ items: Device[] }>(address("devices"))).items,
  decide: (device: string, decision: "allow" | "refuse") =>
    request(address(`devices/${encodeURIComponent(device)}`), send("PUT", { decision })),
  settings: () => json<Settings>(address("settings")),
  changeSettings: (change: Record<string, unknown>) => json<Settings>(address("settings"), send("PATCH", change)),
  acceptCertificate: (host: string) =>
    request(address(`settings/accepted-certificates/${encodeURIComponent(host)}`), { method: "PUT" }),
  refuseCertificate: (host: string) =>
    request(address(`settings/accepted-certificates/${encodeURIComponent(host)}`), { method: "DELETE" }),
  passHost: (host: string) => request(address(`settings/passed-hosts/${encodeURIComponent(host)}`), { method: "PUT" }),
  interceptHost: (host: string) => request(address(`settings/passed-hosts/${encodeURIComponent(host)}`), { method: "DELETE" }),
  timeline: (what: { filter: string; session: SessionChoice; buckets: number }) => json<Timeline>(address("flows/timeline", what)),
  tree: (at: { session: SessionChoice; devices: boolean; client?: string; host?: string; path?: string }, signal?: AbortSignal) =>
    json<TreeLevel>(address("flows/tree", at), signal ? { signal } : {}),
  filterFields: async () => (await json<{ items: FilterField[] }>(address("filter/fields"))).items,
  values: async (field: string, at: { prefix?: string; filter?: string; session?: SessionChoice; limit?: number } = {}, signal?: AbortSignal) =>
    (await json<{ items: { value: string; count: number }[] }>(address("filter/values", { field, ...at }), signal ? { signal } : {})).items,
  offline: () => json<OfflineNow>(address("offline")),
  setOffline: (offline: Offline) => json<OfflineNow>(address("offline"), send("PUT", offline)),
  rules: () => json<RuleList>(address("rules")),
  addRule: (rule: Rule) => json<StoredRule>(address("rules"), send("POST", rule)),
  changeRule: (id: number, rule: Rule) => json<StoredRule>(address(`rules/${id}`), send("PUT", rule)),
  deleteRule: (id: number) => request(address(`rules/${id}`), { method: "DELETE" }),
  switchRules: (on: boolean, group?: string) => json<RuleList>(address("rules"), send("PATCH", group === undefined ? { on } : { on, group })),
  orderRules: (ids: number[]) => json<RuleList>(address("rules/order"), send("PUT", { ids })),
  previewRule: (rule: Rule, signal?: AbortSignal) =>
    json<{ count: number; items: Flow[] }>(address("rules/preview"), { ...send("POST", rule), ...(signal ? { signal } : {}) }),
  /** Those of the database. */
  rulesText: async () => (await request(address("rules.toml", { own: true }))).text(),
  importRules: (text: string, replace: boolean) =>
    json<RuleList & { of_file: number }>(address("rules/import", { replace }), { method: "POST", headers: { "content-type": "application/toml" }, body: text }),
  waiting: async () => (await json<{ items: Waiting[] }>(address("waiting"))).items,
  waitingMessage: (id: number, signal?: AbortSignal) => json<WaitingMessage>(address(`waiting/${id}`), signal ? { signal } : {}),
  editWaiting: (id: number, edit: WaitingEdit) => json<WaitingMessage>(address(`waiting/${id}`), send("PUT", edit)),
  continueWaiting: (id: number, edit: WaitingEdit) => request(address(`waiting/${id}/continue`), send("POST", edit)),
  dropWaiting: (id: number, version?: number) => request(address(`waiting/${id}/drop`), send("POST", version === undefined ? {} : { version })),
  answerWaiting: (id: number, answer: WaitingAnswer) => request(address(`waiting/${id}/answer`), send("POST", answer)),
  continueAllWaiting: () => json<{ count: number }>(address("waiting/continue"), { method: "POST" }),
  exportAs: (format: ExportFormat, what: { filter?: string; ids?: number[]; session?: SessionChoice; keep_tls_port?: boolean }) =>
    request(address("export"), send("POST", { format, ...what })),
};

/** Where a recorded body is; `decoded` removes content codings, and then `from` and `length` ask for a part; `sent` is the one that a rule
 * sent instead. */
export function bodyAddress(id: number, side: Side, options: { decoded?: boolean; download?: boolean; from?: number; length?: number; sent?: boolean } = {}): string {
  return address(`flows/${id}/${side}/body`, options);
}

/** Where a recorded head is, byte for byte; `sent` is the one that went on. */
export function headAddress(id: number, side: Side, sent = false): string {
  return address(`flows/${id}/${side}/head`, { sent });
}

/** An error in words, whatever was thrown. */
export function words(error: unknown): string {
  // as Chromium, Firefox and Safari say that a part of the page itself did not come
  if (error instanceof TypeError && /dynamically imported module|importing a module script/i.test(error.message)) return "A part of the page that this needs could not be loaded. Try again, or reload the page.";
  return error instanceof Error ? error.message : String(error);
}

export function aborted(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}
