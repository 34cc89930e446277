//! Formats told by their first bytes.

export interface Magic {
  kind: "image" | "media" | "font" | "pdf" | "archive";
  type: string;
  name: string;
}

type Row = [at: number, bytes: string, kind: Magic["kind"], type: string, name: string];

const TABLE: Row[] = [
  [0, "\x89PNG\r\n\x1a\n", "image", "image/png", "PNG"],
  [0, "\xff\xd8\xff", "image", "image/jpeg", "JPEG"],
  [0, "GIF87a", "image", "image/gif", "GIF"],
  [0, "GIF89a", "image", "image/gif", "GIF"],
  [8, "WEBP", "image", "image/webp", "WebP"],
  [4, "ftypavif", "image", "image/avif", "AVIF"],
  [4, "ftypavis", "image", "image/avif", "AVIF"],
  [0, "\x00\x00\x01\x00", "image", "image/x-icon", "ICO"],
  [0, "%PDF-", "pdf", "application/pdf", "PDF"],
  [0, "wOFF", "font", "font/woff", "WOFF"],
  [0, "wOF2", "font", "font/woff2", "WOFF2"],
  [0, "OTTO", "font", "font/otf", "OpenType"],
  [0, "true", "font", "font/ttf", "TrueType"],
  [0, "\x00\x01\x00\x00\x00", "font", "font/ttf", "TrueType"],
  [0, "OggS", "media", "audio/ogg", "Ogg"],
  [0, "ID3", "media", "audio/mpeg", "MP3"],
  [0, "\xff\xfb", "media", "audio/mpeg", "MP3"],
  [0, "\xff\xf3", "media", "audio/mpeg", "MP3"],
  [0, "fLaC", "media", "audio/flac", "FLAC"],
  [8, "WAVE", "media", "audio/wav", "WAV"],
  [0, "\x1a\x45\xdf\xa3", "media", "video/webm", "WebM or Matroska"],
  [4, "ftyp", "media", "video/mp4", "MP4"],
  [0, "PK\x03\x04", "archive", "application/zip", "ZIP"],
  [0, "\x1f\x8b", "archive", "application/gzip", "gzip"],
  [0, "\x28\xb5\x2f\xfd", "archive", "application/zstd", "Zstandard"],
  [0, "\x00asm", "archive", "application/wasm", "WebAssembly"],
];

export function magic(bytes: Uint8Array): Magic | null {
  for (const [at, text, kind, type, name] of TABLE) {
    if (bytes.length < at + text.length) continue;
    let same = true;
    for (let i = 0; same && i < text.length; i++) same = bytes[at + i] === text.charCodeAt(i);
    // RIFF holds several things, and each has its name at 8
    if (same && at === 8 && !(bytes[0] === 0x52 && bytes[1] === 0x49)) same = false;
    if (same) return { kind, type, name };
  }
  return null;
}
