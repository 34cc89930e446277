//! Who the client believes to talk to, and who is really there: the two TLS connections in words.

import { day } from "../lib/format";
import type { Certificate, Connection, FlowDetail, Tls } from "../lib/types";

export interface Leg {
  /** "TLSv1.3 · h2", or that it is plain. */
  how: string;
  /** Who the certificate names, and who vouches for it; null without one. */
  shows: { names: string; issuer: string; until: string; expired: boolean } | null;
}

export interface Picture {
  client: string;
  server: string;
  /** Between client and overhear, and between overhear and server. Null for the first: passed on unopened. */
  left: Leg | null;
  right: Leg;
  sentence: string;
}

export function picture(flow: FlowDetail, connection: Connection): Picture {
  const { client_tls: ours, server_tls: theirs } = connection;
  const opened = flow.kind !== "tls" || ours !== null;
  const target = connection.host || flow.host;
  const left = ours || opened ? leg(ours) : null;
  return {
    client: connection.client,
    server: connection.server ?? `${target}:${connection.port}, not reached`,
    left,
    right: leg(theirs),
    sentence: sentence(target, opened, ours, theirs),
  };
}

function sentence(target: string, opened: boolean, ours: Tls | null, theirs: Tls | null): string {
  if (!opened) return `The client talks to ${target} itself: overhear passed the encrypted bytes on without opening them.`;
  const leaf = ours?.certificates[0];
  const real = theirs?.certificates[0];
  if (!ours && !theirs) return `Nothing is encrypted: the client knows that it talks to ${target} only by the address.`;
  if (leaf && real) return `The client believes to talk to ${named(leaf) || target}, because a certificate for that name is signed by ${issuer(leaf)}, which it trusts. It talks to overhear. The server proved itself to overhear with a certificate from ${issuer(real)}.`;
  if (leaf) return `The client believes to talk to ${named(leaf) || target}, on the word of ${issuer(leaf)}. It talks to overhear; ${theirs ? "the server showed no certificate" : "there was no TLS with the server"}.`;
  if (ours) return `The client did not get as far as seeing a certificate.`;
  return `The client does not encrypt; overhear does, towards ${target}.`;
}

function leg(tls: Tls | null): Leg {
  if (!tls) return { how: "plain, or no handshake", shows: null };
  const leaf = tls.certificates[0];
  const how = [tls.version || "no TLS version agreed", tls.alpn].filter(Boolean).join(" · ");
  return {
    how,
    shows: leaf ? { names: named(leaf) || "no name", issuer: issuer(leaf), until: day(leaf.not_after), expired: Date.parse(leaf.not_after) < Date.now() } : null,
  };
}

function named(certificate: Certificate): string {
  const names = certificate.names.length > 0 ? certificate.names : [common(certificate.subject)];
  const [first = "", ...more] = names;
  return more.length > 0 ? `${first} and ${more.length} more` : first;
}

function issuer(certificate: Certificate): string {
  const name = common(certificate.issuer) || "nobody";
  return certificate.issuer !== "" && certificate.issuer === certificate.subject ? `itself (${name})` : name;
}

/** The common name of a distinguished name, or its organisation, or all of it. */
export function common(name: string): string {
  return (valueOf("CN", name) ?? valueOf("O", name))?.trim() ?? name;
}

/** The value of an attribute; a comma in it (`O=Example, Inc.`) need not be escaped, unless what follows looks like another attribute. */
function valueOf(attribute: string, name: string): string | undefined {
  const another = String.raw` ?[,+] ?(?:[a-z]+|\d+(?:\.\d+)+)=`;
  const found = new RegExp(String.raw`(?:^|[,+] ?)${attribute}=((?:\\.|[^\\])*?)(?=${another}|$)`, "is").exec(name);
  return found?.[1]?.replace(/\\(.)/gs, "$1");
}
