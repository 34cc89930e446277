//! A capture by numbers as tables: conversations, endpoints, protocols.

import { between, bytes, count, duration } from "../lib/format";
import type { CaptureOverview, PacketCount } from "../lib/types";

export type Table = "conversations" | "endpoints" | "protocols";

export interface Column {
  key: string;
  title: string;
  /** A figure: to the right, and sorted from the largest down. */
  figure: boolean;
  /** Left out where there is little room. */
  more?: boolean;
}

export interface Row {
  /** What it says in each column, and by what it is sorted. */
  cells: Record<string, { text: string; by: number | string }>;
  /** How deep it stands in others. */
  depth: number;
  /** What chooses its packets: an expression of pcap-filter(7), or the row itself. */
  expression: string;
}

export interface Sort {
  key: string;
  down: boolean;
}

const COLUMNS: Record<Table, Column[]> = {
  conversations: [
    { key: "a", title: "A", figure: false },
    { key: "b", title: "B", figure: false },
    { key: "protocol", title: "Protocol", figure: false },
    { key: "packets", title: "Packets", figure: true },
    { key: "bytes", title: "Bytes", figure: true },
    { key: "a_packets", title: "Packets A → B", figure: true, more: true },
    { key: "a_bytes", title: "Bytes A → B", figure: true, more: true },
    { key: "b_packets", title: "Packets B → A", figure: true, more: true },
    { key: "b_bytes", title: "Bytes B → A", figure: true, more: true },
    { key: "begin", title: "Begin", figure: true, more: true },
    { key: "duration", title: "Duration", figure: true, more: true },
  ],
  endpoints: [
    { key: "address", title: "Address", figure: false },
    { key: "packets", title: "Packets", figure: true },
    { key: "bytes", title: "Bytes", figure: true },
    { key: "a_packets", title: "Packets sent", figure: true, more: true },
    { key: "a_bytes", title: "Bytes sent", figure: true, more: true },
    { key: "b_packets", title: "Packets received", figure: true, more: true },
    { key: "b_bytes", title: "Bytes received", figure: true, more: true },
  ],
  protocols: [
    { key: "protocol", title: "Protocol", figure: false },
    { key: "packets", title: "Packets", figure: true },
    { key: "part", title: "Of all packets", figure: true, more: true },
    { key: "bytes", title: "Bytes", figure: true },
    { key: "bytes_part", title: "Of all bytes", figure: true, more: true },
  ],
};

export function columns(table: Table): Column[] {
  return COLUMNS[table];
}

/** The rows of a table, sorted: of protocols, those that are inside the same one. */
export function rows(overview: CaptureOverview, table: Table, sort: Sort | null): Row[] {
  const made = table === "conversations" ? conversations(overview) : table === "endpoints" ? endpoints(overview) : protocols(overview);
  return sort ? sorted(made, sort) : made;
}

/** How many rows are left out: those with the fewest bytes. */
export function left(overview: CaptureOverview, table: Table): number {
  if (table === "conversations") return overview.conversation_count - overview.conversations.length;
  if (table === "endpoints") return overview.endpoint_count - overview.endpoints.length;
  return 0;
}

function conversations(overview: CaptureOverview): Row[] {
  return overview.conversations.map((one) => {
    const begin = between(overview.first, one.first) ?? 0;
    return {
      depth: 0,
      expression: one.expression,
      cells: {
        a: text(end(one.a, one.a_port)),
        b: text(end(one.b, one.b_port)),
        protocol: text(one.protocol),
        ...figures(one.a_to_b, one.b_to_a),
        begin: { text: `${(begin / 1000).toFixed(6)} s`, by: begin },
        duration: { text: one.duration_ms === 0 ? "0 ms" : duration(one.duration_ms), by: one.duration_ms },
      },
    };
  });
}

function endpoints(overview: CaptureOverview): Row[] {
  return overview.endpoints.map((one) => ({ depth: 0, expression: one.expression, cells: { address: text(one.address), ...figures(one.sent, one.received) } }));
}

function protocols(overview: CaptureOverview): Row[] {
  const part = (of: number, all: number) => ({ text: `${((100 * of) / Math.max(all, 1)).toFixed(1)} %`, by: of });
  return overview.protocols.map((one) => ({
    depth: one.depth,
    expression: one.expression,
    cells: {
      protocol: text(one.protocol),
      packets: { text: count(one.packets), by: one.packets },
      part: part(one.packets, overview.all.packets),
      bytes: { text: bytes(one.bytes), by: one.bytes },
      bytes_part: part(one.bytes, overview.all.bytes),
    },
  }));
}

function figures(a: PacketCount, b: PacketCount): Row["cells"] {
  const packets = (n: number) => ({ text: count(n), by: n });
  const size = (n: number) => ({ text: bytes(n), by: n });
  return {
    packets: packets(a.packets + b.packets),
    bytes: size(a.bytes + b.bytes),
    a_packets: packets(a.packets),
    a_bytes: size(a.bytes),
    b_packets: packets(b.packets),
    b_bytes: size(b.bytes),
  };
}

const text = (what: string) => ({ text: what, by: what });

/** An address with its port, as it is written in a URL. */
export function end(address: string, port: number | null): string {
  if (port === null) return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

const natural = new Intl.Collator("en", { numeric: true });

function sorted(made: Row[], { key, down }: Sort): Row[] {
  const compare = (a: Row, b: Row) => {
    const [x, y] = [a.cells[key]?.by ?? "", b.cells[key]?.by ?? ""];
    const order = typeof x === "number" && typeof y === "number" ? x - y : natural.compare(String(x), String(y));
    return down ? -order : order;
  };
  // each with what is inside it
  const level = (from: number, to: number, depth: number): Row[] => {
    const groups: { row: Row; inside: Row[] }[] = [];
    for (let at = from; at < to; ) {
      let next = at + 1;
      while (next < to && (made[next]?.depth ?? 0) > depth) next++;
      const row = made[at];
      if (row) groups.push({ row, inside: level(at + 1, next, depth + 1) });
      at = next;
    }
    return groups.sort((a, b) => compare(a.row, b.row)).flatMap(({ row, inside }) => [row, ...inside]);
  };
  return level(0, made.length, 0);
}
