//! A command line taken apart into its words, as bash or the command prompt of Windows would, without anything being expanded.

export class ShellError extends Error {}

/** The words of one command, and what is given to its standard input by a heredoc or a pipe from `base64 --decode`. */
export interface Line {
  words: string[];
  /** base64 */
  input: string | null;
  /** What a shell would have done and was not done: words for a person. */
  notes: string[];
}

/** Copied for the command prompt: `^` before quotes, or at the ends of lines. */
export function isCmd(text: string): boolean {
  return /\^\s*\r?\n/.test(text) || /\^"/.test(text);
}

export function split(text: string): Line {
  // as "copy as curl" of this page writes what is no text
  const piped = /^\s*base64 (?:--decode|-d|-D) <<'(\w+)' \| ([\s\S]*?)\n([A-Za-z0-9+/=\s]*?)\n\1\s*$/.exec(text);
  if (piped) return { ...bash(piped[2] ?? ""), input: (piped[3] ?? "").replace(/\s/g, "") };
  return isCmd(text) ? cmd(text) : bash(text);
}

/** Words of bash: quotes of all three kinds, escapes, comments, continued lines. It ends at the first `;`, `|`, `&` or line end. */
function bash(text: string): Line {
  const words: string[] = [];
  const notes: string[] = [];
  let word: string | null = null;
  let at = 0;
  const add = (piece: string) => (word = (word ?? "") + piece);
  const note = (what: string) => {
    if (!notes.includes(what)) notes.push(what);
  };
  while (at < text.length) {
    const rest = text.slice(at);
    const c = text[at] as string;
    const continued = /^\\\r?\n/.exec(rest);
    if (continued) at += continued[0].length;
    else if (/^[ \t\r]/.test(c)) {
      if (word !== null) words.push(word);
      word = null;
      at++;
    } else if (c === "\n" || c === ";" || c === "|" || c === "&") {
      // empty lines before the command are none
      if (c === "\n" && words.length === 0 && word === null) {
        at++;
        continue;
      }
      if (rest.slice(1).trim() !== "") note(`what follows ${c === "\n" ? "the first line" : `“${c}”`} is left out`);
      break;
    } else if (c === "'") {
      const end = text.indexOf("'", at + 1);
      if (end < 0) throw new ShellError("a ' is not closed");
      add(text.slice(at + 1, end));
      at = end + 1;
    } else if (rest.startsWith("$'")) {
      const found = /^\$'((?:[^'\\]|\\[\s\S])*)'/.exec(rest);
      if (!found) throw new ShellError("a $' is not closed");
      add(ansi(found[1] ?? ""));
      at += found[0].length;
    } else if (c === '"' || rest.startsWith('$"')) {
      const found = /^\$?"((?:[^"\\]|\\[\s\S])*)"/.exec(rest);
      if (!found) throw new ShellError('a " is not closed');
      const inside = found[1] ?? "";
      if (/(^|[^\\])(\\\\)*[$`]/.test(inside)) note("variables and commands in double quotes are taken as they are written");
      add(inside.replace(/\\\r?\n/g, "").replace(/\\([$`"\\!])/g, "$1"));
      at += found[0].length;
    } else if (c === "\\") {
      add(text[at + 1] ?? "");
      at += 2;
    } else if (c === "#" && word === null) {
      const end = text.indexOf("\n", at);
      at = end < 0 ? text.length : end;
    } else {
      if (c === "$" || c === "`") note("variables and commands are taken as they are written");
      add(c);
      at++;
    }
  }
  if (word !== null) words.push(word);
  return { words, notes, input: null };
}

const SIMPLE: Record<string, string> = { n: "\n", r: "\r", t: "\t", a: "\x07", b: "\b", e: "\x1b", E: "\x1b", f: "\f", v: "\v", "\\": "\\", "'": "'", '"': '"', "?": "?" };

