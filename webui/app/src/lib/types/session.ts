//! Sessions, what was imported into them, and two of them against each other.

/** One recording, from its start to its end. */
export interface Session {
  id: number;
  /** May be empty. */
  name: string;
  started_at: string;
  ended_at: string | null;
  source: "recorded" | "imported";
  flows: number;
  bytes: number;
  current: boolean;
}

/** What became of an imported file. */
export interface Imported {
  /** Null when there are no flows. */
  session: number | null;
  /** The capture whose packets are kept. */
  capture: number | null;
  flows: number;
  /** Entries that could not be taken, by their number in the file, from 0; at most 100 of them. */
  skipped: { entry: number; reason: string }[];
  note: string | null;
}

export type ComparedChange = "status" | "slower" | "new" | "gone" | "same";

/** A request as two sets of flows have it. */
export interface ComparedRequest {
  method: string;
  host: string;
  path: string;
  changes: ComparedChange[];
  a: ComparedSide | null;
  b: ComparedSide | null;
}

export interface ComparedSide {
  count: number;
  statuses: { status: number | null; count: number }[];
  median_ms: number | null;
  flow: number;
}

export interface SessionComparison {
  a: Session | null;
  b: Session | null;
  flows_a: number;
  flows_b: number;
  counts: Record<ComparedChange, number>;
  left_out: number;
  items: ComparedRequest[];
  next: number | null;
}
