//! The columns there are, and which of them a width has room for.

import type { SortKey } from "../lib/api";
import { isolated } from "../lib/bidi";
import { hostWords, readable } from "../lib/idn";
import { bytes, clock, duration, exactBytes, mediaType, moment, shortType } from "../lib/format";
import type { Flow } from "../lib/types";
import { address } from "./terms";

export interface Column {
  key: string;
  title: string;
  /** Its name where the title is a sign. */
  name?: string;
  sort?: SortKey;
  /** Begins with the largest. */
  falling?: boolean;
  /** Numbers stand at the right. */
  end?: boolean;
  muted?: boolean;
  /** Pixels, unless it was given another width; the least when it grows. */
  width: number;
  /** More pixels, where so many are left to the columns that grow; the first that can be. */
  ample?: readonly [width: number, left: number][];
  /** Its part of the room that is left. */
  grows?: number;
  /** Where there is no room, the highest goes first. */
  rank: number;
  text: (flow: Flow) => string;
  hint?: (flow: Flow) => string;
}

const NONE = 0;
const arrived = (flow: Flow) => (flow.response ? flow.response.body_size : flow.state !== "running" ? NONE : null);

/** In the order in which a new visitor sees them; the ones after the client only when they are chosen. */
export const COLUMNS: readonly Column[] = [
  { key: "id", title: "#", name: "Number", sort: "id", end: true, muted: true, width: 46, rank: 6, text: (flow) => String(flow.id) },
  { key: "status", title: "Status", sort: "status", width: 116, ample: [[190, 240], [127, 0]], rank: 1, text: () => "" },
  { key: "method", title: "Method", sort: "method", width: 62, ample: [[78, 120]], rank: 2, text: methodName, hint: methodName },
  { key: "host", title: "Host", sort: "host", width: 150, grows: 3, rank: 1, text: hostName, hint: hostHint },
  { key: "path", title: "Path", sort: "path", width: 150, grows: 4, rank: 0, text: (flow) => flow.path, hint: (flow) => flow.path },
  { key: "type", title: "Type", sort: "type", muted: true, width: 68, rank: 7, text: (flow) => (flow.kind === "websocket" ? "websocket" : shortType(flow.response?.content_type)), hint: (flow) => flow.response?.content_type ?? "" },
  { key: "size", title: "Size", sort: "size", falling: true, end: true, width: 62, rank: 3, text: (flow) => bytes(arrived(flow)), hint: (flow) => exact(arrived(flow)) },
  { key: "duration", title: "Duration", sort: "duration", falling: true, end: true, width: 74, rank: 4, text: (flow) => duration(flow.duration_ms) },
  { key: "time", title: "Time", sort: "id", end: true, muted: true, width: 87, rank: 8, text: (flow) => clock(flow.started_at), hint: (flow) => moment(flow.started_at) },
  { key: "client", title: "Client", sort: "client", muted: true, width: 92, rank: 9, text: (flow) => address(flow.client), hint: (flow) => flow.client },
  { key: "app", title: "App", muted: true, width: 90, rank: 9, text: (flow) => flow.app ?? "", hint: (flow) => (flow.app ? `${isolated(flow.app)} on this computer, from ${flow.client}` : "") },
  { key: "upload", title: "Upload", sort: "upload", falling: true, end: true, width: 62, rank: 10, text: (flow) => bytes(flow.request.body_size), hint: (flow) => exact(flow.request.body_size) },
  { key: "kind", title: "Kind", sort: "kind", muted: true, width: 76, rank: 10, text: (flow) => flow.kind },
  { key: "protocol", title: "Protocol", muted: true, width: 68, rank: 10, text: (flow) => flow.request.version ?? "" },
  { key: "server", title: "Server", muted: true, width: 126, rank: 10, text: (flow) => flow.server ?? "", hint: (flow) => flow.server ?? "" },
  { key: "tags", title: "Tags", width: 90, rank: 5, text: tagNames, hint: tagNames },
  { key: "comment", title: "Comment", width: 140, rank: 5, text: (flow) => flow.comment, hint: (flow) => flow.comment },
];

