//! Looking into a list of header fields.

import type { Field, FlowDetail } from "../lib/types";

/** All values of a field, in order. */
export function values(fields: readonly Field[], name: string): string[] {
  const wanted = name.toLowerCase();
  return fields.filter(([key]) => key.toLowerCase() === wanted).map(([, value]) => value);
}

/** The values of a list field as one; null when it is absent. */
export function value(fields: readonly Field[], name: string): string | null {
  const all = values(fields, name);
  return all.length > 0 ? all.join(", ") : null;
}

/** Members of a comma-separated list, trimmed, empty ones left out. Commas in quoted strings do not separate. */
export function members(text: string | null): string[] {
  if (text === null) return [];
  return (text.match(/(?:[^,"]|"(?:[^"\\]|\\.)*"?)+/g) ?? []).map((part) => part.trim()).filter((part) => part !== "");
}

/** Directives of `Cache-Control` and its like: names in lower case; a directive without value is "". */
export function directives(text: string | null): Map<string, string> {
  const found = new Map<string, string>();
  for (const part of members(text)) {
    const at = part.indexOf("=");
    const name = (at < 0 ? part : part.slice(0, at)).trim().toLowerCase();
    const argument = at < 0 ? "" : part.slice(at + 1).trim().replace(/^"(.*)"$/, "$1");
    if (!found.has(name)) found.set(name, argument);
  }
  return found;
}

/** Name and value pairs of the query, in order. */
export function query(path: string): [string, string][] {
  const mark = path.indexOf("?");
  const text = mark < 0 ? "" : (path.slice(mark + 1).split("#")[0] ?? "");
  if (text === "") return [];
  return text.split("&").filter((pair) => pair !== "").map((pair) => {
    const at = pair.indexOf("=");
    return at < 0 ? [plain(pair), ""] : [plain(pair.slice(0, at)), plain(pair.slice(at + 1))];
  });
}

/** Percent-encoding removed; a text that is encoded wrongly stays as it is. */
export function plain(text: string): string {
  const spaced = text.replaceAll("+", " ");
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}

/** When the flow's answer came, or it began: milliseconds. */
export function sentAt(flow: Pick<FlowDetail, "times" | "started_at">): number {
  return Date.parse(flow.times.response_first ?? flow.started_at);
}
