//! The way to the comparison of two flows.

import { router } from "../lib/route.svelte";

/** Shows two flows side by side; the browser's Back leads to where the page was. */
export function openCompare(a: number, b: number): void {
  router.go({ screen: "compare", a, b }, true);
}
