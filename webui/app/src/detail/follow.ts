//! A raw stream as a conversation: what each side said in turn, as lines of text, of hexadecimal, or of JSON.

import { charset } from "../body/kind";
import { JsonLines, PlainLines, type Lines } from "../body/lines";
import { ascii, hex, offset } from "../body/hex";
import type { Side } from "../lib/types";
import { gap } from "./gap";
import { BEGINS } from "./upgrade";

export type Form = "text" | "hex" | "json";

/** What one side said until the other spoke. */
export interface Turn {
  side: Side;
  bytes: Uint8Array<ArrayBuffer>;
  /** Where it begins in its direction, with what is missing. */
  at: number;
  /** So many bytes before it were not captured. */
  missing: number;
  /** It is the first that was said in TLS. */
  begins: boolean;
}

/** Lines of which each belongs to a side. */
export interface SidedLines extends Lines {
  side(line: number): Side;
}

/** The charsets that a person may choose from. */
export const CHARSETS = ["utf-8", "windows-1252", "iso-8859-2", "utf-16le", "utf-16be", "shift_jis", "euc-kr", "gb18030", "koi8-r"] as const;

/** Pieces put together to turns; `datagrams` stay apart. What came after `since` was said in TLS. */
export function turns(pieces: readonly { side: Side; data: Uint8Array; missing?: number; at?: string }[], sides: readonly Side[], datagrams: boolean, since: string | null = null): Turn[] {
  const found: { side: Side; at: number; missing: number; begins: boolean; parts: Uint8Array[]; size: number }[] = [];
  const at: Record<Side, number> = { request: 0, response: 0 };
  let inside = false;
  for (const { side, data, missing = 0, at: when = "" } of pieces) {
    const last = found.at(-1);
    at[side] += missing;
    if (sides.includes(side)) {
      const begins: boolean = !inside && since !== null && when > since;
      inside ||= begins;
      if (last?.side === side && !datagrams && missing === 0 && !begins) {
        last.parts.push(data);
        last.size += data.length;
      } else found.push({ side, at: at[side], missing, begins, parts: [data], size: data.length });
    }
    at[side] += data.length;
  }
  return found.map(({ side, at, missing, begins, parts, size }) => {
    const bytes = new Uint8Array(size);
    let to = 0;
    for (const part of parts) {
      bytes.set(part, to);
      to += part.length;
    }
    return { side, at, missing, begins, bytes };
  });
}

/** The charset that the bytes of all turns look like. */
export function guess(all: readonly Turn[]): string {
  return charset(null, all[0]?.bytes ?? new Uint8Array());
}

/** Lines of several texts after each other. */
class Joined implements SidedLines {
  readonly #parts: { lines: Lines; side: Side; from: number }[] = [];
  count = 0;

  add(lines: Lines, side: Side): void {
    this.#parts.push({ lines, side, from: this.count });
    this.count += lines.count;
  }
  text(line: number): string {
    const part = this.#of(line);
    return part ? part.lines.text(line - part.from) : "";
  }
  indent(line: number): number {
    const part = this.#of(line);
    return part ? part.lines.indent(line - part.from) : 0;
  }
  closes(line: number): number {
    const part = this.#of(line);
    const end = part ? part.lines.closes(line - part.from) : -1;
    return part && end >= 0 ? end + part.from : -1;
  }
  side(line: number): Side {
    return this.#of(line)?.side ?? "request";
  }
  feed(): void {
    throw new Error("its parts are fed");
  }
  end(): void {
    // they are at their end
  }

  /** Lines of their own say what is missing, and that TLS begins. */
  note(turn: Turn): void {
    for (const text of [turn.missing === 0 ? null : gap(turn.missing), turn.begins ? BEGINS : null]) {
      if (text === null) continue;
      const line = new PlainLines();
      line.feed(text);
      line.end();
      this.add(line, turn.side);
    }
  }

  #of(line: number): { lines: Lines; side: Side; from: number } | undefined {
    let [low, high] = [0, this.#parts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#parts[middle]?.from ?? 0) <= line) low = middle + 1;
      else high = middle;
    }
    return this.#parts[low - 1];
  }
}

/** Rows of sixteen bytes, written when they are looked at. */
class HexLines implements Lines {
  constructor(
    private readonly bytes: Uint8Array,
    private readonly at: number,
  ) {}
  get count(): number {
    return Math.ceil(this.bytes.length / 16);
  }
  text(line: number): string {
    const row = this.bytes.subarray(line * 16, line * 16 + 16);
    return `${offset(this.at + line * 16, 0)}  ${hex(row, 16).padEnd(48)}  ${ascii(row)}`;
  }
  indent(): number {
    return 0;
  }
  closes(): number {
    return -1;
  }
  feed(): void {
    throw new Error("bytes are not fed");
  }
  end(): void {
    // all are there
  }
}

