//! What rules can do, as forms: the name of each action, what it is for, its values.

import type { Action, Stage } from "../lib/types";

export type FieldKind = "text" | "number" | "check" | "select" | "pairs" | "content" | "json" | "words" | "color";

export interface ActionField {
  key: string;
  label: string;
  kind: FieldKind;
  /** Left out of the action when it is empty. */
  optional?: boolean;
  placeholder?: string;
  hint?: string;
  options?: readonly (readonly [value: string, title: string])[];
  /** Only at these stages. */
  stages?: readonly Stage[];
  /** In a row with others, rather than over the whole width. */
  short?: boolean;
}

export interface ActionKind {
  do: string;
  title: string;
  /** What it is for, in one sentence. */
  what: string;
  heading: string;
  stages: readonly Stage[];
  fields: readonly ActionField[];
  /** As it begins. */
  start: () => Action;
}

const BOTH: readonly Stage[] = ["request", "response"];
const EVERY: readonly Stage[] = ["request", "response", "message"];
const REQUEST: readonly Stage[] = ["request"];
const RESPONSE: readonly Stage[] = ["response"];

const AS_WRITTEN: ActionField = { key: "as_written", label: "Lengths and codings stay as they are written, right or wrong", kind: "check", optional: true };
const NAME: ActionField = { key: "name", label: "Name", kind: "text", placeholder: "X-Debug", short: true };
const VALUE: ActionField = { key: "value", label: "Value", kind: "text", short: true };
const FIND: ActionField = { key: "find", label: "Find", kind: "text", short: true };
const WITH: ActionField = { key: "with", label: "Replace with", kind: "text", short: true, hint: "$1 is the first group of a regular expression" };
const REGEX: ActionField = { key: "regex", label: "Find is a regular expression", kind: "check", optional: true };
const FROM: ActionField = { key: "from", label: "Taken off the path first", kind: "text", optional: true, placeholder: "/api" };

/** As the proxy has them: kilobits a second down and up, milliseconds of latency. */
export const PROFILES: readonly (readonly [name: string, title: string, down: number, up: number, latency: number])[] = [
  ["gprs", "GPRS", 50, 20, 500],
  ["edge", "EDGE", 240, 200, 300],
  ["3g", "3G", 1_600, 768, 150],
  ["slow-4g", "Slow 4G", 4_000, 3_000, 85],
  ["lte", "LTE", 12_000, 12_000, 35],
  ["dsl", "DSL", 16_000, 2_400, 25],
  ["wifi", "Wi-Fi", 40_000, 20_000, 5],
];

const COLORS = ["red", "orange", "yellow", "green", "blue", "purple", "grey"] as const;

