//! The colours of one row.

export type Kind = "key" | "string" | "number" | "word" | "note" | "";
export type Token = [kind: Kind, text: string];
export type Colours = "json" | "markup" | "css" | "js" | "graphql" | "none";

const JSON_PATTERN = /"(?:[^"\\]|\\.)*"?|-?\d[\d.eE+-]*|h'[0-9a-f]*…?'|\b(?:true|false|null|undefined)\b/g;
const MARKUP = /<!--.*?(?:-->|$)|<[!?][^>]*>?|<\/?[^\s<>/]+|\/?>|"[^"]*"|'[^']*'|[\w:-]+(?==["'])/g;
const CODE = /\/\/.*$|\/\*.*?(?:\*\/|$)|"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|`(?:[^`\\]|\\.)*`?|\b(?:async|await|break|case|catch|class|const|continue|default|delete|do|else|export|extends|false|finally|for|from|function|if|import|in|instanceof|let|new|null|of|return|static|super|switch|this|throw|true|try|typeof|undefined|var|void|while|yield)\b|\b\d[\w.]*/g;
const CSS = /\/\*.*?(?:\*\/|$)|"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|@[\w-]+|(?:--)?[a-z-]+(?=\s*:\s)|#[0-9a-f]{3,8}\b|-?\b\d[\w.%]*/gi;
const GRAPHQL = /#.*$|"(?:[^"\\]|\\.)*"?|\b(?:query|mutation|subscription|fragment|on|true|false|null)\b|\$\w+|@\w+|-?\b\d[\d.]*/g;

/** A row that continues a long one has no colours: where it stands is not known. */
export function tokens(row: string, continued: boolean, colours: Colours = "json"): Token[] {
  if (colours === "none" || row.length > 20_000) return [["", row]];
  if (continued) return [[colours === "json" ? "string" : "", row]];
  switch (colours) {
    case "json": return cut(row, JSON_PATTERN, (text, at) => {
      const after = row.startsWith(": ", at + text.length);
      if (text.startsWith('"')) return after ? "key" : "string";
      if (after && at === 0) return "key";
      return text.startsWith("h'") ? "string" : /^[-\d]/.test(text) ? "number" : "word";
    });
    case "markup": return cut(row, MARKUP, (text) => {
      if (text.startsWith("<!--")) return "note";
      if (/^<[!?]/.test(text)) return "word";
      return /^[<>/]/.test(text) ? "key" : /^["']/.test(text) ? "string" : "number";
    });
    case "css": return cut(row, CSS, (text) => (text.startsWith("/*") ? "note" : /^["']/.test(text) ? "string" : text.startsWith("@") ? "word" : /^(-?\d|#)/.test(text) ? "number" : "key"));
    case "graphql": return cut(row, GRAPHQL, (text) => (text.startsWith("#") ? "note" : text.startsWith('"') ? "string" : /^[$@]/.test(text) ? "key" : /^[-\d]/.test(text) ? "number" : "word"));
    case "js": return cut(row, CODE, (text) => (/^\/[/*]/.test(text) ? "note" : /^["'`]/.test(text) ? "string" : /^\d/.test(text) ? "number" : "word"));
  }
}

function cut(row: string, pattern: RegExp, kind: (text: string, at: number) => Kind): Token[] {
  const found: Token[] = [];
  let at = 0;
  for (const match of row.matchAll(pattern)) {
    if (match.index > at) found.push(["", row.slice(at, match.index)]);
    at = match.index + match[0].length;
    found.push([kind(match[0], match.index), match[0]]);
  }
  if (at < row.length) found.push(["", row.slice(at)]);
  return found;
}

/** A piece of a token: whether it is found (1), or is the place that is looked at (2). */
export type Piece = [text: string, mark: 0 | 1 | 2];
export type Stretch = [kind: Kind, pieces: Piece[]];

/** Colours and places found, together: the tokens of a row in pieces. `current` is where the looked-at place begins in the row, or -1. */
export function stretches(coloured: Token[], row: string, pattern: RegExp | null, current: number): Stretch[] {
  if (!pattern) return coloured.map(([kind, text]) => [kind, [[text, 0]]]);
  const marks: [from: number, to: number, mark: 1 | 2][] = [];
  for (const match of row.matchAll(pattern)) {
    if (match[0] !== "") marks.push([match.index, match.index + match[0].length, match.index === current ? 2 : 1]);
    if (marks.length > 500) break;
  }
  const found: Stretch[] = [];
  let at = 0;
  let next = 0;
  for (const [kind, text] of coloured) {
    const end = at + text.length;
    const pieces: Piece[] = [];
    found.push([kind, pieces]);
    while (at < end) {
      while (next < marks.length && (marks[next] as [number, number, 1])[1] <= at) next++;
      const mark = marks[next];
      const inside = mark !== undefined && mark[0] <= at;
      const to = Math.min(end, mark === undefined ? end : inside ? mark[1] : mark[0]);
      pieces.push([row.slice(at, to), inside ? mark[2] : 0]);
      at = to;
    }
  }
  return found;
}
