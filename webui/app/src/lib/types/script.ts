//! Scripts, and what they say.

/** A script: JavaScript that changes what passes. */
export interface Script {
  file: string;
  name: string;
  /** `stale`: the file as it is cannot be used, and the version before acts on. */
  state: "active" | "stale" | "failed";
  error: { text: string; line: number | null; column: number | null } | null;
  hooks: string[];
  filter: string;
  bodies: boolean;
  read: string | null;
  calls: number;
  failures: number;
  time_ms: number;
}

/** A line that a script has said. */
export interface ScriptLine {
  id: number;
  at: string;
  script: string;
  level: "debug" | "log" | "info" | "warn" | "error";
  text: string;
  flow: number | null;
}
