//! What the address of the page says, after its `#`: `#/?filter=status:500&flow=12`, `#/replay?flow=12`,
//! `#/compare?a=12&b=15`, `#/settings`, `#/sessions`, `#/scripts`, `#/capture?capture=3`, `#/rules?rule=4`, `#/waiting?waiting=7`, `#/compose`,
//! `#/run?run=2`, `#/changes?a=1&b=2`.

import { SORT_KEYS, type ListQuery, type Order, type SessionChoice, type SortKey } from "./api";

export type Tab = "overview" | "request" | "response" | "body" | "messages" | "packets" | "connection" | "changes";

export type Screen = "list" | "replay" | "compare" | "settings" | "sessions" | "scripts" | "capture" | "rules" | "waiting" | "compose" | "run" | "changes";

export interface Route {
  screen: Screen;
  filter: string;
  /** The session that is looked at; null is the one that is recorded into. */
  session: number | null;
  /** The two flows that are compared; or the two sessions, where null is the one that is recorded into. */
  a: number | null;
  b: number | null;
  /** The flow that is shown beside the list, or replayed. */
  flow: number | null;
  tab: Tab;
  /** Requests that are sent many times. */
  run: number | null;
  /** The capture all of whose packets are shown. */
  capture: number | null;
  /** The packet of the flow or of the capture that is shown, by its number in the capture. */
  packet: number | null;
  /** The rule that is shown among the rules; negative for one of the file, 0 for one that is being made. */
  rule: number | null;
  /** The message at a breakpoint that is shown. */
  waiting: number | null;
  sort: SortKey;
  order: Order;
}

const TABS: readonly Tab[] = ["overview", "request", "response", "body", "messages", "packets", "connection", "changes"];

export function parse(hash: string): Route {
  const text = hash.replace(/^#\/?/, "");
  const mark = text.indexOf("?");
  const path = mark < 0 ? text : text.slice(0, mark);
  const query = new URLSearchParams(mark < 0 ? "" : text.slice(mark + 1));
  const number = (name: string) => {
    const value = Number(query.get(name));
    return Number.isSafeInteger(value) && value > 0 ? value : null;
  };
  const [flow, a, b, capture, run] = [number("flow"), number("a"), number("b"), number("capture"), number("run")];
  return {
    screen: screenOf(path, { flow, a, b, capture, run }),
    filter: query.get("filter") ?? "",
    session: number("session"),
    a,
    b,
    flow,
    tab: TABS.find((tab) => tab === query.get("tab")) ?? "overview",
    run,
    capture,
    packet: number("packet"),
    rule: ruleOf(query.get("rule")),
    waiting: number("waiting"),
    sort: SORT_KEYS.find((sort) => sort === query.get("sort")) ?? "id",
    order: query.get("order") === "desc" ? "desc" : "asc",
  };
}

function ruleOf(text: string | null): number | null {
  return text !== null && /^(0|-?[1-9]\d{0,14})$/.test(text) ? Number(text) : null;
}

/** A screen that lacks what it shows is the list. */
function screenOf(path: string, { flow, a, b, capture, run }: Pick<Route, "flow" | "a" | "b" | "capture" | "run">): Screen {
  if (path === "replay") return flow === null ? "list" : "replay";
  if (path === "compare") return a === null || b === null ? "list" : "compare";
  if (path === "capture") return capture === null ? "list" : "capture";
  if (path === "run") return run === null ? "list" : "run";
  return (["settings", "sessions", "scripts", "rules", "waiting", "compose", "changes"] as const).find((screen) => screen === path) ?? "list";
}

/** What differs from the ordinary is written, the rest is left out. */
export function format(route: Route): string {
  const query: string[] = [];
  const say = (name: string, value: string) => query.push(`${name}=${encodeURIComponent(value).replace(/%3A/g, ":").replace(/%2F/g, "/")}`);
  if (route.filter) say("filter", route.filter);
  if (route.session !== null) say("session", String(route.session));
  if (route.screen === "compare" || route.screen === "changes") {
    if (route.a !== null) say("a", String(route.a));
    if (route.b !== null) say("b", String(route.b));
  }
  if (route.screen === "run") say("run", String(route.run));
  if (route.screen === "capture") say("capture", String(route.capture));
  if (route.screen === "rules" && route.rule !== null) say("rule", String(route.rule));
  if (route.screen === "waiting" && route.waiting !== null) say("waiting", String(route.waiting));
  if (route.flow !== null) say("flow", String(route.flow));
  if (route.tab !== "overview") say("tab", route.tab);
  if (route.packet !== null) say("packet", String(route.packet));
  if (route.sort !== "id") say("sort", route.sort);
  if (route.order !== "asc") say("order", route.order);
  const path = route.screen === "list" ? "#/" : `#/${route.screen}`;
  return query.length > 0 ? `${path}?${query.join("&")}` : path;
}

/** The session whose flows are looked at, as the API names it. */
export function sessionOf(route: Route): SessionChoice {
  return route.session ?? "current";
}

/** The list that is looked at. */
export function listOf(route: Route): ListQuery {
  return { filter: route.filter, session: sessionOf(route), sort: route.sort, order: route.order };
}
