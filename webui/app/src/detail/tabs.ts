//! The parts of a flow, and the number keys that lead to them: the same for every kind of flow.

import type { Kind } from "../lib/types";
import type { Tab } from "../lib/url";

export const TABS: readonly [tab: Tab, name: string, kinds: readonly Kind[]][] = [
  ["overview", "Overview", ["http", "websocket", "tcp", "tls", "udp", "dns", "icmp"]],
  ["request", "Request", ["http", "websocket", "dns"]],
  ["response", "Response", ["http", "websocket", "dns"]],
  ["body", "Body", ["http"]],
  ["messages", "Messages", ["websocket", "tcp", "udp", "dns", "icmp"]],
  ["packets", "Packets", ["http", "websocket", "tcp", "tls", "udp", "dns", "icmp"]],
  ["connection", "Connection & TLS", ["http", "websocket", "tcp", "tls", "udp", "dns", "icmp"]],
  ["changes", "Changes", ["http", "websocket"]],
];

export function numberOf(key: Tab): number {
  return TABS.findIndex(([one]) => one === key) + 1;
}
