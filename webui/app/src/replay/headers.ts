//! What is offered while a request's header fields are typed: names in use, and values that go with them.

import type { Field } from "../lib/types";

const TYPES = ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=", "text/plain; charset=utf-8", "application/xml", "application/octet-stream", "application/graphql-response+json", "application/problem+json", "text/html; charset=utf-8"];

/** Request fields of RFC 9110, 9111, 6265, 6455, Fetch and common practice, with values worth offering. */
const FIELDS: Record<string, readonly string[]> = {
  "Accept": ["*/*", "application/json", "text/html", "text/event-stream", "application/xml", "image/*"],
  "Accept-Charset": ["utf-8"],
  "Accept-Encoding": ["gzip, deflate, br", "gzip", "identity", "br", "zstd"],
  "Accept-Language": ["en", "de", "fr", "*"],
  "Access-Control-Request-Headers": [],
  "Access-Control-Request-Method": ["GET", "POST", "PUT", "PATCH", "DELETE"],
  "Authorization": ["Bearer ", "Basic ", "Digest "],
  "Cache-Control": ["no-cache", "no-store", "max-age=0", "only-if-cached"],
  "Connection": ["close", "keep-alive", "Upgrade"],
  "Content-Disposition": ["form-data", "attachment; filename="],
  "Content-Encoding": ["gzip", "deflate", "br", "zstd", "identity"],
  "Content-Language": ["en"],
  "Content-Length": [],
  "Content-Location": [],
  "Content-Range": ["bytes "],
  "Content-Type": TYPES,
  "Cookie": [],
  "DNT": ["1"],
  "Date": [],
  "Expect": ["100-continue"],
  "Forwarded": ["for="],
  "From": [],
  "Host": [],
  "If-Match": ["*"],
  "If-Modified-Since": [],
  "If-None-Match": ["*"],
  "If-Range": [],
  "If-Unmodified-Since": [],
  "Idempotency-Key": [],
  "Keep-Alive": ["timeout=5"],
  "Last-Event-ID": [],
  "Link": [],
  "Max-Forwards": ["0", "10"],
  "Origin": ["null"],
  "Pragma": ["no-cache"],
  "Prefer": ["return=minimal", "return=representation", "respond-async"],
  "Priority": ["u=0", "u=3", "u=5, i"],
  "Range": ["bytes=0-", "bytes=0-1023", "bytes=-1024"],
  "Referer": [],
  "Sec-Fetch-Dest": ["document", "empty", "image", "script", "style", "iframe", "worker"],
  "Sec-Fetch-Mode": ["cors", "navigate", "no-cors", "same-origin", "websocket"],
  "Sec-Fetch-Site": ["same-origin", "same-site", "cross-site", "none"],
  "Sec-Fetch-User": ["?1"],
  "Sec-GPC": ["1"],
  "Sec-WebSocket-Key": [],
  "Sec-WebSocket-Protocol": [],
  "Sec-WebSocket-Version": ["13"],
  "SOAPAction": [],
  "TE": ["trailers"],
  "Trailer": [],
  "Transfer-Encoding": ["chunked"],
  "Upgrade": ["websocket", "h2c"],
  "Upgrade-Insecure-Requests": ["1"],
  "User-Agent": ["Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "curl/8.15.0"],
  "Via": [],
  "X-API-Key": [],
  "X-Correlation-ID": [],
  "X-CSRF-Token": [],
  "X-Forwarded-For": ["127.0.0.1"],
  "X-Forwarded-Host": [],
  "X-Forwarded-Proto": ["https", "http"],
  "X-HTTP-Method-Override": ["PUT", "PATCH", "DELETE"],
  "X-Request-ID": [],
  "X-Requested-With": ["XMLHttpRequest"],
  "traceparent": [],
};

export const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;

/** Names that begin with what was typed, then those that hold it; what the request has already comes first. */
export function names(typed: string, present: readonly Field[] = []): string[] {
  const wanted = typed.trim().toLowerCase();
  const own = present.map(([name]) => name).filter((name) => name.trim() !== "" && name.toLowerCase() !== wanted);
  const all = [...new Map([...Object.keys(FIELDS), ...own].map((name) => [name.toLowerCase(), name])).values()];
  const begins = all.filter((name) => name.toLowerCase().startsWith(wanted));
  const holds = all.filter((name) => !name.toLowerCase().startsWith(wanted) && name.toLowerCase().includes(wanted));
  return [...begins, ...holds];
}

/** Values that are common for a field. */
export function values(name: string): readonly string[] {
  const wanted = name.trim().toLowerCase();
  return Object.entries(FIELDS).find(([known]) => known.toLowerCase() === wanted)?.[1] ?? [];
}

export interface Offer {
  /** Where in the line the offered text goes, from here to the end of what was typed. */
  from: number;
  options: readonly string[];
  /** A name is followed by its colon. */
  kind: "method" | "name" | "value";
}

/** What can be offered at a place of a line of a head; null when nothing can. `first`: the line is the request line. */
export function offer(line: string, column: number, first: boolean): Offer | null {
  const typed = line.slice(0, column);
  if (first) return /^[A-Z]*$/i.test(typed) ? { from: 0, options: METHODS, kind: "method" } : null;
  const colon = typed.indexOf(":");
  if (colon < 0) return /^[\w-]+$/.test(typed) ? { from: 0, options: names(typed), kind: "name" } : null;
  const from = colon + 1 + (/^\s*/.exec(typed.slice(colon + 1))?.[0].length ?? 0);
  const options = values(typed.slice(0, colon));
  return options.length > 0 ? { from, options, kind: "value" } : null;
}
