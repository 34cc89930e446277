import { beforeEach, describe, expect, it, vi } from "vitest";
import { Commands } from "./commands.svelte";

class Field {
  constructor(private readonly field: boolean) {}
  closest(): unknown {
    return this.field ? this : null;
  }
}
const press = (key: string, on = false, held: object = {}) =>
  ({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, target: new Field(on), preventDefault: vi.fn(), ...held }) as unknown as KeyboardEvent;

beforeEach(() => vi.stubGlobal("Element", Field));

describe("commands", () => {
  it("run by key, when they make sense", () => {
    const commands = new Commands();
    const run = vi.fn();
    let sense = false;
    commands.register({ id: "a", title: "A", keys: ["x"], when: () => sense, run });
    expect(commands.press(press("x"))).toBe(false);
    sense = true;
    expect(commands.press(press("x"))).toBe(true);
    expect(run).toHaveBeenCalledOnce();
  });

  it("leave a field what is typed into it", () => {
    const commands = new Commands();
    const run = vi.fn();
    commands.register({ id: "a", title: "A", keys: ["x", "Mod+K"], run });
    expect(commands.press(press("x", true))).toBe(false);
    expect(commands.press(press("k", true, { ctrlKey: true }))).toBe(true);
  });

  it("are replaced by their name, and go when their part goes", () => {
    const commands = new Commands();
    const old = commands.register({ id: "a", title: "old", run: () => {} });
    const fresh = commands.register({ id: "a", title: "new", run: () => {} }, { id: "told", title: "only told of", keys: ["y"] });
    old();
    expect(commands.available().map((command) => command.title)).toEqual(["new"]);
    expect(commands.all).toHaveLength(2);
    fresh();
    expect(commands.all).toHaveLength(0);
  });
});
