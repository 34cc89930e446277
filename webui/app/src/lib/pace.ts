//! Something that is done again whenever things changed, but not too often, never twice at once, less often the longer
//! it takes, and not while somebody scrolls.

import { unrest } from "./moving";

/** The rest after a run is this many times what the run took: there are a few of these, and they share a processor. */
const REST = 9;

/** Who scrolls on and on sees figures that are so old. */
const PATIENCE_MS = 5_000;

export class Pace {
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running = false;
  #again = false;
  #until = 0;
  /** Since when it waits for the view to rest. */
  #waits: number | null = null;

  constructor(
    private readonly task: () => Promise<void>,
    /** Milliseconds between the end of a run and the next. */
    private readonly least: number,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Things changed. */
  poke(): void {
    if (this.#running) this.#again = true;
    else this.#timer ??= setTimeout(() => this.#due(), Math.max(0, this.#until - this.now()));
  }

  /** Does it now, or right after the run that is under way. */
  soon(): void {
    this.#until = 0;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.poke();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#again = false;
    this.#waits = null;
  }

  #due(): void {
    const [now, left] = [this.now(), unrest(this.now())];
    this.#waits ??= now;
    if (left > 0 && now - this.#waits < PATIENCE_MS) this.#timer = setTimeout(() => this.#due(), left);
    else void this.#run();
  }

  async #run(): Promise<void> {
    this.#timer = undefined;
    this.#waits = null;
    this.#running = true;
    const began = this.now();
    this.#until = Infinity;
    try {
      await this.task();
    } finally {
      this.#running = false;
      // `soon` may have been asked for meanwhile
      const rest = Math.max(this.least, (this.now() - began) * REST);
      this.#until = this.#until === 0 ? 0 : this.now() + rest;
      if (this.#again) {
        this.#again = false;
        this.poke();
      }
    }
  }
}
