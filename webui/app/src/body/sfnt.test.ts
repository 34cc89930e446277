import { describe, expect, it } from "vitest";
import { characters } from "./sfnt";

const u16 = (...values: number[]) => values.flatMap((value) => [value >> 8, value & 255]);
const u32 = (...values: number[]) => values.flatMap((value) => u16(value >>> 16, value & 0xffff));

/** A font of a `cmap` table alone. */
function font(table: number[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array([...u32(0x00010000), ...u16(1, 0, 0, 0), ...u32(0x636d6170, 0, 28, table.length), ...table]);
}

const FOUR = [...u16(0, 1, 3, 1), ...u32(12), ...u16(4, 32, 0, 4, 0, 0, 0), ...u16(0x43, 0xffff), ...u16(0), ...u16(0x20, 0xffff), ...u16(0, 0), ...u16(0, 0)];
const TWELVE = [...u16(0, 1, 0, 4), ...u32(12), ...u16(12, 0), ...u32(40, 0, 2), ...u32(0x41, 0x42, 1), ...u32(0x1f600, 0x1f600, 3)];

describe("the characters of a font", () => {
  it("reads both usual tables", async () => {
    const four = await characters(font(FOUR));
    expect(four?.slice(0, 3)).toEqual([0x21, 0x22, 0x23]);
    expect(four?.at(-1)).toBe(0x43);
    expect(await characters(font(TWELVE))).toEqual([0x41, 0x42, 0x1f600]);
  });

  it("reads a packed table", async () => {
    const packed = new Uint8Array(await new Response(new Blob([new Uint8Array([...TWELVE, ...new Array<number>(200).fill(0)])]).stream().pipeThrough(new CompressionStream("deflate"))).arrayBuffer());
    const head = [...u32(0x774f4646, 0x00010000, 0), ...u16(1, 0), ...u32(0), ...u16(1, 0), ...u32(0, 0, 0, 0, 0)];
    const woff = new Uint8Array([...head, ...u32(0x636d6170, 64, packed.length, TWELVE.length + 200, 0), ...packed]);
    expect(await characters(woff)).toEqual([0x41, 0x42, 0x1f600]);
  });

  it("says nothing of what it cannot read", async () => {
    expect(await characters(new Uint8Array([0, 1]))).toBeNull();
    expect(await characters(new Uint8Array([...u32(0x774f4632), ...u32(0, 0, 0)]))).toBeNull();
    expect(await characters(font(u16(0, 9)))).toBeNull();
    expect(await characters(font([...u16(0, 1, 1, 0), ...u32(12), ...u16(0)]))).toBeNull();
    for (let cut = 0; cut < 60; cut++) await characters(font(TWELVE).slice(0, cut));
  });
});
