//! A body as far as it was fetched, and on from there: recorded bytes by range, decoded ones by `from` and `length`.

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
    const asked = limit - this.length;
    const response = await (this.decoded
      ? // a byte more tells whether the body ends there
        request(bodyAddress(this.id, this.side, { decoded: true, from: this.length, length: asked + 1 }), { signal })
      : request(bodyAddress(this.id, this.side), { signal, headers: { range: `bytes=${this.length}-${limit - 1}` } })
    ).catch((error: unknown) => {
      if (unsatisfiable(error)) return null;
      throw error;
    });
    if (!response?.body) {
      this.done = true;
      return;
    }
    // without a range everything comes, from the beginning
    let skip = this.decoded || response.status === 206 ? 0 : this.length;
    const ends = response.status === 206 ? total(response.headers.get("content-range")) : null;
    const before = this.length;
    const reader = response.body.getReader();
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      const fresh = piece.value.subarray(Math.min(skip, piece.value.length));
      skip -= piece.value.length - fresh.length;
      if (fresh.length > 0) this.pieces.push(fresh);
      this.length += fresh.length;
    }
    if (this.decoded) this.done = this.length - before <= asked;
    else this.done = ends === null || this.length >= ends;
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