/** The inside of `$'…'`. */
function ansi(text: string): string {
  const bytes: number[] = [];
  const utf8 = new TextEncoder();
  const pattern = /\\(?:x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8})|([0-7]{1,3})|c([\s\S])|([\s\S]))|([^\\]+)/g;
  for (const [, hex, short, long, octal, control, simple, plain] of text.matchAll(pattern)) {
    const point = short ?? long;
    if (hex !== undefined) bytes.push(parseInt(hex, 16));
    else if (octal !== undefined) bytes.push(parseInt(octal, 8) & 0xff);
    else if (control !== undefined) bytes.push(control.charCodeAt(0) & 0x1f);
    else if (point !== undefined) bytes.push(...utf8.encode(pointOf(parseInt(point, 16), bytes)));
    else if (simple !== undefined) bytes.push(...utf8.encode(SIMPLE[simple] ?? `\\${simple}`));
    else bytes.push(...utf8.encode(plain ?? ""));
  }
  return textOf(Uint8Array.from(bytes));
}

/** Bytes as text; those that are no UTF-8 as halves of pairs that stand alone (U+DC80 to U+DCFF), which no text has. */
function textOf(bytes: Uint8Array): string {
  const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at] as number;
    const length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    try {
      text += utf8.decode(bytes.slice(at, at + length));
      at += length;
    } catch {
      text += String.fromCharCode(0xdc00 + first);
      at++;
    }
  }
  return text;
}

/** The bytes of a text of `split`. */
export function bytesOf(text: string): Uint8Array {
  const utf8 = new TextEncoder();
  const pieces = text.split(/((?<![\ud800-\udbff])[\udc80-\udcff])/);
  return Uint8Array.from(pieces.flatMap((piece, i) => (i % 2 === 1 ? [piece.charCodeAt(0) & 0xff] : [...utf8.encode(piece)])));
}

/** Whether there are bytes in it that are no text. */
export function hasBytes(text: string): boolean {
  return /(?<![\ud800-\udbff])[\udc80-\udcff]/.test(text);
}

/** A code point as text; the halves of a pair, as browsers write them (\ud83d\ude00), are put together. */
function pointOf(point: number, before: number[]): string {
  if (point >= 0xdc00 && point <= 0xdfff && before.length >= 3) {
    const [a, b, c] = before.slice(-3) as [number, number, number];
    const high = ((a & 0x0f) << 12) | ((b & 0x3f) << 6) | (c & 0x3f);
    if (a === 0xed && high >= 0xd800 && high <= 0xdbff) {
      before.splice(-3);
      return String.fromCodePoint(0x10000 + ((high - 0xd800) << 10) + (point - 0xdc00));
    }
  }
  if (point >= 0xd800 && point <= 0xdbff) {
    // waits for its other half, as three bytes that are no UTF-8
    before.push(0xe0 | (point >> 12), 0x80 | ((point >> 6) & 0x3f), 0x80 | (point & 0x3f));
    return "";
  }
  return point <= 0x10ffff ? String.fromCodePoint(point) : "\ufffd";
}

/** Words of the command prompt, as browsers write them: `^` escapes the next character, also a line end; `\"` is a quote inside of quotes. */
function cmd(text: string): Line {
  // a caret before a line end takes it away; before an empty line it is a line end (`^\n\n`)
  const plain = text.replace(/\^\r?\n\r?\n/g, "\n").replace(/\^\r?\n/g, " ").replace(/\^([\s\S])/g, "$1");
  const words: string[] = [];
  let word: string | null = null;
  let quoted = false;
  for (let at = 0; at < plain.length; at++) {
    const c = plain[at] as string;
    if (c === "\\" && (plain[at + 1] === '"' || (quoted && plain[at + 1] === "\\"))) word = (word ?? "") + (plain[++at] as string);
    else if (c === '"' && quoted && plain[at + 1] === '"') word = (word ?? "") + (plain[++at] as string);
    else if (c === '"') {
      quoted = !quoted;
      word ??= "";
    } else if (/\s/.test(c) && !quoted) {
      if (word !== null) words.push(word);
      word = null;
    } else word = (word ?? "") + c;
  }
  if (quoted) throw new ShellError('a " is not closed');
  if (word !== null) words.push(word);
  return { words, notes: [], input: null };
}
