//! JSON read for comparing: numbers keep their digits, names their order, and nothing is deeper than the stack.

export type Json =
  | { kind: "object"; members: Map<string, Json> }
  | { kind: "array"; items: Json[] }
  | { kind: "string" | "number" | "word"; text: string };

/** Deeper nesting is not compared by structure. */
const DEEPEST = 500;

/** What a text says; null when it is not JSON (RFC 8259), or too deep. The last of members with one name counts. */
export function parse(text: string): Json | null {
  const reader = new Reader(text.startsWith("\ufeff") ? text.slice(1) : text);
  try {
    const value = reader.value(0);
    return reader.ended() ? value : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

const written = new WeakMap<Json, string>();

/** A value on one line, members in the order of their names: equal texts are equal values. */
export function canonical(json: Json): string {
  const before = written.get(json);
  if (before !== undefined) return before;
  const text = write(json);
  written.set(json, text);
  return text;
}

function write(json: Json): string {
  if (json.kind === "object") {
    const names = [...json.members.keys()].sort();
    return `{${names.map((name) => `${JSON.stringify(name)}: ${canonical(json.members.get(name) as Json)}`).join(", ")}}`;
  }
  if (json.kind === "array") return `[${json.items.map(canonical).join(", ")}]`;
  if (json.kind === "string") return JSON.stringify(json.text);
  return json.kind === "number" ? number(json.text) : json.text;
}

/** `1.0` and `1` are one number; what a double does not hold exactly stays as it was written. */
function number(text: string): string {
  const digits = text.replace(/e.*$/i, "").replace(/\D/g, "").replace(/^0+/, "");
  return digits.length <= 15 && Number.isFinite(Number(text)) ? String(Number(text)) : text;
}

class Reader {
  #at = 0;
  constructor(readonly text: string) {}

  ended(): boolean {
    this.#blank();
    return this.#at === this.text.length;
  }

  value(depth: number): Json {
    if (depth > DEEPEST) throw new SyntaxError("too deep");
    this.#blank();
    const first = this.text[this.#at];
    if (first === "{") return this.#object(depth);
    if (first === "[") return this.#array(depth);
    if (first === '"') return { kind: "string", text: this.#string() };
    const number = this.#match(/-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y);
    if (number !== null) return { kind: "number", text: number };
    const word = this.#match(/true|false|null/y);
    if (word !== null) return { kind: "word", text: word };
    throw new SyntaxError("no value");
  }

  #object(depth: number): Json {
    const members = new Map<string, Json>();
    this.#at++;
    if (this.#take("}")) return { kind: "object", members };
    do {
      this.#blank();
      const name = this.#string();
      this.#want(":");
      members.set(name, this.value(depth + 1));
    } while (this.#take(","));
    this.#want("}");
    return { kind: "object", members };
  }

  #array(depth: number): Json {
    const items: Json[] = [];
    this.#at++;
    if (this.#take("]")) return { kind: "array", items };
    do items.push(this.value(depth + 1));
    while (this.#take(","));
    this.#want("]");
    return { kind: "array", items };
  }

  #string(): string {
    const start = this.#at;
    if (this.text[start] !== '"') throw new SyntaxError("no string");
    let end = start + 1;
    while (end < this.text.length && this.text[end] !== '"') end += this.text[end] === "\\" ? 2 : 1;
    this.#at = end + 1;
    return JSON.parse(this.text.slice(start, end + 1)) as string;
  }

  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.text)?.[0] ?? null;
    if (found !== null) this.#at += found.length;
    return found;
  }

  #take(character: string): boolean {
    this.#blank();
    if (this.text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #want(character: string): void {
    if (!this.#take(character)) throw new SyntaxError(`no ${character}`);
  }

  #blank(): void {
    while (" \t\n\r".includes(this.text[this.#at] ?? "x")) this.#at++;
  }
}
