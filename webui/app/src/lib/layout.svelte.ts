//! Which parts of the frame a person wants to see. On a narrow screen the tree and the timeline (on a medium one the tree) are called when they are
//! wanted: they are not what one begins with, and calling them there arranges nothing for a wide screen.

import { flag, pref } from "./prefs.svelte";

/** Narrower than this, the list and the detail take turns. */
const NARROW = 700;
/** Narrower than this, tree, list and detail do not fit side by side: the detail stands below, the tree is called. */
const MEDIUM = 1000;

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
  /** There is no room for three side by side. */
  get medium(): boolean {
    return width <= MEDIUM;
  },
  /** The tree beside the list. */
  get tree(): boolean {
    return this.medium ? called.tree : tree.value;
  },
  set tree(on: boolean) {
    if (this.medium) called.tree = on;
    else tree.value = on;
  },
  /** The detail stands below the list, not beside it. */
  get below(): boolean {
    return this.medium || below.value;
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
