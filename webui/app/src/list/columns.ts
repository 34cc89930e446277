//! The columns of the list.

import type { SortKey } from "../lib/api";

export interface Column {
  key: string;
  title: string;
  sort?: SortKey;
  /** Numbers stand at the right. */
  end?: boolean;
}

/** In this order; which of them are shown is the width's decision (FlowList.svelte). */
export const COLUMNS: readonly Column[] = [
  { key: "id", title: "#", sort: "id", end: true },
  { key: "status", title: "Status", sort: "status" },
  { key: "method", title: "Method", sort: "method" },
  { key: "host", title: "Host", sort: "host" },
  { key: "path", title: "Path" },
  { key: "type", title: "Type" },
  { key: "size", title: "Size", sort: "size", end: true },
  { key: "duration", title: "Duration", sort: "duration", end: true },
  { key: "time", title: "Time", end: true },
  { key: "client", title: "Client" },
];
