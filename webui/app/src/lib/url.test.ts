import { describe, expect, it } from "vitest";
import { format, parse } from "./url";

describe("the address", () => {
  it("keeps a filter with every kind of character", () => {
    const route = parse("");
    route.filter = 'host:a.test path:/x&y=1#z header:"a b" ü+%20';
    route.flow = 12;
    route.tab = "packets";
    route.packet = 3;
    expect(parse(format(route))).toEqual(route);
  });

  it("is short for the ordinary", () => {
    expect(format(parse(""))).toBe("#/");
    expect(format(parse("#/?filter=status:500&flow=12"))).toBe("#/?filter=status:500&flow=12");
    expect(format(parse("#/replay?flow=3"))).toBe("#/replay?flow=3");
    expect(format(parse("#/compare?a=3&b=4&flow=3"))).toBe("#/compare?a=3&b=4&flow=3");
    expect(format(parse("#/?a=3&b=4"))).toBe("#/");
    expect(format(parse("#/changes?a=3"))).toBe("#/changes?a=3");
    expect(format(parse("#/compose"))).toBe("#/compose");
    expect(format(parse("#/run?run=2"))).toBe("#/run?run=2");
    expect(format(parse("#/capture?capture=7&packet=3"))).toBe("#/capture?capture=7&packet=3");
    expect(format(parse("#/?capture=7"))).toBe("#/");
    expect(format(parse("#/waiting?waiting=7&rule=2"))).toBe("#/waiting?waiting=7");
    expect(format(parse("#/rules?rule=-3&waiting=7"))).toBe("#/rules?rule=-3");
    expect(format(parse("#/rules?rule=0"))).toBe("#/rules?rule=0");
    expect(parse("#/rules?rule=x").rule).toBeNull();
    expect(format(parse("#/?waiting=7"))).toBe("#/");
    expect(format(parse("#/settings?session=2"))).toBe("#/settings?session=2");
    expect(format(parse("#/?sort=duration&order=desc&tab=body&flow=1"))).toBe("#/?flow=1&tab=body&sort=duration&order=desc");
  });

  it("takes nonsense as nothing", () => {
    expect(parse("#/nowhere?flow=-1&tab=x&sort=y&order=z")).toEqual(parse("#/"));
    expect(parse("#/replay").screen).toBe("list");
    expect(parse("#/compare?a=1").screen).toBe("list");
    expect(parse("#/capture").screen).toBe("list");
    expect(parse("#/run").screen).toBe("list");
    expect(parse("#/?session=-4").session).toBeNull();
    expect(parse("#/?flow=1e99").flow).toBeNull();
    expect(parse("#/?filter=%E0%A4%A").filter).not.toBe("");
  });
});
