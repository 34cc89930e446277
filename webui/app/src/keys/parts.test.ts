import { expect, it } from "vitest";
import { allKeys, TOLD } from "./parts";

it("tells of the keys of every part, also of one that is not shown, and of each once", () => {
  expect(new Set(TOLD.map((command) => command.id)).size).toBe(TOLD.length);
  const shown = { id: "replay.send", title: "Send now", group: "Workbench", keys: ["Mod+Enter"], run: () => {} };
  const all = allKeys([shown]);
  expect(all.filter((command) => command.id === "replay.send")).toEqual([shown]);
  const groups = new Set(all.map((command) => command.group));
  expect([...groups].sort()).toEqual(["Body", "Breakpoints", "Comparison", "Flow", "Messages", "Rules", "Timeline", "Tree of hosts", "Workbench"]);
  expect(all.find((command) => command.id === "compare.next")?.keys).toEqual(["n", "F7"]);
});

it("tells of the numbers that lead to the parts of a flow", () => {
  const keys = Object.fromEntries(TOLD.filter(({ id }) => /^detail\.tab\.[a-z]+$/.test(id)).map(({ id, keys }) => [id.slice(11), keys?.[0]]));
  expect(keys).toMatchObject({ overview: "1", messages: "5", packets: "6", connection: "7" });
});
