//! Whether somebody scrolls just now: what only informs can wait for as long, so that the frames are not late for it.

/** A view that was not scrolled for so long rests. */
const RESTS_MS = 300;

let last = -Infinity;

/** Somebody scrolled. */
export function scrolled(now = performance.now()): void {
  last = now;
}

/** Milliseconds until the view rests, if it is not scrolled again; 0 when it does. */
export function unrest(now = performance.now()): number {
  return Math.max(0, last + RESTS_MS - now);
}
