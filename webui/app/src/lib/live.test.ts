import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Live, type Changes, type Listener } from "./live.svelte";

/** The browser's side of an event stream, played by the test. */
class Stream extends EventTarget {
  static all: Stream[] = [];
  onopen = () => {};
  onerror = () => {};
  closed = false;
  constructor(readonly url: string) {
    super();
    Stream.all.push(this);
  }
  close(): void {
    this.closed = true;
  }
  say(name: string, data: object): void {
    this.dispatchEvent(new MessageEvent(name, { data: JSON.stringify(data) }));
  }
}

let frames: (() => void)[] = [];
const frame = () => frames.splice(0).forEach((run) => run());
const last = () => Stream.all.at(-1) as Stream;

function listening() {
  const seen: { changes: Changes[]; calls: string[] } = { changes: [], calls: [] };
  const listener: Listener = {
    opened: () => seen.calls.push("opened"),
    flows: (changes) => seen.changes.push(changes),
    cleared: () => seen.calls.push("cleared"),
    reload: () => seen.calls.push("reload"),
    devices: () => seen.calls.push("devices"),
    status: () => seen.calls.push("status"),
    waiting: (items) => seen.calls.push(`waiting ${items.length}`),
    rules: () => seen.calls.push("rules"),
    scripts: () => seen.calls.push("scripts"),
    sessions: () => seen.calls.push("sessions"),
  };
  const live = new Live(listener);
  live.open("host:a b", "current");
  return { live, seen };
}

beforeEach(() => {
  vi.useFakeTimers();
  Stream.all = [];
  frames = [];
  vi.stubGlobal("EventSource", Stream);
  vi.stubGlobal("requestAnimationFrame", (run: () => void) => frames.push(run));
  vi.stubGlobal("cancelAnimationFrame", () => (frames = []));
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe("the event stream", () => {
  it("hands on changes once a frame, the last word of each flow", () => {
    const { seen } = listening();
    expect(last().url).toBe("/api/events?filter=host%3Aa+b&session=current");
    last().say("flows", { items: [{ id: 1 }, { id: 2 }], gone: [], deleted: [] });
    last().say("flows", { items: [{ id: 3 }], gone: [1], deleted: [2] });
    last().say("flows", { items: [{ id: 1, status: 5 }], gone: [], deleted: [] });
    expect(seen.changes).toEqual([]);
    frame();
    expect(seen.changes).toEqual([new Map<number, unknown>([[1, { id: 1, status: 5 }], [2, "deleted"], [3, { id: 3 }]])]);
    frame();
    expect(seen.changes).toHaveLength(1);
  });

  it("opens again by itself, and says that the server was gone", () => {
    const { live, seen } = listening();
    last().onopen();
    expect(live.state).toBe("live");
    last().onerror();
    expect(live.state).toBe("lost");
    expect(last().closed).toBe(true);
    vi.advanceTimersByTime(1000);
    expect(Stream.all).toHaveLength(2);
    last().onopen();
    expect(live.state).toBe("live");
    expect(seen.calls).toEqual(["opened", "opened"]);
  });

  it("asks for the list again rather than keep a flood for later", () => {
    const { seen } = listening();
    const many = Array.from({ length: 6000 }, (_, id) => ({ id }));
    last().say("flows", { items: many, gone: [], deleted: [] });
    last().say("flows", { items: [{ id: 9999 }], gone: [], deleted: [] });
    frame();
    expect(seen.calls).toEqual(["reload"]);
    expect(seen.changes).toEqual([]);
  });

  it("forgets what came before a clear, and what an old stream says", () => {
    const { live, seen } = listening();
    const old = last();
    old.say("flows", { items: [{ id: 1 }], gone: [], deleted: [] });
    old.say("cleared", {});
    frame();
    live.open("", "all");
    old.say("status", {});
    last().say("sessions", {});
    last().say("scripts", {});
    expect(seen.calls).toEqual(["cleared", "sessions", "scripts"]);
    expect(seen.changes).toEqual([]);
  });
});
