//! What a file is, by its beginning: whether it makes sense to send it at all.

/** The beginnings of pcap files (of microseconds and nanoseconds, in both byte orders), of pcapng files, and of gzip. */
const BEGINNINGS = ["a1b2c3d4", "d4c3b2a1", "a1b23c4d", "4d3cb2a1", "0a0d0d0a", "1f8b"];

/** Whether a file is a packet capture. */
export function isCapture(start: Uint8Array): boolean {
  const begins = [...start.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return BEGINNINGS.some((beginning) => begins.startsWith(beginning));
}

/** Why a file cannot be imported; null when it may be a HAR file or a capture. */
export function notImportable(start: Uint8Array): string | null {
  if (start.length === 0) return "The file is empty.";
  if (isCapture(start)) return null;
  // the decoder takes a byte order mark away
  const text = new TextDecoder().decode(start).trimStart();
  if (text === "" || text.startsWith("{")) return null;
  return "This is neither a HAR file nor a packet capture, nor a key log with TLS secrets. What can be imported: .har (as a browser saves it), .pcap and .pcapng, also compressed with gzip.";
}

/** A line of a key log (RFC 9850): a label, the client's random, a secret of 32 or 48 bytes. */
const SECRET = /^[A-Z][A-Z0-9_]* [0-9a-fA-F]{64} (?:[0-9a-fA-F]{64}|[0-9a-fA-F]{96})\s*$/m;

/** Whether a file is a key log, as programs write it where SSLKEYLOGFILE says. */
export function isKeyLog(start: Uint8Array): boolean {
  return SECRET.test(new TextDecoder().decode(start));
}
