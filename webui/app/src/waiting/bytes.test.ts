import { describe, expect, it } from "vitest";
import { bytesOf, contentOf, draftOf, hexOf, parseHex, sentOf, textOf, turned } from "./bytes";

const utf8 = (text: string) => new TextEncoder().encode(text);
const ODD = Uint8Array.from([0xff, 0x00, 0x41, 0x0d]);

describe("a body that is edited", () => {
  it("goes to the API and back as the same bytes", () => {
    for (const bytes of [utf8("grüße"), ODD, new Uint8Array(), utf8("\ufeffa"), Uint8Array.from({ length: 100_000 }, (_, at) => at % 251)]) {
      expect([...bytesOf(contentOf(bytes))]).toEqual([...bytes]);
    }
    expect(contentOf(utf8("a"))).toEqual({ text: "a" });
    expect(contentOf(ODD)).toEqual({ base64: "/wBBDQ==" });
  });

  it("is a text only where an editor gives back the same bytes", () => {
    expect(textOf(utf8("a\nb"))).toEqual({ text: "a\nb", newline: "\n" });
    expect(textOf(utf8("a\r\nb"))).toEqual({ text: "a\nb", newline: "\r\n" });
    for (const text of ["a\r\nb\n", "a\rb", "a\0b"]) expect(textOf(utf8(text))).toBeNull();
    expect(textOf(ODD)).toBeNull();
    const draft = draftOf(utf8("a\r\nb"), "text/plain");
    expect(new TextDecoder().decode(sentOf(draft).bytes)).toBe("a\r\nb");
  });

  it("begins as what it is", () => {
    expect(draftOf(utf8('{"a":1}'), null).mode).toBe("json");
    expect(draftOf(utf8("a=1&b=2"), "application/x-www-form-urlencoded; charset=utf-8").mode).toBe("form");
    expect(draftOf(utf8("hello"), "application/json").mode).toBe("text");
    expect(draftOf(ODD, "text/plain").mode).toBe("hex");
  });

  it("is read from hexadecimal as it is written there", () => {
    const bytes = Uint8Array.from({ length: 40 }, (_, at) => at * 6);
    expect(hexOf(bytes).split("\n").map((line) => line.split(" ").length)).toEqual([16, 16, 8]);
    expect([...parseHex(hexOf(bytes)).bytes]).toEqual([...bytes]);
    expect([...parseHex("4142\n 43  FF\n").bytes]).toEqual([0x41, 0x42, 0x43, 0xff]);
    expect(parseHex("41\n4x").problem).toBe('Line 2: "x" is no hexadecimal digit.');
    expect(parseHex("41 4").problem).toContain("Line 1: “4” is no whole number of bytes");
  });

  it("turns from one way into another without a byte's difference", () => {
    const text = draftOf(utf8("a\r\nü"), null);
    const hex = turned(text, "hex");
    if (typeof hex === "string") throw new Error(hex);
    expect(hex.hex).toBe("61 0d 0a c3 bc");
    expect(turned(hex, "text")).toMatchObject({ mode: "text", text: "a\nü", newline: "\r\n" });
    expect(turned({ ...hex, hex: "ff 00" }, "text")).toContain("no text");
    expect(turned({ ...hex, hex: "f" }, "json")).toContain("no whole number");
    expect(turned({ ...text, text: "x".repeat(2_000_000) }, "hex")).toContain("larger than 1 MiB");
  });
});
