import { describe, expect, it } from "vitest";
import { ScaledScroll } from "./scroll";

describe("ScaledScroll", () => {
  it("is an ordinary scroll while the list fits", () => {
    const scroll = new ScaledScroll(1000);
    scroll.measure(900, 100);
    scroll.scrolled(345);
    expect(scroll.top).toBe(345);
    expect(scroll.place(400)).toBe(400);
    expect(scroll.spacer).toBe(900);
  });

  it("reaches both ends of a list that is taller than the cap", () => {
    const scroll = new ScaledScroll(10_000);
    scroll.measure(1_000_000, 100);
    scroll.scrolled(9_900);
    expect(scroll.top).toBe(999_900);
    scroll.scrolled(0);
    expect(scroll.top).toBe(0);
    scroll.scrolled(4_950);
    expect(scroll.top).toBeCloseTo(499_950);
  });

  it("moves pixel for pixel with the wheel and settles without moving the view", () => {
    const scroll = new ScaledScroll(10_000);
    scroll.measure(1_000_000, 100);
    scroll.scrolled(5_000);
    const before = scroll.top;
    scroll.scrolled(5_040);
    expect(scroll.top).toBe(before + 40);
    expect(scroll.place(scroll.top)).toBe(5_040);
    const real = scroll.moveTo(scroll.top);
    expect(scroll.top).toBe(before + 40);
    expect(scroll.place(scroll.top)).toBe(real);
    expect(real).toBeLessThan(5_040);
  });

  it("knows when the bar has no room left but the list has", () => {
    const scroll = new ScaledScroll(10_000);
    scroll.measure(1_000_000, 100);
    scroll.moveTo(5_000);
    for (let real = 40; real > 0; real -= 20) scroll.scrolled(real);
    expect(scroll.top).toBeGreaterThan(4_900);
    expect(scroll.cornered).toBe(true);
  });

  it("stays inside when the list shrinks", () => {
    const scroll = new ScaledScroll(10_000);
    scroll.measure(5_000, 100);
    scroll.moveTo(4_900);
    expect(scroll.measure(300, 100)).toBe(200);
    expect(scroll.top).toBe(200);
  });
});
