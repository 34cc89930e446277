//! Files that are brought in: each is sent to the server as a stream, with its progress, and becomes a session.

import { address, ApiError } from "../lib/api";
import { notImportable } from "./sort";
import type { Imported, Problem } from "../lib/types";

export interface Import {
  readonly name: string;
  readonly size: number;
  /** Bytes that were sent. */
  sent: number;
  state: "waiting" | "sending" | "reading" | "done" | "failed";
  result: Imported | null;
  error: string | null;
}

class Imports {
  items: Import[] = $state([]);
  #files = new Map<Import, File>();
  #sending: XMLHttpRequest | null = null;
  #busy = false;

  /** Something is under way. */
  get busy(): boolean {
    return this.items.some((item) => item.state === "waiting" || item.state === "sending" || item.state === "reading");
  }

  add(files: Iterable<File>): void {
    for (const file of files) {
      const at = this.items.push({ name: file.name, size: file.size, sent: 0, state: "waiting", result: null, error: null }) - 1;
      this.#files.set(this.items[at] as Import, file);
    }
    void this.#run();
  }

  /** Forgets what is done, and stops what is not. */
  clear(): void {
    this.#sending?.abort();
    this.#files.clear();
    this.items = [];
  }

  async #run(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    for (let item = this.#next(); item; item = this.#next()) {
      const file = this.#files.get(item);
      this.#files.delete(item);
      try {
        if (!file) throw new ApiError("The file is gone.", 0);
        const refused = notImportable(new Uint8Array(await file.slice(0, 1024).arrayBuffer()));
        if (refused) throw new ApiError(refused, 0);
        item.result = await this.#send(file, item);
        item.state = "done";
      } catch (error) {
        item.state = "failed";
        item.error = error instanceof Error ? error.message : String(error);
      }
    }
    this.#busy = false;
  }

  #next(): Import | undefined {
    return this.items.find((item) => item.state === "waiting");
  }

  /** `fetch` does not tell how far a request body is. */
  #send(file: File, item: Import): Promise<Imported> {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      this.#sending = request;
      item.state = "sending";
      request.open("POST", address("import", { name: file.name }));
      request.setRequestHeader("content-type", "application/json");
      request.responseType = "json";
      request.upload.onprogress = (event) => (item.sent = event.loaded);
      request.upload.onload = () => {
        item.sent = file.size;
        if (item.state === "sending") item.state = "reading";
      };
      request.onload = () => {
        if (request.status < 300) return resolve(request.response as Imported);
        const problem = request.response as Problem | null;
        reject(new ApiError(problem?.detail ?? problem?.title ?? `The server answered ${request.status}.`, request.status));
      };
      request.onerror = () => reject(new ApiError("The file could not be read, or overhear does not answer.", 0));
      request.onabort = () => reject(new ApiError("Stopped.", 0));
      request.send(file);
    });
  }
}

export const imports = new Imports();
