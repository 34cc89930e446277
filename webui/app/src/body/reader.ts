//! A body as far as it was fetched. Recorded bytes are asked for by range; a decoded body has no ranges, so reading on
//! means passing over what is already here.

import { bodyAddress, request } from "../lib/api";
import type { Side } from "../lib/types";

/** How much of a body is fetched unasked. */
export const FIRST = 256 * 1024;
/** More text than this is not shown as text; the hex view and the download have no limit. */
export const MOST = 32 * 1024 * 1024;

export class BodyReader {
  readonly pieces: Uint8Array<ArrayBuffer>[] = [];
  length = 0;
  /** Nothing comes after what is here. */
  done = false;

  constructor(
    private readonly id: number,
    private readonly side: Side,
    /** Content codings are removed by the server. */
    readonly decoded: boolean,
  ) {}

  /** Reads until at least `limit` bytes are here, or the end. */
  async readTo(limit: number, signal: AbortSignal): Promise<void> {
    if (this.done || this.length >= limit) return;
    const stop = new AbortController();
    const init: RequestInit = { signal: AbortSignal.any([signal, stop.signal]) };
    if (!this.decoded) init.headers = { range: `bytes=${this.length}-${limit - 1}` };
    const response = await request(bodyAddress(this.id, this.side, { decoded: this.decoded }), init).catch(
      (error: unknown) => {
        if (unsatisfiable(error)) return null;
        throw error;
      },
    );
    if (!response?.body) {
      this.done = true;
      return;
    }
    let skip = response.status === 206 ? 0 : this.length;
    const ends = response.status === 206 ? total(response.headers.get("content-range")) : null;
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) {
        this.done = ends === null || this.length >= ends;
        return;
      }
      const fresh = value.subarray(Math.min(skip, value.length));
      skip -= value.length - fresh.length;
      if (fresh.length > 0) this.pieces.push(fresh);
      this.length += fresh.length;
      if (this.length >= limit && response.status !== 206) {
        const next = await reader.read();
        if (next.done) this.done = true;
        else if (next.value.length > 0) {
          this.pieces.push(next.value);
          this.length += next.value.length;
        }
        stop.abort();
        return;
      }
    }
  }

  /** Everything that is here, in one piece. */
  bytes(): Uint8Array<ArrayBuffer> {
    const only = this.pieces[0];
    if (only && this.pieces.length === 1) return only;
    const all = new Uint8Array(this.length);
    let at = 0;
    for (const piece of this.pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    this.pieces.splice(0, this.pieces.length, all);
    return all;
  }
}

function unsatisfiable(error: unknown): boolean {
  return error instanceof Error && "status" in error && error.status === 416;
}

function total(contentRange: string | null): number | null {
  const size = Number(/\/(\d+)$/.exec(contentRange ?? "")?.[1]);
  return Number.isFinite(size) ? size : null;
}
