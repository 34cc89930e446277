import { describe, expect, it } from "vitest";
import type { ConnectionTimes, FlowDetail, FlowTimes } from "../lib/types";
import { headText } from "./head";
import { advice, story } from "./story";
import { ticks, timeline } from "./timing";

/** So many milliseconds, with their fractions, after a moment. */
const at = (ms: number) => {
  const nanoseconds = Math.round(ms * 1e6) + 500_000_000;
  const seconds = Math.floor(nanoseconds / 1e9);
  return `${new Date(Date.UTC(2026, 10, 21, 1, 2, 3 + seconds)).toISOString().slice(0, 19)}.${String(nanoseconds - seconds * 1e9).padStart(9, "0")}Z`;
};

function flow(times: Partial<FlowTimes>, connection: Partial<ConnectionTimes>, more: object = {}): FlowDetail {
  const none = { dns_start: null, dns_done: null, connect_start: null, connected: null, server_tls_done: null, client_tls_done: null, closed: null };
  return {
    kind: "http", state: "complete", method: "GET", host: "a.test", port: 443, status: 200, error: null, duration_ms: 40, started_at: at(0), tags: [],
    request: { body_size: 0 }, response: { version: "HTTP/2", content_type: "application/json", body_size: 1234 },
    times: { started: at(0), request_first: null, request_last: null, response_first: null, response_last: null, ended: null, ...times },
    connection: { times: { accepted: at(-100), ...none, ...connection } },
    ...more,
  } as unknown as FlowDetail;
}

const spans = (phases: { name: string; start: number; ms: number }[]) => phases.map((p) => `${p.name} ${p.start.toFixed(1)}+${p.ms.toFixed(1)}`);

