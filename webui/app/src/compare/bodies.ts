//! Two bodies: read within a bound, and compared as what they are.

import { charset, views } from "../body/kind";
import { JsonLines, PlainLines, written, type Lines } from "../body/lines";
import { BodyReader } from "../body/reader";
import type { FlowDetail, Side } from "../lib/types";
import { diffLines, type DiffRow } from "./diff";
import { parse } from "./json";
import { differences, type Difference } from "./structure";

/** So much of each body is read. */
export const MOST = 16 * 1024 * 1024;
/** And so much of it compared by lines or by structure. */
export const MOST_TEXT = 4 * 1024 * 1024;

export interface Part {
  bytes: Uint8Array<ArrayBuffer>;
  type: string | null;
  /** Bytes of the whole body as it was recorded. */
  size: number;
  /** There is more than was read. */
  cut: boolean;
}

export interface Comparison {
  /** `same`: nothing differs in what was read; the other ways say how the difference is shown. */
  as: "none" | "same" | "json" | "text" | "binary";
  /** Something that a reader has to know: that it was cut, that only the layout differs. */
  note: string | null;
  differences: Difference[];
  left: string[];
  right: string[];
  rows: DiffRow[];
}

/** A body as far as it is compared; null when there is none. */
export async function readBody(flow: FlowDetail, side: Side, signal: AbortSignal): Promise<Part | null> {
  const message = flow[side];
  if (!message || message.body_size === 0) return null;
  const reader = new BodyReader(flow.id, side, Boolean(message.content_encoding));
  await reader.readTo(MOST, signal);
  return { bytes: reader.bytes(), type: message.content_type, size: message.body_size, cut: !reader.done };
}

export function compareBodies(a: Part | null, b: Part | null): Comparison {
  const nothing: Comparison = { as: "none", note: null, differences: [], left: [], right: [], rows: [] };
  if (a === null && b === null) return nothing;
  const cut = a?.cut || b?.cut;
  if (a && b && equal(a.bytes, b.bytes)) {
    return { ...nothing, as: "same", note: cut ? "As far as they were read (the first 16 MiB) the bodies are the same." : "The bodies are the same, byte for byte." };
  }
  const [one, two] = [textOf(a), textOf(b)];
  if (!one || !two) return { ...nothing, as: "binary", note: cut ? "Only the first 16 MiB are compared." : null };
  const short = one.cut || two.cut;
  const note = short ? "The bodies are large: their first 4 MiB are compared, the rest is not." : null;
  const json = one.json || two.json;
  const [left, right] = [lines(one.text, json), lines(two.text, json)];
  const found = json && !short ? structure(one.text, two.text) : null;
  const rows = diffLines(left, right);
  if (found) {
    if (found.length === 0) return { ...nothing, as: "same", note: "Both say the same; only blanks, the order of names or the writing of numbers differ." };
    return { as: "json", note: found.length >= 5_000 ? "More than 5,000 values differ: the first 5,000 are shown." : null, differences: found, left, right, rows };
  }
  if (rows.every((row) => row.kind === "same")) return { ...nothing, as: "same", note: note ?? "The texts are the same, apart from how their lines end or how they are encoded." };
  return { as: "text", note, differences: [], left, right, rows };
}

function structure(left: string, right: string): Difference[] | null {
  const [a, b] = [parse(left), parse(right)];
  return a && b ? differences(a, b) : null;
}

function textOf(part: Part | null): { text: string; json: boolean; cut: boolean } | null {
  if (part === null) return { text: "", json: false, cut: false };
  const best = views(part.type, part.bytes.subarray(0, 4096))[0];
  if (best === "hex" || best === "image") return null;
  const bytes = part.bytes.subarray(0, MOST_TEXT);
  const text = new TextDecoder(charset(part.type, bytes)).decode(bytes);
  return { text, json: best === "json", cut: part.cut || part.bytes.length > MOST_TEXT };
}

function lines(text: string, json: boolean): string[] {
  const lines: Lines = json ? new JsonLines() : new PlainLines();
  lines.feed(text);
  lines.end();
  const all = written(lines);
  return all.length === 1 && all[0] === "" ? [] : all;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && firstDifference(a, b) === null;
}

/** The place of the first byte that differs; null when there is none. */
export function firstDifference(a: Uint8Array, b: Uint8Array): number | null {
  const common = Math.min(a.length, b.length);
  for (let at = 0; at < common; at++) if (a[at] !== b[at]) return at;
  return a.length === b.length ? null : common;
}

/** SHA-256 in hexadecimal; null where the browser does not offer it (a page that is neither localhost nor https). */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string | null> {
  if (!globalThis.crypto?.subtle) return null;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
