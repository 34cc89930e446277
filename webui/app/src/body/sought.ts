//! What of a body a filter can look for: the term that finds flows whose body says the same.

import { escaped, regexTerm, term } from "../list/terms";
import type { Lines } from "./lines";
import { keyOf } from "./path";
import type { Colours } from "./tokens";

/** A longer text is no value that anybody filters by. */
const LONGEST = 300;

/** Lines as they are in the body, as they were formatted, or what a binary tree was made into. */
export type Made = "sent" | "formatted" | "binary";

/** The term for one line; null where it says nothing, or too much. */
export function lineTerm(lines: Lines, line: number, colours: Colours, made: Made): string | null {
  const text = lines.text(line).trim();
  if (text === "" || text.length > LONGEST) return null;
  if (colours === "json") return made === "binary" ? binary(lines, line, text) : json(text);
  if (made === "sent") return term("body", text);
  // what formats puts space between words, and takes some away; GraphQL stands in a JSON string, its quotes escaped
  return regexTerm("body", text.split(/\s+/).map(escaped).join("\\s*").replaceAll('"', '\\\\?"'));
}

const LINE = /^(?:("(?:[^"\\]|\\.)*")\s*:\s*)?(.*?),?$/;

/** A name with its value, whatever space is between them; of what goes on in further lines, the name alone. */
function json(text: string): string | null {
  const [, key, value = ""] = LINE.exec(text) ?? [];
  const name = key === undefined ? "" : `${escaped(key)}\\s*:\\s*`;
  if (/^[[{\]}]/.test(value) && !/^(\[\]|\{\})$/.test(value)) return key === undefined ? null : regexTerm("body", `${escaped(key)}\\s*:`);
  if (value === "" || (key === undefined && !/^["\d-]/.test(value))) return null;
  if (key === undefined && value.startsWith('"')) return term("body", value);
  // a number is not the beginning of a longer one
  const end = value.startsWith('"') ? "" : "\\s*[,}\\]]";
  return regexTerm("body", `${name === "" ? "[\\[,]\\s*" : name}${escaped(value)}${end}`);
}

/** Of a binary tree only texts stand in the body as they are shown. */
function binary(lines: Lines, line: number, text: string): string | null {
  const key = keyOf(lines, line);
  const value = (key === null ? text : text.slice(text.indexOf(": ") + 2)).replace(/,$/, "");
  if (!value.startsWith('"')) return null;
  try {
    const said = JSON.parse(value) as string;
    return said.trim() === "" ? null : term("body", said);
  } catch {
    return null;
  }
}

/** The term for a message: for its first line, as far as it is a value. */
export function textTerm(text: string): string | null {
  const first = text.split(/[\r\n]/, 1)[0]?.trim() ?? "";
  return first === "" ? null : term("body", first.slice(0, LONGEST));
}
