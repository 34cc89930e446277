import { describe, expect, it } from "vitest";
import type { Rule, StoredRule } from "../lib/types";
import { ACTIONS, blamed, fieldsOf, kindOf, summary, withValue } from "./actions";
import { alike } from "./edits.svelte";
import { freeName, groupAt, moved, runs } from "./order";
import { plain } from "./rulebook.svelte";

const stored = (id: number, group = "", from_file = false): StoredRule => ({ id, group, from_file, error: null, name: `r${id}`, stage: "request", actions: [{ do: "no-caching" }] });

describe("the order of rules", () => {
  it("is changed by bringing one before another", () => {
    expect(moved([1, 2, 3, 4], 1, 3)).toEqual([2, 3, 1, 4]);
    expect(moved([1, 2, 3, 4], 1, 4)).toEqual([2, 3, 4, 1]);
    expect(moved([1, 2, 3, 4], 4, 0)).toEqual([4, 1, 2, 3]);
    expect(moved([1, 2, 3, 4], 2, 1)).toEqual([1, 2, 3, 4]);
    expect(moved([1, 2, 3, 4], 2, 2)).toEqual([1, 2, 3, 4]);
    expect(moved([1, 2], 9, 0)).toEqual([1, 2]);
  });

  it("shows groups as they stand, and takes a rule into the one around it", () => {
    const rules = [stored(1), stored(2, "shop"), stored(3, "shop"), stored(4), stored(5, "shop"), stored(-1, "shop", true)];
    expect(runs(rules).map((run) => [run.group, run.fromFile, run.rules.map((rule) => rule.id)])).toEqual([
      ["", false, [1]], ["shop", false, [2, 3]], ["", false, [4]], ["shop", false, [5]], ["shop", true, [-1]],
    ]);
    expect(groupAt(rules, [2, 4, 3, 1, 5], 4)).toBe("shop");
    expect(groupAt(rules, [1, 2, 3, 4, 5], 4)).toBe("shop");
    expect(groupAt(rules, [4, 1, 2, 3, 5], 4)).toBe("");
    expect(groupAt(rules, [1, 4, 2, 3, 5], 4)).toBe("");
  });

  it("names a copy as no other is named", () => {
    expect(freeName("Slow", ["Slow"])).toBe("Slow 2");
    expect(freeName("Slow 2", ["Slow", "Slow 2", "Slow 3"])).toBe("Slow 4");
  });
});

describe("the forms of actions", () => {
  it("begin with what they ask for, and say in words what they do", () => {
    for (const kind of ACTIONS) {
      const action = kind.start();
      expect(action.do).toBe(kind.do);
      expect(kindOf(action)).toBe(kind);
      expect(summary(action)).not.toBe(kind.do === "block" ? "" : action.do);
      for (const field of kind.fields) expect(field.optional || field.key in action, `${kind.do} ${field.key}`).toBe(true);
    }
    expect(new Set(ACTIONS.map((kind) => kind.do)).size).toBe(29);
    expect(fieldsOf({ do: "set-body" }, "message").map((field) => field.key)).toEqual(["body"]);
    expect(fieldsOf({ do: "set-body" }, "response").map((field) => field.key)).toEqual(["body", "as_written"]);
    expect(fieldsOf({ do: "set-cookie" }, "request").map((field) => field.key)).toEqual(["name", "value"]);
    expect(fieldsOf({ do: "set-cookie" }, "response").map((field) => field.key)).toEqual(["name", "value", "attributes"]);
  });

  it("leave out what is optional and empty", () => {
    const [name, value] = fieldsOf({ do: "set-header" }, "request");
    const regex = fieldsOf({ do: "replace-body" }, "request").find((field) => field.key === "regex");
    if (!name || !value || !regex) throw new Error("fields");
    expect(withValue({ do: "set-header", name: "a", value: "b" }, value, "")).toEqual({ do: "set-header", name: "a", value: "" });
    expect(withValue({ do: "replace-body", find: "a", with: "b", regex: true }, regex, false)).toEqual({ do: "replace-body", find: "a", with: "b" });
  });

  it("show what is wrong at the field whose value is quoted", () => {
    expect(blamed({ do: "replace-body", find: "(", with: "" }, 'the regular expression "(" cannot be read: unclosed group')).toBe("find");
    expect(blamed({ do: "replace-body", find: "", with: "" }, "find is empty: say what is to be replaced")).toBe("find");
    expect(blamed({ do: "set-header", name: "a b", value: "c" }, '"a b" cannot be a header\'s name (RFC 9110 section 5.6.2)')).toBe("name");
    expect(blamed({ do: "set-header", name: "", value: "c" }, '"" cannot be a header\'s name (RFC 9110 section 5.6.2)')).toBe("name");
    expect(blamed({ do: "map-local", path: "/nowhere" }, "/nowhere cannot be read: No such file or directory (os error 2)")).toBe("path");
    expect(blamed({ do: "set-status", status: 99 }, "99 is no status of a final response: those are 200 to 599")).toBe("status");
    expect(blamed({ do: "set-body", body: { file: "x" } }, '"x" is not a whole path: write it from the root of the file system on')).toBe("body");
    expect(blamed({ do: "no-caching" }, "something else")).toBeNull();
  });
});

describe("a rule", () => {
  it("is the same whatever is left out or in which order", () => {
    const rule: Rule = { name: "a", stage: "request", actions: [{ do: "set-header", name: "n", value: "v" }] };
    expect(alike(rule, { ...rule, on: true, group: "", filter: "", actions: [{ value: "v", name: "n", do: "set-header" }] })).toBe(true);
    expect(alike(rule, { ...rule, on: false })).toBe(false);
    expect(alike(rule, { ...rule, filter: "x" })).toBe(false);
    expect(plain({ ...stored(3), on: false })).toEqual({ name: "r3", stage: "request", on: false, actions: [{ do: "no-caching" }] });
  });
});