/** What the type of a flow is to a person, by which it is coloured; null is nothing special. */
export function genre(flow: Pick<Flow, "kind" | "response">): "data" | "page" | "script" | "style" | "media" | null {
  if (flow.kind === "websocket") return "data";
  const type = mediaType(flow.response?.content_type);
  if (/^(image|audio|video|font)\//.test(type)) return "media";
  if (/[/+-](json|xml|protobuf|grpc|msgpack|cbor|graphql|ndjson)\b|event-stream/.test(type) && !/html|svg/.test(type)) return "data";
  if (/html/.test(type)) return "page";
  if (/(java|ecma)script|wasm/.test(type)) return "script";
  return type === "text/css" ? "style" : null;
}

const BY_KEY = new Map(COLUMNS.map((column) => [column.key, column]));

export function columnOf(key: string): Column | undefined {
  return BY_KEY.get(key);
}

/** The method; of what has none, what it is. */
function methodName(flow: Pick<Flow, "method" | "kind">): string {
  return flow.method || flow.kind.toUpperCase();
}

/** The tags in a row. */
export function tagNames(flow: Pick<Flow, "tags">): string {
  return flow.tags.map(isolated).join(", ");
}

/** `example.com`, with its port where that is unusual. */
export function hostName(flow: Pick<Flow, "host" | "port" | "scheme">): string {
  return `${hostWords(flow.host)}${unusualPort(flow)}`;
}

/** [`hostName`], and the name as it was on the wire where that is another. */
export function hostHint(flow: Pick<Flow, "host" | "port" | "scheme">): string {
  return readable(flow.host) === flow.host ? hostName(flow) : `${hostName(flow)} (${flow.host})`;
}

function unusualPort(flow: Pick<Flow, "port" | "scheme">): string {
  return flow.port !== (flow.scheme === "http" || flow.scheme === "ws" ? 80 : 443) ? `:${flow.port}` : "";
}

function exact(size: number | null): string {
  return size === null ? "" : exactBytes(size);
}

/** A chosen column; `width` when somebody gave it one. */
export interface Arranged {
  key: string;
  width?: number;
}

export const LEAST = 36;
export const MOST = 1200;
export const ORDINARY: readonly Arranged[] = COLUMNS.slice(0, 10).map(({ key }) => ({ key }));

/** What was kept, if it can be used: known columns, each once, sane widths. */
export function arrangement(stored: unknown): Arranged[] | undefined {
  if (!Array.isArray(stored)) return undefined;
  const seen = new Map<string, Arranged>();
  for (const one of stored as Partial<Arranged>[]) {
    const key = String(one?.key);
    if (!BY_KEY.has(key)) continue;
    const width = Number(one.width);
    seen.set(key, width >= LEAST && width <= MOST ? { key, width } : { key });
  }
  return seen.size > 0 ? [...seen.values()] : undefined;
}

const GAP = 12;
const EDGES = 24;

export interface Fitted {
  shown: Column[];
  /** For `grid-template-columns`. */
  template: string;
  /** The pixels that each has at least. */
  widths: ReadonlyMap<string, number>;
}

/** What a scroll bar may take of the room. */
const SCROLL_BAR = 18;

/** As many of the chosen columns as there is room for. */
export function fit(arranged: readonly Arranged[], room: number): Fitted {
  let left = arranged.flatMap((one) => {
    const column = BY_KEY.get(one.key);
    return column ? [{ column, width: one.width ?? column.width, chosen: one.width !== undefined, grows: one.width === undefined ? column.grows : undefined }] : [];
  });
  const needs = () => left.reduce((sum, one) => sum + one.width + GAP, EDGES - GAP);
  while (left.length > 1 && needs() > room) {
    const worst = left.reduce((most, one) => (one.column.rank >= most.column.rank ? one : most));
    left = left.filter((one) => one !== worst);
  }
  for (const one of left) {
    const spare = room - needs() + one.width;
    const wider = one.chosen ? undefined : one.column.ample?.find(([width, rest]) => spare - width >= rest);
    if (wider) one.width = wider[0];
  }
  const tracks = left.map((one) => (one.grows ? `minmax(${one.width}px, ${one.grows}fr)` : `${one.width}px`));
  if (!left.some((one) => one.grows)) tracks.push("minmax(0, 1fr)");
  return { shown: left.map((one) => one.column), template: tracks.join(" "), widths: grown(left, room - needs() - SCROLL_BAR) };
}

/** What each has when those that grow have taken the room that is left, as `fr` deals it out: none gets less than its least. */
function grown(columns: readonly { column: Column; width: number; grows?: number | undefined }[], spare: number): Map<string, number> {
  const widths = new Map(columns.map(({ column, width }) => [column.key, width]));
  let growing = columns.filter((one) => one.grows !== undefined);
  for (;;) {
    const parts = growing.reduce((sum, one) => sum + (one.grows ?? 0), 0);
    const room = growing.reduce((sum, one) => sum + one.width, Math.max(0, spare));
    const shares = growing.map((one) => ({ one, share: (room * (one.grows ?? 0)) / parts }));
    const enough = shares.filter(({ one, share }) => share >= one.width);
    if (enough.length === growing.length) {
      for (const { one, share } of shares) widths.set(one.column.key, Math.floor(share));
      return widths;
    }
    growing = enough.map(({ one }) => one);
  }
}

/** A column taken from its place to before another; `null` is the end. */
export function moved(arranged: readonly Arranged[], key: string, before: string | null): Arranged[] {
  const one = arranged.find((column) => column.key === key);
  if (!one || key === before) return [...arranged];
  const rest = arranged.filter((column) => column !== one);
  const at = before === null ? rest.length : rest.findIndex((column) => column.key === before);
  return at < 0 ? [...arranged] : [...rest.slice(0, at), one, ...rest.slice(at)];
}

/** A column put where it usually stands, or taken away. The last one stays. */
export function toggled(arranged: readonly Arranged[], key: string): Arranged[] {
  if (arranged.some((column) => column.key === key)) return arranged.length > 1 ? arranged.filter((column) => column.key !== key) : [...arranged];
  const order = COLUMNS.map((column) => column.key);
  const next = arranged.find((column) => order.indexOf(column.key) > order.indexOf(key));
  return moved([...arranged, { key }], key, next?.key ?? null);
}

export function sized(arranged: readonly Arranged[], key: string, width: number | undefined): Arranged[] {
  const bounded = width === undefined ? undefined : Math.round(Math.min(MOST, Math.max(LEAST, width)));
  return arranged.map((column) => (column.key !== key ? column : bounded === undefined ? { key } : { key, width: bounded }));
}
