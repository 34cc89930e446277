//! What happened to a flow, in one sentence, and what a person can do about a failure.

import { isolated } from "../lib/bidi";
import { hostWords } from "../lib/idn";
import { bytes, duration, grpcName, mediaType, reason, shortType } from "../lib/format";
import { rateWords } from "../lib/rates.svelte";
import type { Failure, Flow, FlowDetail } from "../lib/types";
import { turnedAt } from "./upgrade";

/** `rate` is what is known of how fast the answer comes: bytes a second. */
export function story(flow: Flow | FlowDetail, rate: number | null = null): string {
  const took = flow.duration_ms === null ? "" : ` after ${duration(flow.duration_ms)}`;
  const [host, method] = [hostWords(flow.host), isolated(flow.method)];
  const where = `${host}:${flow.port}`;
  if (flow.kind === "tcp") return tcp(flow, where);
  if (flow.kind === "udp") return `Datagrams between ${flow.client} and ${where}.`;
  if (flow.kind === "icmp") return flow.error?.text ?? `An ICMP error about ${where}.`;
  if (flow.kind === "dns") {
    if (flow.error) return `The question for ${host} was not answered: ${flow.error.text}`;
    return `${flow.server ?? "The name server"} answered the question for ${host} (${method}) in ${duration(flow.duration_ms)}.`;
  }
  if (flow.kind === "tls") {
    if (flow.state === "failed") return `The TLS connection to ${where} failed${took}.`;
    const [sent, received] = [flow.request.body_size, flow.response?.body_size ?? 0];
    const amounts = sent + received > 0 ? `: ${bytes(sent)} sent, ${bytes(received)} received` : "";
    return `TLS to ${where}, passed on without being opened${amounts}.`;
  }
  if (flow.state === "failed") return `${method} ${host} failed${took}: ${failedHow(flow)}.`;
  if (flow.state === "interrupted") return `overhear stopped while this ${flow.kind === "websocket" ? "WebSocket was open" : "request was running"}.`;
  if (flow.kind === "websocket") {
    return `A WebSocket with ${host}${flow.state === "running" ? ", still open" : `, open for ${duration(flow.duration_ms)}`}.`;
  }
  if (flow.status === null) return flow.state === "running" ? `Waiting for ${host} to answer.` : `${method} ${host} ended without an answer.`;
  const recorded = "related" in flow && (flow.related?.answered_with ?? null) !== null;
  const answer = `${recorded ? `The recording, not ${host},` : host} answered ${flow.status} ${reason(flow.status)}`.trimEnd();
  const over = flow.response?.version ? ` over ${flow.response.version}` : "";
  const size = flow.response?.body_size ?? 0;
  const what = size > 0 ? ` with ${bytes(size)}${typeWords(flow)}` : " without a body";
  if (flow.status === 101 && switchedToHttp2(flow)) return `${host} went over from HTTP/1.1 to HTTP/2 without TLS (h2c, by Upgrade). What both said since then was passed on as it came and recorded as bytes: ${bytes(flow.request.body_size)} sent, ${bytes(size)} received.`;
  if (flow.state === "running") return `${answer}${over} and is still sending: ${bytes(size)} so far${rate === null ? "" : `, ${rateWords(rate)}`}.`;
  const failed = flow.grpc && flow.grpc.status !== 0 ? `, and the gRPC call failed: ${grpcName(flow.grpc)}` : "";
  const offered = flow.tags.includes("no-h2c") ? ` The client offered to go over to HTTP/2 without TLS (Upgrade: h2c); overhear left that out of the request, so that every exchange can be seen and changed.` : "";
  return `${answer}${over} in ${duration(flow.duration_ms)}${what}${failed}.${offered}`;
}

function typeWords(flow: Flow | FlowDetail): string {
  const type = shortType(flow.response?.content_type);
  return type ? ` of ${["json", "html", "css", "xml"].includes(type) ? type.toUpperCase() : isolated(type)}` : "";
}

function tcp(flow: Flow | FlowDetail, where: string): string {
  // what it speaks, where that is known
  const what = flow.method === "" ? "A raw connection" : `A connection that speaks ${isolated(flow.method)}`;
  const amounts = `${bytes(flow.request.body_size)} sent, ${bytes(flow.response?.body_size ?? 0)} received`;
  const turned = turnedAt(flow) === null ? "" : ", which began in the clear and turned to TLS";
  if (flow.state === "running") return `${what} to ${where}${turned}, still open: ${amounts}.`;
  return `${what} to ${where}${turned}${flow.state === "failed" ? " that failed" : ""}: ${amounts}.`;
}

