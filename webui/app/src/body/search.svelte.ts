//! The search inside one body: in the lines that are shown, and in the whole body on the server.

import { address, aborted, request, words } from "../lib/api";
import type { Side } from "../lib/types";
import { find, pattern, type Place } from "./find";
import type { Lines } from "./lines";

interface Found {
  count: number;
  places: [number, number][];
  searched: number;
  error: string | null;
}

export class BodySearch {
  text = $state("");
  exact = $state(false);
  /** Places in the lines, or bytes; whichever the view shows. */
  places: Place[] = $state.raw([]);
  bytePlaces: [number, number][] = $state.raw([]);
  /** How many there are in what is shown. */
  count = $state(0);
  /** How many there are in the whole body; null when not asked, or all is shown. */
  total: number | null = $state(null);
  /** Which one is looked at; -1 when none is. */
  at = $state(-1);
  busy = $state(false);
  error: string | null = $state(null);
  #returned = $state(false);
  #run = 0;
  #abort = new AbortController();

  constructor(
    private readonly id: number,
    private readonly side: Side,
    /** What was looked for in the body before. */
    begin: { text: string; exact: boolean } = { text: "", exact: false },
    /** Which place was looked at when this body was left; -1 when it is new, or none was. */
    found = -1,
  ) {
    this.text = begin.text;
    this.exact = begin.exact;
    this.#returned = found >= 0;
    if (begin.text !== "") this.at = found;
  }

  get pattern(): RegExp | null {
    return pattern(this.text, this.exact);
  }
  /** The place to look at. Who comes back to a body stays where they were in it, until the next step. */
  get place(): Place | null {
    return this.#returned ? null : (this.places[this.at] ?? null);
  }
  get bytePlace(): [number, number] | null {
    return this.#returned ? null : (this.bytePlaces[this.at] ?? null);
  }

  /** Something else is looked for: from the first place on. */
  anew(): void {
    this.at = -1;
    this.#returned = false;
  }

  close(): void {
    this.#run++;
    this.#abort.abort();
  }

  /** Looks in lines; in the whole body too when these are not all of it. The looked-at place stays when it is still there. */
  async inLines(lines: Lines, whole: boolean, decoded: boolean): Promise<void> {
    const [run, what] = [this.#begin(), this.pattern];
    const before = this.at;
    this.bytePlaces = [];
    if (!what) return this.#nothing();
    this.busy = true;
    const found = await find(lines, what, () => run !== this.#run);
    if (!found || run !== this.#run) return;
    this.places = found.places;
    this.count = found.count;
    this.at = found.places.length === 0 ? -1 : before >= 0 && before < found.places.length ? before : 0;
    if (whole) this.total = null;
    else await this.#ask(run, decoded, 0, (answer) => (this.total = answer.count));
    if (run === this.#run) this.busy = false;
  }

  /** Looks for bytes on the server: a text, or `0x` and hexadecimal digits. */
  async inBytes(decoded: boolean): Promise<void> {
    const run = this.#begin();
    const before = this.at;
    this.places = [];
    if (this.text === "") return this.#nothing();
    this.busy = true;
    await this.#ask(run, decoded, 10_000, (answer) => {
      this.bytePlaces = answer.places;
      this.count = answer.count;
      this.total = null;
      this.at = answer.places.length === 0 ? -1 : before >= 0 && before < answer.places.length ? before : 0;
    });
    if (run === this.#run) this.busy = false;
  }

  /** To the next or the previous place; false when there is none further on in what is shown. */
  step(by: 1 | -1): boolean {
    const kept = this.places.length || this.bytePlaces.length;
    if (kept === 0) return false;
    this.#returned = false;
    const next = this.at + by;
    if (next >= kept && (this.total ?? 0) > this.count) return false;
    this.at = (next + kept) % kept;
    return true;
  }

  #begin(): number {
    this.#abort.abort();
    this.#abort = new AbortController();
    this.error = null;
    return ++this.#run;
  }

  #nothing(): void {
    this.places = [];
    this.count = 0;
    this.total = null;
    this.at = -1;
    this.busy = false;
  }

  async #ask(run: number, decoded: boolean, limit: number, take: (answer: Found) => void): Promise<void> {
    const bytes = /^0x([0-9a-f\s]+)$/i.exec(this.text)?.[1];
    const what = bytes && limit > 0 ? { hex: bytes } : { text: this.text, case: this.exact };
    try {
      const response = await request(address(`flows/${this.id}/${this.side}/search`, { ...what, decoded, limit: String(limit) }), { signal: this.#abort.signal });
      const answer = (await response.json()) as Found;
      if (run !== this.#run) return;
      take(answer);
      this.error = answer.error;
    } catch (error) {
      if (!aborted(error) && run === this.#run) this.error = words(error);
    }
  }
}
