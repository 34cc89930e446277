import { describe, expect, it } from "vitest";
import { modifiedBy } from "./modified";

/** Without the marks that isolate what may run from right to left. */
function says(rules: string[]): string {
  return modifiedBy({ rules, replay_of: 7 }).replace(/[\u2066-\u2069]/g, "");
}

describe("who modified a flow", () => {
  it("is named for what it is", () => {
    expect(says(["A"])).toBe("modified by the rule A");
    expect(says(["A", "B"])).toBe("modified by the rules A, B");
    expect(says(["fix.js"])).toBe("modified by the script fix.js");
    expect(says(["A", "fix.js", "b.mjs"])).toBe("modified by the rule A and the scripts fix.js, b.mjs");
    expect(says([])).toBe("modified: its request is another than that of #7");
  });
});