describe("timing", () => {
  it("puts a connection that stood before the request on an axis of its own", () => {
    const time = timeline(
      flow(
        { request_first: at(0), request_last: at(1), response_first: at(30), response_last: at(40) },
        { dns_start: at(-90), dns_done: at(-80), connect_start: at(-80), connected: at(-60), server_tls_done: at(-30), client_tls_done: at(-20) },
      ),
    );
    expect(spans(time.setup)).toEqual(["DNS 0.0+10.0", "Connect 10.0+20.0", "Server TLS 30.0+30.0", "Client TLS 60.0+10.0"]);
    expect(spans(time.phases)).toEqual(["Send 0.0+1.0", "Wait 1.0+29.0", "Transfer 30.0+10.0"]);
    expect(time.age).toBeCloseTo(20);
    expect(time.total).toBeCloseTo(70);
  });

  it("has one handshake where the connection passed by", () => {
    const times = { dns_start: at(-90), dns_done: at(-80), connect_start: at(-80), connected: at(-60), server_tls_done: at(-30), client_tls_done: at(-30) };
    expect(spans(timeline(flow({}, times, { has_packets: true })).setup)).toEqual(["DNS 0.0+10.0", "Connect 10.0+20.0", "TLS 30.0+30.0"]);
  });

  it("keeps a connection made for the request among its phases", () => {
    const time = timeline(
      flow(
        { request_first: at(0), request_last: at(1), response_first: at(30), response_last: at(40) },
        { dns_start: at(1), dns_done: at(4), connect_start: at(4), connected: at(10) },
      ),
    );
    expect(time.setup).toEqual([]);
    expect(spans(time.phases)).toEqual(["DNS 1.0+3.0", "Connect 4.0+6.0", "Send 0.0+1.0", "Wait 10.0+20.0", "Transfer 30.0+10.0"]);
  });

  it("keeps its axis short when the clock was set back between dialling and the request", () => {
    const HOUR = 3_600_000;
    const time = timeline(
      flow(
        { request_first: at(0), request_last: at(1), response_first: at(30), response_last: at(40), ended: at(40) },
        { dns_start: at(HOUR), dns_done: at(HOUR + 4), connect_start: at(HOUR + 4), connected: at(HOUR + 10) },
      ),
    );
    expect(spans(time.setup)).toEqual(["DNS 0.0+4.0", "Connect 4.0+6.0"]);
    expect(spans(time.phases)).toEqual(["Send 0.0+1.0", "Wait 1.0+29.0", "Transfer 30.0+10.0"]);
    expect([time.age, time.total]).toEqual([null, 40]);
  });

  it("leaves out phases that end before they begin", () => {
    const time = timeline(flow({ request_first: at(0), request_last: at(1), response_first: at(-90_000), response_last: at(-89_000) }, {}));
    expect(spans(time.phases)).toEqual(["Send 0.0+1.0", "Transfer 0.0+1000.0"]);
  });

  describe("of what failed", () => {
    const failed = (cause: string, times: Partial<FlowTimes>, connection: Partial<ConnectionTimes>, more: object = {}) =>
      timeline(flow(times, connection, { state: "failed", status: null, response: null, scheme: "http", error: { cause, side: "server", text: "no" }, ...more }));
    const asked = { request_first: at(0), request_last: at(1) };
    const broken = (time: ReturnType<typeof timeline>) => [...time.setup, ...time.phases].filter((phase) => phase.failed).map((phase) => phase.name);

    it("shows the attempt to connect until it failed, and nothing that was waited for after it", () => {
      const refused = failed("refused", { ...asked, ended: at(7) }, { dns_start: at(1), dns_done: at(4), connect_start: at(4) });
      expect(spans(refused.phases)).toEqual(["DNS 1.0+3.0", "Connect 4.0+3.0", "Send 0.0+1.0"]);
      expect([broken(refused), refused.total]).toEqual([["Connect"], 7]);
      // the time of a connection before it, to another server, is not this one's
      expect(broken(failed("refused", { ...asked, ended: at(7) }, { dns_start: at(1), dns_done: at(4), connect_start: at(4), connected: at(-50) }))).toEqual(["Connect"]);
    });

    it("shows a name that was not found", () => {
      const time = failed("dns", { ...asked, ended: at(9) }, { dns_start: at(1), dns_done: at(8) });
      expect([spans(time.phases), broken(time)]).toEqual([["DNS 1.0+7.0", "Send 0.0+1.0"], ["DNS"]]);
    });

    it("shows which handshake broke off, and when at the latest", () => {
      const stood = { dns_start: at(-90), dns_done: at(-80), connect_start: at(-80), connected: at(-60) };
      const server = failed("certificate", { ...asked, ended: at(9) }, { ...stood, client_tls_done: at(-20) }, { scheme: "https" });
      expect([spans(server.setup), broken(server), server.age]).toEqual([["DNS 0.0+10.0", "Connect 10.0+20.0", "Server TLS 30.0+40.0"], ["Server TLS"], null]);
      const error = { cause: "tls", side: "client", text: "no" };
      const client = failed("tls", { ended: at(9) }, { dns_start: at(1), dns_done: at(2), connect_start: at(2), connected: at(3), server_tls_done: at(5) }, { kind: "tls", scheme: "https", error });
      expect([spans(client.phases), broken(client)]).toEqual([["DNS 1.0+1.0", "Connect 2.0+1.0", "Server TLS 3.0+2.0", "Client TLS 5.0+4.0"], ["Client TLS"]]);
    });

    it("shows a response that did not come, and one that broke off", () => {
      const way = { dns_start: at(1), dns_done: at(1), connect_start: at(1), connected: at(2) };
      const closed = failed("closed", { ...asked, ended: at(9) }, way);
      expect([spans(closed.phases).at(-1), broken(closed)]).toEqual(["Wait 2.0+7.0", ["Wait"]]);
      const cut = failed("reset", { ...asked, response_first: at(5), response_last: at(6), ended: at(9) }, way);
      expect([spans(cut.phases).at(-1), broken(cut)]).toEqual(["Transfer 5.0+4.0", ["Transfer"]]);
    });

    it("marks nothing where overhear itself refused, or the connection was made for somebody after it", () => {
      expect(broken(failed("loop", { ...asked, ended: at(9) }, { dns_start: at(1), dns_done: at(2) }, { error: { cause: "loop", side: "proxy", text: "no" } }))).toEqual([]);
      expect(broken(failed("refused", { ...asked, ended: at(9) }, { dns_start: at(20), dns_done: at(21), connect_start: at(21) }))).toEqual([]);
    });
  });

  it("has no phases where nothing is known", () => {
    expect(timeline(flow({}, {})).phases).toEqual([]);
    expect(timeline(flow({}, {}, { connection: null })).phases).toEqual([]);
  });

  it("has round marks on its axis", () => {
    expect(ticks(43)).toEqual([0, 10, 20, 30, 40]);
    expect(ticks(100)).toEqual([0, 20, 40, 60, 80, 100]);
    expect(ticks(1.2)).toEqual([0, 0.25, 0.5, 0.75, 1]);
    expect([ticks(0), ticks(Number.NaN)]).toEqual([[0], [0]]);
    for (const total of [1e-9, 0.37, 999, 1e12]) expect(ticks(total).length).toBeLessThanOrEqual(6);
  });
});