function failedHow(flow: Flow | FlowDetail): string {
  const words: Record<Failure["cause"], string> = {
    dns: "the name could not be resolved",
    refused: "the server refused the connection",
    unreachable: "there is no way to the server",
    timeout: "nothing answered in time",
    tls: flow.error?.side === "client" ? "the client ended the TLS handshake" : "the TLS handshake with the server failed",
    certificate: "the server's certificate was not accepted",
    protocol: flow.error?.side === "client" ? "the request was not valid HTTP" : "the response was not valid HTTP",
    loop: "the request would have come back to overhear",
    reset: flow.error?.side === "client" ? "the client reset the connection" : "the server reset the connection",
    closed: flow.error?.side === "client" ? "the client went away" : "the connection closed in the middle",
    forbidden: "overhear refused it",
    other: "see below",
  };
  return words[flow.error?.cause ?? "other"];
}

/** What can be tried, most likely first. */
export function advice(failure: Failure, host: string, port: number, client = ""): string[] {
  switch (failure.cause) {
    case "dns":
      return [`If ${host} is a name of a private network, this machine may need its VPN or its DNS server.`];
    case "refused":
      return [`Is the server started, and is ${port} its port?`, "A server in a container or a virtual machine may listen on another address."];
    case "unreachable":
      return ["Is this machine connected to the network (or VPN) that the server is in?"];
    case "timeout":
      return ["A firewall may be dropping the packets, or the server is overloaded.", "Try the same address from this machine without the proxy."];
    case "certificate":
      return [
        "If this is your own server, accept its certificate: the button below does so for this host only.",
        "If it is signed by a private authority, name the file of that authority's certificate in Settings, under Servers: it is trusted at once, without a new start.",
        "Otherwise be careful: somebody may be between you and the server.",
      ];
    case "tls":
      if (pins(failure)) return failure.text.includes("removed from the device") ? EITHER : PINNED;
      if (failure.side === "client" && /^(127\.|\[::1\])/.test(client)) return OWN;
      return failure.side === "client"
        ? [
            "On iOS a certificate that is installed is not trusted yet: Settings > General > About > Certificate Trust Settings.",
            "Firefox, Java and some apps keep a list of certificates of their own: it has to be added there.",
          ]
        : failure.text.includes("does not speak TLS")
          ? [`Use http:// instead of https://: ${host} takes plain HTTP at port ${port}, or it is another service altogether.`]
          : ["The server may want another TLS version, or a client certificate."];
    case "protocol":
      return ["The bytes are kept: look at the Request and Response tabs, or export this flow as raw."];
    case "loop":
      return ["If a program sends this by itself, look for the proxy's address where a server's address is expected."];
    case "reset":
    case "closed":
      return failure.side === "client"
        ? ["The client gave up: it may have a time limit, or the page was left."]
        : ["The server ended the connection early: look into its log at this time.", "Send it again to see whether it was a single event."];
    case "forbidden":
      if (failure.text.includes("--tls ")) return ["The setting is under Settings, TLS; the first line that fits a host counts."];
      if (failure.text.startsWith("The rule ")) return ["If it should pass, switch that rule off under Rules, or make its filter narrower."];
      if (failure.text.includes("overhear's own page")) return ["Leave this address out of what goes through the proxy: under “no proxy for” in the settings of the browser or the system, or in NO_PROXY."];
      return ["Allow the device under Devices, if it should use the proxy."];
    case "other":
      return [];
  }
}

/** A program on this computer. */
const OWN = [
  "It has to be told of the certificate: under Connect are the lines for browsers, curl, Node.js, Python, Java and others.",
  "Firefox and Java keep a list of certificates of their own, and some programs accept only those that they know.",
];

const PINNED = [
  "There is nothing left to do on the device: this program does not ask it which certificates are trusted.",
  "If it is your own program, build it without pinning for tests; on Android its network security configuration has to trust user certificates.",
  "Otherwise look at the connection only: hosts, times and sizes are recorded all the same.",
];

/** What a device refuses that trusted before: one program, or all of them now. */
const EITHER = [
  "Open http://overhear.internal on the device. Where it says that the certificate is trusted, this program accepts only those that it knows; where not, follow the steps there again.",
  ...PINNED.slice(1),
];

/** The failure says that the program accepts only certificates that it knows, on a device that trusts overhear's. */
function pins(failure: Failure): boolean {
  return failure.side === "client" && failure.text.includes("pinning") && !failure.text.includes("does not trust");
}

/** Whether the answer accepts an upgrade to HTTP/2 (RFC 7540, section 3.2). */
function switchedToHttp2(flow: Flow | FlowDetail): boolean {
  const fields = flow.response && "headers" in flow.response ? flow.response.headers : [];
  return fields.some(([name, value]) => name.toLowerCase() === "upgrade" && value.trim().toLowerCase() === "h2c");
}

/** Whether the answer is a stream of server-sent events. */
export function isEventStream(flow: { kind: string; response: { content_type: string | null } | null }): boolean {
  return flow.kind === "http" && mediaType(flow.response?.content_type) === "text/event-stream";
}
