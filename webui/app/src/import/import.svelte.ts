//! Files that are brought in: each is sent to the server as a stream, with its progress, and becomes a session. Key logs go
//! before the captures that they open, or to one that is kept already.

import { address, api, ApiError, words } from "../lib/api";
import { isCapture, isKeyLog, notImportable } from "./sort";
import type { Imported, KeptCapture, Problem } from "../lib/types";

export interface Import {
  readonly name: string;
  readonly size: number;
  /** Bytes that were sent. */
  sent: number;
  /** `keys`: a key log, which waits for captures. */
  state: "waiting" | "sending" | "reading" | "done" | "failed" | "keys";
  result: Imported | null;
  error: string | null;
  /** It is a packet capture: there is something in it for a key log. */
  capture: boolean;
  /** Of a key log: the names of the captures that it was sent with. */
  used: string[];
}

/** So much of a file is looked at to know what it is: bytes. */
const LOOKED_AT = 64 << 10;

/** The server takes no longer key log: bytes. */
const LONGEST_KEY_LOG = 64 << 20;

class Imports {
  items: Import[] = $state([]);
  /** Captures whose packets are kept; read when there is a key log for them. */
  kept: KeptCapture[] = $state.raw([]);
  #files = new Map<Import, File>();
  #sending: XMLHttpRequest | null = null;
  #busy = false;

  /** Something is under way. */
  get busy(): boolean {
    return this.items.some((item) => item.state === "waiting" || item.state === "sending" || item.state === "reading");
  }

  add(files: Iterable<File>): void {
    for (const file of files) {
      const at = this.items.push({ name: file.name, size: file.size, sent: 0, state: "waiting", result: null, error: null, capture: false, used: [] }) - 1;
      this.#files.set(this.items[at] as Import, file);
    }
    void this.#run();
  }

  /** Forgets what is done, and stops what is not. */
  clear(): void {
    this.#sending?.abort();
    this.#files.clear();
    this.items = [];
    this.kept = [];
  }

  /** Opens a capture that is kept with a key log. */
  async decrypt(item: Import, capture: KeptCapture): Promise<void> {
    const file = this.#files.get(item);
    if (!file) return;
    item.state = "reading";
    item.error = null;
    try {
      item.result = await api.decryptCapture(capture.id, file);
      item.used.push(capture.name);
    } catch (error) {
      item.error = words(error);
    }
    item.state = "keys";
  }

  async #run(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    // what came together is known before any of it is sent: a key log may be the last of it
    for (let looked = 0; looked < this.items.length; looked++) await this.#look(this.items[looked] as Import);
    for (let item = this.#next(); item; item = this.#next()) {
      await this.#look(item);
      if (item.state !== "waiting") continue;
      const file = this.#files.get(item);
      this.#files.delete(item);
      try {
        if (!file) throw new ApiError("The file is gone.", 0);
        item.result = await this.#send(file, item);
        item.state = "done";
      } catch (error) {
        fail(item, error);
      }
    }
    this.#busy = false;
    if (this.items.some((item) => item.state === "keys")) this.kept = await api.keptCaptures().catch(() => []);
  }

  /** What a file is, once. */
  async #look(item: Import): Promise<void> {
    const file = this.#files.get(item);
    if (item.state !== "waiting" || !file) return;
    try {
      const start = new Uint8Array(await file.slice(0, LOOKED_AT).arrayBuffer());
      const keys = isKeyLog(start);
      if (keys && file.size > LONGEST_KEY_LOG) throw new ApiError("The key log is longer than 64 MiB: leave out what is not of these captures.", 0);
      const refused = keys ? null : notImportable(start);
      if (refused) throw new ApiError(refused, 0);
      if (keys) item.state = "keys";
      item.capture = isCapture(start);
    } catch (error) {
      this.#files.delete(item);
      fail(item, error);
    }
  }

  #next(): Import | undefined {
    return this.items.find((item) => item.state === "waiting");
  }

  /** The key logs that are here, each ended by a new line: how long they are, and they. */
  #keys(): { size: number; parts: BlobPart[]; items: Import[] } {
    const items = this.items.filter((item) => item.state === "keys" && this.#files.has(item));
    const parts = items.flatMap((item) => [this.#files.get(item) as File, "\n"]);
    return { size: items.reduce((sum, item) => sum + item.size + 1, 0), parts, items };
  }

  /** `fetch` does not tell how far a request body is. */
  #send(file: File, item: Import): Promise<Imported> {
    const keys = item.capture ? this.#keys() : null;
    const before = keys?.size ?? 0;
    const body = keys ? new Blob([...keys.parts, file]) : file;
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      this.#sending = request;
      item.state = "sending";
      request.open("POST", address("import", { name: file.name, key_log: before || undefined }));
      request.setRequestHeader("content-type", "application/json");
      request.responseType = "json";
      request.upload.onprogress = (event) => (item.sent = Math.max(0, event.loaded - before));
      request.upload.onload = () => {
        item.sent = file.size;
        if (item.state === "sending") item.state = "reading";
      };
      request.onload = () => {
        if (request.status >= 300) {
          const problem = request.response as Problem | null;
          return reject(new ApiError(problem?.detail ?? problem?.title ?? `The server answered ${request.status}.`, request.status));
        }
        for (const key of keys?.items ?? []) key.used.push(file.name);
        resolve(request.response as Imported);
      };
      request.onerror = () => reject(new ApiError("The file could not be read, or overhear does not answer.", 0));
      request.onabort = () => reject(new ApiError("Stopped.", 0));
      request.send(body);
    });
  }
}

function fail(item: Import, error: unknown): void {
  item.state = "failed";
  item.error = words(error);
}

export const imports = new Imports();
