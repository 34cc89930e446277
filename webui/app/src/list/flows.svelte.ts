//! The live list: which rows the server has for the filter, which of them are at hand, and what changed meanwhile.

import { aborted, api, ApiError, PAGE, words, type ListQuery } from "../lib/api";
import type { Changes } from "../lib/live.svelte";
import type { FilterProblem, Flow, Page } from "../lib/types";
import { Meanwhile } from "./meanwhile";
import { SparseRows } from "./sparse";

/** Rows kept on either side of what is shown. */
const KEEP = 800;
/** Rows that are at hand before they come into view. */
const AHEAD = PAGE;
const RECOUNT_MS = 1_000;
/** So many new flows are pointed out in a sorted list. */
const UNSEEN = 200;

/** A page that was asked for by its place. */
interface Around {
  start: number;
  page: Page;
}

function put(rows: SparseRows<Flow>, { start, page }: Around): void {
  rows.put(start, page.items, start === 0 ? null : undefined, page.next);
}

export class FlowList {
  query: ListQuery = $state.raw({ filter: "", session: "current", sort: "id", order: "asc" });
  total = $state(0);
  /** Counts every change of the rows; what reads rows depends on it. */
  version = $state(0);
  loading = $state(true);
  /** Where the wanted filter is wrong, and which that is; the list still shows the one before. */
  problem: (FilterProblem & { filter: string }) | null = $state.raw(null);
  error: string | null = $state(null);
  /** New rows since the list stopped following. */
  fresh = $state(0);
  /** Whether the newest row is kept in view. */
  following = $state(true);
  /** A pointer is on the rows: none moves under it, although the list follows. */
  held = $state(false);
  /** Numbers of new flows that a sorted list does not show yet, the newest last. */
  unseen: readonly number[] = [];
  /** Rows were put in or taken out before the first one in view: the view moves by as many. */
  onshift: (rows: number) => void = () => {};
  /** A row is to be brought into view. */
  onfocus: (id: number) => void | Promise<void> = () => {};
  /** Another list is shown, from its beginning. */
  onbegin: () => void = () => {};

  #rows = new SparseRows<Flow>();
  #abort = new AbortController();
  #fetching = false;
  #wanted: [number, number] = [0, 0];
  /** Where the view went last: to higher places, to lower ones, or nowhere yet. */
  #going = 0;
  #newest = 0;
  #recount: ReturnType<typeof setTimeout> | undefined;
  #meanwhile = new Meanwhile();
  /** Counts the times that everything went. */
  #cleared = 0;
  /** Readings again are numbered as they begin; one that is answered after a later one comes too late. */
  #begun = 0;
  #taken = 0;

  /** Where new rows appear: at the end, at the beginning, or somewhere among the sorted. */
  get edge(): "end" | "start" | null {
    if (this.query.sort !== "id") return null;
    return this.query.order === "asc" ? "end" : "start";
  }

  /** How many rows are at hand. */
  get athand(): number {
    return this.#rows.size;
  }

  /** The newest row is kept in view now. */
  get pinned(): boolean {
    return this.following && !this.held;
  }

  at(index: number): Flow | undefined {
    void this.version;
    return this.#rows.at(index);
  }

  /** A row that is at hand. */
  find(id: number): Flow | undefined {
    void this.version;
    const index = this.#rows.indexOf(id);
    return index < 0 ? undefined : this.#rows.at(index);
  }

  indexOf(id: number): number {
    void this.version;
    return this.#rows.indexOf(id);
  }

