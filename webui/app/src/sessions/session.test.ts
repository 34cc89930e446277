import { expect, it } from "vitest";
import type { Session } from "../lib/types";
import { sessionName, sessionTimes } from "./session";

const session = (change: Partial<Session>): Session => ({ id: 4, name: "", started_at: "2026-11-21T13:05:00Z", ended_at: null, source: "recorded", flows: 0, bytes: 0, current: false, ...change });

it("a session without a name is called what it is", () => {
  expect(sessionName(session({ name: "login bug" }))).toBe("login bug");
  expect(sessionName(session({ name: "  ", current: true }))).toBe("The recording that runs");
  expect(sessionName(session({}))).toBe("Recording 4");
  expect(sessionName(session({ source: "imported" }))).toBe("Import 4");
});

it("a session's times are short when it began and ended on one day", () => {
  expect(sessionTimes(session({}))).toMatch(/^since \d{4}-\d\d-\d\d \d\d:\d\d$/);
  expect(sessionTimes(session({ ended_at: "2026-11-21T13:06:00Z" }))).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d to \d\d:\d\d$/);
  expect(sessionTimes(session({ ended_at: "2026-11-24T13:06:00Z" }))).toMatch(/ to \d{4}-\d\d-\d\d \d\d:\d\d$/);
});