export const ACTIONS: readonly ActionKind[] = [
  { do: "set-header", title: "Set a header field", what: "The field gets this value, or is added.", heading: "Header fields", stages: BOTH, fields: [NAME, VALUE, AS_WRITTEN], start: () => ({ do: "set-header", name: "", value: "" }) },
  { do: "add-header", title: "Add a header field", what: "Behind all others, also when there is one of that name.", heading: "Header fields", stages: BOTH, fields: [NAME, VALUE], start: () => ({ do: "add-header", name: "", value: "" }) },
  { do: "remove-header", title: "Remove a header field", what: "Every field of that name.", heading: "Header fields", stages: BOTH, fields: [NAME], start: () => ({ do: "remove-header", name: "" }) },
  { do: "replace-header", title: "Replace in a header field", what: "Within the value of every field of that name.", heading: "Header fields", stages: BOTH, fields: [NAME, FIND, WITH, REGEX], start: () => ({ do: "replace-header", name: "", find: "", with: "" }) },
  { do: "strip-cookies", title: "Remove cookies", what: "From Cookie of requests, from Set-Cookie of responses.", heading: "Header fields", stages: BOTH, fields: [{ ...NAME, placeholder: "all of them", optional: true, hint: "Only the cookie of this name" }], start: () => ({ do: "strip-cookies" }) },
  { do: "set-cookie", title: "Set a cookie", what: "In Cookie of requests, as Set-Cookie of responses.", heading: "Header fields", stages: BOTH, fields: [{ ...NAME, placeholder: "session" }, VALUE, { key: "attributes", label: "Attributes", kind: "text", optional: true, placeholder: "Path=/; Secure", stages: RESPONSE }], start: () => ({ do: "set-cookie", name: "", value: "" }) },
  { do: "no-caching", title: "No caching", what: "Requests ask for the whole answer, responses may not be kept.", heading: "Header fields", stages: BOTH, fields: [], start: () => ({ do: "no-caching" }) },
  { do: "allow-cors", title: "Open CORS", what: "Pages of every origin may read the response; preflights are answered with leave.", heading: "Header fields", stages: RESPONSE, fields: [], start: () => ({ do: "allow-cors" }) },

  { do: "replace-body", title: "Replace in the body", what: "Text or a regular expression, everywhere in the body.", heading: "Body", stages: EVERY, fields: [FIND, WITH, REGEX], start: () => ({ do: "replace-body", find: "", with: "" }) },
  { do: "set-json", title: "Set a JSON value", what: "By its path; what is not there is added.", heading: "Body", stages: EVERY, fields: [{ key: "path", label: "Path", kind: "text", placeholder: "/items/0/price", hint: "JSON Pointer; - stands behind a list", short: true }, { key: "value", label: "Value (JSON)", kind: "json", short: true, placeholder: '1, "text", {"a": true}' }], start: () => ({ do: "set-json", path: "/", value: null }) },
  { do: "set-body", title: "Another body", what: "Written here, or out of a file.", heading: "Body", stages: EVERY, fields: [{ key: "body", label: "Body", kind: "content" }, { ...AS_WRITTEN, stages: BOTH }], start: () => ({ do: "set-body", body: { text: "" } }) },

  { do: "map-remote", title: "Map to another server", what: "The request goes elsewhere.", heading: "Where it goes", stages: REQUEST, fields: [{ key: "to", label: "To", kind: "text", placeholder: "https://staging.example.com", hint: "A path in it is put before the request's own" }, FROM, { key: "keep_host", label: "Host stays as the client sent it", kind: "check", optional: true }], start: () => ({ do: "map-remote", to: "" }) },
  { do: "map-local", title: "Map to a file or folder", what: "Answered from this computer's disk, with its type and ranges.", heading: "Where it goes", stages: REQUEST, fields: [{ key: "path", label: "File or folder", kind: "text", placeholder: "/srv/site", hint: "A whole path on the computer that overhear runs on" }, { ...FROM, placeholder: "/static" }], start: () => ({ do: "map-local", path: "" }) },
  { do: "upstream", title: "Another way to the server", what: "Only the connection is made elsewhere; the request stays as it is.", heading: "Where it goes", stages: REQUEST, fields: [{ key: "to", label: "To", kind: "text", placeholder: "127.0.0.1:3000", hint: "HOST:PORT, HOST, a proxy (http://, https:// or socks5://[USER:PASSWORD@]HOST[:PORT]), or direct" }], start: () => ({ do: "upstream", to: "" }) },
  { do: "set-url", title: "Other parts of the URL", what: "Another scheme, host or port leads to another server.", heading: "Where it goes", stages: REQUEST, fields: [{ key: "scheme", label: "Scheme", kind: "select", optional: true, short: true, options: [["", "as it is"], ["http", "http"], ["https", "https"]] }, { key: "host", label: "Host", kind: "text", optional: true, placeholder: "as it is", short: true }, { key: "port", label: "Port", kind: "number", optional: true, placeholder: "as it is", short: true }, { key: "path", label: "Path", kind: "text", optional: true, placeholder: "as it is" }, { key: "query", label: "Query", kind: "text", optional: true, placeholder: "as it is", hint: "Without its ?" }], start: () => ({ do: "set-url" }) },
  { do: "replace-url", title: "Replace in path and query", what: "Text or a regular expression.", heading: "Where it goes", stages: REQUEST, fields: [{ ...FIND, placeholder: "/v1/" }, { ...WITH, placeholder: "/v2/" }, REGEX], start: () => ({ do: "replace-url", find: "", with: "" }) },
  { do: "set-method", title: "Another method", what: "As the server gets it.", heading: "Where it goes", stages: REQUEST, fields: [{ key: "method", label: "Method", kind: "text", placeholder: "PUT", short: true }], start: () => ({ do: "set-method", method: "" }) },

  { do: "answer", title: "Answer here", what: "In the server's place; at the stage response its answer is dropped.", heading: "Answer", stages: BOTH, fields: [{ key: "status", label: "Status", kind: "number", short: true }, { key: "headers", label: "Header fields", kind: "pairs", optional: true }, { key: "body", label: "Body", kind: "content", optional: true }], start: () => ({ do: "answer", status: 200, headers: [["Content-Type", "application/json"]], body: { text: "{}" } }) },
  { do: "answer-recorded", title: "Answer from the recording", what: "Offline: what was recorded for the same method and URL, one after the other.", heading: "Answer", stages: REQUEST, fields: [{ key: "filter", label: "Out of which recorded flows (a filter)", kind: "text", optional: true, placeholder: "all; session:3" }, { key: "ignore_query", label: "Names in the query that may differ", kind: "words", optional: true, short: true, hint: "With commas between; * for the whole query" }, { key: "same_headers", label: "Header fields that must be the same", kind: "words", optional: true, short: true }, { key: "same_body", label: "The body must be the same", kind: "check", optional: true }, { key: "missing", label: "What was not recorded", kind: "select", short: true, options: [["not-found", "is answered with 404"], ["pass", "goes to the server"]] }], start: () => ({ do: "answer-recorded", missing: "not-found" }) },
  { do: "redirect", title: "Redirect", what: "{path} stands for the path and query that were asked for.", heading: "Answer", stages: BOTH, fields: [{ key: "to", label: "To", kind: "text", placeholder: "https://b.example{path}" }, { key: "status", label: "Status", kind: "select", short: true, options: [["301", "301 Moved Permanently"], ["302", "302 Found"], ["303", "303 See Other"], ["307", "307 Temporary Redirect"], ["308", "308 Permanent Redirect"]] }], start: () => ({ do: "redirect", to: "", status: 302 }) },
  { do: "block", title: "Block", what: "It does not pass.", heading: "Answer", stages: EVERY, fields: [{ key: "how", label: "The client gets", kind: "select", short: true, options: [["forbidden", "403, with a page that says so"], ["close", "its connection closed"], ["reset", "its connection reset"]] }], start: () => ({ do: "block", how: "forbidden" }) },
  { do: "set-status", title: "Another status", what: "The rest of the response stays.", heading: "Answer", stages: RESPONSE, fields: [{ key: "status", label: "Status", kind: "number", short: true }], start: () => ({ do: "set-status", status: 503 }) },

  { do: "throttle", title: "Throttle", what: "As slow as a phone's connection; for all of a host together.", heading: "Slower", stages: REQUEST, fields: [{ key: "profile", label: "Profile", kind: "select", optional: true, options: [["", "own numbers"], ...PROFILES.map(([name, title, down, up, latency]) => [name, `${title}: ${down} down, ${up} up (kbit/s), ${latency} ms`] as const)] }, { key: "down_kbps", label: "Down, kbit/s", kind: "number", optional: true, short: true }, { key: "up_kbps", label: "Up, kbit/s", kind: "number", optional: true, short: true }, { key: "latency_ms", label: "Latency, ms", kind: "number", optional: true, short: true, hint: "Numbers go before those of the profile" }], start: () => ({ do: "throttle", profile: "3g" }) },
  { do: "delay", title: "Delay", what: "It waits, then goes on.", heading: "Slower", stages: EVERY, fields: [{ key: "ms", label: "Milliseconds", kind: "number", short: true }], start: () => ({ do: "delay", ms: 1000 }) },
  { do: "wait", title: "Wait for a person: a breakpoint", what: "It stops, and this page asks what is to become of it.", heading: "Slower", stages: EVERY, fields: [{ key: "seconds", label: "Goes on by itself after, seconds", kind: "number", optional: true, short: true, placeholder: "never" }], start: () => ({ do: "wait" }) },

  { do: "tag", title: "Tag", what: "Tags on the flow.", heading: "In the list", stages: EVERY, fields: [{ key: "tags", label: "Tags, with commas between", kind: "words" }], start: () => ({ do: "tag", tags: [] }) },
  { do: "comment", title: "Comment", what: "A comment on the flow.", heading: "In the list", stages: EVERY, fields: [{ key: "text", label: "Comment", kind: "text" }], start: () => ({ do: "comment", text: "" }) },
  { do: "highlight", title: "Colour", what: "A colour on the flow.", heading: "In the list", stages: EVERY, fields: [{ key: "color", label: "Colour", kind: "color", short: true, options: COLORS.map((color) => [color, color] as const) }], start: () => ({ do: "highlight", color: "yellow" }) },
  { do: "do-not-record", title: "Do not record", what: "It passes, and no flow is kept.", heading: "In the list", stages: REQUEST, fields: [], start: () => ({ do: "do-not-record" }) },
];

