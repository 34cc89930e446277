//! The rows of a long list that are at hand: runs of rows by their place in the list, as pages came from the server
//! and changes arrived. Knows nothing of the network.

/** A row has a number that never changes. */
export interface Numbered {
  id: number;
}

/** Rows that follow each other. A cursor continues from an end; null: nothing beyond; undefined: not known. */
export interface Run<T> {
  start: number;
  rows: T[];
  before: string | null | undefined;
  after: string | null | undefined;
}

/** How a change met the list. */
export type Placing = "updated" | "inserted" | "beyond";

export class SparseRows<T extends Numbered> {
  #runs: Run<T>[] = [];
  #ids = new Set<number>();
  /** Rows in the whole list. */
  total = 0;

  get size(): number {
    return this.#ids.size;
  }

  at(index: number): T | undefined {
    const run = this.#runs.find((r) => index >= r.start && index < r.start + r.rows.length);
    return run?.rows[index - run.start];
  }

  has(id: number): boolean {
    return this.#ids.has(id);
  }

  indexOf(id: number): number {
    if (!this.#ids.has(id)) return -1;
    for (const run of this.#runs) {
      const at = run.rows.findIndex((row) => row.id === id);
      if (at >= 0) return run.start + at;
    }
    return -1;
  }

  /** The first stretch without rows in `[from, to)`. */
  gap(from: number, to: number): [number, number] | null {
    let at = Math.max(0, from);
    const end = Math.min(to, this.total);
    for (const run of this.#runs) {
      if (run.start > at) break;
      if (run.start + run.rows.length > at) at = run.start + run.rows.length;
    }
    if (at >= end) return null;
    const next = this.#runs.find((run) => run.start > at);
    return [at, Math.min(end, next ? next.start : end)];
  }

  /** The run that begins exactly there. */
  startingAt(index: number): Run<T> | undefined {
    return this.#runs.find((run) => run.start === index);
  }

  /** The run that ends right before there. */
  endingAt(index: number): Run<T> | undefined {
    return this.#runs.find((run) => run.start + run.rows.length === index);
  }

  /** Puts rows into their place. What stood there goes; a run that holds one of the rows elsewhere is out of date and goes too. */
  put(start: number, rows: T[], before?: string | null, after?: string | null): void {
    if (rows.length === 0) return;
    const end = start + rows.length;
    const fresh = new Set(rows.map((row) => row.id));
    const kept: Run<T>[] = [];
    for (const run of this.#runs) {
      const runEnd = run.start + run.rows.length;
      const left = run.rows.slice(0, Math.max(0, start - run.start));
      const right = run.rows.slice(Math.max(0, end - run.start));
      if (left.some((row) => fresh.has(row.id)) || right.some((row) => fresh.has(row.id))) continue;
      if (left.length > 0) kept.push({ ...run, rows: left, after: runEnd > start ? undefined : run.after });
      if (right.length > 0 && runEnd > end) {
        const first = Math.max(run.start, end);
        kept.push({ ...run, start: first, rows: right, before: run.start < end ? undefined : run.before });
      }
    }
    kept.push({ start, rows, before, after });
    this.#runs = join(kept);
    this.total = Math.max(this.total, end);
    this.#count();
  }

  /** Replaces a row that is at hand. */
  update(row: T): boolean {
    const index = this.indexOf(row.id);
    if (index < 0) return false;
    const run = this.#runs.find((r) => index >= r.start && index < r.start + r.rows.length);
    if (run) run.rows[index - run.start] = row;
    return true;
  }

  /**
   * Places a changed row into a list ordered by number. `beyond`: it belongs among rows that are not at hand, and whether
   * it is already counted there cannot be known.
   */
  place(row: T, ascending: boolean): Placing {
    if (this.update(row)) return "updated";
    const edge = ascending ? this.endingAt(this.total) : this.startingAt(0);
    if (!edge) {
      if (this.total > 0) return "beyond";
      this.put(0, [row], null, null);
      return "inserted";
    }
    const sign = ascending ? 1 : -1;
    let at = edge.rows.length;
    while (at > 0 && ((edge.rows[at - 1] as T).id - row.id) * sign > 0) at--;
    const whole = ascending ? edge.start === 0 : edge.rows.length === this.total;
    if (!whole && at === (ascending ? 0 : edge.rows.length)) return "beyond";
    edge.rows.splice(at, 0, row);
    this.#ids.add(row.id);
    this.total++;
    this.#shift(edge, 1);
    return "inserted";
  }

  /** Takes a row out; false when it is not at hand. */
  remove(id: number): boolean {
    const index = this.indexOf(id);
    if (index < 0) return false;
    const run = this.#runs.find((r) => index >= r.start && index < r.start + r.rows.length);
    if (!run) return false;
    run.rows.splice(index - run.start, 1);
    this.#ids.delete(id);
    this.total--;
    this.#shift(run, -1);
    this.#runs = join(this.#runs.filter((r) => r.rows.length > 0));
    return true;
  }

  /** Forgets rows further than `keep` from `[from, to)`; the last `edge` rows at both ends of the list stay. */
  trim(from: number, to: number, keep: number, edge: number): void {
    const spans: [number, number][] = [
      [0, edge],
      [from - keep, to + keep],
      [this.total - edge, this.total],
    ];
    const kept: Run<T>[] = [];
    for (const run of this.#runs) {
      let at = run.start;
      const runEnd = run.start + run.rows.length;
      for (const [low, high] of spans) {
        const first = Math.max(low, at);
        const last = Math.min(high, runEnd);
        if (first >= last) continue;
        kept.push({
          start: first,
          rows: run.rows.slice(first - run.start, last - run.start),
          before: first === run.start ? run.before : undefined,
          after: last === runEnd ? run.after : undefined,
        });
        at = last;
      }
    }
    this.#runs = join(kept);
    this.#count();
  }

  /** The true length of the list is known: rows are missing (or too many) at its beginning, or at its end. */
  resize(total: number, atBeginning: boolean): void {
    const by = total - this.total;
    if (by === 0 || total < this.size) return;
    if (atBeginning) {
      this.#runs = this.#runs.filter((run) => run.start + by >= 0);
      for (const run of this.#runs) run.start += by;
    } else this.#runs = this.#runs.filter((run) => run.start + run.rows.length <= total);
    this.total = total;
    this.#count();
  }

  clear(): void {
    this.#runs = [];
    this.#ids.clear();
    this.total = 0;
  }

  #shift(from: Run<T>, by: number): void {
    for (const run of this.#runs) if (run !== from && run.start >= from.start) run.start += by;
  }

  #count(): void {
    this.#ids = new Set(this.#runs.flatMap((run) => run.rows.map((row) => row.id)));
  }
}

function join<T>(runs: Run<T>[]): Run<T>[] {
  const joined: Run<T>[] = [];
  for (const run of runs.sort((a, b) => a.start - b.start)) {
    const last = joined.at(-1);
    if (last && last.start + last.rows.length === run.start) {
      last.rows = last.rows.concat(run.rows);
      last.after = run.after;
    } else joined.push({ ...run });
  }
  return joined;
}
