//! What an image says of itself: format, size in pixels, and the basics of Exif (CIPA DC-008) in JPEG, PNG and WebP.

import { magic } from "./magic";

export interface ImageFacts {
  format: string | null;
  width: number | null;
  height: number | null;
  exif: [name: string, value: string][];
}

export function imageFacts(bytes: Uint8Array): ImageFacts {
  const facts: ImageFacts = { format: magic(bytes)?.name ?? null, width: null, height: null, exif: [] };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    if (facts.format === "PNG") png(view, facts);
    else if (facts.format === "GIF") size(facts, view.getUint16(6, true), view.getUint16(8, true));
    else if (facts.format === "JPEG") jpeg(view, facts);
    else if (facts.format === "WebP") webp(view, facts);
  } catch (error) {
    // it ends before what it announces: what was read is shown
    if (!(error instanceof RangeError)) throw error;
  }
  return facts;
}

function size(facts: ImageFacts, width: number, height: number): void {
  facts.width = width;
  facts.height = height;
}

function png(view: DataView, facts: ImageFacts): void {
  size(facts, view.getUint32(16), view.getUint32(20));
  for (let at = 8; at + 8 <= view.byteLength; ) {
    const [length, name] = [view.getUint32(at), view.getUint32(at + 4)];
    if (name === 0x65584966) exif(part(view, at + 8, length), facts);
    at += 12 + length;
  }
}

function jpeg(view: DataView, facts: ImageFacts): void {
  for (let at = 2; view.getUint8(at) === 0xff; ) {
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) {
      at++;
      continue;
    }
    if (marker === 0xd9 || marker === 0xda) return;
    const length = view.getUint16(at + 2);
    const frame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (frame) size(facts, view.getUint16(at + 7), view.getUint16(at + 5));
    if (marker === 0xe1 && length > 8 && view.getUint32(at + 4) === 0x45786966) exif(part(view, at + 10, length - 8), facts);
    if (length < 2) return;
    at += 2 + length;
  }
}

function webp(view: DataView, facts: ImageFacts): void {
  for (let at = 12; at + 8 <= view.byteLength; ) {
    const [name, length] = [view.getUint32(at), view.getUint32(at + 4, true)];
    if (name === 0x56503858) size(facts, 1 + u24(view, at + 12), 1 + u24(view, at + 15));
    else if (name === 0x56503820 && facts.width === null) size(facts, view.getUint16(at + 14, true) & 0x3fff, view.getUint16(at + 16, true) & 0x3fff);
    else if (name === 0x5650384c && facts.width === null) {
      const bits = view.getUint32(at + 9, true);
      size(facts, 1 + (bits & 0x3fff), 1 + ((bits >> 14) & 0x3fff));
    } else if (name === 0x45584946) {
      const from = view.byteLength >= at + 14 && view.getUint32(at + 8) === 0x45786966 ? 6 : 0;
      exif(part(view, at + 8 + from, length - from), facts);
    }
    at += 8 + length + (length & 1);
  }
}

function u24(view: DataView, at: number): number {
  return view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
}

function part(view: DataView, from: number, length: number): DataView {
  if (from > view.byteLength) throw new RangeError("beyond the end");
  return new DataView(view.buffer, view.byteOffset + from, Math.max(0, Math.min(length, view.byteLength - from)));
}

const NAMES: Record<number, string> = {
  0x010e: "Description", 0x010f: "Camera maker", 0x0110: "Camera", 0x0112: "Orientation", 0x0131: "Software", 0x0132: "Changed", 0x013b: "Artist",
  0x8298: "Copyright", 0x829a: "Exposure (s)", 0x829d: "Aperture (f/)", 0x8827: "ISO", 0x9003: "Taken", 0x9011: "Time zone", 0x920a: "Focal length (mm)",
  0xa002: "Pixels across", 0xa003: "Pixels down", 0xa433: "Lens maker", 0xa434: "Lens",
};
const [EXIF_IFD, GPS_IFD] = [0x8769, 0x8825];
const MOST_ENTRIES = 500;

type Entries = Map<number, string | number | number[]>;

function exif(view: DataView, facts: ImageFacts): void {
  const order = view.getUint16(0);
  if (order !== 0x4949 && order !== 0x4d4d) return;
  const little = order === 0x4949;
  const first = directory(view, view.getUint32(4, little), little);
  const inner = first.get(EXIF_IFD);
  const all = [...first, ...(typeof inner === "number" ? directory(view, inner, little) : [])];
  for (const [tag, value] of all) {
    const name = NAMES[tag];
    if (name && !facts.exif.some(([known]) => known === name)) facts.exif.push([name, tag === 0x829a && typeof value === "number" && value > 0 && value < 1 ? `1/${Math.round(1 / value)}` : shown(value)]);
  }
  const gps = first.get(GPS_IFD);
  if (typeof gps === "number") place(directory(view, gps, little), facts);
}

function shown(value: string | number | number[]): string {
  return Array.isArray(value) ? value.slice(0, 16).join(" ") : typeof value === "number" ? String(Math.round(value * 1e6) / 1e6) : value;
}

function place(entries: Entries, facts: ImageFacts): void {
  const degrees = (tag: number, sign: number, negative: string) => {
    const value = entries.get(tag);
    if (!Array.isArray(value) || value.length < 3) return null;
    const [d = 0, m = 0, s = 0] = value;
    return (d + m / 60 + s / 3600) * (entries.get(sign) === negative ? -1 : 1);
  };
  const [latitude, longitude] = [degrees(2, 1, "S"), degrees(4, 3, "W")];
  if (latitude !== null && longitude !== null && Number.isFinite(latitude + longitude)) facts.exif.push(["Place", `${latitude.toFixed(5)}, ${longitude.toFixed(5)}`]);
}

const SIZES: Record<number, number> = { 1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 9: 4, 10: 8 };

function directory(view: DataView, at: number, little: boolean): Entries {
  const found: Entries = new Map();
  if (at + 2 > view.byteLength) return found;
  const count = Math.min(view.getUint16(at, little), MOST_ENTRIES);
  for (let i = 0; i < count; i++) {
    const entry = at + 2 + i * 12;
    if (entry + 12 > view.byteLength) break;
    const [tag, type, length] = [view.getUint16(entry, little), view.getUint16(entry + 2, little), view.getUint32(entry + 4, little)];
    const size = SIZES[type];
    if (size === undefined || length === 0 || length > 4_096) continue;
    const from = size * length <= 4 ? entry + 8 : view.getUint32(entry + 8, little);
    if (from + size * length > view.byteLength) continue;
    found.set(tag, read(view, type, from, length, little));
  }
  return found;
}

function read(view: DataView, type: number, from: number, length: number, little: boolean): string | number | number[] {
  if (type === 2) return new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + from, length)).replace(/\0.*$/s, "").trim();
  const size = SIZES[type] ?? 1;
  const one = (at: number) => {
    if (type === 3) return view.getUint16(at, little);
    if (type === 4) return view.getUint32(at, little);
    if (type === 9) return view.getInt32(at, little);
    if (type === 5) return view.getUint32(at, little) / view.getUint32(at + 4, little);
    if (type === 10) return view.getInt32(at, little) / view.getInt32(at + 4, little);
    return view.getUint8(at);
  };
  return length === 1 ? one(from) : Array.from({ length }, (_, i) => one(from + i * size));
}
