import { expect, it } from "vitest";
import { Heard } from "./heard";

it("takes no answer that is older than what was told", async () => {
  const taken: string[] = [];
  const heard = new Heard<string>((what) => taken.push(what));
  let answer = (_: string) => {};
  const late = heard.ask(new Promise((resolve) => (answer = resolve)));
  heard.now("told");
  answer("older");
  await late;
  await heard.ask(Promise.resolve("asked"));
  const superseded = heard.ask(Promise.resolve("first"));
  await Promise.all([superseded, heard.ask(Promise.resolve("second"))]);
  expect(taken).toEqual(["told", "asked", "second"]);
  await expect(heard.ask(Promise.reject(new Error("no")))).rejects.toThrow("no");
});
