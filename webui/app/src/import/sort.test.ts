import { describe, expect, it } from "vitest";
import { notImportable } from "./sort";

const bytes = (text: string) => new TextEncoder().encode(text);

describe("a file that is dropped", () => {
  it("is sent when it begins as a HAR file or a capture does", () => {
    for (const start of [bytes('{"log":{}}'), bytes('\ufeff \n{"log":{}}'), new Uint8Array([0xd4, 0xc3, 0xb2, 0xa1]), new Uint8Array([0xa1, 0xb2, 0x3c, 0x4d]), new Uint8Array([0x0a, 0x0d, 0x0d, 0x0a]), new Uint8Array([0x1f, 0x8b, 8])])
      expect(notImportable(start)).toBeNull();
  });

  it("is named for what it is not, and what can be dropped is said", () => {
    for (const start of [bytes("Notes of the meeting"), new Uint8Array([0x89, 0x50, 0x4e, 0x47]), bytes("<html>")]) {
      const said = notImportable(start) ?? "";
      expect(said).toContain("neither a HAR file nor a packet capture");
      expect(said).toContain(".pcapng");
    }
    expect(notImportable(new Uint8Array())).toContain("empty");
  });
});
