import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { TreeItem } from "../lib/types";
import { both } from "../list/terms";
import { added, picked, severalDevices, Tree } from "./tree.svelte";

const item = (key: string, count = 1, children = true): TreeItem => ({ name: key, key, count, errors: 0, running: 0, bytes: 10, children, filter: `host:${key}` });

let levels: Record<string, TreeItem[]>;
let asked: string[];

beforeEach(() => {
  asked = [];
  levels = { devices: [item("10.0.0.1")], hosts: [item("a.test", 5), item("b.test", 3)], "a.test": [item("/api/"), item("/x", 1, false)], "a.test/api/": [item("/api/users")] };
  vi.stubGlobal("fetch", (url: string) => {
    const query = new URL(url, "http://page").searchParams;
    const key = query.has("host") ? `${query.get("host")}${query.get("path") ?? ""}` : query.has("devices") && !query.has("client") ? "devices" : "hosts";
    asked.push(key);
    return Promise.resolve(Response.json({ items: levels[key] ?? [], more: 0 }));
  });
});
afterEach(() => vi.unstubAllGlobals());

const names = (tree: Tree) => tree.shown.map(({ node, depth }) => " ".repeat(depth) + node.item.key);
const at = (tree: Tree, key: string) => tree.shown.find(({ node }) => node.item.key === key)!.node;

describe("the tree", () => {
  it("takes what no program is known of for no program of its own", () => {
    expect(severalDevices(["app:curl"])).toBe(false);
    expect(severalDevices(["app:curl", "127.0.0.1", "::1"])).toBe(false);
    expect(severalDevices(["127.0.0.1", "::1"])).toBe(false);
    expect(severalDevices(["app:curl", "app:python3", "127.0.0.1"])).toBe(true);
    expect(severalDevices(["127.0.0.1", "192.168.1.7"])).toBe(true);
    expect(severalDevices(["app:curl", "fd00::7"])).toBe(true);
  });

  it("begins with hosts when there is one device, and with devices when there are several", async () => {
    const tree = new Tree();
    await tree.show("current");
    expect(names(tree)).toEqual(["a.test", "b.test"]);
    levels["devices"] = [item("10.0.0.1"), item("10.0.0.2")];
    await tree.show("all");
    expect(names(tree)).toEqual(["10.0.0.1", "10.0.0.2"]);
    await tree.toggle(at(tree, "10.0.0.2"));
    expect(names(tree)).toEqual(["10.0.0.1", "10.0.0.2", " a.test", " b.test"]);
  });

  it("reads a level when it is opened, and keeps it open over a refresh", async () => {
    const tree = new Tree();
    await tree.show("current");
    await tree.toggle(at(tree, "a.test"));
    await tree.toggle(at(tree, "/api/"));
    expect(names(tree)).toEqual(["a.test", " /api/", "  /api/users", " /x", "b.test"]);
    levels["a.test/api/"] = [item("/api/users", 9)];
    await tree.refresh();
    expect(at(tree, "/api/users").item.count).toBe(9);
    expect(names(tree)).toHaveLength(5);
    await tree.toggle(at(tree, "a.test"));
    expect(names(tree)).toEqual(["a.test", "b.test"]);
    const leaf = asked.length;
    await tree.toggle({ ...at(tree, "b.test"), item: item("b.test", 1, false) });
    expect(asked).toHaveLength(leaf);
  });

  it("moves nothing while it is held, and still counts", async () => {
    const tree = new Tree();
    await tree.show("current");
    tree.held = true;
    levels["hosts"] = [item("new.test", 50), item("b.test", 30), item("a.test", 6)];
    await tree.refresh();
    expect(tree.shown.map(({ node }) => [node.item.key, node.item.count])).toEqual([["a.test", 6], ["b.test", 30]]);
    tree.held = false;
    await tree.refresh();
    expect(names(tree)).toEqual(["new.test", "b.test", "a.test"]);
  });

  it("takes the later of two answers about a level, whichever comes last", async () => {
    const tree = new Tree();
    await tree.show("current");
    await tree.toggle(at(tree, "a.test"));
    const held: { host: string; answer: (count: number) => void }[] = [];
    vi.stubGlobal("fetch", (url: string) => {
      const query = new URL(url, "http://page").searchParams;
      const host = query.get("host");
      if (host === null) return Promise.resolve(Response.json({ items: levels[query.has("devices") ? "devices" : "hosts"], more: 0 }));
      return new Promise<Response>((resolve) => held.push({ host, answer: (count) => resolve(Response.json({ items: [item("/api/", count)], more: 0 })) }));
    });
    const fresh = tree.refresh();
    await vi.waitFor(() => expect(held.map(({ host }) => host)).toEqual(["a.test"]));
    // opened while all is read again, which comes to it, too
    const opening = tree.toggle(at(tree, "b.test"));
    held[0]?.answer(1);
    await vi.waitFor(() => expect(held.map(({ host }) => host)).toEqual(["a.test", "b.test", "b.test"]));
    held[2]?.answer(9);
    await fresh;
    held[1]?.answer(8);
    await opening;
    expect(at(tree, "b.test").nodes?.map((node) => node.item.count)).toEqual([9]);
  });

  it("says when it cannot be read", async () => {
    vi.stubGlobal("fetch", () => Promise.resolve(Response.json({ detail: "broken" }, { status: 500, headers: { "content-type": "application/problem+json" } })));
    const tree = new Tree();
    await tree.show("current");
    expect(tree.error).toBe("broken");
  });
});

it("adds a node to what is chosen", () => {
  const both = (a: string, b: string) => `${a} ${b}`;
  expect(added("", [], "host:a", both)).toEqual({ filter: "host:a", chosen: ["host:a"] });
  expect(added("host:a", ["host:a"], "host:b", both)).toEqual({ filter: "host:a or host:b", chosen: ["host:a", "host:b"] });
  expect(added("host:a or host:b", ["host:a", "host:b"], "host:a", both)).toEqual({ filter: "host:b", chosen: ["host:b"] });
  expect(added("status:500", ["host:a"], "host:b", both)).toEqual({ filter: "status:500 host:b", chosen: [] });
});

it("tells what was typed from what was chosen in it", () => {
  const nodes = ["host:a", "client:10.0.0.1 host:a", "host:b or host:c"];
  expect(picked("", nodes, both)).toEqual({ base: "", chosen: [] });
  expect(picked("host:a", nodes, both)).toEqual({ base: "", chosen: ["host:a"] });
  for (const base of ["status:500", "a or b", "(a or b) c"]) {
    expect(picked(base, nodes, both)).toEqual({ base, chosen: [] });
    for (const node of nodes) expect(picked(both(base, node), nodes, both)).toEqual({ base, chosen: [node] });
  }
});
