import { expect, test } from "vitest";
import { written } from "../body/lines";
import type { FlowDetail, Side } from "../lib/types";
import { lay, layJson, turns } from "./follow";
import { BEGINS, turnedAt } from "./upgrade";

const at = (second: number) => `2026-11-22T10:00:0${second}.000000000Z`;

function flow(more: Record<string, unknown>, done: string | null): FlowDetail {
  return { kind: "tcp", has_packets: false, times: { started: at(2) }, connection: { times: { client_tls_done: done } }, ...more } as unknown as FlowDetail;
}

test("when a conversation turned to TLS", () => {
  expect(turnedAt(flow({}, at(4)))).toBe(at(4));
  // TLS came first, there was none, it passed by, nothing is known
  expect(turnedAt(flow({}, at(1)))).toBeNull();
  expect(turnedAt(flow({}, null))).toBeNull();
  expect(turnedAt(flow({ has_packets: true }, at(4)))).toBeNull();
  expect(turnedAt(flow({ connection: null }, null))).toBeNull();
  expect(turnedAt(flow({ kind: "http" }, at(4)))).toBeNull();
});

test("a stream that is followed says where TLS begins", () => {
  const piece = (side: Side, text: string, second: number) => ({ side, data: new TextEncoder().encode(text), at: at(second) });
  const pieces = [piece("response", "220 go\n", 3), piece("request", "login ", 5), piece("request", "me\n", 6), piece("response", "250\n", 7)];
  const both: Side[] = ["request", "response"];
  const lines = (sides: Side[], since: string | null) => written(lay(turns(pieces, sides, false, since), "text", "utf-8"));
  expect(lines(both, at(4))).toEqual(["220 go", BEGINS, "login me", "250"]);
  expect(lines(["response"], at(4))).toEqual(["220 go", BEGINS, "250"]);
  expect(lines(both, null)).toEqual(["220 go", "login me", "250"]);
  // one side goes on behind its own request, as MySQL's clients do
  expect(lines(["request"], at(5))).toEqual(["login ", BEGINS, "me"]);
  const values = [piece("request", "[1]", 3), piece("request", "[2]", 5)];
  expect(written(layJson(turns(values, both, false, at(4)), "utf-8")!.lines)).toEqual(["[", "  1", "]", BEGINS, "[", "  2", "]"]);
});
