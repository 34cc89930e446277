//! CBOR (RFC 8949), one item after the other, in diagnostic notation.

import { byteText, Bytes, Cut, DEEPEST, numberText, textOf, written, type Tree } from "./tree";

export function cbor(bytes: Uint8Array): Tree {
  return written(bytes, (from, out) => {
    for (let first = true; from.left > 0; first = false) {
      if (!first) out.push("\n");
      item(from, out, 0);
    }
  });
}

/** Length or value of an item; null when it is of indefinite length. */
function argument(from: Bytes, info: number): bigint | number | null {
  if (info < 24) return info;
  if (info === 24) return from.u8();
  if (info === 25) return from.view.getUint16(from.skip(2));
  if (info === 26) return from.view.getUint32(from.skip(4));
  if (info === 27) {
    const large = from.view.getBigUint64(from.skip(8));
    return large <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(large) : large;
  }
  if (info === 31) return null;
  throw new Cut(`byte ${from.at - 1} is not allowed in CBOR`);
}

function item(from: Bytes, out: string[], depth: number): void {
  if (depth > DEEPEST) throw new Cut(`it is nested more than ${DEEPEST} deep`);
  from.count();
  const start = from.u8();
  const [major, info] = [start >> 5, start & 31];
  if (major === 7) return simple(from, out, info);
  const length = argument(from, info);
  if (length === null && (major < 2 || major === 6)) throw new Cut(`byte ${from.at - 1} is not allowed in CBOR`);
  switch (major) {
    case 0: out.push(String(length)); return;
    case 1: out.push(typeof length === "number" ? String(-1 - length) : String(-1n - (length as bigint))); return;
    case 2: out.push(byteText(length === null ? pieces(from, 2) : from.take(Number(length)))); return;
    case 3: out.push(textOf(length === null ? pieces(from, 3) : from.take(Number(length)))); return;
    case 4: return list(from, out, depth, length, false);
    case 5: return list(from, out, depth, length, true);
    default:
      out.push(`${length}(`);
      item(from, out, depth + 1);
      out.push(")");
  }
}

function list(from: Bytes, out: string[], depth: number, length: bigint | number | null, map: boolean): void {
  out.push(map ? "{" : "[");
  for (let i = 0; length === null || i < length; i++) {
    if (length === null && ends(from)) break;
    if (i > 0) out.push(",");
    item(from, out, depth + 1);
    if (map) {
      out.push(":");
      item(from, out, depth + 1);
    }
  }
  out.push(map ? "}" : "]");
}

/** The end of something of indefinite length, which is taken. */
function ends(from: Bytes): boolean {
  if (from.left > 0 && from.all[from.at] === 0xff) return from.skip(1) >= 0;
  return false;
}

function pieces(from: Bytes, major: number): Uint8Array {
  const parts: Uint8Array[] = [];
  while (!ends(from)) {
    const start = from.u8();
    const length = argument(from, start & 31);
    if (start >> 5 !== major || length === null) throw new Cut(`byte ${from.at - 1} is not a piece of the string before it`);
    from.count();
    parts.push(from.take(Number(length)));
  }
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function simple(from: Bytes, out: string[], info: number): void {
  const words: Record<number, string> = { 20: "false", 21: "true", 22: "null", 23: "undefined" };
  if (words[info]) out.push(words[info]);
  else if (info < 20) out.push(`simple(${info})`);
  else if (info === 24) out.push(`simple(${from.u8()})`);
  else if (info === 25) out.push(numberText(half(from.view.getUint16(from.skip(2)))));
  else if (info === 26) out.push(numberText(from.view.getFloat32(from.skip(4))));
  else if (info === 27) out.push(numberText(from.view.getFloat64(from.skip(8))));
  else throw new Cut(`byte ${from.at - 1} is not allowed in CBOR`);
}

/** A half-precision number, RFC 8949 appendix D. */
function half(bits: number): number {
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  const value = exponent === 0 ? fraction * 2 ** -24 : exponent === 31 ? (fraction ? Number.NaN : Number.POSITIVE_INFINITY) : (1024 + fraction) * 2 ** (exponent - 25);
  return bits & 0x8000 ? -value : value;
}
