//! WebSocket frames out of the recorded bytes of one direction, RFC 6455, and messages out of frames.

import type { Inflate } from "fflate";
import type { Side } from "../lib/types";
import { Faults, type Head } from "./rfc6455";

export type MessageKind = "text" | "binary" | "close" | "ping" | "pong" | "unknown";

export interface Unframed {
  kind: MessageKind;
  data: Uint8Array<ArrayBuffer>;
  /** The message came compressed (RFC 7692); the number is its size on the wire. */
  compressed: number | null;
  /** How it breaks the protocol. */
  wrong: string | null;
}

const KINDS: Record<number, MessageKind> = { 1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong" };

/** What one side's compressed messages need to be read. */
export interface Inflater {
  read(data: Uint8Array): Uint8Array<ArrayBuffer>;
}

/** One direction of a WebSocket: bytes in, messages out. */
export class Unframer {
  #waiting: Uint8Array<ArrayBuffer>[] = [];
  #have = 0;
  #need = 2;
  #parts: Uint8Array<ArrayBuffer>[] = [];
  #kind: MessageKind = "unknown";
  #compressed = false;
  #open = false;
  readonly #faults: Faults;

  constructor(
    side: Side,
    private readonly inflater: Inflater | null,
  ) {
    this.#faults = new Faults(side, inflater !== null);
  }

  /** What is behind the last message, in words: bytes that are no whole frame, or a message that has not ended. */
  get rest(): string | null {
    if (this.#have > 0) return `${this.#have} ${this.#have === 1 ? "byte" : "bytes"} of a frame that is not whole`;
    return this.#open ? "a message that did not end" : null;
  }

  feed(data: Uint8Array<ArrayBuffer>): Unframed[] {
    this.#waiting.push(data);
    this.#have += data.length;
    // a long frame is put together once, not with every piece of it
    if (this.#have < this.#need) return [];
    const bytes = this.#waiting.length === 1 ? data : joined(this.#waiting);
    const found: Unframed[] = [];
    let at = 0;
    for (;;) {
      const frame = frameAt(bytes, at);
      if (typeof frame === "number") {
        this.#need = frame;
        break;
      }
      at = frame.end;
      const message = this.#frame(frame);
      if (message) found.push(message);
    }
    this.#waiting = [bytes.slice(at)];
    this.#have = bytes.length - at;
    return found;
  }

  #frame(frame: Frame): Unframed | null {
    this.#faults.frame(frame);
    if (frame.opcode >= 8) return this.#whole(KINDS[frame.opcode] ?? "unknown", frame.payload, null);
    if (frame.opcode !== 0 || !this.#open) {
      this.#kind = KINDS[frame.opcode] ?? "unknown";
      this.#compressed = (frame.rsv & 4) !== 0;
      this.#parts = [];
    }
    this.#parts.push(frame.payload);
    this.#open = !frame.fin;
    if (!frame.fin) return null;
    const data = joined(this.#parts);
    this.#parts = [];
    if (!this.#compressed || !this.inflater) return this.#whole(this.#kind, data, null);
    try {
      return this.#whole(this.#kind, this.inflater.read(data), data.length);
    } catch {
      this.#faults.inflating();
      return this.#whole("unknown", data, null);
    }
  }

  #whole(kind: MessageKind, data: Uint8Array<ArrayBuffer>, compressed: number | null): Unframed {
    this.#faults.message(kind, data);
    return { kind, data, compressed, wrong: this.#faults.take() };
  }
}

interface Frame extends Head {
  payload: Uint8Array<ArrayBuffer>;
  end: number;
}

/** The frame that begins there, or how many bytes are needed to know more. */
function frameAt(bytes: Uint8Array<ArrayBuffer>, start: number): Frame | number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const has = (length: number) => start + length <= bytes.length;
  if (!has(2)) return 2;
  const [first, second] = [view.getUint8(start), view.getUint8(start + 1)];
  let at = start + 2;
  let length = second & 0x7f;
  if (length === 126) {
    if (!has(4)) return 4;
    length = view.getUint16(at);
    at += 2;
  } else if (length === 127) {
    if (!has(10)) return 10;
    length = Number(view.getBigUint64(at));
    at += 8;
  }
  const masked = (second & 0x80) !== 0;
  const key = at;
  if (masked) at += 4;
  if (at + length > bytes.length) return at + length - start;
  const payload = bytes.slice(at, at + length);
  if (masked) for (let i = 0; i < length; i++) payload[i] = (payload[i] as number) ^ (bytes[key + (i & 3)] as number);
  return { fin: (first & 0x80) !== 0, rsv: (first >> 4) & 7, opcode: first & 0x0f, masked, wide: key - start - 2, size: length, payload, end: at + length };
}

export function joined(parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Which of the two sides compress, and whether each message stands for itself: `Sec-WebSocket-Extensions` of the answer. */
export function deflate(extensions: string): { client: "no" | "each" | "stream"; server: "no" | "each" | "stream" } {
  const offer = extensions.split(",").find((part) => part.trim().toLowerCase().startsWith("permessage-deflate"));
  if (offer === undefined) return { client: "no", server: "no" };
  const parameters = offer.toLowerCase().split(";").map((part) => part.trim());
  return {
    client: parameters.includes("client_no_context_takeover") ? "each" : "stream",
    server: parameters.includes("server_no_context_takeover") ? "each" : "stream",
  };
}

/** No message is inflated beyond this. */
const INFLATED_MOST = 64 * 1024 * 1024;

/** Reads compressed messages with the given class of fflate; `stream`: each message may refer to those before. */
export function inflater(make: typeof Inflate, stream: boolean): Inflater {
  let inflate = new make();
  return {
    read(data) {
      if (!stream) inflate = new make();
      const parts: Uint8Array[] = [];
      let size = 0;
      inflate.ondata = (part) => {
        size += part.length;
        if (size > INFLATED_MOST) throw new Error("the message is too large");
        parts.push(part.slice());
      };
      // the end that RFC 7692 section 7.2.1 takes away
      inflate.push(joined([data, Uint8Array.of(0, 0, 0xff, 0xff)]), false);
      return joined(parts);
    },
  };
}
