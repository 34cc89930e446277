import { beforeEach, expect, it, vi } from "vitest";
import { api, ApiError } from "../lib/api";
import { tagOf } from "./tags";
import { Undo } from "./undo.svelte";

const said: [string, boolean][] = [];
vi.mock("../lib/app.svelte", () => ({ app: { standing: () => () => true, say: (text: string, bad = false) => said.push([text, bad]) } }));

beforeEach(() => {
  said.length = 0;
  vi.restoreAllMocks();
});

it("a tag has no blanks at its ends and none doubled", () => {
  expect([tagOf("  a  b\t"), tagOf(" \n")]).toEqual(["a b", null]);
});

it("deletions are brought back, the latest first", async () => {
  const asked: string[] = [];
  vi.spyOn(api, "undelete").mockImplementation((token) => (asked.push(token), Promise.resolve({ restored: 2 })));
  const undo = new Undo();
  undo.offer("one", ["a"]);
  undo.offer("two", ["b", "c"]);
  expect(undo.shown?.text).toBe("two");
  await undo.last();
  expect(undo.shown).toBeNull();
  await undo.last();
  await undo.last();
  expect(asked).toEqual(["c", "b", "a"]);
  expect(said).toEqual([["4 flows brought back.", false], ["2 flows brought back.", false]]);
  expect(undo.possible).toBe(false);
});

it("what cannot be brought back any more is not offered again, but a lost server is asked again", async () => {
  const undo = new Undo();
  undo.offer("gone", ["x"]);
  const undelete = vi.spyOn(api, "undelete").mockRejectedValueOnce(new ApiError("no answer", 0));
  await undo.last();
  expect(undo.possible).toBe(true);
  undelete.mockRejectedValueOnce(new ApiError("It can no longer be undone.", 410));
  await undo.last();
  expect(undo.possible).toBe(false);
  expect(said).toEqual([["no answer", true], ["It can no longer be undone.", true]]);
});

it("a deletion that cannot be undone is only told", () => {
  const undo = new Undo();
  undo.offer("3 flows deleted.", []);
  expect([undo.possible, undo.shown]).toEqual([false, null]);
  expect(said).toEqual([["3 flows deleted.", false]]);
});
