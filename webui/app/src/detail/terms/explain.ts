//! A term of HTTP in one sentence, with where to read more.

import { methodEntry, statusEntry } from "./codes";
import { headerEntry, type Entry } from "./headers";

export interface Explanation {
  title: string;
  text: string;
  /** The document; empty when there is none. */
  spec: string;
  link: string | null;
}

/** `header:etag`, `status:404`, `method:GET`; null when the term is not known. */
export function explain(term: string): Explanation | null {
  const at = term.indexOf(":");
  const [kind, name] = [term.slice(0, at), term.slice(at + 1)];
  let entry: Entry | null = null;
  if (kind === "header") entry = headerEntry(name);
  else if (kind === "status") entry = statusEntry(name);
  else if (kind === "method") entry = methodEntry(name);
  if (!entry) return null;
  const [title, spec, text] = entry;
  return { title, text, spec: spec === "no standard" ? "" : spec, link: link(spec) };
}

function link(spec: string): string | null {
  const rfc = /^RFC (\d+)(?: § ([\d.]+))?$/.exec(spec);
  if (rfc) return `https://www.rfc-editor.org/rfc/rfc${rfc[1]}${rfc[2] ? `#section-${rfc[2]}` : ""}`;
  if (spec.startsWith("Fetch")) return "https://fetch.spec.whatwg.org/";
  if (spec.startsWith("HTML")) return "https://html.spec.whatwg.org/";
  return null;
}
