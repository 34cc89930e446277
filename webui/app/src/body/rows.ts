//! Which row of the view shows which part of which line: folded lines are left out, long ones go over several rows.

import type { Lines } from "./lines";

export interface Row {
  line: number;
  text: string;
  /** Where the row begins in its line. */
  from: number;
  indent: number;
  /** Not the first row of its line. */
  continued: boolean;
}

export class Rows {
  #line: Uint32Array;
  #from: Uint32Array;
  readonly count: number;

  /** `columns`: characters in a row, the indentation counted in. */
  constructor(
    private readonly lines: Lines,
    private readonly columns: number,
    folded: ReadonlySet<number>,
  ) {
    let room = Math.max(64, lines.count);
    let line = new Uint32Array(room);
    let from = new Uint32Array(room);
    let count = 0;
    for (let at = 0; at < lines.count; at++) {
      const length = lines.text(at).length;
      const width = this.#width(at);
      for (let start = 0; start === 0 || start < length; start += width) {
        if (count === room) {
          room *= 2;
          line = grown(line, room);
          from = grown(from, room);
        }
        line[count] = at;
        from[count++] = start;
      }
      const end = folded.has(at) ? lines.closes(at) : -1;
      if (end > at) at = end;
    }
    this.#line = line;
    this.#from = from;
    this.count = count;
  }

  at(row: number): Row {
    const line = this.#line[row] ?? 0;
    const from = this.#from[row] ?? 0;
    return {
      line,
      from,
      text: this.lines.text(line).slice(from, from + this.#width(line)),
      indent: Math.min(this.lines.indent(line), this.columns >> 1),
      continued: from > 0,
    };
  }

  /** The row that shows a character of a line; -1 when the line is folded away. */
  find(line: number, column: number): number {
    let [low, high] = [0, this.count];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#line[middle] ?? 0) < line) low = middle + 1;
      else high = middle;
    }
    if (low >= this.count || this.#line[low] !== line) return -1;
    const further = Math.floor(column / this.#width(line));
    return this.#line[low + further] === line ? low + further : low;
  }

  #width(line: number): number {
    return Math.max(20, this.columns - Math.min(this.lines.indent(line), this.columns >> 1));
  }
}

function grown(array: Uint32Array<ArrayBuffer>, room: number): Uint32Array<ArrayBuffer> {
  const bigger = new Uint32Array(room);
  bigger.set(array);
  return bigger;
}
