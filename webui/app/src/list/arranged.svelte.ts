//! The columns that a person chose, in their order and with their widths.

import { pref } from "../lib/prefs.svelte";
import { arrangement, moved, ORDINARY, sized, toggled, type Arranged } from "./columns";

const kept = pref<readonly Arranged[]>("columns", ORDINARY, arrangement);

export const columns = {
  get now(): readonly Arranged[] {
    return kept.value;
  },
  has: (key: string) => kept.value.some((column) => column.key === key),
  toggle: (key: string) => (kept.value = toggled(kept.value, key)),
  move: (key: string, before: string | null) => (kept.value = moved(kept.value, key, before)),
  /** One place to the left (-1) or right (1). */
  step(key: string, by: -1 | 1): void {
    const at = kept.value.findIndex((column) => column.key === key);
    const to = at + by;
    if (at < 0 || to < 0 || to >= kept.value.length) return;
    kept.value = moved(kept.value, key, kept.value[by < 0 ? to : to + 1]?.key ?? null);
  },
  size: (key: string, width: number | undefined) => (kept.value = sized(kept.value, key, width)),
  reset: () => kept.reset(),
};
