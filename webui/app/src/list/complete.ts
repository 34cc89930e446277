//! What could stand at the caret of a filter: the names of fields, or values of the field whose colon was typed.

import type { FilterField } from "../lib/types";
import { quotedIfNeeded } from "./terms";

/** The word at the caret. Offsets are UTF-16 units, as an input's are. */
export interface Spot {
  /** The field before the colon, if there is one. */
  field: string | null;
  /** What of the name or of the value is typed already. */
  prefix: string;
  /** What a suggestion takes the place of. */
  from: number;
  to: number;
}

export interface Suggestion {
  /** What is put in. */
  insert: string;
  shown: string;
  /** What it means, or how often it occurs. */
  detail: string;
  /** More is to be typed: a field without its value. */
  open: boolean;
}

const BREAK = /[\s()|]/;

export function spot(text: string, caret: number): Spot {
  let start = 0;
  let quote = false;
  for (let at = 0; at < caret; at++) {
    const c = text.charAt(at);
    if (quote && c === "\\") at++;
    else if (c === '"') quote = !quote;
    else if (!quote && BREAK.test(c)) start = at + 1;
  }
  if (/[-!]/.test(text.charAt(start)) && start < caret) start++;
  const word = text.slice(start, caret);
  let to = caret;
  while (to < text.length && !BREAK.test(text.charAt(to))) to++;
  const match = /^([A-Za-z]+):(>=|<=|==?|>|<)?/.exec(word);
  if (!match) return { field: null, prefix: word, from: start, to };
  const from = start + match[0].length;
  return { field: match[1]?.toLowerCase() ?? null, prefix: text.slice(from, caret).replace(/^"/, "").replace(/\\(.)/g, "$1"), from, to: quote ? text.length : to };
}

export function fieldSuggestions(fields: readonly FilterField[], at: Spot): Suggestion[] {
  const wanted = at.prefix.toLowerCase();
  return fields
    .filter((field) => field.name.startsWith(wanted) && field.name !== wanted)
    .map((field) => ({ insert: `${field.name}:`, shown: `${field.name}:`, detail: field.what, open: true }));
}

export function valueSuggestions(values: readonly { value: string; count: number | null }[], at: Spot): Suggestion[] {
  const wanted = at.prefix.toLowerCase();
  return values
    .filter(({ value }) => value !== "" && value.toLowerCase().includes(wanted) && value.toLowerCase() !== wanted)
    .map(({ value, count }) => ({ insert: `${quotedIfNeeded(value)} `, shown: value, detail: count === null ? "" : count.toLocaleString("en"), open: false }));
}

/** The text with a suggestion in it, and where the caret is then. */
export function completed(text: string, at: Spot, insert: string): { text: string; caret: number } {
  const rest = text.slice(at.to);
  const put = insert.endsWith(" ") && rest.startsWith(" ") ? insert.slice(0, -1) : insert;
  return { text: text.slice(0, at.from) + put + rest, caret: at.from + put.length };
}
