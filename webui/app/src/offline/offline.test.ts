import { describe, expect, it } from "vitest";
import type { Offline } from "../lib/types";
import { choiceOf, filterOf, offlineOf } from "./choice";

const OFFLINE: Offline = { on: true, filter: "", ignore_query: ["t", "n"], same_headers: [], same_body: true, missing: "pass" };

describe("what answers while no server is asked", () => {
  it("is a session, a filter, or what matches both", () => {
    expect(filterOf({ session: null, filter: "" })).toBe("");
    expect(filterOf({ session: 3, filter: " " })).toBe("session:3");
    expect(filterOf({ session: 3, filter: "host:a path:/b" })).toBe("session:3 host:a path:/b");
    expect(filterOf({ session: 3, filter: "host:a or host:b" })).toBe("session:3 (host:a or host:b)");
  });

  it("is taken apart again as it was put together", () => {
    for (const [session, filter] of [[null, ""], [null, "host:a or session:3"], [4, ""], [3, "host:a path:/b"], [3, "host:a or host:b"]] as const) {
      const choice = choiceOf({ ...OFFLINE, filter: filterOf({ session, filter }) });
      expect([choice.session, choice.filter]).toEqual([session, filter]);
    }
    // more than that session: it stays a filter
    expect(choiceOf({ ...OFFLINE, filter: "session:3 or host:a" })).toMatchObject({ session: null, filter: "session:3 or host:a" });
    expect(choiceOf({ ...OFFLINE, filter: "session:3..4" })).toMatchObject({ session: null, filter: "session:3..4" });
  });

  it("is the same for the server after a person has looked at it", () => {
    expect(offlineOf({ ...choiceOf({ ...OFFLINE, filter: "session:3" }), ignoreQuery: " t,, n " })).toEqual({ ...OFFLINE, filter: "session:3" });
  });
});
