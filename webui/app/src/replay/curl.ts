//! A curl command, as people copy it from a browser, a page of documentation or this page itself, as a request. What cannot be taken
//! over is said, never left out silently.

import type { Field } from "../lib/types";
import { emptyDraft, type Draft } from "./draft";
import { bytesOf, hasBytes, ShellError, split } from "./shell";

export interface Curl {
  draft: Draft;
  /** Redirections are to be followed. */
  follow: boolean;
  /** What was not taken over, and what is different here; sentences. */
  notes: string[];
}

/** Why it cannot be read, in words. */
export class CurlError extends Error {}

export function looksLikeCurl(text: string): boolean {
  return /^\s*(?:\$\s+)?(?:curl(?:\.exe)?\s|base64 (?:--decode|-d|-D) <<'\w+' \| curl\s)/i.test(text);
}

/** Options that take a value; what they do is in `take`, or not at all. */
const VALUES: Record<string, string> = {
  X: "request", H: "header", d: "data", F: "form", b: "cookie", u: "user", A: "user-agent", e: "referer", o: "output", w: "write-out", x: "proxy", m: "max-time",
  c: "cookie-jar", T: "upload-file", r: "range", E: "cert", D: "dump-header", K: "config", Y: "speed-limit", y: "speed-time", z: "time-cond", C: "continue-at", P: "ftp-port", Q: "quote", t: "telnet-option", U: "proxy-user",
};
const LONG_VALUES = new Set([
  ...Object.values(VALUES),
  "url", "json", "data-raw", "data-binary", "data-ascii", "data-urlencode", "form-string", "oauth2-bearer", "connect-timeout", "retry", "retry-delay", "retry-max-time", "cacert", "capath",
  "key", "key-type", "cert-type", "pass", "ciphers", "tls13-ciphers", "tls-max", "resolve", "connect-to", "interface", "max-redirs", "limit-rate", "proxy-header", "noproxy", "trace", "trace-ascii", "stderr", "unix-socket",
  "request-target", "url-query", "dns-servers", "doh-url", "keepalive-time", "max-filesize", "output-dir", "local-port", "pinnedpubkey", "aws-sigv4", "socks5", "socks5-hostname", "rate", "variable", "expand-url", "expand-data", "expand-header", "happy-eyeballs-timeout-ms", "curves",
]);
const FLAGS: Record<string, string> = {
  L: "location", k: "insecure", G: "get", I: "head", s: "silent", S: "show-error", v: "verbose", i: "include", f: "fail", O: "remote-name", J: "remote-header-name", N: "no-buffer", "#": "progress-bar", g: "globoff", j: "junk-session-cookies",
  "0": "http1.0", "1": "tlsv1", "2": "sslv2", "3": "sslv3", "4": "ipv4", "6": "ipv6", q: "disable", R: "remote-time", a: "append", B: "use-ascii", l: "list-only", n: "netrc", p: "proxytunnel", Z: "parallel", M: "manual", V: "version", h: "help",
};
const LONG_FLAGS = new Set([
  ...Object.values(FLAGS),
  "compressed", "http1.1", "http2", "http2-prior-knowledge", "http3", "http3-only", "location-trusted", "path-as-is", "fail-with-body", "post301", "post302", "post303", "ssl-reqd", "tlsv1.2", "tlsv1.3", "no-progress-meter", "raw", "basic", "digest", "ntlm", "negotiate", "anyauth", "http0.9", "tcp-nodelay", "fail-early", "create-dirs", "no-keepalive", "false-start", "tr-encoding", "no-sessionid", "no-alpn", "styled-output", "no-styled-output", "ssl-no-revoke", "remove-on-error",
]);
/** They tell curl what to print and where: nothing of that is here. */
const PRINTS = new Set(["silent", "show-error", "verbose", "include", "output", "write-out", "remote-name", "remote-header-name", "no-buffer", "progress-bar", "no-progress-meter", "trace", "trace-ascii", "stderr", "output-dir", "create-dirs", "dump-header", "styled-output", "no-styled-output", "fail", "fail-with-body", "remote-time", "remove-on-error"]);
/** They change nothing of the request, as it is sent here. */
const SAME = new Set(["globoff", "path-as-is", "disable", "basic", "use-ascii", "tcp-nodelay", "fail-early"]);

type Part = { kind: "text"; text: string } | { kind: "encoded"; text: string };

