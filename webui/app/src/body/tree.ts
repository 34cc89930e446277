//! Binary structures written as text in the manner of JSON, for the same view as JSON: CBOR's diagnostic notation
//! (RFC 8949 § 8) for CBOR and MessagePack, numbered fields for Protocol Buffers. What is cut off or wrong is shown as far as
//! it goes.

/** A structure as text, and why it ends where it ends. */
export interface Tree {
  text: string;
  error: string | null;
}

/** Deeper than this is not followed. */
export const DEEPEST = 120;
/** No more values than this are written. */
const MOST_VALUES = 400_000;

/** Reads bytes from front to back; reading beyond the end throws `Cut`. */
export class Bytes {
  at = 0;
  readonly view: DataView;
  values = 0;

  constructor(readonly all: Uint8Array) {
    this.view = new DataView(all.buffer, all.byteOffset, all.byteLength);
  }

  get left(): number {
    return this.all.length - this.at;
  }

  take(length: number): Uint8Array {
    if (length > this.left) throw new Cut(`it ends at byte ${this.all.length}, and ${length} bytes should follow byte ${this.at}`);
    this.at += length;
    return this.all.subarray(this.at - length, this.at);
  }

  /** Moves on by a number of bytes and gives where they begin. */
  skip(length: number): number {
    this.take(length);
    return this.at - length;
  }

  u8(): number {
    return this.view.getUint8(this.skip(1));
  }

  /** Counts a value; too many end the reading. */
  count(): void {
    if (++this.values > MOST_VALUES) throw new Cut(`only the first ${MOST_VALUES} values are shown`);
  }
}

/** The input ends, or holds what the format does not allow. */
export class Cut extends Error {}

/** Runs a reader that writes into `out`, and keeps what was written when it fails. */
export function written(bytes: Uint8Array, read: (from: Bytes, out: string[]) => void): Tree {
  const from = new Bytes(bytes);
  const out: string[] = [];
  try {
    read(from, out);
    return { text: out.join(""), error: null };
  } catch (error) {
    if (!(error instanceof Cut) && !(error instanceof RangeError)) throw error;
    return { text: out.join(""), error: error.message };
  }
}

/** A byte string: `h'0102'`, and how many there are when it is long. */
export function byteText(bytes: Uint8Array): string {
  const shown = Array.from(bytes.subarray(0, 48), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return bytes.length > 48 ? `h'${shown}…'(${bytes.length}\u00a0bytes)` : `h'${shown}'`;
}

export function numberText(value: number): string {
  if (Object.is(value, -0)) return "-0.0";
  if (Number.isInteger(value) && Math.abs(value) < 1e21) return `${value}.0`;
  return String(value);
}

/** A text as a JSON string; bytes that are not UTF-8 are replaced, and that is fine to see. */
export function textOf(bytes: Uint8Array): string {
  return JSON.stringify(new TextDecoder().decode(bytes));
}
