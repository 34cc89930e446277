import { expect, it } from "vitest";
import { find } from "./fuzzy";

const all = ["Copy as curl command", "Colour: red", "Compare the two", "Clear: delete what is recorded", "Delete"];
const found = (wanted: string) => find(all, wanted, (one) => one);

it("finds by words, beginnings and letters", () => {
  expect(found("delete")[0]).toBe("Delete");
  expect(found("cmp")).toContain("Compare the two");
  expect(found("curl")[0]).toBe("Copy as curl command");
  expect(found("col red")).toEqual(["Colour: red"]);
  expect(found("xyz")).toEqual([]);
  expect(found("  ")).toEqual(all);
});
