import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { flag, listOf, oneOf, pref, text, within } from "./prefs.svelte";

let kept: Map<string, string>;
beforeEach(() => {
  kept = new Map();
  vi.stubGlobal("localStorage", {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  });
});
afterEach(() => vi.unstubAllGlobals());

describe("preferences", () => {
  it("stay", () => {
    const theme = () => pref("theme", "system", oneOf("system", "dark"));
    const first = theme();
    expect(first.value).toBe("system");
    first.value = "dark";
    expect(theme().value).toBe("dark");
    theme().reset();
    expect(theme().value).toBe("system");
  });

  it("are not read when they make no sense", () => {
    for (const nonsense of ["", "{", "null", "7", '{"v":0,"is":"dark"}', '{"v":1,"is":"pink"}', '{"v":1}']) {
      kept.set("overhear.theme", nonsense);
      expect(pref("theme", "system", oneOf("system", "dark")).value).toBe("system");
    }
    kept.set("overhear.list", '{"v":1,"is":["a",1,null,"b"]}');
    expect(pref("list", [], listOf(text)).value).toEqual(["a", "b"]);
    expect(within(0, 1)(2)).toBeUndefined();
    expect(flag("true")).toBeUndefined();
  });

  it("hold for the visit where the browser keeps nothing", () => {
    vi.stubGlobal("localStorage", undefined);
    const tree = pref("tree", false, flag);
    tree.value = true;
    expect(tree.value).toBe(true);
    tree.reset();
    expect(tree.value).toBe(false);
  });
});
