//! Bytes as rows of offset, hexadecimal and ASCII, and the pages they come from.

/** Where bytes come from. */
export interface ByteSource {
  readonly size: number;
  read(from: number, to: number): Promise<Uint8Array>;
}

export function offset(n: number, size: number): string {
  return n.toString(16).padStart(size > 0xffff_ffff ? 12 : 8, "0");
}

const HEX = Array.from({ length: 256 }, (_, n) => n.toString(16).padStart(2, "0"));

/** `47 45 54 20  2f 20 48 54`: a wider gap in the middle. */
export function hex(bytes: Uint8Array, per: number, from = 0, to = bytes.length): string {
  let text = "";
  for (let at = from; at < to; at++) {
    if (at > 0) text += at * 2 === per ? "  " : " ";
    text += HEX[bytes[at] as number];
  }
  return text;
}

/** The byte that a character of such a row belongs to; the space behind a byte is its own. */
export function byteAt(character: number, per: number): number {
  const half = (per / 2) * 3;
  return Math.floor((character < half ? character : Math.max(half, character - 1)) / 3);
}

export function ascii(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte >= 32 && byte < 127 ? String.fromCharCode(byte) : "·";
  return text;
}

/** A row of `length` bytes at `from`, cut where found places begin and end; 2 marks the place that is looked at. */
export function stretchesOf(from: number, length: number, places: readonly [number, number][], looked: readonly [number, number] | null): [start: number, end: number, mark: 0 | 1 | 2][] {
  // places are in order: the first that reaches into the row
  let [low, high] = [0, places.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const [at, size] = places[middle] as [number, number];
    if (at + size <= from) low = middle + 1;
    else high = middle;
  }
  const found: [number, number, 0 | 1 | 2][] = [];
  let done = 0;
  for (; low < places.length && done < length; low++) {
    const [at, size] = places[low] as [number, number];
    if (at >= from + length) break;
    const [start, end] = [Math.max(done, at - from), Math.min(length, at + size - from)];
    if (start > done) found.push([done, start, 0]);
    if (end > start) found.push([start, end, looked && looked[0] === at ? 2 : 1]);
    done = Math.max(done, end);
  }
  if (done < length) found.push([done, length, 0]);
  return found;
}

const PAGE = 16 * 1024;
const PAGES = 48;

/** Pages of a source, fetched when they are looked at; the ones looked at longest ago are forgotten. */
export class BytePages {
  readonly #pages = new Map<number, Uint8Array | null>();

  constructor(
    readonly source: ByteSource,
    /** A page came (null), or could not be had. */
    private readonly arrived: (error: unknown) => void,
  ) {}

  /** The bytes, or null while they are on the way. Rows must not cross pages: 16 KiB is a multiple of every row. */
  get(from: number, length: number): Uint8Array | null {
    const page = Math.floor(from / PAGE);
    const known = this.#pages.get(page);
    if (known) {
      this.#pages.delete(page);
      this.#pages.set(page, known);
      return known.subarray(from - page * PAGE, from - page * PAGE + length);
    }
    if (known === undefined) void this.#fetch(page);
    return null;
  }

  async #fetch(page: number): Promise<void> {
    this.#pages.set(page, null);
    const from = page * PAGE;
    try {
      const bytes = await this.source.read(from, Math.min(from + PAGE, this.source.size));
      this.#pages.delete(page);
      this.#pages.set(page, bytes);
      for (const oldest of this.#pages.keys()) {
        if (this.#pages.size <= PAGES) break;
        this.#pages.delete(oldest);
      }
      this.arrived(null);
    } catch (error) {
      // not asked for again and again: an empty page stands for it
      this.#pages.set(page, new Uint8Array());
      this.arrived(error);
    }
  }
}

export class MemorySource implements ByteSource {
  constructor(private readonly bytes: Uint8Array) {}
  get size(): number {
    return this.bytes.length;
  }
  read(from: number, to: number): Promise<Uint8Array> {
    return Promise.resolve(this.bytes.subarray(from, to));
  }
}
