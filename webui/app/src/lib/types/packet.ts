//! Captures, and packets taken apart.

import type { Side } from "./flow";

/** Packets that are captured beside the proxy, on one interface. */
export interface Capture {
  id: number;
  interface: string;
  /** What a person asked for; null: everything but the ports 80 and 443. */
  expression: string | null;
  /** What the system filters by. */
  filter: string;
  state: "starting" | "running" | "waiting" | "failed";
  packets: number;
  bytes: number;
  dropped: number;
  error: string | null;
}

/** An interface that can be captured on. */
export interface Interface {
  name: string;
  description: string | null;
  addresses: string[];
  loopback: boolean;
  up: boolean;
  wireless: boolean;
}

/** A capture whose packets are kept. */
export interface KeptCapture {
  id: number;
  source: "live" | "file";
  name: string;
  session: number | null;
  started_at: string;
  ended_at: string | null;
  packets: number;
  kept: number;
}

/** Packets and their bytes on the wire. */
export interface PacketCount {
  packets: number;
  bytes: number;
}

/** A capture by numbers: of conversations and endpoints those with the most bytes, and how many there are. */
export interface CaptureOverview {
  all: PacketCount;
  first: string | null;
  last: string | null;
  conversations: {
    protocol: string;
    a: string;
    a_port: number | null;
    b: string;
    b_port: number | null;
    a_to_b: PacketCount;
    b_to_a: PacketCount;
    first: string;
    duration_ms: number;
    expression: string;
  }[];
  conversation_count: number;
  endpoints: { address: string; sent: PacketCount; received: PacketCount; expression: string }[];
  endpoint_count: number;
  protocols: { protocol: string; depth: number; packets: number; bytes: number; expression: string }[];
  gone: boolean;
}

/** A packet of a flow or of a capture, in one line. */
export interface PacketLine {
  /** Its place in the capture, from 1. */
  number: number;
  file: number;
  offset: number;
  time: string;
  /** Null in the list of a capture. */
  direction: Side | null;
  interface: string | null;
  link: number;
  captured_length: number;
  original_length: number;
  summary: string;
}

export interface PacketPage {
  items: PacketLine[];
  next: string | null;
  /** Some lay in files that were removed for want of room. */
  gone: boolean;
}

/** One field of a packet's layer; places are offsets in its bytes. */
export interface PacketField {
  name: string;
  value: string;
  begin: number;
  end: number;
  fields: PacketField[];
}

export interface PacketLayer {
  name: string;
  summary: string;
  begin: number;
  end: number;
  fields: PacketField[];
  problem: string | null;
}

export interface PacketDetail extends Omit<PacketLine, "number" | "summary"> {
  link_name: string | null;
  layers: PacketLayer[];
  /** base64 */
  data: string;
}
