import { expect, it, vi } from "vitest";

it("puts the detail below and calls the tree where three panes have no room side by side", async () => {
  vi.stubGlobal("innerWidth", 1280);
  const { layout } = await import("./layout.svelte");
  expect([layout.tree, layout.below, layout.narrow]).toEqual([true, false, false]);
  layout.width = 800;
  expect([layout.tree, layout.below, layout.narrow]).toEqual([false, true, false]);
  layout.tree = true;
  expect(layout.tree).toBe(true);
  layout.tree = false;
  layout.width = 1280;
  expect([layout.tree, layout.below]).toEqual([true, false]);
});