/** The turns as text or hexadecimal. */
export function lay(all: readonly Turn[], form: "text" | "hex", encoding: string): SidedLines {
  const joined = new Joined();
  // a character may be cut in two by what the other side says meanwhile
  const decoders: Record<Side, TextDecoder> = { request: new TextDecoder(encoding), response: new TextDecoder(encoding) };
  const last = { request: all.findLastIndex((turn) => turn.side === "request"), response: all.findLastIndex((turn) => turn.side === "response") };
  all.forEach((turn, i) => {
    joined.note(turn);
    if (turn.bytes.length === 0) return;
    if (form === "hex") return joined.add(new HexLines(turn.bytes, turn.at), turn.side);
    const lines = new PlainLines();
    lines.feed(decoders[turn.side].decode(turn.bytes, { stream: i !== last[turn.side] }));
    lines.end();
    joined.add(lines, turn.side);
  });
  return joined;
}

/** Why turns are no JSON. */
export interface NoJson {
  side: Side;
  /** Where in the direction the value begins that is none: characters. */
  at: number;
  text: string;
}

/**
 * The turns as JSON: each is one value or several after each other (NDJSON, concatenated, JSON text sequences). A value
 * that goes on in the next turn of its side stands where it ends. Null when nothing of it is JSON.
 */
export function layJson(all: readonly Turn[], encoding: string): { lines: SidedLines; wrong: NoJson | null } | null {
  const joined = new Joined();
  const sides: Record<Side, { decoder: TextDecoder; rest: string; done: number; values: number }> = {
    request: { decoder: new TextDecoder(encoding), rest: "", done: 0, values: 0 },
    response: { decoder: new TextDecoder(encoding), rest: "", done: 0, values: 0 },
  };
  let wrong: NoJson | null = null;
  const spoiled = new Set<Side>();
  const plain = (text: string, side: Side) => {
    const lines = new PlainLines();
    lines.feed(text);
    lines.end();
    joined.add(lines, side);
  };
  const json = (value: string, side: Side) => {
    const lines = new JsonLines();
    lines.feed(value);
    lines.end();
    joined.add(lines, side);
  };
  for (const turn of all) {
    const of = sides[turn.side];
    if (turn.missing > 0 && of.rest.trim() !== "") {
      // the value goes on where nobody knows how
      wrong ??= { side: turn.side, at: of.done, text: "bytes are missing in it" };
      plain(of.rest, turn.side);
      of.rest = "";
      spoiled.add(turn.side);
    }
    joined.note(turn);
    const text = of.rest + of.decoder.decode(turn.bytes, { stream: true });
    if (spoiled.has(turn.side)) {
      plain(text, turn.side);
      continue;
    }
    const read = values(text);
    for (const value of read.values) json(value, turn.side);
    of.values += read.values.length;
    of.rest = text.slice(read.end);
    if (read.error !== null) {
      wrong ??= { side: turn.side, at: of.done + read.end, text: read.error };
      spoiled.add(turn.side);
      plain(of.rest, turn.side);
      of.rest = "";
    }
    of.done += read.end;
  }
  for (const side of ["request", "response"] as const) {
    const { rest, done } = sides[side];
    if (rest.trim() === "") continue;
    // a number or a word may be all there is, and a cut value is shown
    if (parses(rest)) {
      json(rest, side);
      sides[side].values++;
    } else {
      wrong ??= { side, at: done, text: "the last value is cut off" };
      plain(rest, side);
    }
  }
  return sides.request.values + sides.response.values === 0 ? null : { lines: joined, wrong };
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Whole values from the beginning of a text on: their texts, where the rest begins, and why that is none, where it cannot become one. */
export function values(text: string): { values: string[]; end: number; error: string | null } {
  const found: string[] = [];
  let end = 0;
  for (;;) {
    // a byte order mark, and the separator of JSON text sequences (RFC 7464)
    const begin = skip(text, end);
    if (begin === text.length) return { values: found, end: begin, error: null };
    const to = valueEnd(text, begin);
    // it goes on, perhaps
    if (to === null) return { values: found, end, error: null };
    const value = text.slice(begin, to);
    try {
      JSON.parse(value);
    } catch (error) {
      return { values: found, end, error: error instanceof Error ? error.message : String(error) };
    }
    found.push(value);
    end = to;
  }
}

function skip(text: string, from: number): number {
  let at = from;
  while (at < text.length && " \n\r\t\u001e\ufeff".includes(text[at] as string)) at++;
  return at;
}

/** Behind the value that begins at a place; null when it is not at its end. */
function valueEnd(text: string, from: number): number | null {
  const first = text[from] as string;
  if (!'{["'.includes(first)) {
    // a number, a word, or no JSON: it ends where something else begins
    let at = from;
    while (at < text.length && !' \n\r\t\u001e{}[],:"'.includes(text[at] as string)) at++;
    return at === text.length ? null : Math.max(at, from + 1);
  }
  let [depth, quoted] = [0, false];
  for (let at = from; at < text.length; at++) {
    const character = text[at];
    if (quoted) {
      if (character === "\\") at++;
      else if (character === '"') quoted = false;
    } else if (character === '"') quoted = true;
    else if (character === "{" || character === "[") depth++;
    else if (character === "}" || character === "]") depth--;
    if (depth === 0 && !quoted) return Math.min(at + 1, text.length);
  }
  return null;
}
