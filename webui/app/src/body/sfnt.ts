//! Which characters a font has a shape for: the `cmap` table of TrueType, OpenType and WOFF 1 (OpenType specification,
//! chapter "cmap"; WOFF File Format 1.0). WOFF 2 rearranges its tables and is not read.

/** More characters than this are not listed. */
export const MOST_CHARACTERS = 2_000;

/** Code points in order, without controls and spaces; null when the font does not say, or says it in a way that is not read. */
export async function characters(bytes: Uint8Array<ArrayBuffer>): Promise<number[] | null> {
  try {
    const table = await cmap(bytes);
    return table && codes(table);
  } catch (error) {
    // a table that points beyond its end, or deflate that is none
    if (error instanceof RangeError || error instanceof TypeError) return null;
    throw error;
  }
}

async function cmap(bytes: Uint8Array<ArrayBuffer>): Promise<DataView | null> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const woff = view.getUint32(0) === 0x774f4646;
  if (view.getUint32(0) === 0x774f4632) return null;
  const [count, first, size] = woff ? [view.getUint16(12), 44, 20] : [view.getUint16(4), 12, 16];
  for (let n = 0; n < count; n++) {
    const at = first + n * size;
    if (view.getUint32(at) !== 0x636d6170) continue;
    const offset = view.getUint32(at + (woff ? 4 : 8));
    const stored = view.getUint32(at + (woff ? 8 : 12));
    const packed = woff && stored < view.getUint32(at + 12);
    const data = bytes.slice(offset, offset + stored);
    if (!packed) return new DataView(data.buffer);
    const plain = new Blob([data]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new DataView(await new Response(plain).arrayBuffer());
  }
  return null;
}

function codes(table: DataView): number[] | null {
  let best: [rank: number, at: number] = [0, 0];
  for (let n = 0; n < table.getUint16(2); n++) {
    const record = 4 + n * 8;
    const at = table.getUint32(record + 4);
    const [platform, format] = [table.getUint16(record), table.getUint16(at)];
    // Unicode, or Windows; all of Unicode before its first plane
    const rank = platform === 0 || platform === 3 ? { 12: 2, 4: 1 }[format] ?? 0 : 0;
    if (rank > best[0]) best = [rank, at];
  }
  if (best[0] === 0) return null;
  const found: number[] = [];
  const add = (from: number, to: number): void => {
    for (let code = Math.max(from, 0x21); code <= Math.min(to, 0x10ffff) && found.length <= MOST_CHARACTERS; code++) {
      if (code !== 0xffff && !(code >= 0x7f && code <= 0xa0) && !(code >= 0xd800 && code < 0xe000)) found.push(code);
    }
  };
  const at = best[1];
  if (best[0] === 2) {
    for (let n = 0; n < table.getUint32(at + 12) && found.length <= MOST_CHARACTERS; n++) add(table.getUint32(at + 16 + n * 12), table.getUint32(at + 20 + n * 12));
  } else {
    const segments = table.getUint16(at + 6) / 2;
    for (let n = 0; n < segments && found.length <= MOST_CHARACTERS; n++) add(table.getUint16(at + 16 + segments * 2 + n * 2), table.getUint16(at + 14 + n * 2));
  }
  return found;
}
