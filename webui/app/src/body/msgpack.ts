//! MessagePack, one value after the other, in the same notation as CBOR.

import { byteText, Bytes, Cut, DEEPEST, numberText, textOf, written, type Tree } from "./tree";

export function msgpack(bytes: Uint8Array): Tree {
  return written(bytes, (from, out) => {
    for (let first = true; from.left > 0; first = false) {
      if (!first) out.push("\n");
      value(from, out, 0);
    }
  });
}

function value(from: Bytes, out: string[], depth: number): void {
  if (depth > DEEPEST) throw new Cut(`it is nested more than ${DEEPEST} deep`);
  from.count();
  const { view } = from;
  const start = from.u8();
  if (start < 0x80) return void out.push(String(start));
  if (start >= 0xe0) return void out.push(String(start - 256));
  if (start < 0x90) return list(from, out, depth, start & 15, true);
  if (start < 0xa0) return list(from, out, depth, start & 15, false);
  if (start < 0xc0) return void out.push(textOf(from.take(start & 31)));
  const u16 = () => view.getUint16(from.skip(2));
  const u32 = () => view.getUint32(from.skip(4));
  switch (start) {
    case 0xc0: out.push("null"); return;
    case 0xc2: out.push("false"); return;
    case 0xc3: out.push("true"); return;
    case 0xc4: out.push(byteText(from.take(from.u8()))); return;
    case 0xc5: out.push(byteText(from.take(u16()))); return;
    case 0xc6: out.push(byteText(from.take(u32()))); return;
    case 0xc7: return extension(from, out, from.u8());
    case 0xc8: return extension(from, out, u16());
    case 0xc9: return extension(from, out, u32());
    case 0xca: out.push(numberText(view.getFloat32(from.skip(4)))); return;
    case 0xcb: out.push(numberText(view.getFloat64(from.skip(8)))); return;
    case 0xcc: out.push(String(from.u8())); return;
    case 0xcd: out.push(String(u16())); return;
    case 0xce: out.push(String(u32())); return;
    case 0xcf: out.push(String(view.getBigUint64(from.skip(8)))); return;
    case 0xd0: out.push(String(view.getInt8(from.skip(1)))); return;
    case 0xd1: out.push(String(view.getInt16(from.skip(2)))); return;
    case 0xd2: out.push(String(view.getInt32(from.skip(4)))); return;
    case 0xd3: out.push(String(view.getBigInt64(from.skip(8)))); return;
    case 0xd4: case 0xd5: case 0xd6: case 0xd7: case 0xd8: return extension(from, out, 1 << (start - 0xd4));
    case 0xd9: out.push(textOf(from.take(from.u8()))); return;
    case 0xda: out.push(textOf(from.take(u16()))); return;
    case 0xdb: out.push(textOf(from.take(u32()))); return;
    case 0xdc: return list(from, out, depth, u16(), false);
    case 0xdd: return list(from, out, depth, u32(), false);
    case 0xde: return list(from, out, depth, u16(), true);
    case 0xdf: return list(from, out, depth, u32(), true);
    default: throw new Cut(`byte ${from.at - 1} (0xc1) is not allowed in MessagePack`);
  }
}

function list(from: Bytes, out: string[], depth: number, length: number, map: boolean): void {
  out.push(map ? "{" : "[");
  for (let i = 0; i < length; i++) {
    if (i > 0) out.push(",");
    value(from, out, depth + 1);
    if (map) {
      out.push(":");
      value(from, out, depth + 1);
    }
  }
  out.push(map ? "}" : "]");
}

/** An extension; type -1 is a time. */
function extension(from: Bytes, out: string[], length: number): void {
  const type = from.view.getInt8(from.skip(1));
  const data = from.take(length);
  const time = type === -1 ? timestamp(data) : null;
  out.push(time === null ? `ext(${type} ${byteText(data)})` : `time(${JSON.stringify(time)})`);
}

function timestamp(data: Uint8Array): string | null {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let seconds: number;
  if (data.length === 4) seconds = view.getUint32(0);
  else if (data.length === 8) seconds = Number(view.getBigUint64(0) & 0x3_ffff_ffffn) + (view.getUint32(0) >>> 2) / 1e9;
  else if (data.length === 12) seconds = Number(view.getBigInt64(4)) + view.getUint32(0) / 1e9;
  else return null;
  const at = new Date(seconds * 1000);
  return Number.isNaN(at.getTime()) ? null : at.toISOString();
}
