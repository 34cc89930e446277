//! How bytes are best looked at: by their media type, and by themselves where the type says nothing.

import { mediaType } from "../lib/format";

export type View = "json" | "text" | "form" | "image" | "hex";

const TEXT = /^(text\/|application\/((x-)?javascript|ecmascript|xml|graphql|sql|x-sh|toml|x?-?yaml|x-www-form-urlencoded|x-ndjson|jsonl|pem-certificate-chain|x-pem-file|x-x509-ca-cert)$)|\+xml$|^multipart\//;
const JSON_TYPE = /^(application|text)\/(json|x-json|x-ndjson|jsonl|json-seq|problem\+json)$|\+json$/;
const IMAGE = /^image\/(png|jpe?g|gif|webp|avif|svg\+xml|bmp|x-icon|vnd\.microsoft\.icon|apng)$/;

/** The views that make sense, the best one first. */
export function views(contentType: string | null, start: Uint8Array): View[] {
  const type = mediaType(contentType);
  if (IMAGE.test(type)) return type === "image/svg+xml" ? ["image", "text", "hex"] : ["image", "hex"];
  if (JSON_TYPE.test(type)) return ["json", "text", "hex"];
  if (type === "application/x-www-form-urlencoded") return ["form", "text", "hex"];
  if (binary(start)) return ["hex", "text"];
  if (/^\s*[[{]/.test(new TextDecoder().decode(start.subarray(0, 64))) && !/(html|xml|css|javascript)/.test(type)) return ["json", "text", "hex"];
  return TEXT.test(type) || start.length > 0 ? ["text", "hex"] : ["hex", "text"];
}

/** Whether the first bytes hold what no text holds. */
export function binary(start: Uint8Array): boolean {
  const bytes = start.subarray(0, 1024);
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return false;
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return false;
  let odd = 0;
  for (const byte of bytes) {
    if (byte === 0) return true;
    if (byte < 9 || (byte > 13 && byte < 32 && byte !== 27)) odd++;
  }
  if (odd > bytes.length / 50) return true;
  return !utf8(bytes) && bytes.filter((byte) => byte > 127).length > bytes.length / 4;
}

/** Whether bytes are UTF-8, apart from a character cut in two at the end. */
function utf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

/** The charset to read with: a byte order mark, the type's parameter, a guess. */
export function charset(contentType: string | null, start: Uint8Array): string {
  if (start[0] === 0xef && start[1] === 0xbb && start[2] === 0xbf) return "utf-8";
  if (start[0] === 0xff && start[1] === 0xfe) return "utf-16le";
  if (start[0] === 0xfe && start[1] === 0xff) return "utf-16be";
  const named = /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(contentType ?? "")?.[1];
  if (named) {
    try {
      return new TextDecoder(named).encoding;
    } catch {
      // not a name that anybody knows
    }
  }
  return utf8(start.subarray(0, 65_536)) ? "utf-8" : "windows-1252";
}

/** Names and values of a form, in order; pluses are spaces, what is not percent-encoded right stays as it is. */
export function form(text: string): [string, string][] {
  if (text.trim() === "") return [];
  return text
    .trim()
    .split("&")
    .map((pair) => {
      const at = pair.indexOf("=");
      return at < 0 ? [plain(pair), ""] : [plain(pair.slice(0, at)), plain(pair.slice(at + 1))];
    });
}

function plain(text: string): string {
  const spaced = text.replaceAll("+", " ");
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}
