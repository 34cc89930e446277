import { describe, expect, it } from "vitest";
import { caps, matches, types, type Press } from "./keys";

const press = (key: string, held: Partial<Press> = {}): Press => ({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...held });

describe("keys", () => {
  it("are told apart by their modifiers", () => {
    expect(matches(press("k", { ctrlKey: true }), "Mod+K", false)).toBe(true);
    expect(matches(press("k", { metaKey: true }), "Mod+K", false)).toBe(false);
    expect(matches(press("k", { metaKey: true }), "Mod+K", true)).toBe(true);
    expect(matches(press("k"), "Mod+K", false)).toBe(false);
    expect(matches(press("F10", { shiftKey: true }), "Shift+F10", false)).toBe(true);
    expect(matches(press("F10"), "Shift+F10", false)).toBe(false);
    expect(matches(press("S", { shiftKey: true }), "s", false)).toBe(false);
  });

  it("takes a sign however the keyboard makes it", () => {
    expect(matches(press("?", { shiftKey: true }), "?", false)).toBe(true);
    expect(matches(press("?"), "?", false)).toBe(true);
    expect(matches(press("/", { altKey: true }), "/", false)).toBe(false);
    expect(matches(press("+"), "+", false)).toBe(true);
  });

  it("knows what a field would take for itself", () => {
    expect(["s", "?", "Escape", "Delete", "Mod+K", "Alt+T", "F2"].map(types)).toEqual([true, true, true, true, false, false, false]);
  });

  it("shows caps", () => {
    expect(caps("Mod+Shift+k", false)).toEqual(["Ctrl", "Shift", "K"]);
    expect(caps("Mod+Shift+k", true)).toEqual(["⌘", "⇧", "K"]);
    expect(caps("ArrowUp", false)).toEqual(["↑"]);
  });
});
