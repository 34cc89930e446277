import { describe, expect, it } from "vitest";
import type { Flow } from "../lib/types";
import { arrangement, fit, genre, moved, ORDINARY, sized, toggled, type Arranged } from "./columns";

const keys = (columns: readonly { key: string }[]) => columns.map((column) => column.key).join(" ");

it("types are coloured by what they are", () => {
  const of = (content_type: string) => genre({ kind: "http", response: { content_type } } as Flow);
  expect(["application/json", "application/problem+json; charset=utf-8", "text/event-stream", "application/grpc", "text/xml", "application/x-ndjson"].map(of)).toEqual(Array(6).fill("data"));
  expect(["text/html", "application/xhtml+xml", "text/javascript", "application/wasm", "text/css", "image/svg+xml", "font/woff2", "text/plain"].map(of)).toEqual(["page", "page", "script", "script", "style", "media", "media", null]);
  expect(genre({ kind: "websocket", response: null })).toBe("data");
});

describe("columns", () => {
  it("are shown while there is room, the dispensable go first", () => {
    // a window of 1280 pixels with the tree beside: nothing is left out, and a host has room
    expect(keys(fit(ORDINARY, 1050).shown)).toBe("id status method host path type size duration time client");
    expect(keys(fit(ORDINARY, 1400).shown)).toBe("id status method host path type size duration time client");
    expect(keys(fit(ORDINARY, 960).shown)).toBe("id status method host path type size duration time");
    expect(keys(fit(ORDINARY, 660).shown)).toBe("status method host path size");
    expect(keys(fit(ORDINARY, 10).shown)).toBe("path");
    expect([...fit(ORDINARY, 660).widths.values()]).toEqual([127, 62, 150, 169, 62]);
    expect(fit(ORDINARY, 1400).widths.get("path")).toBeGreaterThan(250);
    expect(fit(ORDINARY, 660).template).toBe("127px 62px minmax(150px, 3fr) minmax(150px, 4fr) 62px");
  });

  it("have more than they need where there is room for it, but for a width that was chosen", () => {
    const status = (room: number, arranged: readonly Arranged[] = ORDINARY) => fit(arranged, room).template.split(" ")[1];
    expect([1049, 1050, 1300, 1400, 1700].map((room) => status(room))).toEqual(["116px", "127px", "127px", "190px", "190px"]);
    // the longest name of a method is a protocol's: PostgreSQL
    expect([1050, 1400].map((room) => fit(ORDINARY, room).widths.get("method"))).toEqual([62, 78]);
    // beside a flow in a window of 1280 pixels no column goes for it
    expect(keys(fit(ORDINARY, 546).shown)).toBe("status method host path");
    expect(status(1700, sized(ORDINARY, "status", 90))).toBe("90px");
  });

  it("fill the width although none grows", () => {
    const all: Arranged[] = [{ key: "host", width: 200 }, { key: "path", width: 300 }];
    expect(fit(all, 900).template).toBe("200px 300px minmax(0, 1fr)");
  });

  it("move, come and go", () => {
    const some: Arranged[] = [{ key: "id" }, { key: "host", width: 90 }, { key: "path" }];
    expect(keys(moved(some, "path", "id"))).toBe("path id host");
    expect(keys(moved(some, "id", null))).toBe("host path id");
    expect(keys(moved(some, "id", "id"))).toBe("id host path");
    expect(keys(moved(some, "id", "nowhere"))).toBe("id host path");
    expect(keys(toggled(some, "method"))).toBe("id method host path");
    expect(keys(toggled(some, "host"))).toBe("id path");
    expect(keys(toggled([{ key: "id" }], "id"))).toBe("id");
    expect(sized(some, "host", 5)[1]).toEqual({ key: "host", width: 36 });
    expect(sized(some, "host", undefined)[1]).toEqual({ key: "host" });
  });

  it("are read back with care", () => {
    expect(arrangement([{ key: "host", width: 100 }, { key: "nonsense" }, null, { key: "path", width: 1e9 }])).toEqual([{ key: "host", width: 100 }, { key: "path" }]);
    expect(arrangement([])).toBeUndefined();
    expect(arrangement("x")).toBeUndefined();
  });
});
