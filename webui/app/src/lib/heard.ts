//! What the event stream tells and is asked for as well. An answer that was on its way when the stream told something is older.

export class Heard<T> {
  #count = 0;

  constructor(private readonly take: (what: T) => void) {}

  /** The stream tells. */
  now(what: T): void {
    this.#count++;
    this.take(what);
  }

  /** Takes an answer, unless something newer has come since it was asked for. */
  async ask(answer: Promise<T>): Promise<void> {
    const before = ++this.#count;
    const what = await answer;
    if (before === this.#count) this.take(what);
  }
}