class Reading {
  method: string | null = null;
  url: string | null = null;
  headers: Field[] = [];
  /** Fields that curl would set by itself, and must not. */
  without = new Set<string>();
  data: Part[] = [];
  form: { name: string; value: string; type: string | null; filename: string | null }[] = [];
  query: string[] = [];
  json = false;
  get = false;
  head = false;
  follow = false;
  compressed = false;
  user: string | null = null;
  version: Draft["version"] = "";
  input: string | null = null;
  usesInput = false;
  printing: string[] = [];
  unknown: string[] = [];
  notes: string[] = [];

  note(text: string): void {
    if (!this.notes.includes(text)) this.notes.push(text);
  }

  has(name: string): boolean {
    const lower = name.toLowerCase();
    return this.without.has(lower) || this.headers.some(([known]) => known.toLowerCase() === lower);
  }

  set(name: string, value: string): void {
    this.headers.push([name, value]);
  }
}

/** Reads the command. */
export function parseCurl(text: string): Curl {
  const line = words(text);
  const reading = new Reading();
  reading.input = line.input;
  for (const note of line.notes) reading.note(`${note.charAt(0).toUpperCase()}${note.slice(1)}.`);
  const [first, ...rest] = line.words[0] === "$" ? line.words.slice(1) : line.words;
  if (!first || !/^(.*[\\/])?curl(\.exe)?$/i.test(first)) throw new CurlError("This is no curl command: it does not begin with curl.");
  let options = true;
  for (let at = 0; at < rest.length; at++) {
    const word = rest[at] as string;
    const next = (name: string): string => {
      at++;
      const value = rest[at];
      if (value === undefined) throw new CurlError(`The command ends after ${name}, which needs a value.`);
      return value;
    };
    if (!options || word === "-" || !word.startsWith("-")) takeUrl(reading, word);
    else if (word === "--") options = false;
    else if (word.startsWith("--")) long(reading, word, next);
    else short(reading, word, next);
  }
  return finish(reading);
}

function words(text: string): { words: string[]; input: string | null; notes: string[] } {
  try {
    return split(text.trim());
  } catch (error) {
    if (error instanceof ShellError) throw new CurlError(`The command cannot be read: ${error.message}.`);
    throw error;
  }
}

function long(reading: Reading, word: string, next: (name: string) => string): void {
  const [name = "", ...given] = word.slice(2).split("=");
  if (LONG_VALUES.has(name) && given.length === 0) value(reading, name, word, next(word));
  // curl itself knows no --name=value
  else if (LONG_VALUES.has(name)) value(reading, name, `--${name}`, given.join("="));
  else if (LONG_FLAGS.has(name)) flag(reading, name, word);
  else reading.unknown.push(word);
}

/** `-sSL`, `-XPOST`, `-d data`: the first that takes a value takes the rest. */
function short(reading: Reading, word: string, next: (name: string) => string): void {
  for (let at = 1; at < word.length; at++) {
    const letter = word[at] as string;
    const named = VALUES[letter];
    if (named !== undefined) {
      const rest = word.slice(at + 1);
      value(reading, named, `-${letter}`, rest !== "" ? rest : next(`-${letter}`));
      return;
    }
    const known = FLAGS[letter];
    if (known === undefined) reading.unknown.push(`-${letter}`);
    else flag(reading, known, `-${letter}`);
  }
}

function flag(reading: Reading, name: string, said: string): void {
  if (PRINTS.has(name)) reading.printing.push(said);
  else if (SAME.has(name)) return;
  else if (name === "location" || name === "location-trusted") {
    reading.follow = true;
    if (name === "location-trusted") reading.note("--location-trusted: Authorization and Cookie are not told to another origin here.");
  } else if (name === "get") reading.get = true;
  else if (name === "head") reading.head = true;
  else if (name === "compressed") reading.compressed = true;
  else if (name === "http1.1") reading.version = "HTTP/1.1";
  else if (name === "http1.0") {
    reading.version = "HTTP/1.1";
    reading.note(`${said}: HTTP/1.1 is used.`);
  } else if (name === "http2" || name === "http2-prior-knowledge") reading.version = "HTTP/2";
  else if (name === "http3" || name === "http3-only") reading.note(`${said}: HTTP/3 is not spoken here; the server chooses between HTTP/2 and HTTP/1.1.`);
  else if (name === "insecure") reading.note(`${said}: which certificates are accepted is set per host, in the settings or at a flow that failed.`);
  else reading.unknown.push(said);
}

