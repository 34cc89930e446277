//! The messages of a flow, read piece by piece from its beginning: WebSocket frames can only be told apart in order.

import { aborted, api, bodyAddress, request, words } from "../lib/api";
import type { FlowDetail, Side, StreamMessage } from "../lib/types";
import { gap } from "./gap";
import { isGrpc } from "./grpc/frames";
import { GrpcReader, type GrpcMessage } from "./grpc/messages";
import { EventParser, type ServerEvent } from "./sse";
import { isEventStream } from "./story";
import { bytesOf } from "../waiting/bytes";
import { deflate, inflater, Unframer, type Inflater, type MessageKind } from "./websocket";

const PIECES = 100;
/** More than this is not kept; the whole is in the download. */
const MOST_BYTES = 64 * 1024 * 1024;

export interface Shown {
  side: Side;
  at: string;
  kind: MessageKind | "bytes" | "event" | "grpc";
  data: Uint8Array<ArrayBuffer>;
  compressed: number | null;
  /** How it breaks its protocol. */
  wrong?: string | null;
  /** Bytes of its side that passed before it and were not captured. */
  missing?: number;
  /** What else a server-sent event says. */
  event?: ServerEvent;
  /** What else is known of a message of gRPC. */
  grpc?: GrpcMessage;
  /** No endpoint has written it: a person sent it, to the server (`request`) or to the client. */
  byHand?: boolean;
}

export class MessageList {
  /** Only ever appended to; `count` says how many are shown. */
  readonly items: Shown[] = [];
  count = $state(0);
  loading = $state(false);
  /** Everything recorded so far is here. */
  done = $state(false);
  full = $state(false);
  error = $state<string | null>(null);
  /** What is behind the last message and is none. */
  rest = $state<string | null>(null);
  /** Why the schema that a person gave cannot be used. */
  wrong = $state<string | null>(null);
  #pieces = 0;
  #bytes = 0;
  /** It was asked for more while it read. */
  #again = false;
  #readers: Record<Side, Unframer> | null = null;
  /** Messages that a person sent which are read and have no place yet, and how many were read. */
  #byHand: Shown[] = [];
  #byHandRead = 0;
  readonly #events = new EventParser();
  /** Decoded bytes of an event stream that were read already. */
  #decoded = 0;
  readonly #abort = new AbortController();

  constructor(
    private readonly id: number,
    private readonly as: "websocket" | "bytes" | "events" | "coded events" | "grpc",
    private readonly extensions: string,
    private readonly grpc: GrpcReader | null = null,
  ) {}

  static of(flow: FlowDetail): MessageList {
    const header = flow.response?.headers.filter(([name]) => name.toLowerCase() === "sec-websocket-extensions");
    const coding = flow.response?.content_encoding;
    const events = coding && !/^\s*identity\s*$/i.test(coding) ? "coded events" : "events";
    if (isGrpc(flow)) return new MessageList(flow.id, "grpc", "", new GrpcReader(flow.path, flow));
    const as = flow.kind === "websocket" ? "websocket" : isEventStream(flow) ? events : "bytes";
    return new MessageList(flow.id, as, (header ?? []).map(([, value]) => value).join(","));
  }

  close(): void {
    this.#abort.abort();
  }

