import { describe, expect, it } from "vitest";
import { marks, nearest, size, stops, time, type Curve } from "./chart";

describe("a graph", () => {
  it("has round marks", () => {
    expect(marks(10, 5)).toEqual([0, 2, 4, 6, 8, 10]);
    expect(marks(0.0123, 4)).toEqual([0, 0.005, 0.01]);
    expect(marks(987_654, 5)).toEqual([0, 200_000, 400_000, 600_000, 800_000]);
    expect(marks(0, 5)).toEqual([0]);
    expect(marks(Number.NaN, 5)).toEqual([0]);
  });

  it("writes units", () => {
    expect([time(0.5, 2), time(0.25, 0.5), time(0.0000021, 0.0005), time(0, 1)]).toEqual(["0.5 s", "250 ms", "2.1 µs", "0"]);
    expect([size(1500, 20_000), size(20, 900), size(2_500_000, 5e6)]).toEqual(["1.5 kB", "20 B", "2.5 MB"]);
  });

  it("finds the nearest point", () => {
    const curve = (name: string, points: [number, number, number | null][]): Curve => ({ name, kind: "segments", look: "sent", points: points.map(([x, y, top], i) => ({ x, y, top, packet: i })) });
    const all = stops([curve("a", [[5, 0, 10], [1, 0, null]]), curve("b", [[3, 50, null]])]);
    expect(all.map(({ x, curve }) => `${curve.name}${x}`)).toEqual(["a1", "b3", "a5"]);
    const place = ({ x, y, top }: { x: number; y: number; top: number | null }): [number, number, number] => [x, 100 - y, 100 - (top ?? y)];
    expect(nearest(all, 4.5, 95, place)).toBe(2);
    expect(nearest(all, 3, 60, place)).toBe(1);
    expect(nearest([], 3, 60, place)).toBe(-1);
  });
});
