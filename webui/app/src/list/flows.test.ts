import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Changes } from "../lib/live.svelte";
import type { Flow } from "../lib/types";
import { FlowList } from "./flows.svelte";

/** What the server has, and what it was asked for. */
let flows: Flow[] = [];
let asked: string[] = [];

const flow = (id: number, status = 200) => ({ id, status, state: "complete", kind: "http" }) as Flow;

/** Answers as the API does: filter `ok` is status 200, the cursor is the last row's number. */
function answer(url: string): Response {
  asked.push(url);
  const query = new URL(url, "http://page").searchParams;
  const filter = query.get("filter");
  if (filter === "wrong") {
    return Response.json({ detail: "no", filter: { offset: 0, length: 5, message: "no" } }, { status: 400, headers: { "content-type": "application/problem+json" } });
  }
  const matching = flows.filter((f) => !filter || f.status === 200);
  if (url.includes("/count")) return Response.json({ count: matching.length });
  const rows = query.get("order") === "asc" ? matching : matching.toReversed();
  const placed = /flows\/(\d+)\/position/.exec(url);
  if (placed) {
    const position = rows.findIndex((f) => f.id === Number(placed[1]));
    return Response.json({ position: position < 0 ? null : position });
  }
  const from = (query.has("cursor") ? rows.findIndex((f) => f.id === Number(query.get("cursor"))) + 1 : 0) + Number(query.get("skip") ?? 0);
  const items = rows.slice(from, from + Number(query.get("limit")));
  return Response.json({ items, next: from + items.length < rows.length ? String(items.at(-1)?.id) : null });
}

beforeEach(() => {
  flows = Array.from({ length: 2000 }, (_, i) => flow(i + 1, i % 4 === 0 ? 500 : 200));
  asked = [];
  vi.stubGlobal("fetch", (url: string) => Promise.resolve(answer(url)));
});
afterEach(() => vi.unstubAllGlobals());

const settled = () => vi.waitFor(() => new Promise((resolve) => setTimeout(resolve)));
const changes = (...rows: [number, Flow | "gone" | "deleted"][]): Changes => new Map(rows);
const ids = (list: FlowList, from: number, to: number) => Array.from({ length: to - from }, (_, i) => list.at(from + i)?.id);

async function shown(filter = "", order: "asc" | "desc" = "asc"): Promise<FlowList> {
  const list = new FlowList();
  expect(await list.load({ filter, session: "current", sort: "id", order })).toBe(true);
  await vi.waitFor(() => expect(list.total).toBe(flows.filter((f) => !filter || f.status === 200).length));
  return list;
}

