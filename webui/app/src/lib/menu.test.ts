import { expect, it } from "vitest";
import { tidy, type MenuEntry } from "./menu.svelte";

it("draws lines only between groups", () => {
  const item = (id: string): MenuEntry => ({ id, title: id });
  expect(tidy(["line", item("a"), "line", "line", item("b"), "line"])).toEqual([item("a"), "line", item("b")]);
  expect(tidy(["line"])).toEqual([]);
});
