import { describe, expect, it } from "vitest";
import type { Setting } from "../lib/types";
import { defaultWords, fieldText, grouped, paired, sourceWords, valueOf } from "./setting";

const setting = (change: Partial<Setting>): Setting => ({
  key: "listen", title: "", help: "", flag: "--listen", kind: "list", value: ["0.0.0.0:8080"], default: ["0.0.0.0:8080"], saved: null, source: "default", live: false, pending: false, overridden: false, ...change,
});

describe("settings", () => {
  it("stand in groups, also those that nobody knew of", () => {
    const groups = grouped([setting({ key: "new-one" }), setting({ key: "allow" }), setting({})]);
    expect(groups.map((group) => [group.title, group.items.map((item) => item.key)])).toEqual([["The proxy", ["listen", "allow"]], ["More", ["new-one"]]]);
  });

  it("are edited as what is saved, and sent as what they are", () => {
    expect(fieldText(setting({ saved: ["a", "b"] }))).toBe("a\nb");
    expect(fieldText(setting({ kind: "text", value: "x" }))).toBe("x");
    expect(valueOf(setting({}), " a \n\n b")).toEqual(["a", "b"]);
    expect(valueOf(setting({}), "\n")).toBeNull();
    expect(valueOf(setting({ kind: "text" }), " x ")).toBe("x");
    expect(valueOf(setting({ kind: "secret" }), "")).toBeNull();
  });

  it("say where they come from", () => {
    expect(sourceWords(setting({ source: "flag" }))).toContain("--listen");
    expect(defaultWords(setting({ default: [] }))).toBe("none");
    expect(defaultWords(setting({ kind: "bool", default: false }))).toBe("off");
    expect(paired("ab:cd:ef")).toBe("ab cd ef");
  });
});
