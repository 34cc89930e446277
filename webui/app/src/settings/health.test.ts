import { describe, expect, it } from "vitest";
import { rate, startedAgain, uptime, warnings } from "./health";

describe("the state of the tool", () => {
  it("warns of a disk that is nearly full and of a long queue", () => {
    const well = { disk_free: 50e9, queued_bytes: 1_000, queue_bytes_limit: 16 << 20 };
    expect(warnings(well)).toEqual([]);
    expect(warnings({ ...well, disk_free: null })).toEqual([]);
    expect(warnings({ ...well, disk_free: 400e6 })[0]?.text).toContain("400 MB free");
    expect(warnings({ ...well, queued_bytes: 9 << 20 })).toHaveLength(1);
    expect(warnings({ ...well, disk_free: 0, queued_bytes: 16 << 20 })[1]?.text).toContain("slowed down");
  });

  it("tells a program that was started again from one that went on", () => {
    expect(startedAgain(100, 5, 105)).toBe(false);
    expect(startedAgain(100, 5.9, 104)).toBe(false);
    expect(startedAgain(1, 4, 1)).toBe(true);
    expect(startedAgain(100, 3600, 3)).toBe(true);
  });

  it("says rates and times shortly", () => {
    expect([rate(0), rate(0.2), rate(12.6), rate(200)]).toEqual(["0 flows/s", "0.2 flows/s", "13 flows/s", "200 flows/s"]);
    expect([uptime(5), uptime(300), uptime(7500), uptime(400_000)]).toEqual(["less than a minute", "5 min", "2 h 5 min", "4 days"]);
  });
});
