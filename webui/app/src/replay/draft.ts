//! A request as a person edits it, from a recorded one and to one that can be sent.

import { charset, binary } from "../body/kind";
import type { Field, FlowDetail, ReplayRequest } from "../lib/types";

/** A larger body is sent as it was recorded; it is not put into a text field. */
export const EDITABLE = 1024 * 1024;
/** Unless somebody asks for it, up to here. */
export const EDITABLE_ASKED = 32 * 1024 * 1024;

export type BodyMode = "none" | "text" | "recorded" | "bytes";

export interface Draft {
  method: string;
  url: string;
  headers: Field[];
  mode: BodyMode;
  text: string;
  /** The text as it was recorded: unchanged, the recorded bytes themselves are sent. */
  recorded: string | null;
  /** How lines end in what is sent; a text field knows only line feeds. */
  newline: "\n" | "\r\n";
  version: "" | "HTTP/1.1" | "HTTP/2";
  /** What is sent in the mode `bytes`: they are no text. */
  base64?: string;
}

/** A request of nothing. */
export function emptyDraft(): Draft {
  return { method: "GET", url: "", headers: [], mode: "none", text: "", recorded: null, newline: "\n", version: "" };
}

/** The request of a flow, to be edited. Pseudo-header fields are in the method and the URL. */
export function draftOf(flow: FlowDetail): Draft {
  // it is opened over HTTP/1.1, also one that came by CONNECT over HTTP/2
  const websocket = flow.kind === "websocket";
  return {
    method: websocket ? "GET" : flow.method,
    url: flow.url,
    headers: flow.request.headers.filter(([name]) => !name.startsWith(":") && !hop(name)).map(([name, value]) => [name, value]),
    mode: flow.request.body_size > 0 && !websocket ? "recorded" : "none",
    text: "",
    recorded: null,
    newline: "\n",
    version: flow.request.version === "HTTP/2" && !websocket ? "HTTP/2" : flow.request.version ? "HTTP/1.1" : "",
  };
}

/** What concerned only the connection to the proxy. */
function hop(name: string): boolean {
  return /^proxy-(connection|authorization)$/i.test(name);
}

/** The text of a recorded body, when it is text that comes back from a text field as the same bytes. */
export function editableText(bytes: Uint8Array, contentType: string | null): Pick<Draft, "text" | "newline"> | null {
  if (bytes.length > EDITABLE_ASKED || binary(bytes) || charset(contentType, bytes) !== "utf-8") return null;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    if (!text.includes("\r")) return { text, newline: "\n" };
    const lines = text.replaceAll("\r\n", "\n");
    return lines.replaceAll("\n", "\r\n") === text && !lines.includes("\r") ? { text: lines, newline: "\r\n" } : null;
  } catch {
    return null;
  }
}

/** What is sent: text that nobody changed goes as the bytes that were recorded; changed text has no coding any more. `flow`: what it was
 *  made from; null when it was made of nothing. */
export function requestOf(draft: Draft, flow: number | null): ReplayRequest {
  const changed = draft.mode === "text" && draft.text !== draft.recorded;
  const headers = draft.headers.filter(
    ([name]) => name.trim() !== "" && !(changed && /^content-encoding$/i.test(name.trim())) && !(draft.mode === "none" && /^(content-length|transfer-encoding)$/i.test(name.trim())),
  );
  const request: ReplayRequest = { method: draft.method.trim(), url: draft.url.trim(), headers };
  if (flow !== null) request.flow = flow;
  if (flow !== null && (draft.mode === "recorded" || (draft.mode === "text" && !changed))) request.body = { flow };
  else if (draft.mode === "bytes") request.body = { base64: draft.base64 ?? "" };
  else if (draft.mode === "text") request.body = { text: draft.newline === "\n" ? draft.text : draft.text.replaceAll("\n", draft.newline) };
  if (draft.version) request.version = draft.version;
  return request;
}

/** Fields as text, one a line. */
export function rawOf(headers: Field[]): string {
  return headers.map(([name, value]) => `${name}: ${value}`).join("\n");
}

/** Text as fields. A line without a colon is wrong: its number, from 1, is in `wrong`. */
export function parseRaw(text: string): { headers: Field[]; wrong: number | null } {
  const headers: Field[] = [];
  let wrong: number | null = null;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "") continue;
    const at = line.indexOf(":", 1);
    if (at < 0) {
      wrong ??= index + 1;
      headers.push([line.trim(), ""]);
    } else headers.push([line.slice(0, at).trim(), line.slice(at + 1).trim()]);
  }
  return { headers, wrong };
}

/** Fields after the URL changed: a `Host` that named the old place names the new one. */
export function followHost(headers: Field[], before: string, after: string): Field[] {
  const [from, to] = [authority(before), authority(after)];
  if (!from || !to || from === to) return headers;
  return headers.map(([name, value]) => (/^host$/i.test(name) && value === from ? [name, to] : [name, value]));
}

function authority(url: string): string | null {
  return /^[a-z]+:\/\/([^/?#]*)/i.exec(url.trim())?.[1]?.replace(/^.*@/, "") || null;
}
