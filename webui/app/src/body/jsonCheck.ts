//! Whether a text is JSON (RFC 8259), fed in pieces: where it stops being that, and what is wrong there. Nothing is kept but how
//! deep it is, so a large text is as good as a small one.

/** What is wrong, and where; lines and columns begin at 1. */
export interface Wrong {
  line: number;
  column: number;
  /** As the rest of a sentence: `a comma before "]"`. */
  what: string;
}

/** What may come next. */
type Next = "value" | "value or ]" | "name" | "name or }" | ":" | ", or end" | "nothing";

const WORDS = new Set(["true", "false", "null"]);
const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?$/;
const STOPS = ' \t\n\r{}[]:,"';
/** A word is quoted so far. */
const QUOTED = 24;

export class JsonCheck {
  /** The first thing that is wrong. */
  wrong: Wrong | null = null;
  #next: Next = "value";
  #open: string[] = [];
  /** Where the innermost that is open began, of each. */
  #began: { line: number; column: number }[] = [];
  #line = 1;
  #column = 0;
  #string: "no" | "in" | "escaped" = "no";
  #isName = false;
  #from = { line: 1, column: 1 };
  #word = "";
  #some = false;

  /** `many`: one value after the other is right, as in a file of lines. */
  constructor(private readonly many: boolean) {}

  feed(text: string): void {
    for (const sign of text) {
      if (this.wrong) return;
      if (sign === "\n") {
        this.#line++;
        this.#column = 0;
      } else this.#column++;
      if (this.#string !== "no") this.#inString(sign);
      else this.#outside(sign);
    }
  }

  /** The text ends here. */
  end(): void {
    if (this.wrong) return;
    this.#column++;
    if (this.#string !== "no") return this.#says("it ends inside of a string", this.#from);
    this.#ended();
    if (this.wrong) return;
    const open = this.#began.at(-1);
    if (open) this.#says(`it ends before the ${this.#open.at(-1) === "{" ? "object" : "list"} of line ${open.line}, column ${open.column} does`);
    else if (!this.#some) this.#says("there is no value");
  }

  #inString(sign: string): void {
    if (this.#string === "escaped") {
      if (!'"\\/bfnrtu'.includes(sign)) this.#says(`"\\${sign}" is no escape`);
      this.#string = "in";
    } else if (sign === "\\") this.#string = "escaped";
    else if (sign === '"') {
      this.#string = "no";
      if (this.#isName) this.#next = ":";
      else this.#valued();
    } else if (sign < " ") this.#says("a line break or another control character inside of a string");
  }

  #outside(sign: string): void {
    if (this.#word !== "" && STOPS.includes(sign)) this.#ended();
    if (this.wrong) return;
    switch (sign) {
      case " ": case "\t": case "\n": case "\r": case "\u001e": case "\ufeff":
        return;
      case "{": case "[":
        if (!this.#takesValue(sign)) return;
        this.#open.push(sign);
        this.#began.push({ line: this.#line, column: this.#column });
        this.#next = sign === "{" ? "name or }" : "value or ]";
        return;
      case "}": case "]":
        return this.#close(sign);
      case ":":
        if (this.#next !== ":") return this.#unexpected(sign);
        this.#next = "value";
        return;
      case ",":
        if (this.#next !== ", or end") return this.#unexpected(sign);
        this.#next = this.#open.at(-1) === "{" ? "name" : "value";
        return;
      case '"':
        this.#isName = this.#next === "name" || this.#next === "name or }";
        if (!this.#isName && !this.#takesValue(sign)) return;
        this.#string = "in";
        this.#from = { line: this.#line, column: this.#column };
        return;
    }
    if (this.#word === "") {
      this.#from = { line: this.#line, column: this.#column };
      if (!this.#takesValue(sign)) return;
    }
    if (this.#word.length < 400) this.#word += sign;
  }

  /** A word or a number is complete. */
  #ended(): void {
    const word = this.#word;
    if (word === "") return;
    this.#word = "";
    if (!WORDS.has(word) && !NUMBER.test(word)) return this.#says(`${quoted(word)} is no value of JSON`, this.#from);
    this.#valued();
  }

  #takesValue(sign: string): boolean {
    const takes = this.#next === "value" || this.#next === "value or ]" || (this.#next === "nothing" && this.many);
    if (!takes) this.#unexpected(sign);
    return takes;
  }

  #valued(): void {
    this.#some = true;
    this.#next = this.#open.length > 0 ? ", or end" : "nothing";
  }

  #close(sign: string): void {
    const opener = sign === "}" ? "{" : "[";
    const right = this.#open.at(-1) === opener && (this.#next === ", or end" || this.#next === (sign === "}" ? "name or }" : "value or ]"));
    if (!right) return this.#unexpected(sign);
    this.#open.pop();
    this.#began.pop();
    this.#valued();
  }

  #unexpected(sign: string): void {
    const inside = this.#open.at(-1);
    if ((sign === "}" || sign === "]") && (this.#next === "name" || (this.#next === "value" && inside === "["))) return this.#says(`a comma before "${sign}"`);
    if (this.#next === "nothing") return this.#says("something follows the end of the value");
    if (this.#next === ", or end") return this.#says(`${quoted(sign)} where a comma or "${inside === "{" ? "}" : "]"}" should be`);
    const wanted: Record<string, string> = { ":": "a colon", "name": "a name in quotes", "name or }": "a name in quotes", "value": "a value", "value or ]": "a value" };
    this.#says(`${quoted(sign)} where ${wanted[this.#next] ?? "something else"} should be`);
  }

  #says(what: string, at = { line: this.#line, column: this.#column }): void {
    this.wrong ??= { ...at, what };
  }
}

function quoted(word: string): string {
  const short = word.length > QUOTED ? `${word.slice(0, QUOTED)}…` : word;
  return short === '"' ? "a quotation mark" : `"${short}"`;
}

/** The sentence that stands above the text. */
export function wrongWords({ line, column, what }: Wrong): string {
  return `This is not all JSON: line ${line}, column ${column} of what was sent: ${what}. It is shown as far as it can be read.`;
}