describe("the live list", () => {
  it("knows where a flow far away stands, and has the rows around it", async () => {
    const list = await shown();
    expect(list.indexOf(900)).toBe(-1);
    expect(await list.locate(900)).toBe(899);
    expect(ids(list, 897, 902)).toEqual([898, 899, 900, 901, 902]);
    expect(list.total).toBe(2000);
    list.apply(changes([2001, flow(2001)]));
    expect(ids(list, 1999, 2001)).toEqual([2000, 2001]);
    const filtered = await shown("ok");
    expect(await filtered.locate(901)).toBe(-1);
    expect(ids(filtered, await filtered.locate(900), (await filtered.locate(900)) + 1)).toEqual([900]);
  });

  it("begins with the rows around a flow, and the newest", async () => {
    for (const order of ["asc", "desc"] as const) {
      const list = new FlowList();
      expect(await list.load({ filter: "", session: "current", sort: "id", order }, 900)).toBe(true);
      const at = list.indexOf(900);
      expect(at).toBe(order === "asc" ? 899 : 1100);
      expect(list.indexOf(2000)).toBe(order === "asc" ? 1999 : 0);
      expect(list.total).toBe(2000);
    }
  });

  it("moves nothing under a pointer, counts what is new, and follows again", async () => {
    const list = await shown("", "desc");
    list.follow();
    list.need(0, 30);
    let shifted = 0;
    list.onshift = (rows) => (shifted += rows);
    list.apply(changes([2001, flow(2001)]));
    expect([shifted, list.fresh, list.pinned]).toEqual([0, 0, true]);
    list.hold(true);
    list.apply(changes([2002, flow(2002)], [2003, flow(2003)]));
    expect([shifted, list.fresh, list.pinned]).toEqual([2, 2, false]);
    list.hold(false);
    expect([list.fresh, list.pinned]).toEqual([0, true]);
  });

  it("goes on to the next row that stays, or back to the one before", async () => {
    flows = [flow(1), flow(2), flow(3), flow(4)];
    const list = await shown();
    expect(list.neighbour(2, new Set([2]))?.id).toBe(3);
    expect(list.neighbour(2, new Set([2, 3]))?.id).toBe(4);
    expect(list.neighbour(3, new Set([3, 4]))?.id).toBe(2);
    expect(list.neighbour(3, new Set([1, 2, 3, 4]))).toBeUndefined();
  });

  it("remembers which flows a sorted list has not placed yet", async () => {
    const list = new FlowList();
    await list.load({ filter: "", session: "current", sort: "size", order: "desc" });
    list.apply(changes([2001, flow(2001)], [2002, flow(2002)]));
    expect([list.fresh, list.unseen]).toEqual([2, [2001, 2002]]);
  });

  it("is not put back by a reading again that began while another filter was on its way", async () => {
    flows = [flow(1), flow(2, 500), flow(3)];
    const list = await shown();
    // what is asked without the filter is answered last
    let late: (() => void)[] = [];
    vi.stubGlobal("fetch", (url: string) => {
      if (url.includes("filter=ok") || url.includes("limit=1&") || url.endsWith("limit=1")) return Promise.resolve(answer(url));
      return new Promise<Response>((resolve) => late.push(() => resolve(answer(url))));
    });
    const loading = list.load({ filter: "ok", session: "current", sort: "id", order: "asc" });
    const refreshing = list.refresh();
    expect(await loading).toBe(true);
    for (const answered of late) answered();
    await refreshing;
    expect([list.total, ...ids(list, 0, 3)]).toEqual([2, 1, 3, undefined]);
  });

  /** Answers are what the server had when it was asked, and come when they are let go. */
  function delayed(): () => void {
    const held: (() => void)[] = [];
    vi.stubGlobal("fetch", (url: string) => {
      const now = answer(url);
      return new Promise<Response>((resolve) => held.push(() => resolve(now)));
    });
    return () => held.splice(0).forEach((answered) => answered());
  }

  it("keeps what was told while an older answer was on its way", async () => {
    flows = [flow(1), { ...flow(2), state: "running" } as Flow, flow(3)];
    for (const sort of ["id", "size"] as const) {
      const list = new FlowList();
      vi.stubGlobal("fetch", (url: string) => Promise.resolve(answer(url)));
      await list.load({ filter: "", session: "current", sort, order: "asc" });
      const letGo = delayed();
      const refreshing = list.refresh();
      list.apply(changes([2, flow(2)], [4, { ...flow(4), state: "running" } as Flow]));
      list.apply(changes([4, flow(4)], [1, "deleted"]));
      letGo();
      await refreshing;
      expect(list.find(2)?.state).toBe("complete");
      expect(list.find(1)).toBeUndefined();
      if (sort === "id") expect([list.total, ...ids(list, 0, 3), list.find(4)?.state]).toEqual([3, 2, 3, 4, "complete"]);
      else expect([list.fresh, list.unseen]).toEqual([1, [4]]);
    }
  });

  it("keeps what was told while rows were fetched, or arranged anew", async () => {
    const list = await shown();
    let letGo = delayed();
    const locating = list.locate(900);
    await vi.waitFor(() => expect(asked.at(-1)).toContain("position"));
    letGo();
    await vi.waitFor(() => expect(asked.at(-1)).toContain("skip="));
    list.apply(changes([900, flow(900, 404)]));
    letGo();
    expect(await locating).toBe(899);
    expect(list.find(900)?.status).toBe(404);
    list.need(500, 540);
    await vi.waitFor(() => expect(asked.at(-1)).toContain("skip=450"));
    list.apply(changes([520, flow(520, 404)]));
    letGo();
    await vi.waitFor(() => expect(list.find(520)?.status).toBe(404));
    letGo = delayed();
    const loading = list.load({ filter: "", session: "current", sort: "id", order: "desc" });
    list.apply(changes([2001, flow(2001)], [1999, flow(1999, 404)]));
    letGo();
    expect(await loading).toBe(true);
    expect([...ids(list, 0, 3), list.find(1999)?.status]).toEqual([2001, 2000, 1999, 404]);
  });

  it("does not go back from what is over to what goes on, nor to what was cleared", async () => {
    flows = [flow(1)];
    const list = await shown();
    let letGo = delayed();
    let refreshing = list.refresh();
    list.apply(changes([1, { ...flow(1), state: "running" } as Flow]));
    letGo();
    await refreshing;
    expect(list.find(1)?.state).toBe("complete");
    letGo = delayed();
    refreshing = list.refresh();
    list.cleared();
    flows = [];
    letGo();
    await settled();
    letGo();
    await refreshing;
    expect([list.total, list.find(1)]).toEqual([0, undefined]);
  });

  it("takes the later of two readings, whichever is answered last", async () => {
    flows = [flow(1)];
    const list = await shown();
    const first = delayed();
    const earlier = list.refresh();
    flows = [flow(1), flow(2)];
    const second = delayed();
    const later = list.refresh();
    second();
    await later;
    first();
    await earlier;
    expect([list.total, ...ids(list, 0, 2)]).toEqual([2, 1, 2]);
  });

  it("begins with the newest and reads upwards by cursor", async () => {
    const list = await shown();
    expect(ids(list, 1998, 2000)).toEqual([1999, 2000]);
    list.need(1790, 1830);
    await vi.waitFor(() => expect(list.at(1790)?.id).toBe(1791));
    expect(asked.at(-1)).toContain("cursor=1801");
  });

  it("jumps where no cursor is known, and reads on from there", async () => {
    const list = await shown();
    list.need(500, 540);
    await vi.waitFor(() => expect(list.at(539)?.id).toBe(540));
    list.need(640, 680);
    await vi.waitFor(() => expect(list.at(679)?.id).toBe(680));
    const places = asked.map((address) => /(skip|cursor)=\d+/.exec(address)?.[0]).filter((place) => place !== undefined);
    expect(places.slice(0, 2)).toEqual(["skip=450", "cursor=650"]);
  });

  it("has the rows at hand that come next where the view goes", async () => {
    const list = await shown();
    list.need(1900, 1940);
    list.need(1880, 1920);
    // none of these was in view
    await vi.waitFor(() => expect(list.at(1680)?.id).toBe(1681));
    expect(list.at(1500)).toBeUndefined();
    list.need(500, 540);
    await vi.waitFor(() => expect(list.at(300)?.id).toBe(301));
    list.need(510, 550);
    await vi.waitFor(() => expect(list.at(749)?.id).toBe(750));
    const before = asked.length;
    list.need(511, 551);
    await Promise.resolve();
    expect([list.at(300)?.id, asked.length - before]).toEqual([301, 0]);
  });

  it("appends what is new and counts it when it does not follow", async () => {
    const list = await shown();
    list.apply(changes([2001, flow(2001)]));
    expect(list.fresh).toBe(0);
    list.following = false;
    list.apply(changes([2003, flow(2003)], [2002, flow(2002)], [1999, flow(1999, 404)]));
    expect(list.fresh).toBe(2);
    expect(ids(list, 1998, 2003)).toEqual([1999, 2000, 2001, 2002, 2003]);
    expect(list.find(1999)?.status).toBe(404);
    list.follow();
    expect(list.fresh).toBe(0);
  });

  it("takes out what is deleted or matches no more", async () => {
    const list = await shown("ok");
    expect(list.total).toBe(1500);
    list.apply(changes([1999, "gone"], [1998, "deleted"], [5000, "gone"]));
    expect(list.total).toBe(1498);
    expect(list.find(1999)).toBeUndefined();
  });

  it("counts again when a change may concern rows that are not at hand", async () => {
    vi.useFakeTimers();
    const list = new FlowList();
    await list.load({ filter: "ok", session: "current", sort: "id", order: "asc" });
    await vi.advanceTimersByTimeAsync(10);
    flows[0] = flow(1, 200); // matched before? it cannot be known here
    list.apply(changes([1, flow(1, 200)]));
    expect(list.total).toBe(1500);
    await vi.advanceTimersByTimeAsync(1500);
    expect(list.total).toBe(1501);
    vi.useRealTimers();
  });

  it("keeps the view on its row when rows come in before it", async () => {
    const list = await shown("", "desc");
    const moves: number[] = [];
    list.onshift = (rows) => moves.push(rows);
    list.following = false;
    list.need(40, 80);
    list.apply(changes([2001, flow(2001)], [2002, flow(2002)]));
    expect(ids(list, 0, 3)).toEqual([2002, 2001, 2000]);
    expect(moves).toEqual([2]);
  });

  it("keeps showing the last good list when a filter is wrong", async () => {
    const list = await shown();
    expect(await list.load({ filter: "wrong", session: "current", sort: "id", order: "asc" })).toBe(false);
    expect(list.problem?.message).toBe("no");
    expect(list.total).toBe(2000);
    expect(list.query.filter).toBe("");
  });

  it("holds few rows however many pass", async () => {
    const list = await shown();
    list.need(1960, 2000);
    for (let id = 2001; id <= 12_000; id += 100) {
      list.apply(new Map(Array.from({ length: 100 }, (_, i) => [id + i, flow(id + i)])));
      list.need(list.total - 40, list.total);
    }
    await settled();
    expect(list.total).toBe(12_000);
    expect(ids(list, 11_998, 12_000)).toEqual([11_999, 12_000]);
    expect(list.athand).toBeLessThan(3000);
  });

  it("reads again without moving", async () => {
    const list = await shown();
    list.following = false;
    list.need(1000, 1040);
    await vi.waitFor(() => expect(list.at(1000)?.id).toBe(1001));
    flows = flows.filter((f) => f.id > 10);
    const moves: number[] = [];
    list.onshift = (rows) => moves.push(rows);
    await list.refresh();
    expect(list.total).toBe(1990);
    expect(moves).toEqual([-10]);
    expect(list.at(990)?.id).toBe(1001);
  });
});
