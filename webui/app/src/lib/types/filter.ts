//! The language of filters, and flows counted by time and by place.

/** Where a filter is wrong, in characters. */
export interface FilterProblem {
  offset: number;
  length: number;
  message: string;
}

/** A field of the filter language. */
export interface FilterField {
  name: string;
  what: string;
  example: string;
  /** All values there are, where these are few. */
  values: string[] | null;
  /** The server knows the values that occur. */
  completes: boolean;
}

/** Flows over time, in spans of the same length. */
export interface Timeline {
  /** Where the first begins (RFC 3339); null when there are no flows. */
  from: string | null;
  to: string | null;
  bucket_ms: number;
  items: { count: number; errors: number }[];
}

/** A node of the tree of programs and devices, hosts and paths. */
export interface TreeItem {
  name: string;
  /** What to give as `client`, `host` or `path` for the level below. */
  key: string;
  count: number;
  errors: number;
  running: number;
  /** Of both bodies. */
  bytes: number;
  /** There is something below. */
  children: boolean;
  /** Matches the node's flows. */
  filter: string;
}

export interface TreeLevel {
  items: TreeItem[];
  more: number;
}
