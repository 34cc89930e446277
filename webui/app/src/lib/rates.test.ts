import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Rates, rateWords } from "./rates.svelte";
import type { Flow } from "./types";

const flow = (size: number, state = "running") => ({ kind: "http", state, response: { body_size: size } }) as unknown as Flow;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("tells how fast an answer comes, that it stands still, and nothing when it is over", () => {
  let now = 0;
  const rates = new Rates(() => now);
  const saw = (at: number, size: number, state?: string) => {
    now = at;
    rates.saw(new Map([[7, flow(size, state)]]));
    return rates.of(7);
  };
  expect(saw(0, 0)).toBe(null);
  expect(saw(100, 1_000)).toBe(null);
  expect(saw(1_100, 101_000)).toBe(100_000);
  expect(saw(2_100, 101_000)).toBe(50_000);
  // what came before the last seconds does not count
  expect(saw(6_100, 201_000)).toBe(20_000);
  now = 20_000;
  rates.look();
  expect(rates.of(7)).toBe(0);
  expect(saw(21_000, 201_000, "complete")).toBe(null);
  expect(vi.getTimerCount()).toBe(1);
  vi.advanceTimersByTime(1_000);
  expect(vi.getTimerCount()).toBe(0);
});

it("is a word", () => {
  expect([rateWords(null), rateWords(0), rateWords(1_234_567.8)]).toEqual(["", "0 B/s", "1.2 MB/s"]);
});
