//! Which rows are chosen. One of them has the focus; a range reaches from the anchor.

export class Selection {
  ids: ReadonlySet<number> = $state.raw(new Set());
  /** The row that the keyboard stands on. */
  focus: number | null = $state(null);
  /** Rows are chosen one after the other by taps, as on a screen without a keyboard. */
  choosing = $state(false);
  #anchor: number | null = null;

  has(id: number): boolean {
    return this.ids.has(id);
  }

  get anchor(): number | null {
    return this.#anchor ?? this.focus;
  }

  only(id: number): void {
    this.ids = new Set([id]);
    this.focus = this.#anchor = id;
  }

  toggle(id: number): void {
    const ids = new Set(this.ids);
    if (!ids.delete(id)) ids.add(id);
    this.ids = ids;
    this.focus = this.#anchor = id;
  }

  /** Stands on a row without choosing it. */
  stand(id: number): void {
    this.#anchor = this.focus = id;
  }

  range(ids: number[], focus: number): void {
    this.#anchor ??= this.focus;
    this.ids = new Set(ids);
    this.focus = focus;
  }

  clear(): void {
    if (this.ids.size > 0) this.ids = new Set();
    this.choosing = false;
    this.focus = this.#anchor = null;
  }

  /** Of the chosen ones, only these stay. */
  keep(ids: ReadonlySet<number>): void {
    this.forget([...this.ids].filter((id) => !ids.has(id)));
    if (this.focus !== null && !ids.has(this.focus)) this.focus = this.#anchor = null;
  }

  forget(ids: number[]): void {
    const left = new Set(this.ids);
    for (const id of ids) left.delete(id);
    if (left.size !== this.ids.size) this.ids = left;
    const gone = new Set(ids);
    if (this.focus !== null && gone.has(this.focus)) this.focus = this.#anchor = null;
  }
}
