//! Settings in groups, and each value as a text that is edited.

import type { Setting } from "../lib/types";

export interface Group {
  title: string;
  items: Setting[];
}

const GROUPS: readonly [title: string, keys: readonly string[]][] = [
  ["The proxy", ["listen", "mode", "allow", "proxy-user"]],
  ["Packets", ["capture", "capture-limit", "capture-keylog"]],
  ["Rules and scripts", ["rules", "script", "script-time", "script-memory"]],
  ["TLS", ["tls", "pass-pinned", "key-log", "ask-client-cert"]],
  ["Servers", ["insecure-upstream", "upstream-ca", "upstream", "map-host", "client-cert", "tls-min", "bind"]],
  ["Messages", ["proto"]],
  ["This page", ["web", "token", "no-open", "qr"]],
  ["Data", ["data"]],
];

/** Settings under headings, in the order of the groups; what no group names stands under the last. */
export function grouped(items: readonly Setting[]): Group[] {
  const named = new Set(GROUPS.flatMap(([, keys]) => keys));
  const groups = GROUPS.map(([title, keys]) => ({ title, items: keys.flatMap((key) => items.filter((item) => item.key === key)) }));
  groups.push({ title: "More", items: items.filter((item) => !named.has(item.key)) });
  return groups.filter((group) => group.items.length > 0);
}

/** What the field begins with: what is saved, else what holds. */
export function fieldText(setting: Setting): string {
  return valueText(setting.saved ?? setting.value);
}

/** A value as a text: a list has one item a line. */
export function valueText(value: Setting["value"]): string {
  if (value === null) return "";
  if (typeof value === "boolean") return value ? "on" : "off";
  return Array.isArray(value) ? value.join("\n") : String(value);
}

/** What is sent for a text; null takes the setting out of the file. */
export function valueOf(setting: Setting, text: string): string | string[] | null {
  if (setting.kind !== "list") return text.trim() === "" ? null : text.trim();
  const items = text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  return items.length > 0 ? items : null;
}

/** What a setting does, for somebody who has only this page; what is not here has the words of the command line. */
const HELP: Record<string, string> = {
  listen: "Addresses with their ports, one a line: what devices and programs enter as their proxy. 0.0.0.0:8080 is port 8080 in every network that this computer is in.",
  mode: "One a line. reverse:https://api.example.com@127.0.0.1:9000 stands in the place of that server: what comes to port 9000 goes there (also http, tls, tcp). transparent takes connections that rules of the system lead to port 8082; overhear prints these rules at its start.",
  allow: "Addresses or networks, one a line, such as 192.168.0.0/16. These may use the proxy at once; all others are asked about first.",
  "insecure-upstream": "Hosts, one a line; * is every server. Whatever certificate they show is accepted, so somebody between you and them is not noticed.",
  "upstream-ca": "Files with the certificates of authorities of your own (PEM), one whole path a line. Servers that have theirs from them are trusted.",
  "proxy-user": "Clients have to give this user and password, as user:password (Basic, or in SOCKS5); the proxy's own page is for all. The password is shown as *** and stays when it is left so.",
  upstream: "Proxies, one a line: http://proxy:3128, https://… or socks5://…, with user:password@ before the host where it asks for that; a password is shown as *** and stays when it is left so. hosts= before it says for which hosts (example.com and all below it, *.example.com); the first line that fits counts, and hosts=direct leaves some out.",
  "map-host": "Hosts that stand for another place, one a line, such as api.example.com=127.0.0.1:3000. Only the connection is made there: what is asked for stays as it was. The first line that fits counts; no proxy is used for these.",
  "client-cert": "Files with a certificate and its key, one a line, for servers that ask who we are: whole paths, PEM or PKCS#12 (then the password behind a colon; it is shown as *** and stays when it is left so). hosts= before it says for which hosts.",
  "tls-min": "1.2 or 1.3. A server that speaks only what is older is then a failure that says so.",
  "key-log": "Whole path of a file that the secrets of all TLS are written to, on both sides: Wireshark decrypts captured packets with it. Whoever has the file can do so.",
  "ask-client-cert": "Programs that use overhear are asked for a certificate of their own, and what they show is part of the flow. Browsers then ask their user.",
  tls: "What becomes of TLS by host, one a line: *.bank.example=pass relays it unread, ads.example=block refuses it, api.bank.example=intercept reads it, as what no line names. The first line that fits counts.",
  "pass-pinned": "When an app has refused overhear's certificate for a host three times in five minutes, it probably accepts only its own. With this, that host then passes through unread, so that the app works; its flows are tagged pinned.",
  bind: "Address of this computer that connections to servers come from, where it has several.",
  capture: "Names of interfaces, one a line, whose packets are recorded beside what goes through the proxy. Without more, all ports but 80 and 443; after a colon an expression says which packets, as in eth0:udp port 53.",
  "capture-limit": "When the packets take more room than this, the oldest go. A number with KiB, MiB or GiB.",
  "capture-keylog": "Files that programs write their TLS secrets into (SSLKEYLOGFILE), one whole path a line. What these programs say over TLS on a captured port is then decrypted.",
  proto: "Sets of descriptors that protoc wrote, with all that they import, one whole path a line. Messages of gRPC are then shown with the names of their fields.",
  script: "Files with JavaScript that change what passes, one whole path a line; they act in this order, behind all rules. Each is read again when it is saved.",
  "script-time": "A script that runs for longer is stopped, and the message goes on as it came. A number with ms or s.",
  "script-memory": "A script that wants more is stopped, and begins anew. A number with MiB or GiB.",
  web: "Address and port of this page.",
  token: "Whoever has it can read everything that is recorded. It is part of the link that overhear prints.",
  "no-open": "overhear then starts without opening this page in a browser.",
  qr: "The code that a phone scans is then printed also where the output is a file or another program.",
  data: "Folder of what is recorded, of the root certificate and of its key.",
};

export function helpWords(setting: Setting): string {
  return HELP[setting.key] ?? setting.help;
}

/** Who said what holds now. */
export function sourceWords(setting: Setting): string {
  switch (setting.source) {
    case "flag":
      return `from the command line (${setting.flag})`;
    case "environment":
      return "from an environment variable";
    case "file":
      return "from the configuration file";
    case "page":
      return "chosen in this page, for this run";
    case "default":
      return "the default";
  }
}

/** The default as a short text. */
export function defaultWords(setting: Setting): string {
  const { default: usual, kind } = setting;
  if (kind === "secret") return "made once for the data folder";
  if (kind === "bool") return valueText(usual === true);
  if (usual === null || (Array.isArray(usual) && usual.length === 0)) return "none";
  return valueText(usual).replaceAll("\n", ", ");
}

/** `abcd` as `ab cd`, for fingerprints. */
export function paired(hex: string): string {
  return hex.replaceAll(":", "").replace(/(..)(?=.)/g, "$1 ");
}
