//! Server-sent events out of the bytes of a `text/event-stream`, HTML § 9.2.6.

export interface ServerEvent {
  /** `message` when the stream does not say. */
  type: string;
  data: string;
  /** The last id so far; empty when there is none. */
  id: string;
  /** Milliseconds until the client tries again, when the event says so. */
  retry: number | null;
  /** A comment or a lone field, which a client does not hear of. */
  silent: boolean;
}

/** Longer data is cut. */
const LONGEST = 16 * 1024 * 1024;

export class EventParser {
  readonly #decoder = new TextDecoder();
  #rest = "";
  #data: string[] = [];
  #size = 0;
  #type = "";
  #id = "";
  #retry: number | null = null;
  #comments: string[] = [];
  #fields = false;

  feed(bytes: Uint8Array): ServerEvent[] {
    const text = this.#rest + this.#decoder.decode(bytes, { stream: true });
    const found: ServerEvent[] = [];
    let at = 0;
    for (let i = this.#rest === "" ? 0 : Math.max(0, this.#rest.length - 1); i < text.length; i++) {
      const c = text.charCodeAt(i);
      if (c !== 10 && c !== 13) continue;
      // a line feed may follow that has not come yet
      if (c === 13 && i + 1 === text.length) break;
      this.#line(text.slice(at, i), found);
      if (c === 13 && text.charCodeAt(i + 1) === 10) i++;
      at = i + 1;
    }
    this.#rest = text.slice(at);
    return found;
  }

  #line(line: string, found: ServerEvent[]): void {
    if (line === "") {
      const event = this.#event();
      if (event) found.push(event);
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) {
      if (this.#comments.length < 100) this.#comments.push(line.slice(1).trim());
      return;
    }
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    this.#fields = true;
    if (name === "data") {
      if (this.#size < LONGEST) this.#data.push(value.slice(0, LONGEST - this.#size));
      this.#size += value.length + 1;
    } else if (name === "event") this.#type = value;
    else if (name === "id" && !value.includes("\0")) this.#id = value;
    else if (name === "retry" && /^\d+$/.test(value)) this.#retry = Number(value);
  }

  #event(): ServerEvent | null {
    const silent = this.#data.length === 0;
    const something = this.#fields || this.#comments.length > 0;
    const event: ServerEvent = {
      type: silent && !this.#fields ? "comment" : this.#type || "message",
      data: silent ? this.#comments.join("\n") : this.#data.join("\n"),
      id: this.#id,
      retry: this.#retry,
      silent,
    };
    this.#data = [];
    this.#size = 0;
    this.#type = "";
    this.#retry = null;
    this.#comments = [];
    this.#fields = false;
    return something ? event : null;
  }
}
