//! Whether a browser gives an answer to the page that asked, and why it asked first: the CORS protocol of the Fetch standard.

import type { Field } from "../lib/types";
import type { Point } from "./caching";
import { members, value, values } from "./fields";
import { span } from "./moments";

export interface Cors {
  verdict: string;
  /** The browser keeps the answer from the page. */
  refused: boolean;
  points: Point[];
}

export interface Asked {
  method: string;
  url: string;
  status: number | null;
  request: readonly Field[];
  response: readonly Field[];
}

const SIMPLE_METHODS = ["GET", "HEAD", "POST"];
const SIMPLE_TYPES = ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"];
/** What a browser sends by itself, or a page may send unasked. */
const QUIET = /^(:.*|accept|accept-language|content-language|content-type|range|host|connection|content-length|cookie|date|dnt|expect|keep-alive|origin|referer|te|trailer|transfer-encoding|upgrade|via|user-agent|accept-encoding|accept-charset|cache-control|pragma|priority|if-none-match|if-modified-since|upgrade-insecure-requests|save-data|purpose|proxy-.*|sec-.*|access-control-request-.*)$/i;
const READABLE = ["cache-control", "content-language", "content-length", "content-type", "expires", "last-modified", "pragma"];
const SPEC = "Fetch § 3.3";

/** Null when nothing in the exchange has to do with CORS. */
export function cors(asked: Asked): Cors | null {
  const origin = value(asked.request, "origin");
  const mode = value(asked.request, "sec-fetch-mode");
  const allow = values(asked.response, "access-control-allow-origin");
  if (origin === null) {
    if (allow.length === 0) return null;
    const points: Point[] = [{ tone: "note", text: `The request has no Origin${mode ? ` (mode ${mode})` : ""}: the browser, or whatever program sent it, did not ask for leave.`, spec: SPEC }];
    return { verdict: "The answer speaks of CORS, but nobody asked.", refused: false, points };
  }
  if (sameOrigin(origin, asked.url)) {
    return { verdict: "Page and server have the same origin: CORS does not apply.", refused: false, points: [{ tone: "note", text: `Origin: ${origin} is the origin of this address.`, spec: "RFC 6454 § 5" }] };
  }
  const preflight = asked.method === "OPTIONS" && value(asked.request, "access-control-request-method") !== null;
  return preflight ? ofPreflight(asked, origin) : ofRequest(asked, origin);
}

/** Origin and credentials, as both kinds of answer must have them. */
function leave(asked: Asked, origin: string, credentials: boolean, points: Point[]): boolean {
  const say = (tone: Point["tone"], text: string) => points.push({ tone, text, spec: "Fetch § 4.9 (CORS check)" });
  const allowed = values(asked.response, "access-control-allow-origin");
  const [only] = allowed;
  if (only === undefined) return say("against", `There is no Access-Control-Allow-Origin; ${origin} would have to be named in it.`), false;
  if (allowed.length > 1) return say("against", `Access-Control-Allow-Origin came ${allowed.length} times: it must come once.`), false;
  if (only === "*" && credentials) return say("against", "Access-Control-Allow-Origin: * does not count for a request with credentials: the origin has to be named."), false;
  if (only !== "*" && only !== origin) {
    const why = only.includes(",") ? "only one origin can be named" : only.replace(/\/$/, "") === origin ? "the slash at its end is one too many" : "that is another origin";
    return say("against", `Access-Control-Allow-Origin: ${only} is not ${origin}: ${why}.`), false;
  }
  say("for", only === "*" ? "Access-Control-Allow-Origin: * lets every origin read it." : `Access-Control-Allow-Origin names ${origin}.`);
  const with_ = value(asked.response, "access-control-allow-credentials");
  if (credentials && with_ !== "true") {
    const is = with_ === null ? "is missing" : `is "${with_}"`;
    return say("against", `The request carries credentials, and Access-Control-Allow-Credentials ${is}; it would have to be "true".`), false;
  }
  if (only !== "*" && !members(value(asked.response, "vary")).some((name) => /^(origin|\*)$/i.test(name))) {
    say("note", "Without Vary: Origin a cache may give this answer to a page of another origin.");
  }
  return true;
}

