import { describe, expect, it } from "vitest";
import type { CaptureOverview } from "../lib/types";
import { end, left, rows, type Table } from "./overview";

const counted = (packets: number, bytes: number) => ({ packets, bytes });

const OVERVIEW: CaptureOverview = {
  all: counted(10, 5000),
  first: "2026-11-21T10:00:00.000000000Z",
  last: "2026-11-21T10:00:09.000000000Z",
  conversations: [
    { protocol: "tcp", a: "10.0.0.10", a_port: 40000, b: "10.0.0.2", b_port: 443, a_to_b: counted(2, 200), b_to_a: counted(4, 4000), first: "2026-11-21T10:00:01.500000000Z", duration_ms: 1200, expression: "tcp" },
    { protocol: "arp", a: "02:00:00:00:00:01", a_port: null, b: "02:00:00:00:00:02", b_port: null, a_to_b: counted(9, 700), b_to_a: counted(0, 0), first: "2026-11-21T10:00:00.000000000Z", duration_ms: 3, expression: "arp" },
    { protocol: "udp", a: "10.0.0.9", a_port: 9, b: "fd00::1", b_port: 53, a_to_b: counted(1, 60), b_to_a: counted(1, 40), first: "2026-11-21T10:00:00.000000000Z", duration_ms: 1, expression: "udp" },
  ],
  conversation_count: 5,
  endpoints: [],
  endpoint_count: 0,
  protocols: [
    { protocol: "eth", depth: 0, packets: 10, bytes: 5000, expression: "protocol eth" },
    { protocol: "ip", depth: 1, packets: 4, bytes: 4300, expression: "ip" },
    { protocol: "tcp", depth: 2, packets: 2, bytes: 4200, expression: "ip and tcp" },
    { protocol: "udp", depth: 2, packets: 3, bytes: 100, expression: "ip and udp" },
    { protocol: "arp", depth: 1, packets: 6, bytes: 700, expression: "arp" },
  ],
  gone: false,
};

const first = (table: Table, key: string, down: boolean) => rows(OVERVIEW, table, { key, down }).map((row) => Object.values(row.cells)[0]?.text);

describe("a capture by numbers", () => {
  it("says what each row is", () => {
    const [tcp, arp, udp] = rows(OVERVIEW, "conversations", null);
    expect(tcp?.cells).toMatchObject({ a: { text: "10.0.0.10:40000" }, packets: { text: "6" }, bytes: { text: "4.2 kB" }, b_bytes: { text: "4.0 kB" }, begin: { text: "1.500000 s" }, duration: { text: "1.20 s" } });
    expect(arp?.cells["a"]?.text).toBe("02:00:00:00:00:01");
    expect(udp?.cells["b"]?.text).toBe("[fd00::1]:53");
    expect(left(OVERVIEW, "conversations")).toBe(2);
    expect(end("::1", null)).toBe("::1");
  });

  it("is sorted by figures and by addresses", () => {
    expect(first("conversations", "packets", true)).toEqual(["02:00:00:00:00:01", "10.0.0.10:40000", "10.0.0.9:9"]);
    expect(first("conversations", "a", false)).toEqual(["02:00:00:00:00:01", "10.0.0.9:9", "10.0.0.10:40000"]);
    expect(first("conversations", "duration", false)).toEqual(["10.0.0.9:9", "02:00:00:00:00:01", "10.0.0.10:40000"]);
  });

  it("keeps what is inside a protocol with it", () => {
    expect(first("protocols", "packets", true)).toEqual(["eth", "arp", "ip", "udp", "tcp"]);
    expect(first("protocols", "protocol", true)).toEqual(["eth", "ip", "udp", "tcp", "arp"]);
    expect(rows(OVERVIEW, "protocols", null)[2]).toMatchObject({ depth: 2, cells: { part: { text: "20.0 %" }, bytes_part: { text: "84.0 %" } } });
  });
});
