//! What a person arranged, kept in this browser: each preference by itself, checked when it is read, so that a value of
//! another version (or somebody's typing) is as good as none. A browser that keeps nothing loses nothing but that.

const PREFIX = "overhear.";
/** Raised when the meaning of stored values changes; values of other versions are not read. */
const VERSION = 1;

interface Stored {
  v: number;
  is: unknown;
}

/** A value that stays over visits. Assigning keeps it. */
export class Pref<T> {
  #value: T = $state.raw() as T;

  constructor(
    private readonly name: string,
    private readonly initial: T,
    /** The value if it can be used, else undefined. */
    private readonly check: (stored: unknown) => T | undefined,
  ) {
    this.#value = this.#read(load(name));
    others.set(PREFIX + name, (text) => (this.#value = this.#read(text)));
  }

  get value(): T {
    return this.#value;
  }

  set value(value: T) {
    this.#value = value;
    save(this.name, { v: VERSION, is: value });
  }

  /** As it is without any choice. */
  reset(): void {
    this.#value = this.initial;
    try {
      localStorage.removeItem(PREFIX + this.name);
    } catch {
      // nothing is kept here anyway
    }
  }

  #read(text: string | null): T {
    if (text === null) return this.initial;
    try {
      const stored = JSON.parse(text) as Stored;
      return (stored?.v === VERSION ? this.check(stored.is) : undefined) ?? this.initial;
    } catch {
      return this.initial;
    }
  }
}

export function pref<T>(name: string, initial: T, check: (stored: unknown) => T | undefined): Pref<T> {
  return new Pref(name, initial, check);
}

/** One of a few words. */
export function oneOf<T extends string>(...words: T[]): (stored: unknown) => T | undefined {
  return (stored) => words.find((word) => word === stored);
}

export function flag(stored: unknown): boolean | undefined {
  return typeof stored === "boolean" ? stored : undefined;
}

/** A number from `least` to `most`. */
export function within(least: number, most: number): (stored: unknown) => number | undefined {
  return (stored) => (typeof stored === "number" && stored >= least && stored <= most ? stored : undefined);
}

/** A list whose useful members are kept. */
export function listOf<T>(check: (stored: unknown) => T | undefined, most = 200): (stored: unknown) => T[] | undefined {
  return (stored) => (Array.isArray(stored) ? stored.slice(0, most).flatMap((one) => check(one) ?? []) : undefined);
}

export function text(stored: unknown): string | undefined {
  return typeof stored === "string" ? stored : undefined;
}

/** Another window of the page changed something. */
const others = new Map<string, (text: string | null) => void>();
if (typeof addEventListener === "function") {
  addEventListener("storage", (event) => {
    if (event.key !== null) others.get(event.key)?.(event.newValue);
  });
}

function load(name: string): string | null {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null;
  }
}

function save(name: string, stored: Stored): void {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(stored));
  } catch {
    // full, or forbidden: it holds until the page is closed
  }
}
