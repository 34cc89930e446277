import { afterEach, expect, it, vi } from "vitest";
import type { FlowDetail } from "../lib/types";
import { MessageList } from "./messages.svelte";

afterEach(() => vi.unstubAllGlobals());

it("reads what came while the last page was on its way", async () => {
  const recorded = ["one"];
  const held: (() => void)[] = [];
  vi.stubGlobal("fetch", (url: string) => {
    const items = recorded.slice(Number(new URL(url, "http://page").searchParams.get("skip") ?? 0)).map((text) => ({ side: "request", at: "", data: btoa(text), missing: 0 }));
    return new Promise<Response>((resolve) => held.push(() => resolve(Response.json({ items, next: null }))));
  });
  const list = MessageList.of({ id: 1, kind: "tcp", response: null } as unknown as FlowDetail);
  const reading = list.more();
  await vi.waitFor(() => expect(held).toHaveLength(1));
  // the flow changed: a second message is recorded
  recorded.push("two");
  void list.more();
  held[0]?.();
  await vi.waitFor(() => expect(held).toHaveLength(2));
  held[1]?.();
  await reading;
  expect([list.count, list.done, list.loading]).toEqual([2, true, false]);
});
