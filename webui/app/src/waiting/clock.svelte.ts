//! The moment, told once a second while something shows it.

import { createSubscriber } from "svelte/reactivity";

const ticking = createSubscriber((update) => {
  const timer = setInterval(update, 1000);
  return () => clearInterval(timer);
});

export const clock = {
  /** Milliseconds since 1970. */
  get now(): number {
    ticking();
    return Date.now();
  },
};
