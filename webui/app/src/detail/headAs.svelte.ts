//! Which of two heads that hardly differ is shown: as was chosen the last time.

import { oneOf, pref } from "../lib/prefs.svelte";
import type { In } from "./heads";

const kept = pref<In>("head", "both", oneOf<In>("both", "came", "sent"));

export const headAs = {
  get value(): In {
    return kept.value;
  },
  choose: (name: string) => (kept.value = oneOf<In>("both", "came", "sent")(name) ?? "both"),
};
