//! A form body (application/x-www-form-urlencoded) as names and values, and back.

import { form } from "../body/kind";
import type { Field } from "../lib/types";

export function pairsOf(text: string): Field[] {
  return form(text);
}

export function formText(pairs: readonly Field[]): string {
  return new URLSearchParams(pairs.filter(([name, value]) => name !== "" || value !== "").map(([name, value]) => [name, value])).toString();
}