function value(reading: Reading, name: string, said: string, given: string): void {
  switch (name) {
    case "request":
      reading.method = given;
      return;
    case "url":
      return takeUrl(reading, given);
    case "header":
      return header(reading, said, given);
    case "user-agent":
      return fixed(reading, "User-Agent", given);
    case "referer":
      if (given.endsWith(";auto")) reading.note(`${said}: “;auto” is left out.`);
      return fixed(reading, "Referer", given.replace(/;auto$/, ""));
    case "cookie":
      if (given.includes("=")) fixed(reading, "Cookie", given);
      else reading.note(`${said} ${given}: a file of cookies cannot be read here.`);
      return;
    case "user":
      reading.user = given;
      return;
    case "oauth2-bearer":
      return fixed(reading, "Authorization", `Bearer ${given}`);
    case "range":
      return fixed(reading, "Range", `bytes=${given}`);
    case "url-query":
      reading.query.push(encodePart(reading, said, given));
      return;
    case "json":
      reading.json = true;
      return data(reading, said, given);
    case "data":
    case "data-ascii":
    case "data-binary":
      return data(reading, said, given);
    case "data-raw":
      reading.data.push({ kind: "text", text: given });
      return;
    case "data-urlencode":
      reading.data.push({ kind: "encoded", text: encodePart(reading, said, given) });
      return;
    case "form":
    case "form-string":
      return form(reading, said, given, name === "form-string");
    default:
      if (PRINTS.has(name)) reading.printing.push(said);
      else reading.unknown.push(`${said} ${given}`);
  }
}

function takeUrl(reading: Reading, url: string): void {
  if (reading.url === null) reading.url = url;
  else reading.note(`A second URL, ${url}, is left out.`);
}

/** `Name: value`, `Name;` for an empty one, `Name:` so that curl does not add its own. */
function header(reading: Reading, said: string, given: string): void {
  if (given.startsWith("@")) return reading.note(`${said} ${given}: a file of fields cannot be read here.`);
  const colon = given.indexOf(":", 1);
  if (colon > 0) {
    const [name, value] = [given.slice(0, colon).trim(), given.slice(colon + 1).trim()];
    if (value === "") reading.without.add(name.toLowerCase());
    // the pseudo-header fields that some browsers copy are in the method and the URL
    else if (!name.startsWith(":")) reading.set(name, value);
  } else if (given.trimEnd().endsWith(";")) reading.set(given.trimEnd().slice(0, -1), "");
  else reading.note(`${said} ${given}: that is no field, which has a colon.`);
}

function fixed(reading: Reading, name: string, given: string): void {
  if (given === "") reading.without.add(name.toLowerCase());
  else reading.set(name, given);
}

function data(reading: Reading, said: string, given: string): void {
  if (given === "@-" && reading.input !== null) {
    reading.usesInput = true;
    return;
  }
  if (given.startsWith("@")) return reading.note(`${said} ${given}: the file cannot be read here; put its content into the body.`);
  reading.data.push({ kind: "text", text: given });
}

/** `content`, `=content`, `name=content`; with `@` a file. */
function encodePart(reading: Reading, said: string, given: string): string {
  const found = /^([^=@]*)([=@])([\s\S]*)$/.exec(given);
  if (!found) return encoded(given);
  const [, name = "", sign, content = ""] = found;
  if (sign === "@") {
    reading.note(`${said} ${given}: the file cannot be read here.`);
    return name;
  }
  return name === "" ? encoded(content) : `${name}=${encoded(content)}`;
}

/** As curl does it: everything but unreserved characters (RFC 3986 section 2.3). */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

