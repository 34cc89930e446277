//! The messages of gRPC and gRPC-Web out of the bytes of a body: each with a prefix of its flags and its length.
//!
//! https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md, and PROTOCOL-WEB.md beside it.

import { joined } from "../../body/inflate";
import { mediaType } from "../../lib/format";

export interface GrpcKind {
  /** The body is in base64. */
  text: boolean;
  /** What the messages are written in: `proto` where nothing else is said. */
  payload: string;
}

/** What a media type says of gRPC; null when it is none. */
export function grpcKind(contentType: string | null | undefined): GrpcKind | null {
  const found = /^application\/grpc(-web(-text)?)?(?:\+(.+))?$/.exec(mediaType(contentType));
  return found ? { text: found[2] !== undefined, payload: found[3] ?? "proto" } : null;
}

/** Whether a flow is a gRPC call whose messages can be told apart. */
export function isGrpc(flow: { kind: string; request: { content_type: string | null; content_encoding: string | null }; response: { content_type: string | null; content_encoding: string | null } | null }): boolean {
  const plain = (coding: string | null | undefined) => !coding || /^\s*identity\s*$/i.test(coding);
  return flow.kind === "http" && plain(flow.request.content_encoding) && plain(flow.response?.content_encoding) && (grpcKind(flow.request.content_type) !== null || grpcKind(flow.response?.content_type) !== null);
}

export interface Frame {
  /** 1: compressed; 0x80: trailers of gRPC-Web. */
  flags: number;
  data: Uint8Array<ArrayBuffer>;
}

/** Takes the body of one side piece by piece. */
export class Unframe {
  #parts: Uint8Array[] = [];
  #here = 0;
  /** A group of four letters that is not whole yet. */
  #letters = "";
  /** Why nothing more can be told apart. */
  broken: string | null = null;

  constructor(private readonly text: boolean) {}

  /** What has begun and is not whole, in words; null between messages. */
  get rest(): string | null {
    if (this.#here === 0) return null;
    if (this.#here < 5) return "It ends in the middle of a message's length.";
    return `It ends in the middle of a message: of ${this.#length()} bytes ${this.#here - 5} came.`;
  }

  feed(bytes: Uint8Array): Frame[] {
    if (this.broken) return [];
    const data = this.text ? this.#plain(bytes) : bytes;
    if (data.length > 0) this.#parts.push(data);
    this.#here += data.length;
    const found: Frame[] = [];
    while (this.#here >= 5) {
      const end = 5 + this.#length();
      // pieces are put together once for a message, not for each of its pieces
      if (this.#here < end) break;
      const all = this.#whole();
      found.push({ flags: all[0] ?? 0, data: all.slice(5, end) });
      this.#parts = end < all.length ? [all.subarray(end)] : [];
      this.#here -= end;
    }
    return found;
  }

  #whole(): Uint8Array {
    const all = this.#parts.length === 1 ? (this.#parts[0] as Uint8Array) : joined(this.#parts, this.#here);
    this.#parts = [all];
    return all;
  }

  #length(): number {
    if ((this.#parts[0]?.length ?? 0) < 5) this.#whole();
    const all = this.#parts[0] as Uint8Array;
    return new DataView(all.buffer, all.byteOffset, 5).getUint32(1);
  }

  /** Base64 in which each piece may have a padding of its own. */
  #plain(bytes: Uint8Array): Uint8Array {
    const letters = this.#letters + new TextDecoder("latin1").decode(bytes).replace(/\s+/g, "");
    const whole = letters.length - (letters.length % 4);
    this.#letters = letters.slice(whole);
    const parts: Uint8Array[] = [];
    const take = (text: string) => parts.push(Uint8Array.from(atob(text), (character) => character.charCodeAt(0)));
    for (let at = 0; at < whole; ) {
      const sign = letters.indexOf("=", at);
      const end = sign < 0 ? whole : Math.min(whole, sign - (sign % 4) + 4);
      try {
        take(letters.slice(at, end));
      } catch {
        this.broken = "It is no base64.";
        // what came before the group that is wrong counts
        try {
          for (let group = at; group < end; group += 4) take(letters.slice(group, group + 4));
        } catch {
          break;
        }
      }
      at = end;
    }
    return joined(parts);
  }
}
