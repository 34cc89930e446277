//! Figures and words as the page writes them. Bytes are counted in thousands (kB, MB), as browsers do.

import type { Flow, GrpcStatus } from "./types";

/** Made once: a formatter costs more than what it writes. */
const figures = new Intl.NumberFormat("en");

export function bytes(n: number | null | undefined): string {
  if (n === null || n === undefined) return "";
  if (n < 1000) return `${n} B`;
  let value = n;
  for (const unit of ["kB", "MB", "GB"]) {
    value /= 1000;
    if (value < 999.5 || unit === "GB") return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${unit}`;
  }
  return "";
}

/** The number of bytes in full, for a tooltip or a table. */
export function exactBytes(n: number): string {
  return `${figures.format(n)} ${n === 1 ? "byte" : "bytes"}`;
}

/** How long, in words: `12 ms`, `3 min 4 s`, `3,650 d 2 h`; `?` for less than nothing. */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return "";
  // a clock that was set back meanwhile
  if (!(ms >= 0)) return "?";
  if (ms < 1) return `${ms < 0.01 ? "<0.01" : ms.toFixed(2)} ms`;
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 9_995) return `${(ms / 1000).toFixed(2)} s`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  if (seconds >= 172_800) return `${figures.format(Math.floor(seconds / 86_400))} d ${Math.floor((seconds % 86_400) / 3600)} h`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

const two = (n: number) => String(n).padStart(2, "0");

/** `14:03:09.123`, in the time zone of the person. */
export function clock(rfc3339: string | null): string {
  if (!rfc3339) return "";
  const at = new Date(rfc3339);
  if (Number.isNaN(at.getTime())) return rfc3339;
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}

/** `2026-11-21 14:03:09.123456`, in the time zone of the person. */
export function moment(rfc3339: string | null): string {
  if (!rfc3339) return "";
  const at = new Date(rfc3339);
  if (Number.isNaN(at.getTime())) return rfc3339;
  const micro = (/\.(\d+)/.exec(rfc3339)?.[1] ?? "").padEnd(6, "0").slice(0, 6);
  return `${day(rfc3339)} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${micro}`;
}

/** `2026-11-21`, in the time zone of the person. */
export function day(rfc3339: string): string {
  const at = new Date(rfc3339);
  if (Number.isNaN(at.getTime())) return rfc3339;
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

/** Nanoseconds are kept: milliseconds from `from` to `to`, or null when one is unknown. */
export function between(from: string | null | undefined, to: string | null | undefined): number | null {
  if (!from || !to) return null;
  return nanoseconds(to, from) / 1e6;
}

function nanoseconds(to: string, from: string): number {
  const seconds = (Math.floor(Date.parse(to) / 1000) - Math.floor(Date.parse(from) / 1000)) * 1e9;
  return seconds + fraction(to) - fraction(from);
}

function fraction(rfc3339: string): number {
  return Number((/\.(\d+)/.exec(rfc3339)?.[1] ?? "0").padEnd(9, "0").slice(0, 9));
}

export function count(n: number): string {
  return figures.format(n);
}

/** `1 flow`, `2 flows`. */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** A media type as a short word: `json`, `html`, `png`. */
export function shortType(contentType: string | null | undefined): string {
  const type = mediaType(contentType);
  if (!type) return "";
  const sub = type.slice(type.indexOf("/") + 1);
  const known: Record<string, string> = {
    "javascript": "js", "x-javascript": "js", "ecmascript": "js", "plain": "text", "svg+xml": "svg", "jpeg": "jpg",
    "x-www-form-urlencoded": "form", "form-data": "multipart", "octet-stream": "binary", "event-stream": "events", "dns-message": "dns", "grpc-web-text": "grpc-web",
    "vnd.microsoft.icon": "ico", "x-icon": "ico", "x-protobuf": "protobuf", "xhtml+xml": "xhtml",
    "vnd.apple.mpegurl": "hls", "x-mpegurl": "hls",
  };
  if (known[sub]) return known[sub];
  const suffix = sub.lastIndexOf("+");
  return suffix > 0 ? sub.slice(suffix + 1) : sub.replace(/^(x-|vnd\.)/, "");
}

/** `application/json` of `Application/JSON; charset=utf-8`. */
export function mediaType(contentType: string | null | undefined): string {
  return (contentType ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}

const REASONS: Record<number, string> = {
  100: "Continue", 101: "Switching Protocols", 103: "Early Hints", 200: "OK", 201: "Created", 202: "Accepted",
  203: "Non-Authoritative Information", 204: "No Content", 205: "Reset Content", 206: "Partial Content", 207: "Multi-Status",
  300: "Multiple Choices", 301: "Moved Permanently", 302: "Found", 303: "See Other", 304: "Not Modified",
  307: "Temporary Redirect", 308: "Permanent Redirect", 400: "Bad Request", 401: "Unauthorized", 402: "Payment Required",
  403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable", 407: "Proxy Authentication Required",
  408: "Request Timeout", 409: "Conflict", 410: "Gone", 411: "Length Required", 412: "Precondition Failed",
  413: "Content Too Large", 414: "URI Too Long", 415: "Unsupported Media Type", 416: "Range Not Satisfiable",
  417: "Expectation Failed", 421: "Misdirected Request", 422: "Unprocessable Content", 425: "Too Early",
  426: "Upgrade Required", 428: "Precondition Required", 429: "Too Many Requests", 431: "Request Header Fields Too Large",
  451: "Unavailable For Legal Reasons", 500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway",
  503: "Service Unavailable", 504: "Gateway Timeout", 505: "HTTP Version Not Supported", 508: "Loop Detected",
  511: "Network Authentication Required",
};

/** What RFC 9110 calls a status code; empty when it has no name. */
export function reason(status: number): string {
  return REASONS[status] ?? "";
}

const CAUSES: Record<string, string> = {
  dns: "name not found", refused: "refused", unreachable: "unreachable", timeout: "timed out", tls: "TLS failed",
  certificate: "bad certificate", protocol: "protocol error", loop: "loop", reset: "reset", closed: "closed early",
  forbidden: "not allowed", other: "failed",
};

/** The cause of a failure in two words. */
export function causeWords(cause: string): string {
  return CAUSES[cause] ?? cause;
}

/** The status of a gRPC call as a word: `UNAVAILABLE`, or its number where it has no name. */
export function grpcName(grpc: Pick<GrpcStatus, "status" | "name">): string {
  return grpc.name ?? `gRPC ${grpc.status}`;
}

/** What a caller may have done wrong, in gRPC as in HTTP's 4xx; the rest is the server's. */
const CALLERS = [1, 3, 5, 6, 7, 9, 11, 16];

/** The colour a row's state has. */
export type Tone = "ok" | "redirect" | "client" | "server" | "failed" | "running" | "quiet";

/** The state of a flow as a word and a colour. */
export function stateOf(flow: Pick<Flow, "state" | "status" | "error" | "kind"> & { grpc?: GrpcStatus | null; response: { version: string | null } | null }): { word: string; tone: Tone } {
  if (flow.state === "failed") {
    const words = causeWords(flow.error?.cause ?? "other");
    // the status of an answer that was cut off; where none came, it is what the client was told in its place
    const began = flow.response !== null && flow.response.version !== null;
    return { word: began && flow.status && flow.error?.side === "server" && flow.error.cause === "closed" ? `${flow.status} ${words}` : words, tone: "failed" };
  }
  if (flow.state === "interrupted") return { word: "interrupted", tone: "quiet" };
  if (flow.state === "running" && flow.kind === "tcp") return { word: "open", tone: "running" };
  // 101, or 200 where it was opened over HTTP/2
  if (flow.kind === "websocket" && flow.status !== null && statusTone(flow.status) === "ok") return flow.state === "running" ? { word: `${flow.status} open`, tone: "running" } : { word: `${flow.status} closed`, tone: "ok" };
  if (flow.state === "running") return { word: flow.status ? `${flow.status} …` : "waiting …", tone: "running" };
  if (flow.kind === "tcp") return { word: "closed", tone: "ok" };
  if (flow.kind === "dns") return { word: "answered", tone: "ok" };
  if (flow.status === null) return { word: flow.kind === "tls" ? "passed on" : "done", tone: "quiet" };
  // HTTP went well, and the call did not: that is what a narrow column has room for
  if (flow.grpc && flow.grpc.status !== 0) return { word: grpcName(flow.grpc), tone: CALLERS.includes(flow.grpc.status) ? "client" : "server" };
  return { word: `${flow.status} ${reason(flow.status)}`.trim(), tone: statusTone(flow.status) };
}

/** The word of a state in two: the status code, if it begins with one, and the words beside it. */
export function codeAndWords(word: string): [code: string, words: string] {
  const found = /^(\d{3}) (.+)$/.exec(word);
  return found ? [found[1] ?? "", found[2] ?? ""] : ["", word];
}

export function statusTone(status: number): Tone {
  if (status >= 500) return "server";
  if (status >= 400) return "client";
  if (status >= 300) return "redirect";
  return status >= 200 || status === 101 ? "ok" : "quiet";
}
