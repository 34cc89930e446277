//! Ready-made beginnings of rules, for a flow or from nothing.

import { app } from "../lib/app.svelte";
import { bodyAddress, request } from "../lib/api";
import type { MenuEntry } from "../lib/menu.svelte";
import { router } from "../lib/route.svelte";
import type { Action, Flow, Rule } from "../lib/types";
import { asked, both } from "../list/terms";
import { nameOf } from "../waiting/breakpoints";
import { edits } from "./edits.svelte";

/** A longer answer is not put into a rule: it can be a file. */
const MOST_ANSWER = 256 * 1024;

/** Opens the screen of rules with one that is to be looked over and kept. */
export function begin(rule: Rule): void {
  edits.fresh = rule;
  router.go({ screen: "rules", rule: 0 }, true);
}

export interface Start {
  id: string;
  title: string;
  stage: Rule["stage"];
  actions: Action[];
  /** For one address, rather than for its host. */
  path?: boolean;
  what: string;
}

/** What is wanted most often. */
export const STARTS: readonly Start[] = [
  { id: "block", title: "Block", what: "403 for what a host serves: trackers, a service that is down.", stage: "request", actions: [{ do: "block", how: "forbidden" }] },
  { id: "map-local", title: "Map to a file", what: "A script or an answer comes from your disk.", stage: "request", path: true, actions: [{ do: "map-local", path: "" }] },
  { id: "localhost", title: "Map to localhost", what: "The app talks to the server that you are writing.", stage: "request", actions: [{ do: "map-remote", to: "http://localhost:3000" }] },
  { id: "throttle", title: "Throttle", what: "As slow as 3G, for one host.", stage: "request", actions: [{ do: "throttle", profile: "3g" }] },
  { id: "no-caching", title: "No caching", what: "Every answer comes whole, from the server.", stage: "request", actions: [{ do: "no-caching" }] },
  { id: "cors", title: "Open CORS", what: "A page of any origin may read the answers.", stage: "response", actions: [{ do: "allow-cors" }] },
  { id: "header", title: "Set a header field", what: "A token, a flag, another user agent.", stage: "request", actions: [{ do: "set-header", name: "", value: "" }] },
];

/** "Rule" for a row of the list. */
export function ruleEntries(flow: Flow): MenuEntry[] {
  if (flow.kind !== "http" && flow.kind !== "websocket") return [];
  const values = asked(flow);
  const host = values["host"]?.filter ?? "";
  const path = values["path"] ? both(host, values["path"].filter) : host;
  const make = (start: Start): Rule => ({
    name: nameOf(`${start.title}: ${flow.host}${start.path ? (flow.path.split("?")[0] ?? "") : ""}`),
    filter: start.path ? path : host,
    stage: start.stage,
    actions: structuredClone(start.actions),
  });
  return [
    {
      id: "rule",
      title: "Rule",
      items: [
        ...STARTS.map((start): MenuEntry => ({ id: `rule-${start.id}`, title: `${start.title} ${start.path ? "(this path) …" : "(this host) …"}`, run: () => begin(make(start)) })),
        { id: "rule-answer", title: "Answer with this response (this path) …", disabled: flow.status === null || flow.kind !== "http", run: () => answerWith(flow, path) },
        "line",
        { id: "rule-new", title: "Another one …", run: () => begin({ name: "", filter: path, stage: "request", actions: [] }) },
      ],
    },
  ];
}

/** A rule that gives the recorded answer, to be edited. */
async function answerWith(flow: Flow, filter: string): Promise<void> {
  const action: Action = { do: "answer", status: flow.status ?? 200 };
  const type = flow.response?.content_type ?? "";
  if (type) action["headers"] = [["Content-Type", type]];
  const size = flow.response?.body_size ?? 0;
  if (size > 0) {
    const body = await app.attempt(async () => {
      if (size > MOST_ANSWER) throw new Error("That body is larger than 256 KiB: save it from the tab Body, and map the path to the file.");
      return new Uint8Array(await (await request(bodyAddress(flow.id, "response", { decoded: Boolean(flow.response?.content_encoding) }))).arrayBuffer());
    });
    if (!body) return;
    const { charset } = await import("../body/kind");
    action["body"] = contentOf(body, charset(type, body));
  }
  begin({ name: nameOf(`Answer: ${flow.host}${flow.path.split("?")[0] ?? ""}`), filter, stage: "request", actions: [action] });
}

function contentOf(bytes: Uint8Array, charset: string): { text: string } | { base64: string } {
  try {
    // in another charset the text would be sent as other bytes
    if (charset === "utf-8") return { text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    // no text
  }
  let binary = "";
  for (let at = 0; at < bytes.length; at += 0x8000) binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return { base64: btoa(binary) };
}
