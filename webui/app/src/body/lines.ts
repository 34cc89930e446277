//! Text as lines, fed in pieces, for a view that draws only some of them.

export interface Lines {
  readonly count: number;
  text(line: number): string;
  /** Spaces before the line. */
  indent(line: number): number;
  /** The line that closes what this one opens, or -1. */
  closes(line: number): number;
  feed(text: string): void;
  end(): void;
}

/** The lines as strings, indentation and all. */
export function written(lines: Lines): string[] {
  return Array.from({ length: lines.count }, (_, i) => " ".repeat(lines.indent(i)) + lines.text(i));
}

/** Lines as they are. */
export class PlainLines implements Lines {
  readonly #lines: string[] = [];
  #rest = "";

  get count(): number {
    return this.#lines.length;
  }
  text(line: number): string {
    return this.#lines[line] ?? "";
  }
  indent(): number {
    return 0;
  }
  closes(): number {
    return -1;
  }

  feed(text: string): void {
    if (!text.includes("\n")) {
      this.#rest += text;
      return;
    }
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#lines.push(line.endsWith("\r") ? line.slice(0, -1) : line);
  }

  end(): void {
    if (this.#rest !== "" || this.#lines.length === 0) this.#lines.push(this.#rest);
    this.#rest = "";
  }
}

/**
 * JSON, written with one value a line. Nothing is parsed into numbers or objects, so digits, order and duplicate names stay
 * as they were sent, and JSON that is cut off or wrong is shown as far as it goes.
 */
export class JsonLines implements Lines {
  readonly #lines: string[] = [];
  readonly #depths: number[] = [];
  readonly #closes = new Map<number, number>();
  readonly #open: number[] = [];
  #line = "";
  #inString = false;
  #escaped = false;
  /** A bracket was opened and nothing came yet. */
  #fresh = false;
  /** A value at the outside is complete: another one begins a new line. */
  #complete = false;

  get count(): number {
    return this.#lines.length;
  }
  text(line: number): string {
    return this.#lines[line] ?? "";
  }
  indent(line: number): number {
    return (this.#depths[line] ?? 0) * 2;
  }
  closes(line: number): number {
    return this.#closes.get(line) ?? -1;
  }

  feed(text: string): void {
    for (let at = 0; at < text.length; ) {
      if (this.#inString) at = this.#string(text, at);
      else at = this.#outside(text, at);
    }
  }

  end(): void {
    if (this.#line !== "") this.#push(this.#open.length);
    this.#line = "";
  }

  #string(text: string, from: number): number {
    for (let at = from; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (this.#escaped) this.#escaped = false;
      else if (code === 92) this.#escaped = true;
      else if (code === 34) {
        this.#inString = false;
        this.#line += text.slice(from, at + 1);
        return at + 1;
      }
    }
    this.#line += text.slice(from);
    return text.length;
  }

  #outside(text: string, at: number): number {
    const character = text[at] as string;
    switch (character) {
      case " ": case "\n": case "\r": case "\t": case "\u001e": case "\ufeff":
        return at + 1;
      case "}": case "]":
        this.#close(character);
        return at + 1;
      case ",":
        this.#line += ",";
        this.#break();
        return at + 1;
      case ":":
        this.#line += ": ";
        return at + 1;
    }
    this.#begin();
    if (character === "{" || character === "[") {
      this.#line += character;
      this.#fresh = true;
      return at + 1;
    }
    if (character === '"') {
      this.#inString = true;
      this.#line += '"';
      return at + 1;
    }
    let end = at + 1;
    while (end < text.length && !' \n\r\t{}[],:"'.includes(text[end] as string)) end++;
    this.#line += text.slice(at, end);
    return end;
  }

  /** Something comes: what was opened gets a line of its own, a second outer value too. */
  #begin(): void {
    if (this.#fresh) {
      const line = this.#push(this.#open.length);
      this.#open.push(line);
      this.#line = "";
      this.#fresh = false;
    } else if (this.#complete && this.#open.length === 0) this.#break();
    this.#complete = false;
  }

  #close(character: string): void {
    if (this.#fresh) this.#fresh = false;
    else {
      if (this.#line !== "") this.#break();
      const opener = this.#open.pop();
      if (opener !== undefined) this.#closes.set(opener, this.#lines.length);
    }
    this.#line += character;
    this.#complete = this.#open.length === 0;
  }

  #break(): void {
    if (this.#fresh) this.#begin();
    if (this.#line !== "") this.#push(this.#open.length);
    this.#line = "";
    this.#complete = false;
  }

  #push(depth: number): number {
    this.#lines.push(this.#line);
    this.#depths.push(depth);
    return this.#lines.length - 1;
  }
}
