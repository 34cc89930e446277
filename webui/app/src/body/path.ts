//! Where a line of JSON is in its document, as JSONPath (RFC 9535) and for jq, and the value that begins there.

import type { Lines } from "./lines";

export type Segment = string | number;

const KEY = /^("(?:[^"\\]|\\.)*"|[^\s"[\]{},:]+): /;

/** The segments from the outermost value to the one in this line; null where there is none. */
export function pathOf(lines: Lines, at: number): Segment[] | null {
  if (at < 0 || at >= lines.count) return null;
  const path: Segment[] = [];
  let line = at;
  let depth = lines.indent(line);
  // a closing bracket belongs to what it closes
  if (/^[\]}]/.test(lines.text(line))) {
    line--;
    while (line > 0 && !(lines.indent(line) === depth && lines.closes(line) === at)) line--;
  }
  while (depth > 0) {
    const key = KEY.exec(lines.text(line))?.[1];
    let before = 0;
    let parent = line - 1;
    for (; parent >= 0 && lines.indent(parent) >= depth; parent--) {
      if (lines.indent(parent) === depth && !/^[\]}]/.test(lines.text(parent))) before++;
    }
    path.unshift(key === undefined ? before : name(key));
    if (parent < 0) return path;
    line = parent;
    depth = lines.indent(line);
  }
  return path;
}

function name(key: string): string {
  if (!key.startsWith('"')) return key;
  try {
    return JSON.parse(key) as string;
  } catch {
    return key.slice(1, -1);
  }
}

export function jsonPath(path: readonly Segment[]): string {
  return `$${path.map((part) => (typeof part === "number" ? `[${part}]` : /^[A-Za-z_][\w]*$/.test(part) ? `.${part}` : `['${part.replace(/[\\']/g, "\\$&").replace(/[\u0000-\u001f]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`)}']`)).join("")}`;
}

export function jqPath(path: readonly Segment[]): string {
  const text = path.map((part) => (typeof part === "number" ? `[${part}]` : /^[A-Za-z_][\w]*$/.test(part) ? `.${part}` : `[${JSON.stringify(part)}]`)).join("");
  return text.startsWith(".") ? text : `.${text}`;
}

/** The name that a line gives its value, or null. */
export function keyOf(lines: Lines, line: number): string | null {
  const key = KEY.exec(lines.text(line))?.[1];
  return key === undefined ? null : name(key);
}

/** The value of a line with all that is in it, as text without its name. */
export function valueOf(lines: Lines, line: number): string {
  const end = lines.closes(line);
  const base = lines.indent(line);
  const out = [lines.text(line).replace(KEY, "")];
  for (let at = line + 1; at <= end; at++) out.push(" ".repeat(Math.max(0, lines.indent(at) - base)) + lines.text(at));
  return out.join("\n").replace(/,$/, "");
}
