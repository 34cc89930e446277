//! Why an answer may or may not be kept by a cache, and for how long: RFC 9111.

import { reason } from "../lib/format";
import type { Field } from "../lib/types";
import { directives, members, value } from "./fields";
import { httpDate, span } from "./moments";

export interface Point {
  /** For keeping it, against, or neither. */
  tone: "for" | "against" | "note";
  text: string;
  spec: string;
}

export interface Caching {
  verdict: string;
  points: Point[];
}

export interface Exchange {
  method: string;
  status: number;
  request: readonly Field[];
  response: readonly Field[];
  /** When the answer came, ms. */
  at: number;
}

/** Status codes that may be kept without being told so, RFC 9110 § 15.1. */
const HEURISTIC = new Set([200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501]);

interface Freshness {
  seconds: number;
  text: string;
  spec: string;
}

export function caching(exchange: Exchange): Caching {
  const { method, status, request, response } = exchange;
  const points: Point[] = [];
  const say = (tone: Point["tone"], text: string, spec: string) => points.push({ tone, text, spec });
  const control = directives(value(response, "cache-control"));
  const asked = directives(value(request, "cache-control"));
  const fresh = freshness(exchange, control);
  const validators = [value(response, "etag") !== null ? "ETag" : "", value(response, "last-modified") !== null ? "Last-Modified" : ""].filter(Boolean);

  let browser = true;
  let shared = true;
  const never = (text: string, spec: string) => {
    say("against", text, spec);
    browser = shared = false;
  };

  if (status === 304) {
    say("note", "304 is about a copy that the client already has: it may go on using it, and takes over the headers sent here.", "RFC 9111 § 4.3.4");
  }
  if (method !== "GET" && method !== "HEAD") {
    if (method === "POST" && fresh !== null && value(response, "content-location") !== null) say("note", "An answer to POST may be kept for later GETs, since it says how long it is fresh and has Content-Location; few caches do so.", "RFC 9110 § 9.3.3");
    else never(`Answers to ${method || "this method"} are not kept: caches keep answers to GET and HEAD.`, "RFC 9111 § 3");
  }
  if (status === 206) say("note", "A part of the resource: only caches that can put parts together keep it.", "RFC 9111 § 3.3");
  if (control.has("no-store")) never("Cache-Control: no-store forbids to keep it anywhere.", "RFC 9111 § 5.2.2.5");
  if (asked.has("no-store")) never("The request says no-store: its answer may not be kept.", "RFC 9111 § 5.2.1.5");
  if (control.has("private")) {
    say("note", `Cache-Control: private${control.get("private") ? ` (for ${control.get("private")})` : ""}: only the browser's own cache, none that several people share.`, "RFC 9111 § 5.2.2.7");
    shared = false;
  }
  if (value(request, "authorization") !== null && shared) {
    const leave = ["public", "s-maxage", "must-revalidate"].find((name) => control.has(name));
    if (leave) say("for", `The request has Authorization, but ${leave} lets shared caches keep the answer all the same.`, "RFC 9111 § 3.5");
    else {
      say("against", "The request has Authorization, and the answer has neither public, s-maxage nor must-revalidate: shared caches may not keep it.", "RFC 9111 § 3.5");
      shared = false;
    }
  }
  const vary = members(value(response, "vary"));
  if (vary.includes("*")) never("Vary: * says that no later request can be answered with it.", "RFC 9111 § 4.1");
  else if (vary.length > 0) {
    const sent = vary.map((name) => `${name}${value(request, name) === null ? " (not sent)" : `: ${clip(value(request, name) ?? "")}`}`);
    say("note", `Vary: it answers only requests that agree in ${sent.join("; ")}.`, "RFC 9111 § 4.1");
  }
  if (value(response, "set-cookie") !== null && shared) say("note", "It sets a cookie: many shared caches do not keep such answers, although the standard lets them.", "RFC 9111 § 7.3");

  if (browser) {
    if (fresh === null && !HEURISTIC.has(status) && !control.has("public") && !control.has("private")) {
      never(`It says nothing about freshness, and ${status} ${reason(status)} is not kept without being told.`, "RFC 9111 § 3");
    } else if (fresh) say(fresh.seconds > 0 ? "for" : "against", fresh.text, fresh.spec);
    else if (status !== 304) say("against", "Neither max-age, Expires nor Last-Modified: nothing says how long it is fresh.", "RFC 9111 § 4.2.2");
  }
  if (browser && control.has("no-cache")) say("against", "Cache-Control: no-cache: it may be kept, but must be validated with the server before every use.", "RFC 9111 § 5.2.2.4");
  if (browser && control.has("immutable")) say("for", "immutable: while it is fresh the browser does not ask even on reload.", "RFC 8246 § 2");
  if (browser && control.has("stale-while-revalidate")) say("for", `When stale it may be used for ${span(Number(control.get("stale-while-revalidate")) * 1000)} more while it is fetched anew.`, "RFC 5861 § 3");
  if (browser && control.has("must-revalidate")) say("note", "must-revalidate: once stale it may not be used without asking the server, even when that cannot be reached.", "RFC 9111 § 5.2.2.2");
  if (browser && status !== 304) {
    if (validators.length > 0) say("for", `It has ${validators.join(" and ")}: when stale it can be validated, and a 304 spares the body.`, "RFC 9111 § 4.3");
    else say("note", "Neither ETag nor Last-Modified: when stale it has to be fetched whole.", "RFC 9111 § 4.3");
  }
  if (asked.has("no-cache") || asked.get("max-age") === "0" || /no-cache/i.test(value(request, "pragma") ?? "")) {
    say("note", "The client asked for a fresh answer (as on reload): copies on the way were not to be used unvalidated.", "RFC 9111 § 5.2.1.4");
  }
  if (value(request, "if-none-match") !== null || value(request, "if-modified-since") !== null) {
    say("note", `The client has a copy and asked whether it is still good; the server said ${status === 304 ? "yes" : `no, and sent ${status}`}.`, "RFC 9110 § 13");
  }
  const age = Number(value(response, "age") ?? Number.NaN);
  if (age >= 0) say("note", `Age: it came out of a cache on the way, where it had been for ${span(age * 1000)}.`, "RFC 9111 § 5.1");
  const hit = value(response, "cache-status") ?? value(response, "x-cache") ?? value(response, "cf-cache-status");
  if (hit !== null) say("note", `A cache on the way says: ${clip(hit)}.`, "RFC 9211");

  return { verdict: verdict(status, browser, shared, fresh, control, age >= 0 ? age : 0, validators.length > 0), points };
}