function form(reading: Reading, said: string, given: string, literal: boolean): void {
  const equals = given.indexOf("=");
  if (equals < 0) return reading.note(`${said} ${given}: that is no part of a form, which has a name and =.`);
  const name = given.slice(0, equals);
  let content = given.slice(equals + 1);
  let type: string | null = null;
  let filename: string | null = null;
  if (!literal) {
    if (/^[@<]/.test(content)) {
      reading.note(`${said} ${given}: the file cannot be read here; its part is empty.`);
      filename = content.startsWith("@") ? (content.slice(1).split(";")[0]?.split("/").at(-1) ?? "") : null;
      type = /;type=([^;]+)/.exec(content)?.[1] ?? (filename === null ? null : "application/octet-stream");
      content = "";
    } else {
      type = /;type=([^;]+)/.exec(content)?.[1] ?? null;
      filename = /;filename=("?)([^;"]*)\1/.exec(content)?.[2] ?? null;
      content = content.replace(/;(type|filename)=[^;]*/g, "");
      content = /^"([\s\S]*)"$/.exec(content)?.[1]?.replace(/\\(["\\])/g, "$1") ?? content;
    }
  }
  reading.form.push({ name, value: content, type, filename });
}

function finish(reading: Reading): Curl {
  if (reading.url === null) throw new CurlError("The command names no URL.");
  const draft = emptyDraft();
  let url = absolute(reading.url);
  const body = reading.data.map((part) => part.text).join(reading.json ? "" : "&");
  const sends = reading.data.length > 0 || reading.usesInput;
  if (reading.get && sends) reading.query.push(body);
  const query = reading.query.join("&");
  if (query !== "") {
    const [, before = "", fragment = ""] = /^([^#]*)(#.*)?$/.exec(url) ?? [];
    url = `${before}${before.includes("?") ? (/[?&]$/.test(before) ? "" : "&") : "?"}${query}${fragment}`;
  }
  const credentials = /^([a-z]+:\/\/)([^/?#@]*)@(.*)$/is.exec(url);
  if (credentials) {
    url = `${credentials[1]}${credentials[3]}`;
    reading.user ??= decode(credentials[2] ?? "");
  }
  if (reading.user !== null && !reading.has("authorization")) reading.set("Authorization", `Basic ${packed(bytesOf(reading.user.includes(":") ? reading.user : `${reading.user}:`))}`);

  const uploads = sends && !reading.get;
  const multipart = reading.form.length > 0 && !uploads;
  if (uploads && reading.form.length > 0) reading.note("-F is left out: a request has one body, and -d gives another.");
  draft.method = reading.method ?? (reading.head ? "HEAD" : uploads || multipart ? "POST" : "GET");
  if (!reading.has("user-agent")) reading.set("User-Agent", "curl/8");
  if (!reading.has("accept")) reading.set("Accept", reading.json ? "application/json" : "*/*");
  if (reading.compressed && !reading.has("accept-encoding")) reading.set("Accept-Encoding", "deflate, gzip, br, zstd");
  if (reading.usesInput && reading.input !== null && uploads) {
    draft.mode = "bytes";
    draft.base64 = reading.input;
  } else if (multipart) {
    const boundary = boundaryOf(reading.form.map((part) => part.value));
    if (!reading.has("content-type")) reading.set("Content-Type", `multipart/form-data; boundary=${boundary}`);
    else reading.note("Content-Type is as it was given; the boundary of the form’s parts is another one.");
    draft.mode = "text";
    draft.newline = "\r\n";
    draft.text = multipartText(reading.form, boundary);
  } else if (uploads) {
    const lines = body.replaceAll("\r\n", "\n");
    draft.mode = body === "" ? "none" : "text";
    if (!body.includes("\r") && !hasBytes(body)) draft.text = body;
    // a text field knows only line feeds
    else if (!hasBytes(body) && !lines.includes("\r") && lines.replaceAll("\n", "\r\n") === body) Object.assign(draft, { text: lines, newline: "\r\n" });
    else Object.assign(draft, { mode: "bytes", base64: packed(bytesOf(body)) });
  }
  if (uploads && !reading.has("content-type")) reading.set("Content-Type", reading.json ? "application/json" : "application/x-www-form-urlencoded");
  draft.url = url;
  draft.headers = reading.headers;
  draft.version = reading.version;
  if (reading.unknown.length > 0) reading.notes.unshift(`Not taken over: ${reading.unknown.join(", ")}.`);
  if (reading.printing.length > 0) reading.note(`Left out, because it concerns only what curl prints: ${[...new Set(reading.printing)].join(", ")}.`);
  return { draft, follow: reading.follow, notes: reading.notes };
}

/** curl takes a URL without a scheme as http. */
function absolute(url: string): string {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(url) ? url : `http://${url}`;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function packed(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

/** One that no part has in it. */
function boundaryOf(parts: readonly string[]): string {
  for (let n = 0; ; n++) {
    const boundary = `------------------------overhear${String(n).padStart(8, "0")}`;
    if (!parts.some((part) => part.includes(boundary))) return boundary;
  }
}

function multipartText(parts: Reading["form"], boundary: string): string {
  const quoted = (text: string) => text.replace(/["\r\n]/g, (c) => encodeURIComponent(c));
  const all = parts.map(({ name, value, type, filename }) => {
    const file = filename === null ? "" : `; filename="${quoted(filename)}"`;
    return `--${boundary}\nContent-Disposition: form-data; name="${quoted(name)}"${file}\n${type === null ? "" : `Content-Type: ${type}\n`}\n${value}\n`;
  });
  return `${all.join("")}--${boundary}--\n`;
}
