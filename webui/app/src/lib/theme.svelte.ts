//! Light or dark: as the system says, or as chosen. The colours themselves are in `app.css`.

import { oneOf, pref } from "./prefs.svelte";

export type Theme = "system" | "light" | "dark";

export const THEMES: readonly [Theme, string][] = [["system", "As the system"], ["light", "Light"], ["dark", "Dark"]];

const kept = pref<Theme>("theme", "system", oneOf("system", "light", "dark"));

export const theme = {
  get value(): Theme {
    return kept.value;
  },
  set value(value: Theme) {
    kept.value = value;
  },
};

/** Keeps the document in the chosen theme. Returns what ends it. */
export function wearTheme(): () => void {
  return $effect.root(() => {
    $effect.pre(() => {
      document.documentElement.dataset["theme"] = kept.value;
    });
  });
}
