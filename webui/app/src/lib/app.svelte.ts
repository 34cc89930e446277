//! What the whole page shares: the list, the event stream, the chosen rows, the state of the server.

import { api, ApiError, words, type ListQuery } from "./api";
import { drawn } from "./frame";
import { Live, type Changes } from "./live.svelte";
import { Heard } from "./heard";
import { startedAgain } from "../settings/health";
import { rates } from "./rates.svelte";
import { router } from "./route.svelte";
import type { Device, Flow, Status, Waiting } from "./types";
import { FlowList } from "../list/flows.svelte";
import { offline } from "../offline/offline.svelte";
import { Selection } from "../list/selection.svelte";
import { rulebook } from "../rules/rulebook.svelte";
import { stopped } from "../waiting/stopped.svelte";

/** So many numbers go into one address. */
const IDS_IN_ADDRESS = 500;

export type Dialog = "breakpoint" | "capture" | "export" | "connect" | "devices" | "help" | "clear" | "delete" | "columns" | "comment" | "keys" | "import" | "offline" | "palette" | "rules" | "save-session" | "status" | "tag";

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
  /** The first rows were drawn, or could not be had: what is less urgent may be asked for. */
  ready = $state(false);
  /** Counts the changes of sessions; what shows them depends on it. */
  sessions = $state(0);
  /** Counts what is new about scripts. */
  scripts = $state(0);
  /** Counts what changed, of all flows; what adds them up depends on it. */
  changed = $state(0);
  /** A short word about what was done or went wrong. */
  notice: { text: string; bad: boolean } | null = $state.raw(null);
  /** The flow that stands open although the list does not have it: the keys mean that one. */
  aside: Flow | null = $state.raw(null);
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
    devices: (items) => this.told.devices.now(items),
    status: (status) => this.told.status.now(status),
    waiting: (items) => this.told.waiting.now(items),
    rules: () => {
      void rulebook.read();
      void offline.read();
    },
    scripts: () => this.scripts++,
    sessions: () => this.#sessions(),
  });
  #noticeTimer: ReturnType<typeof setTimeout> | undefined;
  #heardAt = 0;
  /** What the stream tells and is asked for as well. */
  readonly told = {
    devices: new Heard<Device[]>((items) => (this.devices = items)),
    status: new Heard<Status>((status) => this.#heard(status)),
    waiting: new Heard<Waiting[]>((items) => stopped.heard(items)),
  };
  #first = true;
  #wanted = "";
  #watchers = new Set<{ id: number; changed: () => void }>();

  /** The devices that nobody has decided about. */
  get asking(): Device[] {
    return this.devices.filter((device) => device.decision === null);
  }

  /** Reads what the page begins with. */
  async start(): Promise<void> {
    try {
      await Promise.all([this.told.status.ask(api.status()), this.told.devices.ask(api.devices())]);
    } catch (error) {
      this.locked = error instanceof ApiError && error.status === 401;
    }
  }

  /** Shows the list that the address asks for, unless it was asked for already. */
  async wants(query: ListQuery): Promise<void> {
    const key = JSON.stringify(query);
    if (key === this.#wanted) return;
    this.#wanted = key;
    await this.#show(query);
  }

  async #show(query: ListQuery): Promise<void> {
    const before = this.list.query;
    const other = before.filter !== query.filter || before.session !== query.session;
    const kept = other && !this.#first ? this.#among(query) : null;
    kept?.catch(() => {});
    const taken = await this.list.load(query, router.now.flow ?? this.selection.focus, kept ?? undefined);
    // what is chosen and can be seen no more would be deleted, or tagged, unseen
    if (taken && kept) this.selection.keep(await kept);
    if (this.#first) void drawn().then(() => this.#goOn());
    else if (this.ready && taken && other) this.#listen();
    this.#first = false;
    if (!taken) return;
    this.list.follow();
    this.list.onbegin();
    const id = router.now.flow ?? this.selection.focus;
    if (id !== null) await this.stand(id);
  }

  /** The first rows are seen: now comes what is less urgent. The stream tells when the server is back, so it is opened also without a list. */
  #goOn(): void {
    this.#listen();
    this.ready = true;
  }

  #listen(): void {
    this.live.open(this.list.query.filter, this.list.query.session);
  }

  /** Which of the chosen flows another list has too; the one that stands open stays chosen anyway. */
  async #among(query: ListQuery): Promise<Set<number>> {
    const ids = [...new Set([...this.selection.ids, ...(this.selection.focus === null ? [] : [this.selection.focus])])];
    const kept = new Set<number>();
    for (let at = 0; at < ids.length; at += IDS_IN_ADDRESS) {
      for (const flow of await api.among(ids.slice(at, at + IDS_IN_ADDRESS), query.filter, query.session)) kept.add(flow.id);
    }
    const open = router.now.flow;
    if (open !== null && ids.includes(open)) kept.add(open);
    return kept;
  }

  /** The list stands on a flow: chosen, and in view if the list has it. */
  async stand(id: number): Promise<void> {
    if (this.selection.focus !== id) this.selection.only(id);
    // the first list begins there by itself
    if (this.#first) return;
    const query = this.list.query;
    if ((await this.list.locate(id)) >= 0) {
      if (this.aside?.id === id) this.aside = null;
      if (this.selection.focus === id) await this.list.onfocus(id);
    } else if (query === this.list.query) await this.#lookAside(id);
  }

  /** Tells afterwards whether a person still is where they are now. */
  standing(): () => boolean {
    const [flow, focus] = [router.now.flow, this.selection.focus];
    return () => router.now.flow === flow && this.selection.focus === focus;
  }

  /** Chooses flows that were deleted and are there again, as far as the list has them, and stands on the first, unless a person has gone on. */
  async broughtBack(ids: number[], stays: () => boolean): Promise<void> {
    const { filter, session } = this.list.query;
    const here = (await api.among(ids.slice(0, IDS_IN_ADDRESS), filter, session).catch(() => [])).map((flow) => flow.id).sort((a, b) => a - b);
    const [first] = here;
    if (first === undefined) return;
    await this.list.refresh();
    if (!stays()) return;
    this.selection.range(here, first);
    if (router.now.screen === "list" && router.now.flow !== null) router.go({ flow: first });
    await this.stand(first);
  }

  /** What is known of a flow of which a key or a command is to do something: a row, or what stands open without one. */
  known(id: number): Flow | undefined {
    return this.list.find(id) ?? (this.aside?.id === id ? this.aside : undefined);
  }

  async #lookAside(id: number): Promise<void> {
    const [flow] = await api.among([id], "", "all").catch(() => []);
    if (router.now.flow === id) this.aside = flow ?? null;
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
    this.told.devices.ask(api.devices()).catch(() => {});
    this.told.status.ask(api.status()).catch(() => {});
    // what waits is told at the beginning only when something does
    this.told.waiting.ask(api.waiting()).catch(() => {});
    void rulebook.read();
    void offline.read();
    for (const watcher of this.#watchers) watcher.changed();
  }

  /** Another session may be the current one by now: the same question has another answer. */
  #sessions(): void {
    this.sessions++;
    if (this.list.query.session === "current") void this.list.refresh();
  }

  #apply(changes: Changes): void {
    this.list.apply(changes);
    rates.saw(changes);
    this.changed++;
    const shown = router.now.flow;
    // what left the list is not chosen any more, unless it stands open
    const left = [...changes].filter(([id, flow]) => flow === "deleted" || (flow === "gone" && id !== shown)).map(([id]) => id);
    if (left.length > 0) this.selection.forget(left);
    if (shown !== null && (changes.get(shown) === "gone" || (this.aside?.id === shown && changes.has(shown)))) void this.#lookAside(shown);
    const closes = shown !== null && changes.get(shown) === "deleted" && router.now.screen === "list";
    // a detail that closes has nothing left to read
    for (const watcher of this.#watchers) if (changes.has(watcher.id) && !(closes && watcher.id === shown)) watcher.changed();
    if (closes) router.go({ flow: null });
  }
}

export const app = new App();
