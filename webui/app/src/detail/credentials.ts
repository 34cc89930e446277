//! Credentials taken apart: Basic (RFC 7617) and JSON Web Tokens (RFC 7519). Nothing is verified here.

import { relative, utc } from "./moments";

export interface Jwt {
  /** Pretty JSON; the text as it is when it is not JSON. */
  header: string;
  claims: string;
  /** The known claims in words. */
  words: [name: string, text: string][];
  warnings: string[];
  /** Bytes of the signature. */
  signature: number;
}

/** User and password of `Basic ...`; null when it is something else or cannot be read. */
export function basic(authorization: string): { user: string; password: string } | null {
  const token = /^basic\s+(\S+)\s*$/i.exec(authorization)?.[1];
  const bytes = token === undefined ? null : base64(token);
  if (!bytes) return null;
  const text = new TextDecoder().decode(bytes);
  const at = text.indexOf(":");
  return at < 0 ? { user: text, password: "" } : { user: text.slice(0, at), password: text.slice(at + 1) };
}

const TOKEN = /(?<![\w-])eyJ[\w-]{5,}\.[\w-]{2,}\.[\w-]*(?![\w.-])/g;
/** No more tokens than this are looked for in one text, nor in more of it. */
const [MOST_TOKENS, MOST_TEXT] = [10, 65_536];

/** The tokens in a text that look like a JWT. */
export function findJwts(text: string): string[] {
  return Array.from(new Set(Array.from(text.slice(0, MOST_TEXT).matchAll(TOKEN), ([token]) => token))).slice(0, MOST_TOKENS);
}

/** A token taken apart; null when it is not one. `now` (ms) is when it was sent. */
export function jwt(token: string, now: number): Jwt | null {
  const [first = "", second = "", third, more] = token.split(".");
  if (third === undefined || more !== undefined) return null;
  const header = object(first);
  const claims = object(second);
  if (!header) return null;
  const words: [string, string][] = [];
  const warnings: string[] = [];
  for (const [name, text] of [["iat", "issued"], ["nbf", "valid from"], ["exp", "expires"], ["auth_time", "logged in"]] as const) {
    const value = claims?.value[name];
    if (typeof value !== "number" || utc(value * 1000) === "") continue;
    words.push([name, `${text} ${utc(value * 1000)}, ${relative(value * 1000, now)}`]);
    if (name === "exp" && value * 1000 < now) warnings.push("It had expired when it was sent.");
    if (name === "nbf" && value * 1000 > now) warnings.push("It was not valid yet when it was sent.");
  }
  for (const [name, text] of [["iss", "issuer"], ["sub", "subject"], ["aud", "audience"], ["azp", "client"], ["scope", "scope"]] as const) {
    const value = claims?.value[name];
    if (value !== undefined) words.push([name, `${text} ${typeof value === "string" ? value : JSON.stringify(value)}`]);
  }
  if (String(header.value["alg"]).toLowerCase() === "none") warnings.push("Its algorithm is none: it is not signed.");
  if (claims && claims.value["exp"] === undefined) warnings.push("It has no expiry.");
  return {
    header: header.text,
    claims: claims?.text ?? second,
    words,
    warnings,
    signature: base64(third)?.length ?? 0,
  };
}

function object(part: string): { text: string; value: Record<string, unknown> } | null {
  const bytes = base64(part);
  if (!bytes) return null;
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
    return { text: JSON.stringify(value, null, 2), value: value as Record<string, unknown> };
  } catch {
    return null;
  }
}

/** Base64 or base64url, padded or not; null when it is neither. */
export function base64(text: string): Uint8Array<ArrayBuffer> | null {
  const plain = text.replaceAll("-", "+").replaceAll("_", "/").replace(/=+$/, "");
  if (!/^[A-Za-z0-9+/]*$/.test(plain) || plain.length % 4 === 1) return null;
  return Uint8Array.from(atob(plain), (character) => character.charCodeAt(0));
}
