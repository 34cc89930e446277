import { constants, createDeflateRaw } from "node:zlib";
import { Inflate } from "fflate";
import { describe, expect, it } from "vitest";
import { deflate, inflater, Unframer } from "./websocket";

const text = (data: Uint8Array) => new TextDecoder().decode(data);
const bytes = (...values: (number | string)[]) =>
  Uint8Array.from(values.flatMap((value) => (typeof value === "string" ? [...new TextEncoder().encode(value)] : [value])));

async function compressed(messages: string[]): Promise<Uint8Array<ArrayBuffer>[]> {
  const stream = createDeflateRaw();
  const out: Uint8Array<ArrayBuffer>[] = [];
  let parts: Buffer[] = [];
  stream.on("data", (part: Buffer) => parts.push(part));
  for (const message of messages) {
    stream.write(message);
    await new Promise<void>((resolve) => stream.flush(constants.Z_SYNC_FLUSH, resolve));
    await new Promise(setImmediate);
    out.push(new Uint8Array(Buffer.concat(parts)).slice(0, -4));
    parts = [];
  }
  return out;
}

describe("frames", () => {
  it("reads masked and unmasked frames, wherever the bytes are cut", () => {
    // the masked "Hello" of RFC 6455 section 5.7
    const hello = bytes(0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58);
    const all = bytes(...hello, 0x82, 2, 1, 2, 0x88, 2, 3, 0xe8);
    for (const cut of [1, 2, 5, 10, 11, 13, all.length]) {
      const unframer = new Unframer(null);
      const found = [...unframer.feed(all.slice(0, cut)), ...unframer.feed(all.slice(cut))];
      expect(found.map((message) => message.kind)).toEqual(["text", "binary", "close"]);
      expect(text(found[0]?.data ?? bytes())).toBe("Hello");
      expect(found[2]?.data).toEqual(bytes(3, 0xe8));
    }
  });

  it("puts fragments together, with a ping in between", () => {
    const found = new Unframer(null).feed(bytes(0x01, 3, "Hel", 0x89, 1, "?", 0x80, 2, "lo"));
    expect(found.map((message) => [message.kind, text(message.data)])).toEqual([["ping", "?"], ["text", "Hello"]]);
  });

  it("reads long lengths", () => {
    const long = new Uint8Array(70_000).fill(65);
    const found = new Unframer(null).feed(bytes(0x82, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x70, ...long, 0x82, 126, 1, 0, ...long.slice(0, 256)));
    expect(found.map((message) => message.data.length)).toEqual([70_000, 256]);
  });

  it("inflates messages that refer to earlier ones", async () => {
    const sent = ["the quick brown fox", "the quick brown fox again", "ü".repeat(5000), ""];
    const unframer = new Unframer(inflater(Inflate, true));
    for (const [i, message] of (await compressed(sent)).entries()) {
      const head = message.length < 126 ? [message.length] : [126, message.length >> 8, message.length & 255];
      const [found] = unframer.feed(bytes(0xc1, ...head, ...message));
      expect(text(found?.data ?? bytes())).toBe(sent[i]);
      expect(found?.compressed).toBe(message.length);
    }
  });

  it("keeps what it cannot inflate", () => {
    const [found] = new Unframer(inflater(Inflate, false)).feed(bytes(0xc1, 2, 0xff, 0xff));
    expect(found?.kind).toBe("unknown");
    expect(found?.data).toEqual(bytes(0xff, 0xff));
  });

  it("reads the extension that was agreed", () => {
    expect(deflate("")).toEqual({ client: "no", server: "no" });
    expect(deflate("permessage-deflate; server_no_context_takeover")).toEqual({ client: "stream", server: "each" });
    expect(deflate("x-other, Permessage-Deflate;client_no_context_takeover")).toEqual({ client: "each", server: "stream" });
  });
});
