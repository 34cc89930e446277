//! The headers by which a server defends its pages: what is there, and what each missing one would do.

import { mediaType } from "../lib/format";
import type { Field } from "../lib/types";
import type { Point } from "./caching";
import { directives, value } from "./fields";

/** Null where such headers would do nothing: what is not a page. */
export function security(url: string, fields: readonly Field[]): Point[] | null {
  if (!["text/html", "application/xhtml+xml"].includes(mediaType(value(fields, "content-type")))) return null;
  const points: Point[] = [];
  const say = (good: boolean, text: string, spec: string) => points.push({ tone: good ? "for" : "against", text, spec });
  const csp = value(fields, "content-security-policy");
  if (csp === null) say(false, "No Content-Security-Policy: a script that gets into the page runs.", "W3C CSP 3");
  else {
    const policy = csp.toLowerCase();
    const loose = /(script-src|default-src)[^;]*'unsafe-inline'/.test(policy) && !/'(nonce|sha\d+)-/.test(policy);
    say(!loose, loose ? "Content-Security-Policy allows 'unsafe-inline' scripts, which takes away most of its use." : "Content-Security-Policy limits what the page runs.", "W3C CSP 3");
  }
  if (url.startsWith("https:")) {
    const age = Number(directives((value(fields, "strict-transport-security") ?? "").replaceAll(";", ",")).get("max-age") ?? 0);
    say(age > 0, age > 0 ? "Strict-Transport-Security keeps browsers on https." : "No Strict-Transport-Security: a first visit over http can be turned aside.", "RFC 6797");
  }
  const sniff = value(fields, "x-content-type-options")?.toLowerCase() === "nosniff";
  say(sniff, sniff ? "X-Content-Type-Options: nosniff." : "No X-Content-Type-Options: the browser may guess other types.", "Fetch § 3.6");
  const framed = /frame-ancestors/i.test(csp ?? "") || value(fields, "x-frame-options") !== null;
  say(framed, framed ? "It says who may frame the page." : "Neither frame-ancestors nor X-Frame-Options: any site may frame the page (clickjacking).", "RFC 7034");
  const referrer = value(fields, "referrer-policy");
  say(referrer !== null, referrer !== null ? `Referrer-Policy: ${referrer}.` : "No Referrer-Policy: browsers send the origin to other sites (strict-origin-when-cross-origin).", "W3C Referrer Policy");
  return points;
}
