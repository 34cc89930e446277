//! Cookies taken apart: RFC 6265, with SameSite and the prefixes of RFC 6265bis.

import { httpDate, relative, utc } from "./moments";

export interface Cookie {
  name: string;
  value: string;
}

export interface SetCookie extends Cookie {
  attributes: [name: string, value: string][];
  /** How long it is kept, in words. */
  keeps: string;
  warnings: string[];
}

/** The cookies of a `Cookie` header, in order. */
export function cookies(header: string): Cookie[] {
  return header.split(";").flatMap((part) => {
    const text = part.trim();
    if (text === "") return [];
    const at = text.indexOf("=");
    // a part without "=" is a value without a name: RFC 6265bis § 5.7
    return [at < 0 ? { name: "", value: text } : { name: text.slice(0, at).trim(), value: text.slice(at + 1).trim() }];
  });
}

/** One `Set-Cookie`; `now` (ms) is when it came, `secure` whether over https. */
export function setCookie(header: string, now: number, secure: boolean): SetCookie {
  const [first = "", ...rest] = header.split(";");
  const at = first.indexOf("=");
  const name = at < 0 ? "" : first.slice(0, at).trim();
  const value = (at < 0 ? first : first.slice(at + 1)).trim();
  const attributes = rest.flatMap((part): [string, string][] => {
    const text = part.trim();
    const is = text.indexOf("=");
    if (text === "") return [];
    return [is < 0 ? [text, ""] : [text.slice(0, is).trim(), text.slice(is + 1).trim()]];
  });
  const find = (wanted: string) => attributes.findLast(([key]) => key.toLowerCase() === wanted)?.[1];
  return { name, value, attributes, keeps: keeps(find("max-age"), find("expires"), now), warnings: warnings({ name, value }, find, secure, now, header) };
}

function keeps(maxAge: string | undefined, expires: string | undefined, now: number): string {
  if (maxAge !== undefined && /^-?\d+$/.test(maxAge)) {
    const seconds = Number(maxAge);
    if (seconds <= 0) return "deleted at once";
    return `kept until ${utc(now + seconds * 1000) || "the end of time"}, ${relative(now + seconds * 1000, now)}`;
  }
  if (expires !== undefined) {
    const at = httpDate(expires);
    if (at === null) return "kept until the browser is closed: the date in Expires cannot be read";
    if (at <= now) return `deleted at once: it expired ${relative(at, now)}`;
    return `kept until ${utc(at)}, ${relative(at, now)}`;
  }
  return "kept until the browser is closed (a session cookie)";
}

function warnings(cookie: Cookie, find: (name: string) => string | undefined, secure: boolean, now: number, header: string): string[] {
  const found: string[] = [];
  const site = find("samesite")?.toLowerCase();
  const isSecure = find("secure") !== undefined;
  if (isSecure && !secure) found.push("Secure, but it came over plain http: browsers refuse it (except from localhost).");
  if (site === "none" && !isSecure) found.push("SameSite=None without Secure: browsers refuse this cookie.");
  if (site === undefined) found.push("No SameSite: browsers treat it as Lax, so it is not sent with requests from other sites (except when a link is followed).");
  else if (!["strict", "lax", "none"].includes(site)) found.push(`SameSite=${find("samesite")} is not a value: browsers treat it as Lax.`);
  if (/^__secure-/i.test(cookie.name) && !isSecure) found.push("The prefix __Secure- demands Secure: browsers refuse this cookie.");
  if (/^__host-/i.test(cookie.name) && (!isSecure || find("path") !== "/" || find("domain") !== undefined)) {
    found.push("The prefix __Host- demands Secure, Path=/ and no Domain: browsers refuse this cookie.");
  }
  if (!isSecure && secure && site !== "none") found.push("No Secure: it is sent over plain http too.");
  if (find("httponly") === undefined && /sess|sid|auth|token/i.test(cookie.name)) found.push("No HttpOnly: scripts of the page can read it, and by its name it is a session.");
  if (find("partitioned") !== undefined && !isSecure) found.push("Partitioned demands Secure: browsers refuse this cookie.");
  const maxAge = Number(find("max-age") ?? Number.NaN);
  const expires = httpDate(find("expires") ?? "");
  if (maxAge > 400 * 86_400 || (Number.isNaN(maxAge) && expires !== null && expires - now > 400 * 86_400_000)) found.push("Browsers keep it for 400 days at most.");
  if (cookie.name.length + cookie.value.length > 4096) found.push("Name and value have more than 4096 characters: browsers refuse this cookie.");
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(header)) found.push("It holds control characters: browsers refuse this cookie.");
  return found;
}
