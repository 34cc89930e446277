//! The colours of one row of JSON.

export type Token = [kind: "key" | "string" | "number" | "word" | "", text: string];

const PATTERN = /"(?:[^"\\]|\\.)*"?|-?\d[\d.eE+-]*|\b(?:true|false|null)\b/g;

/** A row that continues a long one has no colours: where it stands is not known. */
export function tokens(row: string, continued: boolean): Token[] {
  if (continued) return [["string", row]];
  const found: Token[] = [];
  let at = 0;
  for (const match of row.matchAll(PATTERN)) {
    if (match.index > at) found.push(["", row.slice(at, match.index)]);
    at = match.index + match[0].length;
    const first = match[0][0] as string;
    if (first === '"') found.push([row.startsWith(": ", at) ? "key" : "string", match[0]]);
    else found.push([/[-\d]/.test(first) ? "number" : "word", match[0]]);
  }
  if (at < row.length) found.push(["", row.slice(at)]);
  return found;
}
