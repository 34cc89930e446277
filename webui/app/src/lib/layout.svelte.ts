//! Which parts of the frame a person wants to see. On a narrow screen the tree and the timeline are called when they are
//! wanted: they are not what one begins with, and calling them there arranges nothing for a wide screen.

import { flag, pref } from "./prefs.svelte";

/** Narrower than this, the list and the detail take turns. */
const NARROW = 700;

const tree = pref("tree", true, flag);
const below = pref("below", false, flag);
const timeline = pref("timeline", true, flag);
let width = $state(globalThis.innerWidth ?? 1000);
const called = $state({ tree: false, timeline: false });

export const layout = {
  /** Width of the window, pixels. */
  get width(): number {
    return width;
  },
  set width(pixels: number) {
    width = pixels;
  },
  get narrow(): boolean {
    return width <= NARROW;
  },
  /** The tree beside the list. */
  get tree(): boolean {
    return this.narrow ? called.tree : tree.value;
  },
  set tree(on: boolean) {
    if (this.narrow) called.tree = on;
    else tree.value = on;
  },
  /** The detail stands below the list, not beside it. */
  get below(): boolean {
    return below.value;
  },
  set below(on: boolean) {
    below.value = on;
  },
  /** The timeline above the list. */
  get timeline(): boolean {
    return this.narrow ? called.timeline : timeline.value;
  },
  set timeline(on: boolean) {
    if (this.narrow) called.timeline = on;
    else timeline.value = on;
  },
};
