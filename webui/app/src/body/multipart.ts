//! A multipart body in its parts, RFC 2046 § 5.1 and RFC 7578.

export interface BodyPart {
  headers: [string, string][];
  name: string | null;
  filename: string | null;
  type: string | null;
  /** Where its content is in the body. */
  from: number;
  to: number;
}

export interface Multipart {
  parts: BodyPart[];
  /** What is wrong, when something is. */
  error: string | null;
}

const MOST_PARTS = 1_000;

export function boundary(contentType: string | null): string | null {
  const found = /;\s*boundary\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;]+))/i.exec(contentType ?? "");
  return found ? (found[1]?.replace(/\\(.)/g, "$1") ?? found[2] ?? null) : null;
}

export function multipart(bytes: Uint8Array, contentType: string | null): Multipart {
  const mark = boundary(contentType);
  if (!mark) return { parts: [], error: "The content type names no boundary, so the parts cannot be told apart." };
  const line = new TextEncoder().encode(`--${mark}`);
  const parts: BodyPart[] = [];
  let at = start(bytes, line);
  if (at < 0) return { parts, error: `The boundary "${mark}" does not occur in the body.` };
  for (;;) {
    const after = at + line.length;
    if (bytes[after] === 45 && bytes[after + 1] === 45) return { parts, error: null };
    const from = lineEnd(bytes, after);
    if (from < 0) return { parts, error: "The body ends in the middle of a boundary." };
    const next = find(bytes, line, from);
    // the line end before the boundary belongs to it
    const to = next < 0 ? bytes.length : bytes[next - 2] === 13 && bytes[next - 1] === 10 ? next - 2 : next - 1;
    parts.push(part(bytes, from, Math.max(from, to)));
    if (next < 0) return { parts, error: "The last part does not end: the body is cut off, or the end is missing." };
    if (parts.length >= MOST_PARTS) return { parts, error: `Only the first ${MOST_PARTS} parts are shown.` };
    at = next;
  }
}

function start(bytes: Uint8Array, line: Uint8Array): number {
  return matches(bytes, line, 0) ? 0 : find(bytes, line, 0);
}

/** The next boundary that stands at the beginning of a line. */
function find(bytes: Uint8Array, line: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(10, Math.max(0, from - 1)); at >= 0; at = bytes.indexOf(10, at + 1)) {
    if (matches(bytes, line, at + 1)) return at + 1;
  }
  return -1;
}

function matches(bytes: Uint8Array, line: Uint8Array, at: number): boolean {
  for (let i = 0; i < line.length; i++) if (bytes[at + i] !== line[i]) return false;
  return true;
}

/** The first byte after this line; -1 when it does not end. */
function lineEnd(bytes: Uint8Array, from: number): number {
  const end = bytes.indexOf(10, from);
  return end < 0 ? -1 : end + 1;
}

function part(bytes: Uint8Array, from: number, to: number): BodyPart {
  const headers: [string, string][] = [];
  let at = from;
  while (at < to) {
    const end = lineEnd(bytes, at);
    const stop = end < 0 || end > to ? to : end;
    const text = new TextDecoder().decode(bytes.subarray(at, Math.min(stop, at + 65_536))).replace(/\r?\n$/, "");
    at = stop;
    if (text === "") break;
    const colon = text.indexOf(":");
    if (/^[ \t]/.test(text) && headers.length > 0) (headers[headers.length - 1] as [string, string])[1] += ` ${text.trim()}`;
    else headers.push(colon < 0 ? [text, ""] : [text.slice(0, colon), text.slice(colon + 1).trim()]);
  }
  const value = (name: string) => headers.find(([key]) => key.toLowerCase() === name)?.[1] ?? null;
  const disposition = value("content-disposition");
  return { headers, name: parameter(disposition, "name"), filename: parameter(disposition, "filename"), type: value("content-type"), from: Math.min(at, to), to };
}

/** A parameter of Content-Disposition; the form with a charset (RFC 8187) is preferred. */
function parameter(header: string | null, name: string): string | null {
  if (header === null) return null;
  const extended = new RegExp(`;\\s*${name}\\*\\s*=\\s*utf-8'[^']*'([^\\s;]+)`, "i").exec(header)?.[1];
  if (extended !== undefined) {
    try {
      return decodeURIComponent(extended);
    } catch {
      // then the plain one
    }
  }
  const found = new RegExp(`;\\s*${name}\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s;]+))`, "i").exec(header);
  return found ? (found[1]?.replace(/\\(["\\])/g, "$1") ?? found[2] ?? null) : null;
}
