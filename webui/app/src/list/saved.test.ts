import { expect, it } from "vitest";
import { COMMON, filters, has, switched } from "./saved.svelte";

it("puts terms in and takes them out", () => {
  let filter = "host:a";
  for (const { filter: term } of COMMON) filter = switched(filter, term);
  for (const { filter: term } of COMMON) expect(has(filter, term)).toBe(true);
  for (const { filter: term } of COMMON) filter = switched(filter, term);
  expect(filter).toBe("host:a");
  expect(switched("a or b", "type:json")).toBe("(a or b) type:json");
  // and takes its parentheses along
  for (const { filter: term } of COMMON) expect(switched(switched("a or b", term), term)).toBe("a or b");
  const errors = COMMON[0]!.filter;
  expect(switched(switched(errors, "type:json"), "type:json")).toBe(errors);
  expect(switched("(a or b) c (error: or status:>=400 or grpc:>0)", errors)).toBe("(a or b) c");
  expect(has("a or type:json", "type:json")).toBe(false);
});

it("saves by name and remembers what was asked", () => {
  filters.save("mine", "host:a");
  filters.save("mine", "host:b");
  filters.save("other", "host:c");
  filters.rename("other", "mine");
  expect(filters.saved).toEqual([{ name: "mine", filter: "host:c" }]);
  filters.forget("mine");
  expect(filters.saved).toEqual([]);
  for (const one of ["a", "b", "a", "  ", "a"]) filters.remember(one);
  expect(filters.asked).toEqual(["a", "b"]);
});
