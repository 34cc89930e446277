//! What a person makes of messages that wait: kept while another one is looked at, and while the page is loaded again.

import type { Field, WaitingAnswer, WaitingEdit, WaitingMessage } from "../lib/types";
import { bytesOf, contentOf, draftOf, fieldOf, same, sentOf, type BodyDraft } from "./bytes";

export interface AnswerDraft {
  status: number | null;
  headers: Field[];
  body: BodyDraft;
  /** Lengths and codings are not put right. */
  asWritten: boolean;
}

export interface Draft {
  /** The version of the message that it was made of. */
  version: number;
  method: string;
  url: string;
  status: number | null;
  headers: Field[];
  /** Null when the body could not be held. */
  body: BodyDraft | null;
  /** Lengths and codings are not put right. */
  asWritten: boolean;
  /** An answer is written instead. */
  answering: boolean;
  answer: AnswerDraft;
}

export function draft(message: WaitingMessage): Draft {
  const type = fieldOf(message.headers, "content-type");
  return {
    version: message.version,
    method: message.method,
    url: message.url,
    status: message.status,
    headers: message.headers.map(([name, value]) => [name, value]),
    body: message.body && draftOf(bytesOf(message.body), type),
    asWritten: false,
    answering: false,
    answer: { status: 200, headers: [["Content-Type", "application/json"]], body: { mode: "json", text: "{}", newline: "\n", hex: "" }, asWritten: false },
  };
}

/** What differs from the message, as the API takes it; or why it cannot be sent. */
export function editOf(draft: Draft, message: WaitingMessage): WaitingEdit | string {
  const edit: WaitingEdit = { version: draft.version };
  if (message.stage === "request") {
    if (draft.method.trim() !== message.method) edit.method = draft.method.trim();
    if (draft.url.trim() !== message.url) edit.url = draft.url.trim();
  } else if (message.stage === "response" && draft.status !== message.status) {
    if (!validStatus(draft.status)) return "The status is a number from 200 to 599.";
    edit.status = draft.status;
  }
  const headers = named(draft.headers);
  if (JSON.stringify(headers) !== JSON.stringify(message.headers)) edit.headers = headers;
  if (draft.body && message.body) {
    const { bytes, problem } = sentOf(draft.body);
    if (problem) return problem;
    if (!same(bytes, bytesOf(message.body))) edit.body = contentOf(bytes);
  }
  if (draft.asWritten && message.stage !== "message") edit.as_written = true;
  return edit;
}

/** Whether anything differs. */
export function changed(edit: WaitingEdit | string): boolean {
  return typeof edit === "string" || Object.keys(edit).some((key) => key !== "version");
}

export function answerOf({ answer, version }: Draft): WaitingAnswer | string {
  if (!validStatus(answer.status)) return "The status is a number from 200 to 599.";
  const { bytes, problem } = sentOf(answer.body);
  if (problem) return problem;
  return { version, status: answer.status, headers: named(answer.headers), ...(bytes.length > 0 ? { body: contentOf(bytes) } : {}), ...(answer.asWritten ? { as_written: true } : {}) };
}

function validStatus(status: number | null): status is number {
  return status !== null && Number.isInteger(status) && status >= 200 && status <= 599;
}

/** Rows that have no name yet are no fields. */
function named(headers: readonly Field[]): Field[] {
  return headers.filter(([name]) => name.trim() !== "").map(([name, value]) => [name.trim(), value]);
}

const KEY = "overhear.waiting";
/** So many are kept; a page that lets hundreds wait is edited one after the other. */
const MOST = 50;

/** Numbers begin anew with each start of the program: the moment tells them apart. */
const keyOf = (message: { id: number; since: string }) => `${message.id} ${message.since}`;

class Drafts {
  #all = new Map<string, Draft>();

  find(message: { id: number; since: string }): Draft | undefined {
    return this.#all.get(keyOf(message));
  }

  keep(message: { id: number; since: string }, draft: Draft): void {
    const key = keyOf(message);
    this.#all.delete(key);
    this.#all.set(key, draft);
    for (const old of [...this.#all.keys()].slice(0, Math.max(0, this.#all.size - MOST))) this.#all.delete(old);
  }

  forget(message: { id: number; since: string }): void {
    this.#all.delete(keyOf(message));
  }

  takeBack(storage: Storage): void {
    try {
      this.#all = new Map(JSON.parse(storage.getItem(KEY) ?? "[]") as [string, Draft][]);
      storage.removeItem(KEY);
    } catch {
      // of another version, or no storage: begun anew
    }
  }

  keepAll(storage: Storage): void {
    for (const some of [[...this.#all], [...this.#all].slice(-1)]) {
      try {
        if (some.length > 0) storage.setItem(KEY, JSON.stringify(some));
        return;
      } catch {
        // too large: fewer
      }
    }
  }
}

export const drafts = new Drafts();

if (typeof window !== "undefined") {
  drafts.takeBack(sessionStorage);
  addEventListener("pagehide", () => drafts.keepAll(sessionStorage));
}
