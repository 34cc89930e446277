//! Pieces of the filter language made from values: a value written so that it means itself, terms put together.

import { mediaType } from "../lib/format";
import { readable } from "../lib/idn";
import type { Flow } from "../lib/types";

/** `field:value`, with quotes where a character would mean something. */
export function term(field: string, value: string | number): string {
  return `${field}:${quotedIfNeeded(String(value))}`;
}

/** `field:/expr/`, of a regular expression as the language reads them. */
export function regexTerm(field: string, source: string): string {
  return `${field}:/${source.replaceAll("/", "\\/")}/`;
}

/** A text that means itself in a regular expression. */
export function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

/** A value as it can stand after a colon. */
export function quotedIfNeeded(text: string): string {
  const plain = /^[^\s"\\*?()|<>=/-][^\s"\\*?()|]*$/.test(text) && !/^(and|or|not)$/i.test(text) && !text.includes("..");
  return plain ? text : `"${text.replace(/["\\]/g, (c) => `\\${c}`)}"`;
}

/** Both must hold. */
export function both(filter: string, more: string): string {
  const first = filter.trim();
  if (first === "") return more;
  if (first === more || top(first).includes(more)) return first;
  return `${alternatives(first) ? `(${first})` : first} ${alternatives(more) ? `(${more})` : more}`;
}

/** A filter without parentheses around the whole of it. */
export function bare(filter: string): string {
  const one = filter.trim();
  return one.startsWith("(") && one.endsWith(")") && top(one).length === 1 && whole(one) ? one.slice(1, -1).trim() : one;
}

/** Whether the first parenthesis is closed by the last character. */
function whole(text: string): boolean {
  let depth = 0;
  let quote = false;
  for (let at = 0; at < text.length; at++) {
    const c = text.charAt(at);
    const past = quote ? -1 : pastRegex(text, at);
    if (past > 0) at = past - 1;
    else if (quote && c === "\\") at++;
    else if (c === '"') quote = !quote;
    else if (!quote && c === "(") depth++;
    else if (!quote && c === ")" && --depth === 0) return at === text.length - 1;
  }
  return false;
}

const REGEX = /\/(?:[^\\/]|\\[^])+\/i?(?=$|[\s)|])/y;

/** Where a regular expression ends that begins there, which it does only as the whole of a value; -1 where none does. */
function pastRegex(text: string, at: number): number {
  if (text.charAt(at) !== "/" || !/(?:^|[\s(|!-]|[A-Za-z]:=?)$/.test(text.slice(0, at))) return -1;
  REGEX.lastIndex = at;
  return REGEX.test(text) ? REGEX.lastIndex : -1;
}

/** The filter without what matches `unwanted`. */
export function without(filter: string, unwanted: string): string {
  return both(filter, `-${top(unwanted).length > 1 ? `(${unwanted})` : unwanted}`);
}

/** Whether an `or` stands outside of parentheses and quotes: then a filter needs parentheses before something is added. */
export function alternatives(filter: string): boolean {
  return top(filter).some((word) => /^(or|\|)$/i.test(word));
}

/** The terms that must all hold, parentheses as one; null where there are alternatives. */
export function splitTerms(filter: string): string[] | null {
  return alternatives(filter) ? null : top(filter);
}

/** The words outside of parentheses; a quoted text belongs to its word. */
function top(filter: string): string[] {
  const words: string[] = [];
  let word = "";
  let depth = 0;
  let quote = false;
  for (let at = 0; at < filter.length; at++) {
    const c = filter.charAt(at);
    const past = quote ? -1 : pastRegex(filter, at);
    if (past > 0) {
      word += filter.slice(at, past);
      at = past - 1;
    } else if (quote && c === "\\") word += c + filter.charAt(++at);
    else {
      if (c === '"') quote = !quote;
      else if (!quote && c === "(") depth++;
      else if (!quote && c === ")") depth--;
      if (!quote && depth === 0 && /[\s|]/.test(c)) {
        if (word) words.push(word);
        if (c === "|") words.push(c);
        word = "";
      } else word += c;
    }
  }
  return word ? [...words, word] : words;
}

/** A value of a flow that a filter can ask for. */
export interface Asked {
  /** The field's name in words: "host". */
  name: string;
  /** As it is shown in a menu. */
  shown: string;
  filter: string;
}

const usual = (flow: Flow) => flow.port === (flow.scheme === "http" || flow.scheme === "ws" ? 80 : 443);

/** What a flow can be found by, by the column that shows it. */
export function asked(flow: Flow): Record<string, Asked> {
  const all: Record<string, Asked> = {};
  const put = (column: string, name: string, field: string, value: string | number | null | undefined, shown = String(value)) => {
    if (value !== null && value !== undefined && value !== "") all[column] = { name, shown, filter: term(field, value) };
  };
  const port = usual(flow) ? "" : `:${flow.port}`;
  put("host", "host", "host", flow.host + port, readable(flow.host) + port);
  const path = flow.path.split("?")[0] ?? "";
  if (path) put("path", "path", "path", path);
  put("method", "method", "method", flow.method);
  if (flow.error) put("status", "error", "error", flow.error.cause);
  else put("status", "status", "status", flow.status);
  put("type", "type", "type", mediaType(flow.response?.content_type));
  put("client", "device", "client", address(flow.client));
  put("app", "app", "app", flow.app);
  if (flow.server) put("server", "server", "server", address(flow.server));
  put("protocol", "version", "version", (flow.request.version ?? "").replace("HTTP/", ""), flow.request.version ?? "");
  if (flow.kind !== "http") put("kind", "kind", "kind", flow.kind);
  const [tag] = flow.tags;
  put("tags", "tag", "tag", tag);
  if (flow.color) put("color", "colour", "color", flow.color);
  return all;
}

/** The address without its port. */
export function address(socket: string): string {
  const bracketed = /^\[([^\]]*)\]/.exec(socket);
  if (bracketed) return bracketed[1] ?? socket;
  return socket.split(":").length > 2 ? socket : (socket.split(":")[0] ?? socket);
}
