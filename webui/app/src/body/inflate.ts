//! Compressed messages inside of bodies, inflated by the browser within bounds.

/** No message is inflated beyond this. */
const MOST = 32 * 1024 * 1024;

/** What gRPC calls `gzip` and `deflate` (which is zlib, RFC 1950): the first bytes tell which. */
export async function inflated(data: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const format = data[0] === 0x1f && data[1] === 0x8b ? "gzip" : "deflate";
  const stream = new Blob([data.slice()]).stream().pipeThrough(new DecompressionStream(format));
  const parts: Uint8Array[] = [];
  let size = 0;
  const reader = stream.getReader();
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    size += piece.value.length;
    if (size > MOST) {
      await reader.cancel();
      throw new Error("the message is too large");
    }
    parts.push(piece.value);
  }
  return joined(parts, size);
}

/** Pieces in one. */
export function joined(parts: readonly Uint8Array[], size = parts.reduce((sum, part) => sum + part.length, 0)): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
