import { afterEach, expect, it, vi } from "vitest";
import type { FlowDetail } from "../lib/types";
import { ByHandDraft } from "./byHand.svelte";
import { MessageList } from "./messages.svelte";

afterEach(() => vi.unstubAllGlobals());

it("sends what is written, or says what is wrong with it", () => {
  const draft = new ByHandDraft();
  expect(draft.message()).toEqual({ message: null, problem: null });
  draft.text = "hé ";
  expect(draft.message()).toEqual({ message: { to: "server", text: "hé " }, problem: null });
  draft.to = "client";
  draft.as = "hex";
  expect(draft.message()).toEqual({ message: null, problem: expect.stringContaining("no hexadecimal digit") as string });
  draft.text = "00 ff\n10";
  expect(draft.message()).toEqual({ message: { to: "client", base64: "AP8Q" }, problem: null });
  draft.as = "base64";
  draft.text = "AP8\nQYQ";
  expect(draft.message()).toEqual({ message: { to: "client", base64: "AP8QYQ==" }, problem: null });
  draft.text = "A";
  expect(draft.message().problem).toContain("not base64");
  draft.text = " ";
  expect(draft.message()).toEqual({ message: null, problem: null });
});

/** A frame of a server with a short text. */
const framed = (text: string) => btoa(`\x81${String.fromCharCode(text.length)}${text}`);

it("shows what was sent by hand between what came, also while more comes", async () => {
  const pieces = [{ side: "response", at: "1", data: framed("a"), missing: 0 }];
  const hand = [{ side: "request", at: "2", kind: "text", sent: { text: "b" }, by_hand: true }];
  /** Happens while the pieces are read for the first time: each is committed with all that was before it. */
  let meanwhile: (() => void) | null = () => {
    pieces.push({ side: "response", at: "3", data: framed("c"), missing: 0 });
    hand.push({ side: "response", at: "4", kind: "binary", sent: { text: "d" }, by_hand: true });
    pieces.push({ side: "response", at: "5", data: framed("e"), missing: 0 });
    hand.push({ side: "request", at: "6", kind: "text", sent: { text: "f" }, by_hand: true });
  };
  vi.stubGlobal("fetch", async (url: string) => {
    const at = new URL(url, "http://page");
    const changed = at.pathname.endsWith("/changed");
    if (changed) expect(at.searchParams.get("by_hand")).toBe("true");
    const items = (changed ? hand : pieces).slice(Number(at.searchParams.get("skip") ?? 0));
    if (!changed) {
      meanwhile?.();
      meanwhile = null;
    }
    return Promise.resolve(Response.json({ items, next: null }));
  });
  const list = MessageList.of({ id: 1, kind: "websocket", response: null } as unknown as FlowDetail);
  await list.more();
  await list.more();
  const text = new TextDecoder();
  expect(list.items.map((item) => text.decode(item.data)).join("")).toBe("abcdef");
  expect(list.items.map((item) => item.byHand ?? false)).toEqual([false, true, false, true, false, true]);
  expect(list.items.map((item) => item.kind).join(" ")).toBe("text text text binary text text");
  expect([list.count, list.done]).toEqual([6, true]);
});
