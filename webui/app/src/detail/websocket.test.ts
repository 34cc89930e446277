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
      const unframer = new Unframer("response", null);
      const found = [...unframer.feed(all.slice(0, cut)), ...unframer.feed(all.slice(cut))];
      expect(found.map((message) => message.kind)).toEqual(["text", "binary", "close"]);
      expect(text(found[0]?.data ?? bytes())).toBe("Hello");
      expect(found[2]?.data).toEqual(bytes(3, 0xe8));
    }
  });

  it("puts fragments together, with a ping in between", () => {
    const found = new Unframer("response", null).feed(bytes(0x01, 3, "Hel", 0x89, 1, "?", 0x80, 2, "lo"));
    expect(found.map((message) => [message.kind, text(message.data)])).toEqual([["ping", "?"], ["text", "Hello"]]);
  });

  it("says how a frame breaks the protocol, and reads on", () => {
    const wrong = (side: "request" | "response", ...values: (number | string)[]) =>
      new Unframer(side, null).feed(bytes(...values)).map((message) => message.wrong?.replace(/ \(RFC [^)]*\)/g, "") ?? null);
    expect(wrong("response", 0x81, 2, "ok", 0x88, 2, 3, 0xe8)).toEqual([null, null]);
    expect(wrong("request", 0x81, 2, "no", 0x81, 0x82, 0, 0, 0, 0, "ok")).toEqual(["a client masks every frame", null]);
    expect(wrong("response", 0x81, 0x82, 0, 0, 0, 0, "no")).toEqual(["a server masks no frame"]);
    expect(wrong("response", 0xb1, 0, 0xc1, 0)).toEqual(["it sets reserved bits", "it says that it is compressed, which was not agreed"]);
    expect(wrong("response", 0x83, 0, 0x8b, 0)).toEqual(["opcode 3 is reserved", "opcode 11 is reserved"]);
    expect(wrong("response", 0x09, 1, "a", 0x89, 126, 0, 126, "a".repeat(126))).toEqual(["a control frame is not fragmented", "a control frame has at most 125 bytes"]);
    expect(wrong("response", 0x81, 126, 0, 1, "a", 0x81, 127, 0, 0, 0, 0, 0, 0, 0, 1, "a")).toEqual(Array(2).fill("its length takes more bytes than it needs"));
    expect(wrong("response", 0x80, 1, "a", 0x01, 1, "b", 0x81, 1, "c", 0x81, 1, "d")).toEqual([
      "it goes on with a message that did not begin", "it begins before the message before it has ended", null,
    ]);
    expect(wrong("response", 0x81, 1, 0xff, 0x88, 1, 3, 0x88, 2, 3, 0xee, 0x88, 3, 3, 0xe8, 0xff, 0x81, 0)).toEqual([
      "a text is UTF-8, and these bytes are not", "a close frame has a code of two bytes, or nothing", "the code 1006 is not to be sent",
      "the reason of a close frame is UTF-8", "it comes after a close frame",
    ]);
  });

  it("says what is no whole message at the end", () => {
    const rest = (...values: (number | string)[]) => {
      const unframer = new Unframer("response", null);
      unframer.feed(bytes(...values));
      return unframer.rest;
    };
    expect(rest(0x81, 1, "a")).toBe(null);
    expect(rest(0x81)).toBe("1 byte of a frame that is not whole");
    expect(rest(0x81, 127, 255, 255, 255, 255, 255, 255, 255, 255, "abc")).toBe("13 bytes of a frame that is not whole");
    expect(rest(0x01, 1, "a", 0x89, 0)).toBe("a message that did not end");
  });

  it("reads long lengths", () => {
    const long = new Uint8Array(70_000).fill(65);
    const found = new Unframer("response", null).feed(bytes(0x82, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x70, ...long, 0x82, 126, 1, 0, ...long.slice(0, 256)));
    expect(found.map((message) => message.data.length)).toEqual([70_000, 256]);
  });

  it("inflates messages that refer to earlier ones", async () => {
    const sent = ["the quick brown fox", "the quick brown fox again", "ü".repeat(5000), ""];
    const unframer = new Unframer("response", inflater(Inflate, true));
    for (const [i, message] of (await compressed(sent)).entries()) {
      const head = message.length < 126 ? [message.length] : [126, message.length >> 8, message.length & 255];
      const [found] = unframer.feed(bytes(0xc1, ...head, ...message));
      expect(text(found?.data ?? bytes())).toBe(sent[i]);
      expect(found?.compressed).toBe(message.length);
    }
  });

  it("keeps what it cannot inflate", () => {
    const [found] = new Unframer("response", inflater(Inflate, false)).feed(bytes(0xc1, 2, 0xff, 0xff));
    expect(found?.kind).toBe("unknown");
    expect(found?.data).toEqual(bytes(0xff, 0xff));
  });

  it("reads the extension that was agreed", () => {
    expect(deflate("")).toEqual({ client: "no", server: "no" });
    expect(deflate("permessage-deflate; server_no_context_takeover")).toEqual({ client: "stream", server: "each" });
    expect(deflate("x-other, Permessage-Deflate;client_no_context_takeover")).toEqual({ client: "each", server: "stream" });
  });
});
