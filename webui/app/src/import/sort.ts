//! What a file is, by its beginning: whether it makes sense to send it at all.

/** The beginnings of pcap files (of microseconds and nanoseconds, in both byte orders), of pcapng files, and of gzip. */
const BEGINNINGS = ["a1b2c3d4", "d4c3b2a1", "a1b23c4d", "4d3cb2a1", "0a0d0d0a", "1f8b"];

/** Why a file cannot be imported; null when it may be a HAR file or a capture. */
export function notImportable(start: Uint8Array): string | null {
  if (start.length === 0) return "The file is empty.";
  const begins = [...start.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  if (BEGINNINGS.some((beginning) => begins.startsWith(beginning))) return null;
  // the decoder takes a byte order mark away
  const text = new TextDecoder().decode(start).trimStart();
  if (text === "" || text.startsWith("{")) return null;
  return "This is neither a HAR file nor a packet capture. What can be imported: .har (as a browser saves it), .pcap and .pcapng, also compressed with gzip.";
}
