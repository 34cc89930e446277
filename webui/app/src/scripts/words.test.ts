import { describe, expect, it } from "vitest";
import type { Script } from "../lib/types";
import { measures, mistake, state } from "./words";

const script: Script = {
  file: "/x/a.js", name: "a.js", state: "active", error: null, hooks: ["onRequest"], filter: "", bodies: true, read: null, calls: 0, failures: 0, time_ms: 0,
};

describe("a script in words", () => {
  it("says what it has done", () => {
    expect(measures(script)).toBe("not called yet");
    expect(measures({ ...script, calls: 1, time_ms: 0.01 })).toBe("1 call, less than 0.1 ms each");
    expect(measures({ ...script, calls: 4, time_ms: 10, failures: 2 })).toBe("4 calls, 2.5 ms each, 2 failed");
    expect(measures({ ...script, calls: 2, time_ms: 40 })).toBe("2 calls, 20 ms each");
  });

  it("says what is wrong and where", () => {
    expect(mistake(script)).toBeNull();
    expect(mistake({ ...script, error: { text: "no", line: null, column: null } })).toBe("no");
    expect(mistake({ ...script, error: { text: "no", line: 3, column: null } })).toBe("no (line 3)");
    expect(mistake({ ...script, error: { text: "no", line: 3, column: 9 } })).toBe("no (line 3, column 9)");
    expect(state({ ...script, state: "stale" }).words).toContain("the version before acts");
    expect(state({ ...script, state: "failed" }).tone).toBe("failed");
  });
});