describe("the story", () => {
  it("is one sentence", () => {
    expect(story(flow({}, {}))).toBe("a.test answered 200 OK over HTTP/2 in 40 ms with 1.2 kB of JSON.");
    expect(story(flow({}, {}, { state: "running", status: null }))).toBe("Waiting for a.test to answer.");
    const error = { cause: "refused", side: "server", text: "" };
    expect(story(flow({}, {}, { state: "failed", error }))).toBe("GET a.test failed after 40 ms: the server refused the connection.");
    expect(story(flow({}, {}, { kind: "tcp", method: "MQTT", port: 8883, response: null }))).toContain("A connection that speaks MQTT to a.test:8883");
    const risen = flow({}, {}, { status: 101, response: { body_size: 90, headers: [["Upgrade", "h2c"]] } as never });
    expect(story(risen)).toContain("went over from HTTP/1.1 to HTTP/2 without TLS (h2c, by Upgrade)");
    expect(story(flow({}, {}, { tags: ["x", "no-h2c"] }))).toContain(". The client offered to go over to HTTP/2 without TLS (Upgrade: h2c)");
    expect(story(flow({}, {}, { grpc: { status: 5, name: "NOT_FOUND", message: "" } }))).toMatch(/, and the gRPC call failed: NOT_FOUND\.$/);
    expect(story(flow({}, { client_tls_done: at(5) }, { kind: "tcp", method: "SMTP", port: 25, response: null }))).toContain("speaks SMTP to a.test:25, which began in the clear and turned to TLS: ");
    expect(story(flow({}, {}, { kind: "tcp", method: "", port: 25, response: null }))).toBe("A raw connection to a.test:25: 0 B sent, 0 B received.");
  });

  it("does not send somebody to the trust settings when the program pins its certificates", () => {
    const said = (text: string) => advice({ cause: "tls", side: "client", text }, "a.test", 443).join(" ");
    const own = (client: string) => advice({ cause: "tls", side: "client", text: "" }, "a.test", 443, client).join(" ");
    expect([own("127.0.0.1:5000"), own("[::1]:5000")].every((words) => words.includes("under Connect") && !words.includes("iOS"))).toBe(true);
    expect(own("192.168.1.20:5000")).toContain("iOS");
    const pinned = said("the client closed the connection right after the TLS handshake, without a request: a program that accepts only the certificates it knows (pinning) does so, and cannot be read");
    expect(pinned).not.toContain("Certificate Trust Settings");
    expect(pinned).toContain("nothing left to do on the device");
    const either = said("refused. The device trusted overhear's certificate before: either this program [...] (pinning) and cannot be read, or the certificate was removed from the device.");
    expect(either).toContain("http://overhear.internal");
    expect(either).not.toContain("nothing left to do on the device");
    expect(said("refused: it does not trust overhear's certificate yet. [...] (pinning) cannot be read")).toContain("Certificate Trust Settings");
  });

  it("has advice for whoever failed", () => {
    const tls = (side: "client" | "server") => advice({ cause: "tls", side, text: "" }, "a.test", 443).join(" ");
    expect(tls("client")).toContain("trust");
    expect(tls("server")).not.toContain("trust");
  });

  it("sends nobody to certificates when the server speaks plain HTTP", () => {
    const text = "localhost:80 does not speak TLS: it answered the TLS handshake with something else. Is it a port for plain HTTP?";
    const said = advice({ cause: "tls", side: "server", text }, "localhost", 80).join(" ");
    expect(said).toContain("Use http://");
    expect(said).not.toContain("client certificate");
  });

  it("names the place in the page where an authority is added, not a flag", () => {
    const said = advice({ cause: "certificate", side: "server", text: "" }, "a.test", 443).join(" ");
    expect(said).toContain("Settings");
    expect(said).not.toContain("--");
  });
});

describe("a head", () => {
  it("is text again", () => {
    expect(headText({ start_line: "GET / HTTP/1.1", headers: [["Host", "a"], ["x", ""]] })).toBe("GET / HTTP/1.1\r\nHost: a\r\nx: \r\n");
  });
});