  /**
   * Shows another list. True when the server took the filter; what was shown stays until then. With `id`, the rows around
   * that flow are at hand too; `before` is waited for before the rows are another list's.
   */
  async load(query: ListQuery, id: number | null = null, before: Promise<unknown> = Promise.resolve()): Promise<boolean> {
    this.#abort.abort();
    const abort = (this.#abort = new AbortController());
    this.loading = true;
    const tail = query.sort === "id" && query.order === "asc";
    const count = api.count(query.filter, query.session, abort.signal);
    count.catch(() => {});
    const [since, cleared] = [this.#meanwhile.begin(), this.#cleared];
    let told: Changes[] | null = null;
    try {
      const [page, last, around] = await Promise.all([
        api.flows({ ...query, order: tail ? "desc" : query.order }, {}, abort.signal),
        query.sort === "id" ? null : api.flows({ filter: "", session: "all", sort: "id", order: "desc" }, { limit: 1 }, abort.signal),
        id === null ? null : this.#around(query, id, abort.signal),
        before,
      ]);
      // without its length, a place in it means nothing
      const length = around && page.next !== null ? await count : null;
      const rows = new SparseRows<Flow>();
      const items = tail ? page.items.toReversed() : page.items;
      rows.put(0, items, tail ? page.next : null, tail ? null : page.next);
      if (around && length !== null) {
        rows.resize(Math.max(length, rows.size), tail);
        put(rows, around);
      }
      // of another filter, the stream tells only what is read again when it stands
      const same = this.query.filter === query.filter && this.query.session === query.session;
      this.query = query;
      this.#rows = rows;
      this.#going = 0;
      this.unseen = [];
      this.#newest = (last ?? page).items.reduce((most, flow) => Math.max(most, flow.id), 0);
      this.#fetching = false;
      this.problem = this.error = null;
      this.fresh = 0;
      told = since();
      if (same) this.#again(told, this.#newest);
      this.#changed();
      // the count may be older, too
      if (cleared !== this.#cleared || (same && told.length > 0)) void this.refresh();
      else if (page.next !== null && length === null) void count.then((total) => abort === this.#abort && this.#resize(total), () => {});
      return true;
    } catch (error) {
      if (!aborted(error)) this.#complain(error, query.filter);
      return false;
    } finally {
      if (told === null) since();
      if (abort === this.#abort) this.loading = false;
    }
  }

  /** The row to stand on when some go: the next after one of them that stays, else the one before; of those at hand. */
  neighbour(id: number, gone: ReadonlySet<number>): Flow | undefined {
    const at = this.#rows.indexOf(id);
    if (at < 0) return undefined;
    for (const step of [1, -1]) {
      let row = this.#rows.at(at + step);
      for (let to = at + step; row && gone.has(row.id); to += step) row = this.#rows.at(to + step);
      if (row) return row;
    }
    return undefined;
  }

  /** The neighbour, its rows fetched if need be: while another list or order comes, those around a flow may not be at hand. */
  async after(id: number, gone: ReadonlySet<number>): Promise<Flow | undefined> {
    for (let tries = 0; tries < 3; tries++) {
      const next = this.neighbour(id, gone);
      if (next) return next;
      const rows = this.#rows;
      const found = (await this.locate(id)) >= 0;
      if (!found && rows === this.#rows && !this.loading) break;
    }
    return this.neighbour(id, gone);
  }

  /** Where a flow stands in the list, its rows fetched if need be; -1 when it is not in it. */
  async locate(id: number): Promise<number> {
    const at = this.#rows.indexOf(id);
    if (at >= 0) return at;
    const [abort, rows] = [this.#abort, this.#rows];
    const since = this.#meanwhile.begin();
    let told: Changes[] = [];
    try {
      const around = await this.#around(this.query, id, abort.signal).finally(() => (told = since()));
      if (abort !== this.#abort || rows !== this.#rows) return this.#rows.indexOf(id);
      if (around) put(rows, around);
      this.#again(told);
      this.#changed();
    } catch (error) {
      if (!aborted(error) && abort === this.#abort) this.#complain(error);
    }
    return this.#rows.indexOf(id);
  }

  /** The page that has a flow in its middle; null when it is not in that list. */
  async #around(query: ListQuery, id: number, signal: AbortSignal): Promise<Around | null> {
    const position = await api.position(id, query, signal);
    if (position === null) return null;
    const start = Math.max(0, position - PAGE / 2);
    return { start, page: await api.flows(query, { skip: start }, signal) };
  }

  /** Reads again what is shown, without moving it. */
  async refresh(): Promise<void> {
    const abort = this.#abort;
    const query = this.query;
    const [from] = this.#wanted;
    const shown = this.#rows.at(from)?.id;
    const edge = this.edge;
    const [turn, cleared, before] = [++this.#begun, this.#cleared, this.#newest];
    const since = this.#meanwhile.begin();
    let told: Changes[] = [];
    try {
      const start = Math.max(0, from - PAGE / 2);
      const [total, around, newest] = await Promise.all([
        api.count(query.filter, query.session, abort.signal),
        this.pinned && edge ? null : api.flows(query, { skip: start }, abort.signal),
        edge ? api.flows({ ...query, order: "desc" }, {}, abort.signal) : null,
      ]).finally(() => (told = since()));
      // another list has come meanwhile, perhaps one that was on its way already
      if (abort !== this.#abort || query !== this.query || turn < this.#taken) return;
      this.#taken = turn;
      if (cleared !== this.#cleared) return await this.refresh();
      const rows = new SparseRows<Flow>();
      // counted at another moment
      rows.total = newest && newest.next === null ? newest.items.length : Math.max(total, newest?.items.length ?? 0);
      if (around) rows.put(start, around.items, undefined, around.next);
      if (newest && edge === "end") {
        rows.put(rows.total - newest.items.length, newest.items.toReversed(), newest.next, null);
      } else if (newest) rows.put(0, newest.items, null, newest.next);
      this.#rows = rows;
      for (const flow of newest?.items ?? []) {
        if (flow.id > this.#newest && !this.pinned) this.fresh++;
      }
      this.#newest = Math.max(this.#newest, newest?.items[0]?.id ?? 0);
      if (!edge) this.fresh = 0;
      this.unseen = [];
      this.error = null;
      this.#again(told, edge ? undefined : before);
      this.#changed();
      const moved = shown === undefined ? -1 : rows.indexOf(shown);
      if (moved >= 0 && !this.pinned) this.onshift(moved - from);
    } catch (error) {
      if (!aborted(error) && abort === this.#abort) this.#complain(error);
    }
  }

  /** The rows in `[from, to)` are in view: fetches what is missing, and what comes next where the view goes; forgets what is far. */
  need(from: number, to: number): void {
    this.#going = Math.sign(from - this.#wanted[0]) || this.#going;
    this.#wanted = [from, to];
    void this.#fetch();
  }

  /** The rows in `[from, to)`, fetched if need be; at most `limit`. */
  async range(from: number, to: number, limit: number): Promise<Flow[]> {
    const rows: Flow[] = [];
    for (let at = from; at < Math.min(to, from + limit); ) {
      const row = this.#rows.at(at);
      if (row) {
        rows.push(row);
        at++;
        continue;
      }
      const page = await api.flows(this.query, { skip: at, limit: Math.min(1000, to - at) });
      if (page.items.length === 0) break;
      rows.push(...page.items);
      at += page.items.length;
    }
    return rows;
  }

  apply(changes: Changes): void {
    this.#meanwhile.tell(changes);
    const [from] = this.#wanted;
    const shown = this.#rows.at(from)?.id;
    const newest = this.#newest;
    for (const [id, flow] of changes) {
      if (typeof flow === "string") this.#take(id, flow === "deleted");
      else this.#place(flow, newest);
    }
    if (this.edge === "end" && this.pinned) this.#trim();
    this.#changed();
    const moved = shown === undefined || this.pinned ? from : this.#rows.indexOf(shown);
    if (moved >= 0 && moved !== from) this.onshift(moved - from);
  }

  cleared(): void {
    this.#cleared++;
    this.#rows.clear();
    this.fresh = 0;
    this.unseen = [];
    this.#newest = 0;
    this.#changed();
  }

  follow(): void {
    this.following = true;
    this.fresh = 0;
  }

  /** Holds the rows where they are, or lets them go on. */
  hold(on: boolean): void {
    if (this.held === on) return;
    this.held = on;
    if (!on && this.following && this.edge) this.fresh = 0;
  }

  /**
   * What was told while the rows were read: they may be older. With `newest`, greater numbers were not known when the reading began;
   * otherwise they were counted already.
   */
  #again(told: readonly Changes[], newest = Number.MAX_SAFE_INTEGER): void {
    for (const [id, flow] of new Map(told.flatMap((changes) => [...changes]))) {
      if (typeof flow === "string") this.#take(id, flow === "deleted");
      // a flow that has ended does not go on: the row is newer
      else if (flow.state !== "running" || (this.find(id)?.state ?? "running") === "running") this.#place(flow, newest);
    }
  }

  #place(flow: Flow, newest: number): void {
    const unseen = flow.id > newest;
    this.#newest = Math.max(this.#newest, flow.id);
    if (!this.edge) {
      if (this.#rows.update(flow) || !unseen) return;
      this.fresh++;
      this.unseen = [...this.unseen, flow.id].slice(-UNSEEN);
      return;
    }
    const placing = this.#rows.place(flow, this.edge === "end");
    if (placing === "inserted" && unseen && !this.pinned) this.fresh++;
    if (placing === "beyond" && this.query.filter) this.#countAgain();
  }

  #take(id: number, deleted: boolean): void {
    if (this.#rows.remove(id)) return;
    // it may have stood among the rows that are not at hand
    if ((deleted || this.query.filter) && this.#rows.size < this.#rows.total && id <= this.#newest) this.#countAgain();
  }

  #countAgain(): void {
    this.#recount ??= setTimeout(async () => {
      this.#recount = undefined;
      const abort = this.#abort;
      const total = await api.count(this.query.filter, this.query.session, abort.signal).catch(() => null);
      if (total !== null && abort === this.#abort && total !== this.#rows.total) void this.refresh();
    }, RECOUNT_MS);
  }

  async #fetch(): Promise<void> {
    if (this.#fetching) return;
    const abort = this.#abort;
    const rows = this.#rows;
    const [from, to] = this.#wanted;
    const next = this.#going > 0 ? [to, to + AHEAD] : this.#going < 0 ? [from - AHEAD, from] : [0, 0];
    const gap = rows.gap(from, to) ?? rows.gap(...(next as [number, number]));
    if (!gap) return this.#trim();
    this.#fetching = true;
    const since = this.#meanwhile.begin();
    let told: Changes[] = [];
    try {
      await this.#fill(rows, gap, abort.signal).finally(() => (told = since()));
      this.error = null;
      if (rows === this.#rows) {
        this.#again(told);
        this.#changed();
      }
    } catch (error) {
      if (!aborted(error) && abort === this.#abort) this.#complain(error);
      return;
    } finally {
      if (abort === this.#abort) this.#fetching = false;
    }
    void this.#fetch();
  }

  /** A page from a neighbour's cursor, or a jump when there is no neighbour. */
  async #fill(rows: SparseRows<Flow>, [from, to]: [number, number], signal: AbortSignal): Promise<void> {
    const below = rows.startingAt(to);
    const byId = this.query.sort === "id";
    if (below?.before && byId) {
      const order = this.query.order === "asc" ? "desc" : "asc";
      const page = await api.flows({ ...this.query, order }, { cursor: below.before }, signal);
      let start = below.start - page.items.length;
      // the list is longer, or shorter, than it was counted
      const wrong = start < 0 || page.next === null ? -start : 0;
      if (wrong > 0) rows.resize(rows.total + wrong, true);
      start = Math.max(0, start);
      rows.put(start, page.items.toReversed(), page.next, undefined);
      if (wrong < 0) rows.resize(rows.total + wrong, true);
      if (wrong !== 0) this.onshift(wrong);
      return;
    }
    const above = rows.endingAt(from);
    const start = above?.after ? from : Math.max(0, from - PAGE / 4);
    const page = await api.flows(this.query, above?.after ? { cursor: above.after } : { skip: start }, signal);
    rows.put(start, page.items, undefined, page.next);
    if (page.next === null) rows.resize(start + page.items.length, false);
  }

  #trim(): void {
    if (this.#rows.size > 3 * KEEP) this.#rows.trim(this.#wanted[0], this.#wanted[1], KEEP, PAGE);
  }

  #resize(total: number): void {
    this.#rows.resize(Math.max(total, this.#rows.size), this.edge === "end");
    this.#changed();
  }

  #changed(): void {
    this.total = this.#rows.total;
    this.version++;
  }

  #complain(error: unknown, filter = this.query.filter): void {
    if (error instanceof ApiError && error.filter) this.problem = { ...error.filter, filter };
    else this.error = words(error);
  }
}
