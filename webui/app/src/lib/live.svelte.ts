//! The event stream: one `EventSource`, opened again by itself, its events handed on once per animation frame.

import { address, type SessionChoice } from "./api";
import type { Device, Flow, FlowsEvent, Status, Waiting } from "./types";

/** More unhandled changes than this (a page in the background) are not kept: the list is read again. */
const PENDING_LIMIT = 5_000;
const RETRY_MS = 1_000;

/** What became of each flow: what it is now, or that it matches the filter no more, or that it was deleted. */
export type Changes = Map<number, Flow | "gone" | "deleted">;

export interface Listener {
  /** The stream stands (again): what changed before is not in it. */
  opened(): void;
  flows(changes: Changes): void;
  cleared(): void;
  reload(): void;
  devices(items: Device[]): void;
  status(status: Status): void;
  /** All that waits at breakpoints. */
  waiting(items: Waiting[]): void;
  /** Rules changed, here or elsewhere. */
  rules(): void;
  /** A script is another one, or says something. */
  scripts(): void;
  /** Sessions began, ended, were named or deleted. */
  sessions(): void;
}

export class Live {
  /** `lost`: the server does not answer; it is tried again every second. */
  state: "connecting" | "live" | "lost" = $state("connecting");
  #source: EventSource | null = null;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #frame = 0;
  #pending: Changes = new Map();
  #overflow = false;

  constructor(private readonly listener: Listener) {}

  /** Opens the stream for a filter within a session; an open one is closed. */
  open(filter: string, session: SessionChoice): void {
    this.close();
    const source = new EventSource(address("events", { filter, session }));
    this.#source = source;
    source.onopen = () => {
      this.state = "live";
      this.listener.opened();
    };
    source.onerror = () => {
      // a browser's own pause before it tries again is longer, and it gives up on an error status
      this.state = "lost";
      source.close();
      clearTimeout(this.#retry);
      this.#retry = setTimeout(() => this.open(filter, session), RETRY_MS);
    };
    const on = (name: string, handle: (data: unknown) => void) =>
      source.addEventListener(name, (event) => {
        if (source === this.#source) handle(JSON.parse((event as MessageEvent<string>).data || "{}"));
      });
    on("flows", (data) => this.#collect(data as FlowsEvent));
    on("cleared", () => {
      this.#forget();
      this.listener.cleared();
    });
    on("reload", () => {
      this.#forget();
      this.listener.reload();
    });
    on("devices", (data) => this.listener.devices((data as { items: Device[] }).items));
    on("waiting", (data) => this.listener.waiting((data as { items: Waiting[] }).items));
    on("rules", () => this.listener.rules());
    on("scripts", () => this.listener.scripts());
    on("sessions", () => this.listener.sessions());
    on("status", (data) => this.listener.status(data as Status));
  }

  close(): void {
    clearTimeout(this.#retry);
    this.#forget();
    this.#source?.close();
    this.#source = null;
  }

  #collect(event: FlowsEvent): void {
    if (this.#pending.size > PENDING_LIMIT) this.#overflow = true;
    if (!this.#overflow) {
      for (const id of event.gone) this.#pending.set(id, "gone");
      for (const flow of event.items) this.#pending.set(flow.id, flow);
      for (const id of event.deleted) this.#pending.set(id, "deleted");
    }
    if (!this.#frame) this.#frame = requestAnimationFrame(() => this.#deliver());
  }

  #deliver(): void {
    this.#frame = 0;
    const overflow = this.#overflow;
    const pending = this.#pending;
    this.#forget();
    if (overflow) this.listener.reload();
    else this.listener.flows(pending);
  }

  #forget(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#overflow = false;
    this.#pending = new Map();
  }
}