function ofPreflight(asked: Asked, origin: string): Cors {
  const points: Point[] = [];
  const say = (tone: Point["tone"], text: string) => points.push({ tone, text, spec: "Fetch § 4.8 (CORS-preflight fetch)" });
  const method = value(asked.request, "access-control-request-method") ?? "";
  const headers = members(value(asked.request, "access-control-request-headers")).map((name) => name.toLowerCase());
  say("note", `The browser asks ahead because the real request ${because(method, headers)}.`);
  if (asked.status === null) return { verdict: "A preflight that has no answer yet.", refused: false, points };
  let good = leave(asked, origin, false, points);
  if (asked.status < 200 || asked.status > 299) {
    say("against", `A preflight has to be answered with a status from 200 to 299, not ${asked.status}.`);
    good = false;
  }
  const wild = value(asked.response, "access-control-allow-credentials") !== "true";
  const methods = members(value(asked.response, "access-control-allow-methods"));
  if (!SIMPLE_METHODS.includes(method) && !methods.includes(method) && !(wild && methods.includes("*"))) {
    say("against", `${method} is not in Access-Control-Allow-Methods${methods.length > 0 ? `: ${methods.join(", ")}` : ", which is missing"}.`);
    good = false;
  } else say("for", `${method} is allowed.`);
  const allowed = members(value(asked.response, "access-control-allow-headers")).map((name) => name.toLowerCase());
  for (const name of headers) {
    if (allowed.includes(name) || (wild && allowed.includes("*") && name !== "authorization")) continue;
    say("against", `The header ${name} is not in Access-Control-Allow-Headers${allowed.includes("*") ? " (* does not count for it)" : ""}.`);
    good = false;
  }
  if (headers.length > 0 && good) say("for", `The headers ${headers.join(", ")} are allowed.`);
  const age = value(asked.response, "access-control-max-age");
  say("note", age !== null && /^\d+$/.test(age) ? `The browser may remember this for ${span(Number(age) * 1000)} (browsers cap it: Chromium at 2 hours, Firefox at 24).` : "Without Access-Control-Max-Age the browser remembers this for 5 seconds.");
  return { verdict: good ? "A preflight: the browser may send the real request." : "A preflight that failed: the browser does not send the real request.", refused: !good, points };
}

function ofRequest(asked: Asked, origin: string): Cors {
  const points: Point[] = [];
  const type = (value(asked.request, "content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  const custom = asked.request.map(([name]) => name.toLowerCase()).filter((name) => !QUIET.test(name));
  if (type !== "" && !SIMPLE_TYPES.includes(type)) custom.push(`content-type (${type})`);
  const simple = SIMPLE_METHODS.includes(asked.method) && custom.length === 0;
  points.push({
    tone: "note",
    text: simple ? "A simple request: a form could have sent it, so the browser did not ask ahead with a preflight." : `Not a simple request: it ${because(asked.method, custom)}, so the browser asked ahead with a preflight (or remembered one).`,
    spec: "Fetch § 2.2.2",
  });
  if (asked.status === null) return { verdict: `A page of ${origin} asked; there is no answer yet.`, refused: false, points };
  const credentials = value(asked.request, "cookie") !== null || /^(basic|digest|negotiate)\b/i.test(value(asked.request, "authorization") ?? "");
  const good = leave(asked, origin, credentials, points);
  if (good) {
    const exposed = members(value(asked.response, "access-control-expose-headers")).map((name) => name.toLowerCase());
    const hidden = [...new Set(asked.response.map(([name]) => name.toLowerCase()))].filter((name) => !READABLE.includes(name) && !exposed.includes(name) && !name.startsWith("access-control-") && !name.startsWith(":") && name !== "set-cookie");
    if (!(exposed.includes("*") && !credentials) && hidden.length > 0) points.push({ tone: "note", text: `A script cannot read ${hidden.slice(0, 8).join(", ")}${hidden.length > 8 ? ` and ${hidden.length - 8} more` : ""}: not in Access-Control-Expose-Headers.`, spec: SPEC });
  }
  return {
    verdict: good ? `A page of ${origin} may read the answer.` : `The browser keeps the answer from the page of ${origin} (if its script asked for it): a CORS error.`,
    refused: !good,
    points,
  };
}

function because(method: string, headers: string[]): string {
  const reasons: string[] = [];
  if (!SIMPLE_METHODS.includes(method)) reasons.push(`has the method ${method}`);
  if (headers.length > 0) reasons.push(`has the header${headers.length > 1 ? "s" : ""} ${headers.slice(0, 12).join(", ")}`);
  return reasons.join(" and ") || "has something that a form could not send";
}

function sameOrigin(origin: string, url: string): boolean {
  try {
    return new URL(url).origin === origin;
  } catch {
    return false;
  }
}
