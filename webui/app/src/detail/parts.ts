//! What a head carries inside its values, taken apart: query, cookies, credentials, tokens.

import type { Field, FlowDetail, Side } from "../lib/types";
import { cookies, setCookie } from "./cookies";
import { basic, findJwts, jwt } from "./credentials";
import { query, sentAt, values } from "./fields";

export interface PartRow {
  name: string;
  value: string;
  /** What follows from it, in words. */
  notes: string[];
  warnings: string[];
  /** Filter that finds flows with the same. */
  field: string | null;
}

export interface Part {
  kind: "query" | "cookies" | "set-cookies" | "credentials" | "token";
  title: string;
  rows: PartRow[];
  note: string;
  warnings: string[];
}

/** No more rows of one part are made. */
const MOST = 500;

export function parts(flow: FlowDetail, side: Side, fields: readonly Field[]): Part[] {
  const now = sentAt(flow);
  const found = side === "request" ? ofRequest(flow, fields) : ofResponse(flow, fields, now);
  return [...found, ...tokens(side === "request" ? flow.path : "", fields, now)];
}

function row(name: string, value: string, more: Partial<PartRow> = {}): PartRow {
  return { name, value, notes: [], warnings: [], field: null, ...more };
}

function part(kind: Part["kind"], title: string, rows: PartRow[], note = "", warnings: string[] = []): Part[] {
  const cut = rows.length > MOST ? [`Only the first ${MOST} of ${rows.length} are shown.`] : [];
  return rows.length > 0 ? [{ kind, title, rows: rows.slice(0, MOST), note, warnings: [...warnings, ...cut] }] : [];
}

function ofRequest(flow: FlowDetail, fields: readonly Field[]): Part[] {
  const asked = query(flow.path).map(([name, value]) => row(name, value, { field: "path" }));
  const kept = values(fields, "cookie").flatMap(cookies).map(({ name, value }) => row(name, value, { field: "cookie" }));
  const found = [...part("query", "Query parameters", asked), ...part("cookies", "Cookies sent", kept)];
  for (const name of ["authorization", "proxy-authorization"]) {
    for (const value of values(fields, name)) {
      const login = basic(value);
      if (!login) continue;
      const open = flow.scheme === "http" ? ["It went over plain http: everybody on the way can read it."] : [];
      found.push(...part("credentials", name === "authorization" ? "Basic credentials" : "Basic credentials for the proxy", [row("User", login.user), row("Password", login.password)], "Base64 hides nothing: RFC 7617.", open));
    }
  }
  return found;
}

function ofResponse(flow: FlowDetail, fields: readonly Field[], now: number): Part[] {
  const secure = flow.scheme === "https" || flow.scheme === "wss";
  const set = values(fields, "set-cookie").map((header) => {
    const cookie = setCookie(header, now, secure);
    const attributes = cookie.attributes.map(([name, value]) => (value === "" ? name : `${name}=${value}`)).join("; ");
    return row(cookie.name, cookie.value, { notes: [attributes, cookie.keeps].filter(Boolean), warnings: cookie.warnings, field: "set-cookie" });
  });
  return part("set-cookies", "Cookies set", set);
}

function tokens(path: string, fields: readonly Field[], now: number): Part[] {
  const seen = new Map<string, string>();
  const look = (where: string, text: string) => {
    for (const token of findJwts(text)) if (!seen.has(token) && seen.size < 20) seen.set(token, where);
  };
  look("the address", path);
  for (const [name, value] of fields.slice(0, 2_000)) if (!name.startsWith(":")) look(name, value);
  return [...seen].flatMap(([token, where]) => {
    const read = jwt(token, now);
    if (!read) return [];
    const rows = [...read.words.map(([name, text]) => row(name, text)), row("Header", read.header), row("Claims", read.claims), row("Signature", read.signature === 0 ? "none" : `${read.signature} bytes`)];
    return part("token", `JSON Web Token in ${where}`, rows, "Read, not verified: whether the signature is right is not checked here (RFC 7519).", read.warnings);
  });
}
