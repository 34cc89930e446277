//! Protocol Buffers without their schema: numbered fields, each value read in the ways that its wire type allows. What a
//! length-delimited field is (text, message, packed numbers, bytes) is a guess.

import { byteText, Bytes, Cut, DEEPEST, numberText, written, type Tree } from "./tree";

export function protobuf(bytes: Uint8Array): Tree {
  return written(bytes, (from, out) => {
    out.push("{");
    fields(from, out, 0);
    out.push("}");
  });
}

/** gRPC (and gRPC-Web): length-prefixed messages, each written by itself. Compressed ones are passed to `inflate`. */
export async function grpc(bytes: Uint8Array, inflate: ((data: Uint8Array) => Promise<Uint8Array>) | null): Promise<Tree> {
  const texts: string[] = [];
  let error: string | null = null;
  for (let at = 0; at < bytes.length && error === null; ) {
    if (bytes.length - at < 5) return { text: texts.join("\n"), error: "it ends in the middle of a message's length" };
    const view = new DataView(bytes.buffer, bytes.byteOffset + at, 5);
    const [flags, length] = [view.getUint8(0), view.getUint32(1)];
    let data = bytes.subarray(at + 5, at + 5 + length);
    if (data.length < length) error = `the message at byte ${at} has ${length} bytes, of which ${data.length} are here`;
    at += 5 + length;
    if (flags & 0x80) {
      texts.push(JSON.stringify(new TextDecoder().decode(data)));
      continue;
    }
    if (flags & 1) {
      try {
        if (!inflate) throw new Error("its coding is not known");
        data = await inflate(data);
      } catch (failure) {
        texts.push(byteText(data));
        error ??= `a compressed message cannot be read: ${failure instanceof Error ? failure.message : String(failure)}`;
        continue;
      }
    }
    const tree = protobuf(data);
    texts.push(tree.text);
    error ??= tree.error;
  }
  return { text: texts.join("\n"), error };
}

function varint(from: Bytes): bigint {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = from.u8();
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return BigInt.asUintN(64, value);
  }
  throw new Cut(`the number at byte ${from.at - 10} is longer than ten bytes`);
}

/** Fields until the end, or until the end of a group of this number. */
function fields(from: Bytes, out: string[], depth: number, group: number | null = null): void {
  if (depth > DEEPEST) throw new Cut(`it is nested more than ${DEEPEST} deep`);
  for (let first = true; from.left > 0; first = false) {
    from.count();
    const tag = varint(from);
    const [number, wire] = [Number(tag >> 3n), Number(tag & 7n)];
    if (number === 0 || number > 536_870_911) throw new Cut(`byte ${from.at - 1}: there is no field ${number}`);
    if (wire === 4) {
      if (number !== group) throw new Cut(`group ${number} ends at byte ${from.at - 1} and had not begun`);
      return;
    }
    if (!first) out.push(",");
    out.push(`${number}:`);
    if (wire === 0) out.push(plain(varint(from)));
    else if (wire === 1) {
      const at = from.skip(8);
      const [double, whole] = [from.view.getFloat64(at, true), from.view.getBigInt64(at, true)];
      out.push(likely(double) ? numberText(double) : String(whole));
    } else if (wire === 5) {
      const at = from.skip(4);
      const [float, whole] = [from.view.getFloat32(at, true), from.view.getInt32(at, true)];
      out.push(likely(float) ? numberText(float) : String(whole));
    } else if (wire === 2) delimited(from, out, depth);
    else if (wire === 3) {
      out.push("{");
      fields(from, out, depth + 1, number);
      out.push("}");
    } else throw new Cut(`byte ${from.at - 1}: wire type ${wire} does not exist`);
  }
  if (group !== null) throw new Cut(`group ${group} does not end`);
}

function plain(value: bigint): string {
  const signed = BigInt.asIntN(64, value);
  return String(signed < 0n ? signed : value);
}

/** Numbers that somebody may have meant as such. */
function likely(value: number): boolean {
  const size = Math.abs(value);
  return value === 0 || (size > 1e-7 && size < 1e15);
}

function delimited(from: Bytes, out: string[], depth: number): void {
  const length = varint(from);
  const cut = length > BigInt(from.left);
  const data = from.take(cut ? from.left : Number(length));
  const text = asText(data);
  if (text !== null) out.push(JSON.stringify(text));
  else {
    const inner = data.length > 0 && !cut ? message(data, depth + 1, from) : null;
    if (inner) for (const piece of inner) out.push(piece);
    else out.push(byteText(data));
  }
  if (cut) throw new Cut(`a field of ${length} bytes is cut off after ${data.length}`);
}

/** Printable UTF-8, or null. */
function asText(data: Uint8Array): string | null {
  for (const byte of data) if ((byte < 32 && byte !== 9 && byte !== 10 && byte !== 13) || byte === 127) return null;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(data);
  } catch {
    return null;
  }
}

/** The data as a message, when all of it reads as one. */
function message(data: Uint8Array, depth: number, outer: Bytes): string[] | null {
  const out = ["{"];
  const inner = new Bytes(data);
  inner.values = outer.values;
  try {
    fields(inner, out, depth);
  } catch (error) {
    if (error instanceof Cut || error instanceof RangeError) return null;
    throw error;
  }
  outer.values = inner.values;
  out.push("}");
  return out;
}
