import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { scrolled } from "./moving";
import { Pace } from "./pace";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("does it once for many changes, then rests", async () => {
  let runs = 0;
  const pace = new Pace(async () => void runs++, 1000, Date.now);
  for (let n = 0; n < 5; n++) pace.poke();
  await vi.advanceTimersByTimeAsync(1);
  expect(runs).toBe(1);
  pace.poke();
  await vi.advanceTimersByTimeAsync(900);
  expect(runs).toBe(1);
  await vi.advanceTimersByTimeAsync(200);
  expect(runs).toBe(2);
});

it("rests longer after a long run, is not run twice at once, and hurries when told", async () => {
  let runs = 0;
  let running = 0;
  let most = 0;
  const pace = new Pace(async () => {
    most = Math.max(most, ++running);
    await new Promise((done) => setTimeout(done, 500));
    running--;
    runs++;
  }, 100, Date.now);
  pace.poke();
  await vi.advanceTimersByTimeAsync(100);
  pace.poke();
  await vi.advanceTimersByTimeAsync(1000);
  expect(runs).toBe(1);
  pace.soon();
  await vi.advanceTimersByTimeAsync(600);
  expect([runs, most]).toEqual([2, 1]);
  pace.soon();
  pace.stop();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(runs).toBe(2);
});

it("waits while somebody scrolls, but not for ever", async () => {
  let runs = 0;
  const pace = new Pace(async () => void runs++, 100, Date.now);
  const scroll = async (ms: number) => {
    for (let n = 0; n < ms; n += 50) {
      scrolled(Date.now());
      await vi.advanceTimersByTimeAsync(50);
    }
  };
  await scroll(50);
  pace.poke();
  await scroll(2_000);
  expect(runs).toBe(0);
  await vi.advanceTimersByTimeAsync(400);
  expect(runs).toBe(1);
  await scroll(50);
  pace.poke();
  await scroll(5_500);
  expect(runs).toBe(2);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(runs).toBe(2);
});