export function kindOf(action: Action): ActionKind | undefined {
  return ACTIONS.find((kind) => kind.do === action.do);
}

/** The fields of an action at a stage. */
export function fieldsOf(action: Action, stage: Stage): readonly ActionField[] {
  return (kindOf(action)?.fields ?? []).filter((field) => field.stages === undefined || field.stages.includes(stage));
}

/** An action with another value; what is optional and empty is left out. */
export function withValue(action: Action, field: ActionField, value: unknown): Action {
  const empty = value === "" || value === null || value === undefined || value === false || (Array.isArray(value) && value.length === 0);
  if (field.optional && empty) {
    const { [field.key]: _gone, ...rest } = action;
    return rest as Action;
  }
  return { ...action, [field.key]: value };
}

/** What an action does, in a few words for the list. */
export function summary(action: Action): string {
  const text = (key: string) => String(action[key] ?? "");
  switch (action.do) {
    case "set-header": return `${text("name")}: ${text("value")}`;
    case "add-header": return `+ ${text("name")}: ${text("value")}`;
    case "remove-header": return `− ${text("name")}`;
    case "replace-header": return `in ${text("name")}: ${text("find")} → ${text("with")}`;
    case "strip-cookies": return text("name") ? `− cookie ${text("name")}` : "no cookies";
    case "set-cookie": return `cookie ${text("name")}=${text("value")}`;
    case "no-caching": return "no caching";
    case "allow-cors": return "CORS open";
    case "replace-body": return `in the body: ${text("find")} → ${text("with")}`;
    case "set-json": return `${text("path")} = ${JSON.stringify(action["value"])}`;
    case "set-body": return "another body";
    case "map-remote": return `→ ${text("to")}`;
    case "map-local": return `← ${text("path")}`;
    case "set-url": return ["scheme", "host", "port", "path", "query"].filter((key) => action[key] !== undefined).map((key) => `${key} ${text(key)}`).join(", ");
    case "replace-url": return `${text("find")} → ${text("with")}`;
    case "set-method": return text("method");
    case "answer": return `answers ${text("status") || "200"}`;
    case "answer-recorded": return "answers from the recording";
    case "upstream": return `by way of ${text("to")}`;
    case "redirect": return `${text("status") || "302"} → ${text("to")}`;
    case "block": return `blocks${action["how"] && action["how"] !== "forbidden" ? ` (${text("how")})` : ""}`;
    case "set-status": return `status ${text("status")}`;
    case "throttle": return `as ${PROFILES.find(([name]) => name === action["profile"])?.[1] ?? "slow as said"}`;
    case "delay": return `waits ${text("ms")} ms`;
    case "wait": return `breakpoint${action["seconds"] ? `, ${text("seconds")} s` : ""}`;
    case "tag": return `# ${(action["tags"] as string[] | undefined)?.join(", ") ?? ""}`;
    case "comment": return `✎ ${text("text")}`;
    case "highlight": return text("color");
    case "do-not-record": return "not recorded";
    default: return action.do;
  }
}

/** The field that the server's words are about: the one whose value they quote. Null when none is. */
export function blamed(action: Action, words: string): string | null {
  const fields = kindOf(action)?.fields ?? [];
  if (/^find is empty/.test(words)) return "find";
  for (const field of fields) {
    const value = action[field.key];
    const parts = field.kind === "content" ? Object.values((value ?? {}) as object) : field.kind === "pairs" ? ((value ?? []) as string[][]).flat() : field.kind === "words" ? (value as unknown[]) : [value];
    const quoted = (parts ?? []).some((part) => (typeof part === "string" && (words.includes(JSON.stringify(part)) || (part.length > 1 && words.includes(part)))) || (typeof part === "number" && words.startsWith(`${part} `)));
    if (quoted) return field.key;
  }
  if (/body/.test(words) && fields.some((field) => field.kind === "content")) return "body";
  return null;
}
