//! A message of a WebSocket as it is written by hand, and as it is sent.

import type { BodyContent } from "../lib/types";
import { parseHex } from "../waiting/bytes";

export type Receiver = "server" | "client";
export type WrittenAs = "text" | "hex" | "base64";
export type HandWritten = BodyContent & { to: Receiver };

export class ByHandDraft {
  to = $state<Receiver>("server");
  as = $state<WrittenAs>("text");
  text = $state("");

  /** What is sent, or why it cannot be; neither while nothing is written: an empty message would be sent by mistake. */
  message(): { message: HandWritten | null; problem: string | null } {
    if (this.text === "") return { message: null, problem: null };
    if (this.as === "text") return { message: { to: this.to, text: this.text }, problem: null };
    if (this.text.trim() === "") return { message: null, problem: null };
    if (this.as === "base64") return this.#base64();
    const { bytes, problem } = parseHex(this.text);
    if (problem) return { message: null, problem };
    let binary = "";
    for (let at = 0; at < bytes.length; at += 0x8000) binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
    return { message: { to: this.to, base64: btoa(binary) }, problem: null };
  }

  #base64(): { message: HandWritten | null; problem: string | null } {
    const base64 = this.text.replace(/\s+/g, "");
    try {
      // with its padding, as the API takes it (RFC 4648 section 4)
      return { message: { to: this.to, base64: btoa(atob(base64)) }, problem: null };
    } catch {
      return { message: null, problem: "This is not base64 (RFC 4648 section 4)." };
    }
  }
}
