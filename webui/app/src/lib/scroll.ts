//! A long list in a short element.
//!
//! Browsers cap the height of an element at 18 to 33 million pixels, so beyond `CAP` the spacer is shorter than the
//! list. A large step (the scroll bar was dragged) is taken in proportion; a small one (wheel, keys, finger) moves the
//! list pixel for pixel, and `settle` brings the scroll bar back to its place afterwards.

const CAP = 8_000_000;

export class ScaledScroll {
  /** Pixels from the beginning of the whole list to the upper edge of the view. */
  top = 0;
  #real = 0;
  #height = 0;
  #view = 0;

  constructor(private readonly cap = CAP) {}

  /** Height of the spacer. */
  get spacer(): number {
    return Math.min(this.#height, this.cap);
  }

  /** Where the element stands, or has to. */
  get real(): number {
    return this.#real;
  }

  get maxTop(): number {
    return Math.max(0, this.#height - this.#view);
  }

  get #maxReal(): number {
    return Math.max(0, this.spacer - this.#view);
  }

  get #scaled(): boolean {
    return this.#height > this.cap;
  }

  /** Takes new measures; returns where the element has to be scrolled to. */
  measure(height: number, view: number): number {
    this.#height = height;
    this.#view = view;
    return this.moveTo(this.top);
  }

  /** The element was scrolled to `real`. */
  scrolled(real: number): void {
    const step = real - this.#real;
    this.#real = real;
    if (!this.#scaled) this.top = real;
    else if (Math.abs(step) <= this.#view * 2) this.top += step;
    else this.top = this.#maxReal > 0 ? (real / this.#maxReal) * this.maxTop : 0;
    this.top = Math.min(Math.max(0, this.top), this.maxTop);
  }

  /** Moves the view; returns where the element has to be scrolled to. */
  moveTo(top: number): number {
    this.top = Math.min(Math.max(0, top), this.maxTop);
    this.#real = this.settled;
    return this.#real;
  }

  /** Where the element should stand for the present view. */
  get settled(): number {
    if (!this.#scaled) return this.top;
    return this.maxTop > 0 ? (this.top / this.maxTop) * this.#maxReal : 0;
  }

  /** The element stands at an end, the view does not (or the other way): settle at once. */
  get cornered(): boolean {
    if (!this.#scaled) return false;
    const atEnd = this.#real <= this.#view || this.#real >= this.#maxReal - this.#view;
    return atEnd && Math.abs(this.settled - this.#real) > 1;
  }

  /** Where something at `y` in the list lies in the spacer. */
  place(y: number): number {
    return y - this.top + this.#real;
  }
}
