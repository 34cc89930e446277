import { describe, expect, it } from "vitest";
import type { PacketField, PacketLayer } from "../lib/types";
import { short } from "./list.svelte";
import { partAt, rows } from "./layers";

const field = (name: string, begin: number, end: number, fields: PacketField[] = []): PacketField => ({ name, value: `of ${name}`, begin, end, fields });
const layer = (name: string, begin: number, end: number, fields: PacketField[]): PacketLayer => ({ name, summary: `a ${name}`, begin, end, fields, problem: null });

const LAYERS = [
  layer("Ethernet", 0, 14, [field("Destination", 0, 6), field("Source", 6, 12)]),
  layer("IPv4", 14, 34, [field("First", 14, 15, [field("Version", 14, 15), field("Length", 14, 15)]), field("Options", 20, 34, [field("One", 20, 24), field("Two", 24, 34)])]),
  layer("TCP", 34, 54, []),
];

describe("the layers of a packet", () => {
  it("are rows as far as they are open", () => {
    expect(rows(LAYERS, new Set()).map((row) => [row.id, row.name, row.value, row.opens])).toEqual([
      ["0", "Ethernet", "a Ethernet", true],
      ["1", "IPv4", "a IPv4", true],
      ["2", "TCP", "a TCP", false],
    ]);
    const open = rows(LAYERS, new Set(["IPv4", "IPv4/Options"]));
    expect(open.map((row) => `${row.id} ${row.level} ${row.path}`)).toEqual([
      "0 1 Ethernet",
      "1 1 IPv4",
      "1.0 2 IPv4/First",
      "1.1 2 IPv4/Options",
      "1.1.0 3 IPv4/Options/One",
      "1.1.1 3 IPv4/Options/Two",
      "2 1 TCP",
    ]);
  });

  it("know whose a byte is", () => {
    expect(partAt(LAYERS, 7)).toEqual({ id: "0.1", open: ["Ethernet"] });
    // of no field
    expect(partAt(LAYERS, 13)).toEqual({ id: "0", open: [] });
    // bits share their byte
    expect(partAt(LAYERS, 14)).toEqual({ id: "1.0", open: ["IPv4"] });
    expect(partAt(LAYERS, 25)).toEqual({ id: "1.1.1", open: ["IPv4", "IPv4/Options"] });
    expect(partAt(LAYERS, 54)).toBeNull();
  });

  it("leave the addresses out of a line", () => {
    expect(short("IP 10.0.0.1.4000 > 10.0.0.2.80: Flags [S], seq 1, win 2")).toBe("Flags [S], seq 1, win 2");
    expect(short("IP6 ::1.4000 > ::1.53: 1+ A? a.test. (24)")).toBe("1+ A? a.test. (24)");
    expect(short("ARP, Request who-has 10.0.0.1")).toBe("ARP, Request who-has 10.0.0.1");
  });
});
