//! Bytes laid out as lines for a view, in stretches that leave the page alive.

import { mediaType } from "../lib/format";
import { beautify, MOST_SOURCE } from "./beautify";
import { breath } from "./find";
import { JsonCheck, wrongWords } from "./jsonCheck";
import { inflated } from "./inflate";
import { charset, sourceFormat, treeFormat, type View } from "./kind";
import { JsonLines, PlainLines, type Lines } from "./lines";
import type { Colours } from "./tokens";
import type { Tree } from "./tree";

export interface Layout {
  lines: Lines;
  colours: Colours;
  /** What a person has to know about it. */
  note: string | null;
}

/** Decoded and laid out at once; about as much as takes a few milliseconds. */
const PIECE = 64 * 1024;
const BUDGET_MS = 8;

export const LINE_VIEWS: readonly View[] = ["json", "text", "source", "tree", "graphql"];

/** The layout of a view that shows lines, of a `whole` body or of its beginning; null when `signal` ended it. */
export async function layOut(bytes: Uint8Array<ArrayBuffer>, type: string | null, view: View, signal: AbortSignal, whole = true): Promise<Layout | null> {
  const media = mediaType(type);
  if (view === "tree") {
    const tree = await treeOf(bytes, media);
    return fill(new JsonLines(), [tree.text], signal, "json", tree.error === null ? null : `It cannot be read to its end: ${tree.error}.`);
  }
  const encoding = charset(type, bytes);
  if (view === "graphql") {
    const { graphqlRequests, graphqlText } = await import("./graphql");
    const requests = graphqlRequests(new TextDecoder(encoding).decode(bytes), !media.startsWith("application/graphql"));
    return fill(new PlainLines(), [graphqlText(requests)], signal, "graphql", null);
  }
  const format = view === "source" ? (sourceFormat(media) ?? "markup") : null;
  if (format === "css" || format === "js") {
    const text = new TextDecoder(encoding).decode(bytes);
    if (bytes.length > MOST_SOURCE) return fill(new PlainLines(), pieces(text), signal, format, "It is too large to be formatted, and shown as it was sent.");
    try {
      return await fill(new PlainLines(), pieces(await beautify({ text, format }, signal)), signal, format, null);
    } catch (error) {
      if (signal.aborted) return null;
      return fill(new PlainLines(), pieces(text), signal, format, `It is shown as it was sent: ${error instanceof Error ? error.message : String(error)}.`);
    }
  }
  const colours: Colours = view === "json" ? "json" : format === "markup" ? "markup" : "none";
  if (view !== "json" || /json5/.test(media)) return fill(await empty(view, format, media), decoded(bytes, encoding), signal, colours, null);
  // a type that does not speak of JSON, or of many values, may hold one after the other
  const check = new JsonCheck(!/json$/.test(media) || /(nd|seq|lines)/.test(media));
  const made = await fill(new JsonLines(), checked(decoded(bytes, encoding), check), signal, colours, null);
  if (whole) check.end();
  return made && check.wrong ? { ...made, note: wrongWords(check.wrong) } : made;
}

function* checked(text: Iterable<string>, check: JsonCheck): Generator<string> {
  for (const piece of text) {
    check.feed(piece);
    yield piece;
  }
}

async function empty(view: View, format: string | null, media: string): Promise<Lines> {
  if (view === "json") return new JsonLines();
  if (format !== "markup") return new PlainLines();
  const { MarkupLines } = await import("./markup");
  return new MarkupLines(media === "text/html" || media === "");
}

function* decoded(bytes: Uint8Array, encoding: string): Generator<string> {
  const decoder = new TextDecoder(encoding);
  for (let at = 0; at < bytes.length; at += PIECE) yield decoder.decode(bytes.subarray(at, at + PIECE), { stream: true });
  yield decoder.decode();
}

function* pieces(text: string): Generator<string> {
  for (let at = 0; at < text.length; at += PIECE) yield text.slice(at, at + PIECE);
}

async function fill(lines: Lines, text: Iterable<string>, signal: AbortSignal, colours: Colours, note: string | null): Promise<Layout | null> {
  let until = performance.now() + BUDGET_MS;
  for (const piece of text) {
    lines.feed(piece);
    if (performance.now() > until) {
      await breath();
      if (signal.aborted) return null;
      until = performance.now() + BUDGET_MS;
    }
  }
  lines.end();
  return signal.aborted ? null : { lines, colours, note };
}

async function treeOf(bytes: Uint8Array<ArrayBuffer>, media: string): Promise<Tree> {
  const format = treeFormat(media);
  if (format === "cbor") return (await import("./cbor")).cbor(bytes);
  if (format === "msgpack") return (await import("./msgpack")).msgpack(bytes);
  const { grpc, protobuf } = await import("./protobuf");
  return format === "grpc" ? grpc(bytes, inflated) : protobuf(bytes);
}
