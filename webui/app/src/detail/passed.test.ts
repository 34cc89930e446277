import { expect, test } from "vitest";
import type { FlowDetail } from "../lib/types";
import { askedHost, isPassedThrough, mayPass } from "./passed";

function flow(more: Record<string, unknown>): FlowDetail {
  return { kind: "tls", state: "complete", error: null, has_packets: false, host: "192.0.2.1", connection: null, ...more } as unknown as FlowDetail;
}

test("what was relayed unopened by the proxy", () => {
  expect(isPassedThrough(flow({}))).toBe(true);
  expect(isPassedThrough(flow({ state: "running" }))).toBe(true);
  expect(isPassedThrough(flow({ state: "failed" }))).toBe(false);
  expect(isPassedThrough(flow({ has_packets: true }))).toBe(false);
  expect(isPassedThrough(flow({ kind: "tcp" }))).toBe(false);
});

test("what a client refused may pass", () => {
  const error = { cause: "tls", side: "client", text: "" };
  expect(mayPass(flow({ state: "failed", error }))).toBe(true);
  expect(mayPass(flow({ state: "failed", error: { ...error, side: "server" } }))).toBe(false);
  expect(mayPass(flow({ state: "failed", error: { ...error, cause: "forbidden" } }))).toBe(false);
  expect(mayPass(flow({}))).toBe(false);
});

test("the name in TLS is the host that passes", () => {
  expect(askedHost(flow({}))).toBe("192.0.2.1");
  expect(askedHost(flow({ connection: { client_tls: { sni: "a.test" } } }))).toBe("a.test");
});