  /** Reads on: the next pieces, or those that were recorded since. */
  async more(): Promise<void> {
    this.#again = this.loading;
    if (this.loading || this.full) return;
    this.loading = true;
    try {
      if (this.as === "coded events") await this.#decode();
      else await this.#page();
      this.error = null;
    } catch (error) {
      if (!aborted(error)) this.error = words(error);
    } finally {
      this.loading = false;
    }
    // what was recorded while the last page was on its way
    if (this.#again && this.done) await this.more();
  }

  async #page(): Promise<void> {
    this.#readers ??= this.as === "websocket" ? await this.#unframers() : null;
    // nothing that is recorded later comes before these
    let before = this.#byHand.length;
    const page = await api.messages(this.id, this.#pieces, PIECES, this.#abort.signal);
    await this.grpc?.begin(this.#abort.signal);
    if (this.#readers) await this.#readByHand();
    for (const piece of page.items) {
      const waited = this.#byHand.length;
      this.#place((message) => message.at < piece.at);
      before -= waited - this.#byHand.length;
      await this.#take(piece);
    }
    this.#pieces += page.items.length;
    this.done = page.next === null;
    if (this.done) this.#place(() => before-- > 0);
    this.count = this.items.length;
    this.full = this.#bytes > MOST_BYTES;
    if (this.#readers) this.rest = unfinished(this.#readers);
    if (this.grpc) [this.rest, this.wrong] = [this.grpc.rest, this.grpc.wrong];
    this.#again ||= this.#byHand.length > 0;
  }

  /** Reads what a person sent since. */
  async #readByHand(): Promise<void> {
    for (;;) {
      const page = await api.changedMessages(this.id, this.#byHandRead, PIECES, this.#abort.signal, true);
      this.#byHandRead += page.items.length;
      for (const { side, at, kind, sent } of page.items) {
        const data = bytesOf(sent ?? {});
        this.#bytes += data.length;
        this.#byHand.push({ side, at: at ?? "", kind, data, compressed: null, byHand: true });
      }
      if (page.next === null) return;
    }
  }

  /** Puts the first of what a person sent behind what is there. */
  #place(these: (message: Shown) => boolean): void {
    for (let first = this.#byHand[0]; first && these(first); first = this.#byHand[0]) {
      this.items.push(first);
      this.#byHand.shift();
    }
  }

  async #take(piece: StreamMessage): Promise<void> {
    const data = Uint8Array.from(atob(piece.data), (character) => character.charCodeAt(0));
    this.#bytes += data.length;
    if (this.as === "events") {
      if (piece.side === "response") this.#heard(data, piece.at);
    } else if (this.grpc) {
      for (const { data: plain, ...grpc } of await this.grpc.feed(piece.side, data)) {
        this.#bytes += plain.length;
        this.items.push({ side: piece.side, at: piece.at, kind: "grpc", data: plain, compressed: grpc.coding === null ? null : grpc.wire, grpc });
      }
    } else if (!this.#readers) this.items.push({ side: piece.side, at: piece.at, kind: "bytes", data, compressed: null, missing: piece.missing });
    else {
      for (const message of this.#readers[piece.side].feed(data)) {
        this.#bytes += message.data.length;
        this.items.push({ side: piece.side, at: piece.at, ...message });
      }
    }
  }

  #heard(data: Uint8Array, at: string): void {
    const encoder = new TextEncoder();
    for (const event of this.#events.feed(data)) this.items.push({ side: "response", at, kind: "event", data: encoder.encode(event.data), compressed: null, event });
  }

  /** A stream with a content coding: decoded by the server, so the times of its pieces are not known. */
  async #decode(): Promise<void> {
    const response = await request(bodyAddress(this.id, "response", { decoded: true, from: this.#decoded }), { signal: this.#abort.signal });
    const reader = response.body?.getReader();
    for (let piece = await reader?.read(); reader && piece && !piece.done; piece = await reader.read()) {
      this.#decoded += piece.value.length;
      this.#heard(piece.value, "");
      this.full = this.#decoded > MOST_BYTES;
      if (this.full) await reader.cancel();
    }
    this.count = this.items.length;
    this.done = true;
  }

  async #unframers(): Promise<Record<Side, Unframer>> {
    const agreed = deflate(this.extensions);
    const make = async (how: "no" | "each" | "stream"): Promise<Inflater | null> => {
      if (how === "no") return null;
      const { Inflate } = await import("fflate");
      return inflater(Inflate, how === "stream");
    };
    return { request: new Unframer("request", await make(agreed.client)), response: new Unframer("response", await make(agreed.server)) };
  }
}

/** What the sides of a WebSocket did not end. */
function unfinished(readers: Record<Side, Unframer>): string | null {
  const { request, response } = readers;
  const ends = [request.rest && `What the client sent ends with ${request.rest}.`, response.rest && `What the server sent ends with ${response.rest}.`];
  return ends.filter((end) => end !== null).join(" ") || null;
}

/** The beginning of a message on one line. */
export function preview(message: Shown): string {
  if (message.missing) return `${gap(message.missing)} ${preview({ ...message, missing: 0 })}`.trim();
  const start = message.data.subarray(0, 300);
  if (message.grpc && message.grpc.line !== "") return message.grpc.line;
  if (message.kind === "close") return closing(message.data);
  if (message.kind === "text") return new TextDecoder().decode(start).replace(/\s+/g, " ");
  let odd = 0;
  for (const byte of start) if (byte < 9 || (byte > 13 && byte < 32) || byte === 127) odd++;
  if (odd === 0) return new TextDecoder().decode(start).replace(/\s+/g, " ");
  return Array.from(start.subarray(0, 48), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

/** What a message says, where it is text. */
export function said(message: Shown): string | null {
  if (message.kind === "close") return null;
  const text = new TextDecoder().decode(message.data);
  return message.kind === "text" || message.kind === "event" || !/[\u0000-\u0008\u000e-\u001f\u007f\ufffd]/.test(text) ? text : null;
}

function closing(data: Uint8Array): string {
  if (data.length < 2) return "close";
  const code = ((data[0] as number) << 8) | (data[1] as number);
  return `close ${code} ${new TextDecoder().decode(data.subarray(2))}`.trim();
}
