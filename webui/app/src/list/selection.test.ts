import { expect, it } from "vitest";
import { Selection } from "./selection.svelte";

it("keeps only what is still to be seen", () => {
  const selection = new Selection();
  selection.only(1);
  selection.toggle(2);
  selection.toggle(3);
  selection.keep(new Set([1, 2, 9]));
  expect([...selection.ids]).toEqual([1, 2]);
  expect(selection.focus).toBeNull();
  selection.only(5);
  selection.keep(new Set([5]));
  expect([[...selection.ids], selection.focus]).toEqual([[5], 5]);
});