function verdict(status: number, browser: boolean, shared: boolean, fresh: Freshness | null, control: Map<string, string>, age: number, validators: boolean): string {
  if (status === 304) return "The client's own copy was used again.";
  if (!browser) return "Not cached: no cache may keep it.";
  const who = shared ? "Any cache" : "Only the browser";
  if (control.has("no-cache")) return `${who} may keep it, but has to ask the server before every use.`;
  const left = (fresh?.seconds ?? 0) - age;
  if (fresh === null) return validators ? `${who} may keep it, but nothing says for how long.` : `Practically not cached: ${who.toLowerCase()} may keep it, but nothing says for how long, and there is nothing to validate it by.`;
  if (left <= 0) return `${who} may keep it, but it is stale ${fresh.seconds <= 0 ? "from the start" : "already"}: the server is asked before every use.`;
  return `${who} may use it without asking for ${span(left * 1000)}.`;
}

function freshness(exchange: Exchange, control: Map<string, string>): Freshness | null {
  const { response, at, status } = exchange;
  const seconds = (name: string) => (/^\d+$/.test(control.get(name) ?? "") ? Number(control.get(name)) : null);
  const own = seconds("max-age");
  const shared = seconds("s-maxage");
  if (own !== null) {
    const also = shared !== null ? ` (shared caches: ${span(shared * 1000)})` : "";
    return { seconds: own, text: own > 0 ? `max-age: fresh for ${span(own * 1000)}${also}.` : `max-age=0: stale at once${also}.`, spec: "RFC 9111 § 5.2.2.1" };
  }
  if (control.has("max-age")) return { seconds: 0, text: `max-age=${clip(control.get("max-age") ?? "")} is no number of seconds: treated as stale.`, spec: "RFC 9111 § 4.2.1" };
  if (shared !== null) return { seconds: shared, text: `s-maxage: fresh for ${span(shared * 1000)} in shared caches.`, spec: "RFC 9111 § 5.2.2.10" };
  const expires = value(response, "expires");
  const date = httpDate(value(response, "date") ?? "") ?? at;
  if (expires !== null) {
    const until = httpDate(expires);
    if (until === null) return { seconds: 0, text: `Expires: ${clip(expires)} is no date, which means already expired.`, spec: "RFC 9111 § 5.3" };
    const left = (until - date) / 1000;
    return { seconds: left, text: left > 0 ? `Expires: fresh for ${span(left * 1000)}.` : `Expires: it had expired ${span(left * 1000)} before it was sent.`, spec: "RFC 9111 § 5.3" };
  }
  const modified = httpDate(value(response, "last-modified") ?? "");
  if (modified !== null && modified < date && HEURISTIC.has(status)) {
    const tenth = (date - modified) / 10_000;
    return { seconds: tenth, text: `Nothing says how long it is fresh: browsers guess a tenth of its age since Last-Modified, here ${span(tenth * 1000)}.`, spec: "RFC 9111 § 4.2.2" };
  }
  return null;
}

function clip(text: string): string {
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}
