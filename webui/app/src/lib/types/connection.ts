//! Connections with their TLS, and the devices that make them.

import type { Party } from "./flow";

export interface ConnectionTimes {
  accepted: string | null;
  dns_start: string | null;
  dns_done: string | null;
  connect_start: string | null;
  connected: string | null;
  server_tls_done: string | null;
  client_tls_done: string | null;
  closed: string | null;
}

export interface Connection {
  id: number;
  client: string;
  app: { name: string; pid: number } | null;
  local: string;
  /** How it was asked for, where that is neither an HTTP request nor CONNECT. */
  through: string | null;
  host: string;
  port: number;
  server: string | null;
  upstream_local: string | null;
  /** The proxy that it goes through, without credentials. */
  via: string | null;
  /** The place that the host stands for (--map-host). */
  mapped: string | null;
  times: ConnectionTimes;
  closed_by: Party | null;
  reset: boolean;
  client_tls: Tls | null;
  server_tls: Tls | null;
}

export interface Tls {
  version: string;
  cipher: string;
  sni: string | null;
  alpn_offered: string[];
  alpn: string | null;
  /** Of the ClientHello, where packets were read. */
  ja3?: string | null;
  ja4?: string | null;
  /** What became of the server's question for a client certificate. */
  client_auth?: string | null;
  /** What the client showed of itself, where it was asked. */
  client_certificates?: Certificate[];
  certificates: Certificate[];
}

export interface Certificate {
  subject: string;
  issuer: string;
  serial: string;
  not_before: string;
  not_after: string;
  names: string[];
  key: string;
  signature: string;
  sha256: string;
  pem: string;
  /** Why it cannot be read; then only `sha256` and `pem` say something. */
  error?: string | null;
}

export interface Device {
  address: string;
  decision: "allow" | "refuse" | null;
  first_seen: string;
  last_seen: string;
  connections: number;
  user_agent: string | null;
  trusts: boolean | null;
  /** When it last accepted a certificate. */
  trusted: string | null;
}
