//! Which language a body is written in, by its media type and its first characters.

import { mediaType } from "../lib/format";

export type Language = "json" | "xml" | "html" | "css" | "javascript" | "plain";

export function languageOf(contentType: string | null | undefined, text: string): Language {
  const type = mediaType(contentType);
  if (/\b(json|jsonl)\b|ndjson|graphql/.test(type) && !/graphql$/.test(type)) return "json";
  if (/html/.test(type)) return "html";
  if (/\bxml\b|svg/.test(type)) return "xml";
  if (/\bcss\b/.test(type)) return "css";
  if (/javascript|ecmascript/.test(type)) return "javascript";
  const start = text.slice(0, 200).trimStart();
  if (/^[[{]/.test(start)) return "json";
  if (/^<\?xml/i.test(start)) return "xml";
  return /^<!doctype html|^<html/i.test(start) ? "html" : "plain";
}
