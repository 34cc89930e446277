//! What the address of the page says, after its `#`: `#/?filter=status:500&flow=12`, `#/replay?flow=12`.

import type { Order, SortKey } from "./api";

export type Tab = "overview" | "request" | "response" | "body" | "messages" | "connection";

export interface Route {
  screen: "list" | "replay";
  filter: string;
  /** The flow that is shown beside the list, or replayed. */
  flow: number | null;
  tab: Tab;
  sort: SortKey;
  order: Order;
}

const TABS: readonly Tab[] = ["overview", "request", "response", "body", "messages", "connection"];
const SORTS: readonly SortKey[] = ["id", "duration", "size", "status", "host", "method"];

export function parse(hash: string): Route {
  const text = hash.replace(/^#\/?/, "");
  const mark = text.indexOf("?");
  const path = mark < 0 ? text : text.slice(0, mark);
  const query = new URLSearchParams(mark < 0 ? "" : text.slice(mark + 1));
  const flow = Number(query.get("flow"));
  const known = Number.isSafeInteger(flow) && flow > 0 ? flow : null;
  return {
    screen: path === "replay" && known !== null ? "replay" : "list",
    filter: query.get("filter") ?? "",
    flow: known,
    tab: TABS.find((tab) => tab === query.get("tab")) ?? "overview",
    sort: SORTS.find((sort) => sort === query.get("sort")) ?? "id",
    order: query.get("order") === "desc" ? "desc" : "asc",
  };
}

/** What differs from the ordinary is written, the rest is left out. */
export function format(route: Route): string {
  const query: string[] = [];
  const say = (name: string, value: string) => query.push(`${name}=${encodeURIComponent(value).replace(/%3A/g, ":").replace(/%2F/g, "/")}`);
  if (route.filter) say("filter", route.filter);
  if (route.flow !== null) say("flow", String(route.flow));
  if (route.tab !== "overview") say("tab", route.tab);
  if (route.sort !== "id") say("sort", route.sort);
  if (route.order !== "asc") say("order", route.order);
  const path = route.screen === "replay" ? "#/replay" : "#/";
  return query.length > 0 ? `${path}?${query.join("&")}` : path;
}
