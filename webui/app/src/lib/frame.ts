//! The next frame.

/** A page that nobody sees draws no frame, and one may be busy on and on: longer than this is not waited. */
const LONGEST_MS = 300;

/** Resolves when the next frame was drawn and there is time for what is less urgent. */
export function drawn(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, LONGEST_MS);
    requestAnimationFrame(() => {
      // Safari has none
      if ("requestIdleCallback" in window) requestIdleCallback(() => resolve());
      else setTimeout(resolve);
    });
  });
}
