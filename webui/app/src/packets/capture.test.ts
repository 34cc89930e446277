import { describe, expect, it } from "vitest";
import type { Capture, Interface } from "../lib/types";
import { captureLine, interfaceName, ordered } from "./capture";

const capture = (change: Partial<Capture>): Capture => ({ id: 1, interface: "eth0", expression: null, filter: "", state: "running", packets: 0, bytes: 0, dropped: 0, error: null, ...change });
const card = (name: string, change: Partial<Interface> = {}): Interface => ({ name, description: null, addresses: [], loopback: false, up: true, wireless: false, ...change });

describe("captures in words", () => {
  it("says what is captured, and what is not well", () => {
    expect(captureLine([]).text).toBe("no packets");
    expect(captureLine([capture({ packets: 1 })])).toMatchObject({ text: "eth0: 1 packet", bad: false });
    expect(captureLine([capture({ packets: 2 }), capture({ interface: "lo", packets: 3 })]).text).toBe("2 interfaces: 5 packets");
    expect(captureLine([capture({ dropped: 4 })])).toMatchObject({ bad: true, title: "eth0: 0 packets, 4 lost" });
    expect(captureLine([capture({}), capture({ interface: "wlan0", state: "failed", error: "no right" })])).toMatchObject({ text: "wlan0: not captured", bad: true });
  });

  it("offers the interface that leads somewhere first", () => {
    const all = [card("docker0", { up: false }), card("lo", { loopback: true, addresses: ["127.0.0.1"] }), card("any"), card("eth0", { addresses: ["192.0.2.7"] })];
    expect(ordered(all).map((one) => one.name)).toEqual(["eth0", "any", "lo", "docker0"]);
    expect(all.map(interfaceName)).toEqual(["docker0", "lo (127.0.0.1)", "any", "eth0 (192.0.2.7)"]);
  });
});
