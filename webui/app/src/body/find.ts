//! Search in lines: all places are counted, the first of them are kept, and the page stays alive meanwhile.

import type { Lines } from "./lines";

export interface Place {
  line: number;
  from: number;
  length: number;
}

const MOST_KEPT = 100_000;
/** Work at a stretch, in milliseconds. */
const BUDGET_MS = 8;

/** What is looked for, as it is; upper and lower case alike unless told apart. */
export function pattern(text: string, exact: boolean): RegExp | null {
  if (text === "") return null;
  return new RegExp(text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&"), exact ? "gu" : "giu");
}

export interface Places {
  places: Place[];
  count: number;
}

/** All places; null when `stopped` said so. */
export async function find(lines: Lines, what: RegExp, stopped: () => boolean, now: () => number = () => performance.now()): Promise<Places | null> {
  const places: Place[] = [];
  let count = 0;
  let until = now() + BUDGET_MS;
  for (let line = 0; line < lines.count; line++) {
    for (const match of lines.text(line).matchAll(what)) {
      count++;
      if (places.length < MOST_KEPT) places.push({ line, from: match.index, length: match[0].length });
    }
    if ((line & 255) === 0 && now() > until) {
      await breath();
      if (stopped()) return null;
      until = now() + BUDGET_MS;
    }
  }
  return stopped() ? null : { places, count };
}

/** Lets the page do what it has to do. */
export function breath(): Promise<void> {
  return new Promise((resolve) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      channel.port1.close();
      resolve();
    };
    channel.port2.postMessage(null);
  });
}
