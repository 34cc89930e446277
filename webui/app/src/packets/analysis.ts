//! What an analysis says, as curves and as rows of figures.

import { bytes, count, duration } from "../lib/format";
import type { Analysis, Counted, DirectionAnalysis, Series, Side, Spread } from "../lib/types";
import type { ChartPoint, Curve } from "./chart";

export type Graph = "sequence" | "throughput" | "rtt";

/** The direction with more data: the one that is looked at first. */
export function busier(analysis: Analysis): Side {
  return analysis.request.counted.data_bytes > analysis.response.counted.data_bytes ? "request" : "response";
}

function points(series: Series): ChartPoint[] {
  return series.points.map(({ time_s, value, end, packet }) => ({ x: time_s, y: value, top: end, packet }));
}

/** The curves of a graph; `window` is drawn on demand, because it can be far above all else. */
export function curves(of: DirectionAnalysis, graph: Graph, window: boolean): Curve[] {
  if (graph === "rtt") return [{ name: "round trip", kind: "dots", look: "rtt", points: points(of.rtt) }];
  if (graph === "throughput") {
    const { interval_s, bytes } = of.throughput;
    const bars = bytes.map((sum, i) => ({ x: i * interval_s, y: sum / interval_s, top: null, packet: first(of, i * interval_s, interval_s) }));
    return [{ name: "bytes a second", kind: "bars", look: "rate", points: bars }];
  }
  return [
    ...(window ? [{ name: "window of the other side", kind: "steps", look: "window", points: points(of.window) } as const] : []),
    { name: "acknowledged by the other side", kind: "steps", look: "acknowledged", points: points(of.acknowledged) },
    { name: "sent", kind: "segments", look: "sent", points: points(of.sent) },
    { name: "retransmitted", kind: "segments", look: "again", points: points(of.retransmitted) },
    { name: "out of order", kind: "segments", look: "late", points: points(of.out_of_order) },
  ];
}

/** The first packet that was sent in an interval. */
function first(of: DirectionAnalysis, from: number, length: number): number | null {
  const within = [of.sent, of.retransmitted, of.out_of_order].flatMap((series) => series.points.find(({ time_s }) => time_s >= from && time_s < from + length) ?? []);
  return within.sort((a, b) => a.time_s - b.time_s)[0]?.packet ?? null;
}

/** The window is drawn at first when it does not make all else small. */
export function windowFits(of: DirectionAnalysis): boolean {
  const most = (series: Series) => Math.max(0, ...series.points.map((point) => point.end ?? point.value));
  return most(of.window) <= 3 * most(of.sent);
}

/** How many points there were, and are drawn. */
export function thinned(of: DirectionAnalysis, graph: Graph): { drawn: number; all: number } {
  const all = graph === "rtt" ? [of.rtt] : graph === "sequence" ? [of.sent, of.retransmitted, of.out_of_order, of.acknowledged] : [];
  return { drawn: all.reduce((sum, series) => sum + series.points.length, 0), all: all.reduce((sum, series) => sum + series.count, 0) };
}

const ms = (value: number | null) => (value === null ? "" : duration(value));
const size = (value: number | null) => (value === null ? "" : bytes(value));
const spread = (of: Spread) => (of.samples === 0 ? "" : `${ms(of.min)} / ${ms(of.mean)} / ${ms(of.max)}`);

/** The figures of a direction: name, what it means, value. */
const FIGURES: [name: string, means: string, value: (of: Counted) => string][] = [
  ["Packets", "Of this side, with and without data", (of) => count(of.packets)],
  ["Packets with data", "", (of) => count(of.data_packets)],
  ["Bytes", "Each counted once", (of) => bytes(of.unique_bytes)],
  ["Bytes sent", "As often as they were sent", (of) => bytes(of.data_bytes)],
  ["Retransmitted packets", "With something that was sent before", (of) => count(of.retransmitted_packets)],
  ["Retransmitted bytes", "", (of) => bytes(of.retransmitted_bytes)],
  ["Retransmitted after", "Least / mean / most", (of) => spread(of.retransmission_time_ms)],
  ["Out of order", "New, and behind others that they stand before", (of) => count(of.out_of_order_packets)],
  ["Duplicate ACKs", "Of this side's data, RFC 5681", (of) => count(of.duplicate_acks)],
  ["Three duplicate ACKs", "Which make a sender send again", (of) => count(of.triple_duplicate_acks)],
  ["Bare ACKs", "Acknowledgements without data", (of) => count(of.pure_acks)],
  ["SACK", "Selective acknowledgements: offered, and packets with them", (of) => `${of.sack_permitted ? "yes" : "no"}, ${count(of.sack_packets)}`],
  ["Resets", "", (of) => count(of.resets)],
  ["MSS", "The largest segment that it wants to receive", (of) => (of.mss === null ? "" : bytes(of.mss))],
  ["Segments", "Least / mean / most, with data", (of) => (of.segment.mean === null ? "" : `${bytes(of.segment.min)} / ${bytes(of.segment.mean)} / ${bytes(of.segment.max)}`)],
  ["Window", "Least above zero / mean / most that it takes", (of) => (of.window.mean === null ? "" : `${bytes(of.window.min)} / ${bytes(of.window.mean)} / ${bytes(of.window.max)}`)],
  ["Window scale", "Bits that its windows are shifted by", (of) => (of.window_scale === null ? "none" : String(of.window_scale))],
  ["Zero windows", "How often it had no room", (of) => count(of.window.zero)],
  ["On their way at once", "Most bytes", (of) => bytes(of.outstanding.max)],
  ["Initial window", "Sent before anything was acknowledged", (of) => bytes(of.initial_window_bytes)],
  ["Stream length", "From SYN to FIN", (of) => size(of.stream_length)],
  ["Missed", "Of that, never seen", (of) => size(of.missed_bytes)],
  ["Round trip", "Least / mean / most", (of) => spread(of.rtt_ms)],
  ["Round trip, deviation", "", (of) => ms(of.rtt_ms.stdev)],
  ["Round trips measured", "", (of) => count(of.rtt_ms.samples)],
  ["Round trip of the handshake", "", (of) => ms(of.rtt_handshake_ms)],
  ["Throughput", "Bytes by the connection's duration", (of) => (of.throughput === null ? "" : `${bytes(of.throughput)}/s`)],
  ["Sending took", "From the first packet with data to the last", (of) => duration(of.transmission_time_s * 1000)],
  ["Longest silence", "", (of) => duration(of.idle_max_ms)],
];

export function figures(analysis: Analysis): { name: string; means: string; request: string; response: string }[] {
  return FIGURES.map(([name, means, value]) => ({ name, means, request: value(analysis.request.counted), response: value(analysis.response.counted) }));
}
