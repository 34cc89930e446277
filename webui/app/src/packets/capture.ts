//! Captures beside the proxy, in words.

import { count, plural } from "../lib/format";
import type { Capture, Interface } from "../lib/types";

/** All captures in a few words for the line at the bottom, and in more. */
export function captureLine(captures: Capture[]): { text: string; title: string; bad: boolean } {
  if (captures.length === 0) return { text: "no packets", title: "Packets beside the proxy are not captured. Click to begin.", bad: false };
  const bad = captures.some((one) => one.error !== null || one.dropped > 0);
  const first = captures[0];
  const failed = captures.find((one) => one.state === "failed" || one.state === "waiting");
  const packets = captures.reduce((sum, one) => sum + one.packets, 0);
  const where = captures.length === 1 ? first?.interface : `${captures.length} interfaces`;
  const text = failed ? `${failed.interface}: ${state(failed)}` : `${where}: ${plural(packets, "packet")}`;
  return { text, title: captures.map((one) => `${one.interface}: ${state(one)}`).join("; "), bad };
}

/** How a capture is. */
export function state(capture: Capture): string {
  if (capture.state === "starting") return "is being opened";
  if (capture.state === "failed") return "not captured";
  if (capture.state === "waiting") return "broke off, begins again";
  const lost = capture.dropped > 0 ? `, ${count(capture.dropped)} lost` : "";
  return `${plural(capture.packets, "packet")}${lost}`;
}

/** Interfaces in the order in which people look for them: what is up and leads somewhere first. */
export function ordered(interfaces: Interface[]): Interface[] {
  const rank = (one: Interface) => (one.addresses.length > 0 && one.up && !one.loopback ? 0 : one.name === "any" ? 1 : one.loopback ? 2 : 3);
  return interfaces.map((one, at) => ({ one, at })).sort((a, b) => rank(a.one) - rank(b.one) || a.at - b.at).map(({ one }) => one);
}

/** An interface as a choice. */
export function interfaceName(one: Interface): string {
  const more = one.addresses[0] ?? one.description ?? "";
  return more ? `${one.name} (${more})` : one.name;
}
