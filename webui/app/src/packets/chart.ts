//! The arithmetic of graphs: scales with round marks, figures with units, the point nearest to a place.

/** What is drawn, and how. */
export interface Curve {
  name: string;
  /** `segments`: from `y` to `top`, upright; `steps`: a line that keeps its height; `dots`; `bars`: down to the axis. */
  kind: "segments" | "steps" | "dots" | "bars";
  /** A class of the drawing; each has a colour and a form of its own. */
  look: "sent" | "again" | "late" | "acknowledged" | "window" | "rtt" | "rate";
  points: readonly ChartPoint[];
}

export interface ChartPoint {
  x: number;
  y: number;
  /** The upper end of a segment. */
  top: number | null;
  packet: number | null;
}

/** A point that can be stood on. */
export interface Stop extends ChartPoint {
  curve: Curve;
}

/** Round numbers from 0 to `most`, about so many. */
export function marks(most: number, about: number): number[] {
  if (!(most > 0) || !Number.isFinite(most)) return [0];
  const rough = most / Math.max(1, about);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999) ?? 10) * power;
  const found: number[] = [];
  for (let i = 0; i * step <= most * 1.0001 && i < 50; i++) found.push(i * step);
  return found;
}

const trim = (value: number, digits: number) => String(Number(value.toPrecision(digits)));

/** Seconds in the unit that suits the whole axis. */
export function time(seconds: number, most: number): string {
  if (seconds === 0) return "0";
  if (most >= 1) return `${trim(seconds, 4)} s`;
  if (most >= 0.001) return `${trim(seconds * 1e3, 4)} ms`;
  return `${trim(seconds * 1e6, 4)} µs`;
}

/** Bytes in the unit that suits the whole axis; counted in thousands, as everywhere. */
export function size(bytes: number, most: number): string {
  if (bytes === 0) return "0";
  const [unit, name] = most >= 1e9 ? [1e9, "GB"] : most >= 1e6 ? [1e6, "MB"] : most >= 1e3 ? [1e3, "kB"] : [1, "B"];
  return `${trim(bytes / unit, 4)} ${name}`;
}

/** All points of the curves from left to right. */
export function stops(curves: readonly Curve[]): Stop[] {
  return curves.flatMap((curve) => curve.points.map((point) => ({ ...point, curve }))).sort((a, b) => a.x - b.x || (a.packet ?? 0) - (b.packet ?? 0));
}

/** The stop nearest to a place in pixels; `place` says where a point is drawn. */
export function nearest(all: readonly Stop[], x: number, y: number, place: (stop: Stop) => [x: number, low: number, high: number]): number {
  let [best, distance] = [-1, Number.POSITIVE_INFINITY];
  all.forEach((stop, i) => {
    const [at, low, high] = place(stop);
    // anywhere on an upright line is on it
    const down = y > low ? y - low : y < high ? high - y : 0;
    const away = (at - x) ** 2 + down ** 2;
    if (away < distance) [best, distance] = [i, away];
  });
  return best;
}
