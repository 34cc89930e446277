//! What a PDF says of itself. Drawing it takes an engine of two megabytes which would run on hostile input within the page:
//! that is left to the browser's own viewer.

export interface PdfFacts {
  version: string | null;
  pages: number | null;
  encrypted: boolean;
  info: [string, string][];
}

/** The beginning and the end are looked at, no more than this of each. */
const REACH = 4 * 1024 * 1024;

export function pdfFacts(bytes: Uint8Array): PdfFacts {
  const decode = (part: Uint8Array) => new TextDecoder("latin1").decode(part);
  const text = bytes.length <= REACH * 2 ? decode(bytes) : `${decode(bytes.subarray(0, REACH))}\n${decode(bytes.subarray(bytes.length - REACH))}`;
  const trees = Array.from(text.matchAll(/\/Type\s*\/Pages\b[^]{0,400}?\/Count\s+(\d{1,7})/g), (match) => Number(match[1]));
  const single = text.match(/\/Type\s*\/Page\b(?!s)/g)?.length ?? 0;
  const info: [string, string][] = [];
  for (const name of ["Title", "Author", "Subject", "Creator", "Producer", "CreationDate", "ModDate"]) {
    const value = string(new RegExp(`/${name}\\s*(\\((?:[^()\\\\]|\\\\[^])*\\)|<[0-9A-Fa-f\\s]*>)`).exec(text)?.[1]);
    if (value) info.push([name.replace("CreationDate", "Created").replace("ModDate", "Changed"), date(value)]);
  }
  return {
    version: /^%PDF-(\d\.\d)/.exec(text)?.[1] ?? null,
    pages: trees.length > 0 ? Math.max(...trees) : single > 0 ? single : null,
    encrypted: /\/Encrypt\s+\d+\s+\d+\s+R/.test(text),
    info,
  };
}

function string(source: string | undefined): string {
  if (!source) return "";
  let text: string;
  if (source.startsWith("<")) {
    const digits = source.replace(/[^0-9A-Fa-f]/g, "").slice(0, 4_000);
    text = (digits.match(/../g) ?? []).map((pair) => String.fromCharCode(Number.parseInt(pair, 16))).join("");
  } else text = source.slice(1, -1).slice(0, 4_000).replace(/\\([nrtbf()\\]|[0-7]{1,3})/g, (_, c: string) => (/[0-7]/.test(c) ? String.fromCharCode(Number.parseInt(c, 8)) : "nrtbf".includes(c) ? " " : c));
  if (!text.startsWith("\u00fe\u00ff")) return text.trim();
  const bytes = Uint8Array.from(text.slice(2), (c) => c.charCodeAt(0) & 0xff);
  return new TextDecoder("utf-16be").decode(bytes).trim();
}

function date(value: string): string {
  const found = /^D:(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?/.exec(value);
  return found ? `${found[1]}-${found[2] ?? "01"}-${found[3] ?? "01"}${found[4] ? ` ${found[4]}:${found[5] ?? "00"}` : ""}` : value;
}
