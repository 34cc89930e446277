//! How what one side of a WebSocket sent breaks the protocol (RFC 6455, RFC 7692), in words. The bytes were relayed as they came.

import type { Side } from "../lib/types";
import type { MessageKind } from "./websocket";

/** What a frame says of itself. */
export interface Head {
  fin: boolean;
  /** RSV1, RSV2 and RSV3: 4, 2 and 1. */
  rsv: number;
  opcode: number;
  masked: boolean;
  /** Bytes of the extended length: 0, 2 or 8. */
  wide: number;
  /** Bytes of the payload. */
  size: number;
}

/** Finds what is wrong in the order of one side's frames. */
export class Faults {
  #inside = false;
  #closed = false;
  #found: string[] = [];

  constructor(
    private readonly side: Side,
    /** permessage-deflate was agreed. */
    private readonly compresses: boolean,
  ) {}

  frame(head: Head): void {
    const { fin, rsv, opcode, masked, wide, size } = head;
    const control = opcode >= 8;
    if (this.side === "request" && !masked) this.#say("a client masks every frame (RFC 6455 section 5.1)");
    if (this.side === "response" && masked) this.#say("a server masks no frame (RFC 6455 section 5.1)");
    if (rsv & 3) this.#say("it sets reserved bits (RFC 6455 section 5.2)");
    if (rsv & 4 && !this.compresses) this.#say("it says that it is compressed, which was not agreed (RFC 6455 section 5.2)");
    else if (rsv & 4 && (control || opcode === 0)) this.#say("only the first frame of a message says that it is compressed (RFC 7692 section 6)");
    if ((opcode > 2 && opcode < 8) || opcode > 10) this.#say(`opcode ${opcode} is reserved (RFC 6455 section 5.2)`);
    if ((wide === 2 && size < 126) || (wide === 8 && size < 65_536)) this.#say("its length takes more bytes than it needs (RFC 6455 section 5.2)");
    if (control && !fin) this.#say("a control frame is not fragmented (RFC 6455 section 5.5)");
    if (control && size > 125) this.#say("a control frame has at most 125 bytes (RFC 6455 section 5.5)");
    if (opcode === 0 && !this.#inside) this.#say("it goes on with a message that did not begin (RFC 6455 section 5.4)");
    if (!control && opcode !== 0 && this.#inside) this.#say("it begins before the message before it has ended (RFC 6455 section 5.4)");
    if (!control && this.#closed) this.#say("it comes after a close frame (RFC 6455 section 5.5.1)");
    if (opcode === 8) this.#closed = true;
    if (!control) this.#inside = !fin;
  }

  /** Of a message that is whole, inflated. */
  message(kind: MessageKind, data: Uint8Array): void {
    if (kind === "text" && !isUtf8(data)) this.#say("a text is UTF-8, and these bytes are not (RFC 6455 section 8.1)");
    if (kind !== "close" || data.length === 0) return;
    if (data.length === 1) return this.#say("a close frame has a code of two bytes, or nothing (RFC 6455 section 5.5.1)");
    const code = ((data[0] as number) << 8) | (data[1] as number);
    if (!isSent(code)) this.#say(`the code ${code} is not to be sent (RFC 6455 section 7.4)`);
    if (!isUtf8(data.subarray(2))) this.#say("the reason of a close frame is UTF-8 (RFC 6455 section 5.5.1)");
  }

  inflating(): void {
    this.#say("it cannot be inflated (RFC 7692 section 7.2.2)");
  }

  /** What was found since. */
  take(): string | null {
    const found = [...new Set(this.#found)];
    this.#found = [];
    return found.length > 0 ? found.join("; ") : null;
  }

  #say(fault: string): void {
    this.#found.push(fault);
  }
}

/** Codes that an endpoint may send: the RFC's, those that IANA has registered since (1012 to 1014), and those of applications. */
function isSent(code: number): boolean {
  return (code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code)) || (code >= 3000 && code <= 4999);
}

function isUtf8(data: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(data);
    return true;
  } catch {
    return false;
  }
}
