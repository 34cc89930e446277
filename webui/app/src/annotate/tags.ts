//! What a tag may be.

/** A tag as it is kept: no blanks at its ends, none doubled inside. Null when nothing is left. */
export function tagOf(text: string): string | null {
  const tag = text.trim().replace(/\s+/g, " ");
  return tag === "" ? null : tag;
}
