//! A whole request as text, and back: request line with the full URL, fields, an empty line, the body.

import type { Draft } from "./draft";
import { parseRaw, rawOf } from "./draft";

/** What the raw text says, or the line that is wrong. */
export type Raw = Pick<Draft, "method" | "url" | "version" | "headers" | "text"> & { problem: string | null };

export function rawRequest(draft: Draft): string {
  const head = `${draft.method} ${draft.url}${draft.version ? ` ${draft.version}` : ""}\n${rawOf(draft.headers)}${draft.headers.length > 0 ? "\n" : ""}\n`;
  return draft.mode === "text" ? head + draft.text : head;
}

/** `base`: the URL before, for a request line that has only a path. */
export function parseRequest(text: string, base: string): Raw {
  const [first = "", ...rest] = text.split("\n");
  const gap = rest.findIndex((line) => line.trim() === "");
  const lines = gap < 0 ? rest : rest.slice(0, gap);
  const body = gap < 0 ? "" : rest.slice(gap + 1).join("\n");
  const { headers, wrong } = parseRaw(lines.join("\n"));
  const [method = "", target = "", named = "", ...more] = first.trim().split(/\s+/);
  const version = /^HTTP\/2(\.0)?$/i.test(named) ? "HTTP/2" : /^HTTP\/1\.[01]$/i.test(named) ? "HTTP/1.1" : "";
  let problem: string | null = null;
  if (!method || !target || more.length > 0) problem = "Line 1 is not METHOD URL, with a version behind it or not.";
  else if (named && !version) problem = `Line 1: ${named} is not a version that can be sent: HTTP/1.1 or HTTP/2.`;
  else if (wrong !== null) problem = `Line ${wrong + 1} has no colon.`;
  const host = headers.find(([name]) => name.toLowerCase() === "host")?.[1];
  return { method, url: absolute(target, host, base), version, headers, text: body, problem };
}

/** A path means the server that the Host field names, by the scheme that was used before. */
function absolute(target: string, host: string | undefined, base: string): string {
  if (!target.startsWith("/")) return target;
  const [, scheme = "http", authority = ""] = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)/i.exec(base.trim()) ?? [];
  return `${scheme}://${host ?? authority}${target}`;
}
