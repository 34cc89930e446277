//! The range of time that a filter asks for: `started:FROM..TO` among its terms.

import { both, splitTerms } from "../list/terms";

export interface Range {
  from: number;
  to: number;
}

const TERM = /^started:([^\s.]+(?:\.\d+)?Z)\.\.([^\s]+Z)$/;

/** A filter, taken apart into its range and the rest of it. */
export function rangeOf(filter: string): { range: Range | null; rest: string } {
  const terms = splitTerms(filter);
  const found = terms?.find((term) => TERM.test(term));
  const match = found === undefined ? null : TERM.exec(found);
  const [from, to] = [Date.parse(match?.[1] ?? ""), Date.parse(match?.[2] ?? "")];
  if (!terms || found === undefined || Number.isNaN(from) || Number.isNaN(to)) return { range: null, rest: filter };
  return { range: { from, to }, rest: unwrapped(terms.filter((term) => term !== found)) };
}

/** A filter that asks for a range, in the place of the one that it asked for. */
export function ranged(filter: string, range: Range | null): string {
  const { rest } = rangeOf(filter);
  if (!range) return rest;
  const at = (ms: number) => new Date(ms).toISOString();
  return both(rest, `started:${at(range.from)}..${at(range.to)}`);
}

/** Parentheses around the only term that is left were put there by `both`. */
function unwrapped(terms: string[]): string {
  const [only] = terms;
  const rest = terms.join(" ");
  return terms.length === 1 && only?.startsWith("(") && only.endsWith(")") ? only.slice(1, -1) : rest;
}
