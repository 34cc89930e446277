//! Which parts of the frame a person wants to see.

import { flag, pref } from "./prefs.svelte";

const tree = pref("tree", true, flag);
const below = pref("below", false, flag);
const timeline = pref("timeline", true, flag);

export const layout = {
  /** The tree beside the list. */
  get tree(): boolean {
    return tree.value;
  },
  set tree(on: boolean) {
    tree.value = on;
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
    return timeline.value;
  },
  set timeline(on: boolean) {
    timeline.value = on;
  },
};
