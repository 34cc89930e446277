//! What the whole page shares: the list, the event stream, the chosen rows, the state of the server.

import { api, ApiError, words, type ListQuery } from "./api";
import { Live, type Changes } from "./live.svelte";
import { startedAgain } from "../settings/health";
import { router } from "./route.svelte";
import type { Device, Status } from "./types";
import { FlowList } from "../list/flows.svelte";
import { Selection } from "../list/selection.svelte";

export type Dialog = "capture" | "export" | "connect" | "devices" | "help" | "clear" | "delete" | "columns" | "comment" | "keys" | "import" | "palette" | "save-session" | "status" | "tag";

class App {
  readonly list = new FlowList();
  readonly selection = new Selection();
  status: Status | null = $state.raw(null);
  /** Recording was off, overhear was started again, and a start begins with recording on. */
  recordsAgain = $state(false);
  devices: Device[] = $state.raw([]);
  dialog: Dialog | null = $state(null);
  /** The server wants the printed link first. */
  locked = $state(false);
  /** The first list was read, or could not be: what is less urgent may be asked for. */
  ready = $state(false);
  /** Counts the changes of sessions; what shows them depends on it. */
  sessions = $state(0);
  /** Counts what changed, of all flows; what adds them up depends on it. */
  changed = $state(0);
  /** A short word about what was done or went wrong. */
  notice: { text: string; bad: boolean } | null = $state.raw(null);
  readonly live = new Live({
    opened: () => this.#opened(),
    flows: (changes) => this.#apply(changes),
    cleared: () => {
      this.list.cleared();
      this.changed++;
      this.selection.clear();
      if (router.now.screen === "list") router.go({ flow: null });
    },
    reload: () => {
      this.changed++;
      void this.list.refresh();
    },
    devices: (items) => (this.devices = items),
    status: (status) => this.#heard(status),
    sessions: () => this.#sessions(),
  });
  #noticeTimer: ReturnType<typeof setTimeout> | undefined;
  #heardAt = 0;
  #first = true;
  #watchers = new Set<{ id: number; changed: () => void }>();

  /** The devices that nobody has decided about. */
  get asking(): Device[] {
    return this.devices.filter((device) => device.decision === null);
  }

  /** Reads what the page begins with. */
  async start(): Promise<void> {
    try {
      const [status, devices] = await Promise.all([api.status(), api.devices()]);
      this.#heard(status);
      this.devices = devices;
    } catch (error) {
      this.locked = error instanceof ApiError && error.status === 401;
    }
  }

  /** Shows the list that the address asks for. */
  async show(query: ListQuery): Promise<void> {
    const before = this.list.query;
    const taken = await this.list.load(query);
    if (taken) {
      this.list.follow();
      const id = router.now.flow ?? this.selection.focus;
      if (id !== null) this.stand(id);
    }
    // the stream tells when the server is back, so it is opened even if the first list could not be had
    const other = before.filter !== query.filter || before.session !== query.session;
    if (this.#first || (taken && other)) this.live.open(this.list.query.filter, this.list.query.session);
    if (taken && before.session !== query.session) this.selection.clear();
    this.#first = false;
    this.ready = true;
  }

  /** The list stands on a flow, if that is at hand: chosen and in view. */
  stand(id: number): void {
    if (this.list.indexOf(id) < 0) return;
    if (this.selection.focus !== id) this.selection.only(id);
    void this.list.onfocus(id);
  }

  say(text: string, bad = false): void {
    this.notice = { text, bad };
    clearTimeout(this.#noticeTimer);
    this.#noticeTimer = setTimeout(() => (this.notice = null), bad ? 8_000 : 4_000);
  }

  /** Does something and says so when it fails. */
  async attempt<T>(what: () => Promise<T>): Promise<T | undefined> {
    try {
      return await what();
    } catch (error) {
      this.say(words(error), true);
      return undefined;
    }
  }

  /** Calls when a flow changed, or may have while the stream was down. Returns what ends it. */
  watch(id: number, changed: () => void): () => void {
    const watcher = { id, changed };
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  #heard(status: Status): void {
    const before = this.status;
    if (before?.paused && !status.paused && startedAgain(before.uptime_s, (performance.now() - this.#heardAt) / 1000, status.uptime_s)) this.recordsAgain = true;
    if (status.paused) this.recordsAgain = false;
    this.status = status;
    this.#heardAt = performance.now();
  }

  #opened(): void {
    this.changed++;
    void this.list.refresh();
    void api.devices().then((items) => (this.devices = items), () => {});
    void api.status().then((status) => this.#heard(status), () => {});
    for (const watcher of this.#watchers) watcher.changed();
  }

  /** Another session may be the current one by now: the same question has another answer. */
  #sessions(): void {
    this.sessions++;
    if (this.list.query.session === "current") void this.list.refresh();
  }

  #apply(changes: Changes): void {
    this.list.apply(changes);
    this.changed++;
    const deleted = [...changes].filter(([, flow]) => flow === "deleted").map(([id]) => id);
    if (deleted.length > 0) this.selection.forget(deleted);
    const shown = router.now.flow;
    const closes = shown !== null && changes.get(shown) === "deleted" && router.now.screen === "list";
    // a detail that closes has nothing left to read
    for (const watcher of this.#watchers) if (changes.has(watcher.id) && !(closes && watcher.id === shown)) watcher.changed();
    if (closes) router.go({ flow: null });
  }
}

export const app = new App();
