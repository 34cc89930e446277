//! Scripts and styles formatted in a worker, which is ended when it takes too long.

import type { Work } from "./beautify.worker";

/** More than this is not formatted. */
export const MOST_SOURCE = 4 * 1024 * 1024;
const PATIENCE_MS = 20_000;

/** The formatted text; rejects when it cannot be had. */
export function beautify(work: Work, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./beautify.worker.ts", import.meta.url), { type: "module" });
    const end = (act: () => void) => () => {
      clearTimeout(timer);
      worker.terminate();
      act();
    };
    const timer = setTimeout(end(() => reject(new Error("formatting takes too long"))), PATIENCE_MS);
    worker.onmessage = (event: MessageEvent<string>) => end(() => resolve(event.data))();
    worker.onerror = (event) => end(() => reject(new Error(event.message || "it cannot be formatted")))();
    signal.addEventListener("abort", end(() => reject(signal.reason as Error)), { once: true });
    worker.postMessage(work);
  });
}
