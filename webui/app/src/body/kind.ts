//! How bytes are best looked at: by their media type, and by themselves where the type says nothing.

import { mediaType } from "../lib/format";
import { magic } from "./magic";

export type View =
  | "json" | "source" | "preview" | "text" | "form" | "multipart" | "graphql" | "tree"
  | "image" | "media" | "font" | "pdf" | "dns" | "hex";

export const VIEW_NAMES: Record<View, string> = {
  json: "JSON", source: "Formatted", preview: "Preview", text: "Text", form: "Form", multipart: "Parts", graphql: "GraphQL",
  tree: "Tree", image: "Image", media: "Play", font: "Font", pdf: "PDF", dns: "DNS", hex: "Hex",
};

/** What a binary tree is written in. */
export type TreeFormat = "protobuf" | "grpc" | "msgpack" | "cbor";
/** What formatted source is written in. */
export type SourceFormat = "markup" | "css" | "js";

const TEXT = /^(text\/|application\/((x-)?javascript|ecmascript|xml|graphql|sql|x-sh|toml|x?-?yaml|x-www-form-urlencoded|x-ndjson|jsonl|pem-certificate-chain|x-pem-file|x-x509-ca-cert)$)|\+xml$|^multipart\//;
const JSON_TYPE = /^(application|text)\/(json|json5|x-json|x-ndjson|ndjson|jsonl|x-jsonlines|json-seq|jsonlines|manifest\+json|problem\+json)$|\+json(-seq)?$/;
const IMAGE = /^image\/(png|jpe?g|gif|webp|avif|svg\+xml|bmp|x-icon|vnd\.microsoft\.icon|apng)$/;
const FONT = /^(font\/(woff2?|ttf|otf|sfnt|collection)|application\/(font-woff2?|x-font-(woff2?|ttf|otf|opentype|truetype)|vnd\.ms-opentype))$/;
const HTML = /^(text\/html|application\/xhtml\+xml)$/;

/** The views that make sense, the best one first. */
export function views(contentType: string | null, start: Uint8Array): View[] {
  const type = mediaType(contentType);
  if (type === "image/svg+xml") return ["image", "source", "text", "hex"];
  if (IMAGE.test(type)) return ["image", "hex"];
  if (type === "application/dns-message") return ["dns", "hex"];
  const format = treeFormat(type);
  if (format) return ["tree", "hex", ...(binary(start) ? [] : (["text"] as View[]))];
  if (JSON_TYPE.test(type)) return graphql(start) ? ["graphql", "json", "text", "hex"] : ["json", "text", "hex"];
  if (/^application\/graphql(\+json)?$/.test(type)) return ["graphql", "text", "hex"];
  if (type === "application/x-www-form-urlencoded") return ["form", "text", "hex"];
  if (type.startsWith("multipart/")) return ["multipart", "text", "hex"];
  if (FONT.test(type)) return ["font", "hex"];
  if (type === "application/pdf") return ["pdf", "hex"];
  if (/^(audio|video)\//.test(type) && !/mpegurl|mp2t$/.test(type)) return ["media", "hex"];
  const named = namedCharset(contentType);
  if (named ? unreadable(start, named) : binary(start)) return ofBytes(start);
  const source = sourceFormat(type);
  if (HTML.test(type)) return ["source", "preview", "text", "hex"];
  if (source) return ["source", "text", "hex"];
  const text = new TextDecoder(named ?? "utf-8").decode(start.subarray(0, 64));
  if (/^\s*[[{]/.test(text)) return graphql(start) ? ["graphql", "json", "text", "hex"] : ["json", "text", "hex"];
  if (type === "" && /^\ufeff?\s*<(!doctype|html|\?xml|[a-z][\w:-]*[\s/>])/i.test(text)) return ["source", "preview", "text", "hex"];
  return TEXT.test(type) || start.length > 0 ? ["text", "hex"] : ["hex", "text"];
}

/** Bytes whose type says nothing, by what they begin with. */
function ofBytes(start: Uint8Array): View[] {
  const found = magic(start);
  if (found?.kind === "image") return ["image", "hex"];
  if (found?.kind === "media") return ["media", "hex"];
  if (found?.kind === "font") return ["font", "hex"];
  if (found?.kind === "pdf") return ["pdf", "hex"];
  return found ? ["hex", "text"] : ["hex", "text", "tree"];
}

export function treeFormat(type: string): TreeFormat | null {
  if (/^application\/grpc(-web)?(\+proto)?$/.test(type)) return "grpc";
  if (/protobuf|^application\/(x-)?proto$|\+proto$/.test(type)) return "protobuf";
  if (/msgpack|messagepack/.test(type)) return "msgpack";
  return /^application\/(cbor(-seq)?|.*\+cbor)$/.test(type) ? "cbor" : null;
}

export function sourceFormat(type: string): SourceFormat | null {
  if (/^text\/css$/.test(type)) return "css";
  if (/(javascript|ecmascript)$/.test(type)) return "js";
  return HTML.test(type) || /^(text|application)\/xml$|\+xml$/.test(type) ? "markup" : null;
}

/** JSON that begins as a GraphQL request does. */
function graphql(start: Uint8Array): boolean {
  const text = new TextDecoder().decode(start.subarray(0, 4096));
  return /^\s*\[?\s*\{/.test(text) && /"query"\s*:\s*"(\s|\\[nrt]|#[^"]*?\\n)*(query|mutation|subscription|fragment|\{)/.test(text);
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

/** Whether bytes are no text in the charset that their type names: they hold signs that control, or none that it knows. */
function unreadable(start: Uint8Array, named: string): boolean {
  const text = new TextDecoder(named).decode(start.subarray(0, 1024), { stream: true });
  const odd = [...text].filter((sign) => sign === "\ufffd" || (sign < " " && !"\t\n\v\f\r\x1b".includes(sign))).length;
  return odd > text.length / 50;
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

/** The charset to read with: a byte order mark, the type's parameter, what an HTML or XML document says, a guess. */
export function charset(contentType: string | null, start: Uint8Array): string {
  if (start[0] === 0xef && start[1] === 0xbb && start[2] === 0xbf) return "utf-8";
  if (start[0] === 0xff && start[1] === 0xfe) return "utf-16le";
  if (start[0] === 0xfe && start[1] === 0xff) return "utf-16be";
  const named = namedCharset(contentType);
  if (named) return named;
  if (sourceFormat(mediaType(contentType)) === "markup") {
    const head = new TextDecoder("latin1").decode(start.subarray(0, 1024));
    const inside = encodingOf(/<meta[^>]*charset\s*=\s*["']?([^\s"'/>;]+)/i.exec(head)?.[1] ?? /^<\?xml[^>]*encoding\s*=\s*["']([^"']+)/i.exec(head)?.[1]);
    if (inside) return inside.startsWith("utf-16") ? "utf-8" : inside;
  }
  return utf8(start.subarray(0, 65_536)) ? "utf-8" : "windows-1252";
}

/** The charset that a media type names, if there is one of that name. */
function namedCharset(contentType: string | null): string | null {
  return encodingOf(/;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(contentType ?? "")?.[1]);
}

function encodingOf(label: string | undefined): string | null {
  if (!label) return null;
  try {
    return new TextDecoder(label).encoding;
  } catch {
    // not a name that anybody knows
    return null;
  }
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
