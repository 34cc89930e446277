//! A body as a person edits it: text, form or hexadecimal, and back to the bytes that are sent.

import { mediaType } from "../lib/format";
import type { BodyContent, Field } from "../lib/types";

export type BodyMode = "text" | "json" | "form" | "hex";

export interface BodyDraft {
  mode: BodyMode;
  /** What the modes of text say; lines end with a line feed. */
  text: string;
  /** How lines end in what is sent. */
  newline: "\n" | "\r\n";
  /** What the mode `hex` says. */
  hex: string;
}

/** A larger body is not taken apart into hexadecimal: three characters a byte, all of them in an editor. */
export const MOST_HEX = 1024 * 1024;
const PER_LINE = 16;

/** The bytes of a body as the API writes it. */
export function bytesOf(content: BodyContent): Uint8Array<ArrayBuffer> {
  if (content.base64 === undefined) return new TextEncoder().encode(content.text ?? "");
  return Uint8Array.from(atob(content.base64), (sign) => sign.charCodeAt(0));
}

/** Bytes as the API takes them: text where they are UTF-8. */
export function contentOf(bytes: Uint8Array): BodyContent {
  try {
    return { text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    let binary = "";
    for (let at = 0; at < bytes.length; at += 0x8000) binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
    return { base64: btoa(binary) };
  }
}

/** A text that an editor gives back as the same bytes; null when these bytes are none. */
export function textOf(bytes: Uint8Array): Pick<BodyDraft, "text" | "newline"> | null {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
  if (text.includes("\0")) return null;
  if (!text.includes("\r")) return { text, newline: "\n" };
  const lines = text.replaceAll("\r\n", "\n");
  // mixed line ends would all become the same
  return lines.includes("\r") || lines.replaceAll("\n", "\r\n") !== text ? null : { text: lines, newline: "\r\n" };
}

/** `47 45 54 …`, sixteen a line. */
export function hexOf(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += PER_LINE) {
    lines.push(Array.from(bytes.subarray(at, at + PER_LINE), (byte) => byte.toString(16).padStart(2, "0")).join(" "));
  }
  return lines.join("\n");
}

/** Hexadecimal as bytes, or the line that is wrong. Blanks stand where they like, but not within a byte. */
export function parseHex(text: string): { bytes: Uint8Array<ArrayBuffer>; problem: string | null } {
  const all: number[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    for (const word of line.split(/\s+/)) {
      if (word === "") continue;
      const odd = /[^0-9a-f]/i.exec(word);
      if (odd) return { bytes: new Uint8Array(), problem: `Line ${index + 1}: ${JSON.stringify(odd[0])} is no hexadecimal digit.` };
      if (word.length % 2 === 1) return { bytes: new Uint8Array(), problem: `Line ${index + 1}: “${word.slice(-40)}” is no whole number of bytes: each has two digits.` };
      for (let at = 0; at < word.length; at += 2) all.push(Number.parseInt(word.slice(at, at + 2), 16));
    }
  }
  return { bytes: Uint8Array.from(all), problem: null };
}

/** The best way to edit some bytes of a type. */
export function draftOf(bytes: Uint8Array, contentType: string | null): BodyDraft {
  const text = textOf(bytes);
  if (!text) return { mode: "hex", text: "", newline: "\n", hex: hexOf(bytes.subarray(0, MOST_HEX)) };
  return { mode: modeOf(text.text, contentType), ...text, hex: "" };
}

function modeOf(text: string, contentType: string | null): BodyMode {
  if (mediaType(contentType) === "application/x-www-form-urlencoded") return "form";
  return text.trim() !== "" && isJson(text) ? "json" : "text";
}

/** What of the draft is sent, or why it cannot be. */
export function sentOf(draft: BodyDraft): { bytes: Uint8Array<ArrayBuffer>; problem: string | null } {
  if (draft.mode === "hex") return parseHex(draft.hex);
  const text = draft.newline === "\n" ? draft.text : draft.text.replaceAll("\n", draft.newline);
  return { bytes: new TextEncoder().encode(text), problem: null };
}

/** The same bytes in another mode; words when they cannot be had in it. */
export function turned(draft: BodyDraft, mode: BodyMode): BodyDraft | string {
  if (mode === draft.mode) return draft;
  const { bytes, problem } = sentOf(draft);
  if (problem) return problem;
  if (mode === "hex") {
    if (bytes.length > MOST_HEX) return "The body is larger than 1 MiB: that is too much to be edited in hexadecimal.";
    return { ...draft, mode, hex: hexOf(bytes) };
  }
  if (draft.mode !== "hex") return { ...draft, mode };
  const text = textOf(bytes);
  return text ? { ...draft, ...text, mode } : "These bytes are no text that an editor would give back byte for byte: UTF-8 with one sort of line ends.";
}

export function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return /^\s*[[{"\d\-tfn]/.test(text);
  } catch {
    return false;
  }
}

/** The value of a field; null when there is none. */
export function fieldOf(headers: readonly Field[], name: string): string | null {
  return headers.find(([one]) => one.trim().toLowerCase() === name)?.[1] ?? null;
}
