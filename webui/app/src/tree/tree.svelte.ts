//! The tree of what was recorded: the programs of this computer and other devices, their hosts, the paths on those. A level is read when it is opened, and what is
//! open is read again when flows change.

import { api, aborted, words, type SessionChoice } from "../lib/api";
import type { TreeItem, TreeLevel } from "../lib/types";

/** Where a level hangs; nothing set is the root. */
export interface Place {
  devices: boolean;
  client?: string;
  host?: string;
  path?: string;
}

/** A node and, once it was opened, what is below it. */
export interface Node {
  /** Unlike any other in the tree. */
  id: string;
  item: TreeItem;
  kind: "device" | "host" | "path";
  below: Place;
  open: boolean;
  nodes: Node[] | null;
  /** Nodes that the server left out. */
  more: number;
  /** Which question about what is below it was answered last. */
  answered: number;
}

/** A node in the order in which it is shown. */
export interface Shown {
  node: Node;
  depth: number;
}

/** More open levels than this are not kept up to date. */
const LEVELS = 30;

export class Tree {
  /** Replaced whenever anything in it changes. */
  nodes: Node[] = $state.raw([]);
  more = $state(0);
  error: string | null = $state(null);
  /** Read at least once. */
  ready = $state(false);
  /** Rows stay where they are (a pointer is on them): only their numbers change. */
  held = false;
  #session: SessionChoice = "current";
  #abort = new AbortController();
  #asked = 0;

  readonly shown: Shown[] = $derived(flat(this.nodes, 0));

  /** Another session: what was open is forgotten. */
  async show(session: SessionChoice): Promise<void> {
    this.#session = session;
    this.#abort.abort();
    this.#abort = new AbortController();
    this.nodes = [];
    this.more = 0;
    this.ready = false;
    await this.refresh();
  }

  /** Reads again what is open. */
  async refresh(): Promise<void> {
    const abort = this.#abort;
    try {
      const root = await this.#root(abort.signal);
      if (abort !== this.#abort) return;
      this.nodes = this.#merge(this.nodes, root.nodes);
      if (!this.held || !this.ready) this.more = root.more;
      this.ready = true;
      this.error = null;
      await this.#below(this.nodes, { left: LEVELS }, abort.signal);
    } catch (error) {
      if (!aborted(error) && abort === this.#abort) this.error = words(error);
    }
  }

  async toggle(node: Node): Promise<void> {
    if (!node.item.children) return;
    node.open = !node.open;
    this.nodes = [...this.nodes];
    if (!node.open) return;
    try {
      await this.#read(node, this.#abort.signal);
    } catch (error) {
      if (!aborted(error)) this.error = words(error);
    }
  }

  /** The level that everything hangs on: programs and devices when there are several, else hosts. */
  async #root(signal: AbortSignal): Promise<{ nodes: Node[]; more: number }> {
    const devices = await this.#level({ devices: true }, signal);
    const several = severalDevices(devices.items.map((item) => item.key));
    const level = several ? devices : await this.#level({ devices: false }, signal);
    return { nodes: nodesOf(level, { devices: several }, ""), more: level.more };
  }

  /** Reads again what is open below some nodes, level by level: each brings new nodes. */
  async #below(nodes: Node[], levels: { left: number }, signal: AbortSignal): Promise<void> {
    for (const node of nodes) {
      if (!node.open || signal.aborted || levels.left-- <= 0) continue;
      await this.#read(node, signal);
      await this.#below(node.nodes ?? [], levels, signal);
    }
  }

  async #read(node: Node, signal: AbortSignal): Promise<void> {
    const turn = ++this.#asked;
    const level = await this.#level(node.below, signal);
    // opened while all is read again: the answer to the later question is newer, whichever comes last
    if (signal.aborted || turn < node.answered) return;
    node.answered = turn;
    node.nodes = this.#merge(node.nodes ?? [], nodesOf(level, node.below, node.id));
    node.more = level.more;
    this.nodes = [...this.nodes];
  }

  #level(place: Place, signal: AbortSignal): Promise<TreeLevel> {
    return api.tree({ ...place, session: this.#session }, signal);
  }

  /** What is new takes over what was open. Held rows keep their place, come none and go none. */
  #merge(old: Node[], fresh: Node[]): Node[] {
    const known = new Map(old.map((node) => [node.id, node]));
    for (const node of fresh) {
      const before = known.get(node.id);
      if (before) Object.assign(node, { open: before.open && node.item.children, nodes: before.nodes, more: before.more, answered: before.answered });
    }
    if (!this.held || old.length === 0) return fresh;
    const news = new Map(fresh.map((node) => [node.id, node]));
    return old.map((node) => news.get(node.id) ?? node);
  }
}

/** Whether there are several programs and devices. What this computer did that no program is known of is not another one. */
export function severalDevices(keys: string[]): boolean {
  const known = keys.filter((key) => !/^(127\.|::1$)/.test(key)).length;
  const programs = keys.some((key) => key.startsWith("app:"));
  return known + (known < keys.length && !programs ? 1 : 0) > 1;
}

function nodesOf(level: TreeLevel, place: Place, parent: string): Node[] {
  const kind = place.host !== undefined ? "path" : place.devices && place.client === undefined ? "device" : "host";
  return level.items.map((item) => ({ id: `${parent}\n${item.key}`, item, kind, below: { ...place, ...step(kind, item.key) }, open: false, nodes: null, more: 0, answered: 0 }));
}

function step(kind: Node["kind"], key: string): Partial<Place> {
  return kind === "device" ? { client: key } : kind === "host" ? { host: key } : { path: key };
}

function flat(nodes: Node[], depth: number): Shown[] {
  return nodes.flatMap((node) => [{ node, depth }, ...(node.open && node.nodes ? flat(node.nodes, depth + 1) : [])]);
}

/** A filter that was made by choosing in the tree: what was there before, and the nodes' filters. */
export interface Picked {
  base: string;
  chosen: readonly string[];
}

/** What of a filter was chosen in the tree, whose nodes' filters are these, and what was not. */
export function picked(filter: string, nodes: readonly string[], both: (a: string, b: string) => string): Picked {
  const now = filter.trim();
  // the longest first: one node's filter can be the end of another's
  for (const node of [...nodes].sort((a, b) => b.length - a.length)) {
    if (now === node) return { base: "", chosen: [node] };
    for (const end of [` ${node}`, ` (${node})`]) {
      if (!now.endsWith(end)) continue;
      const rest = now.slice(0, -end.length).trim();
      for (const base of [rest.replace(/^\((.*)\)$/s, "$1"), rest]) if (both(base, node) === now) return { base, chosen: [node] };
    }
  }
  return { base: now, chosen: [] };
}

/** The filter after a node was added to what is chosen in the tree: either of them; or both with a filter from elsewhere. */
export function added(filter: string, chosen: readonly string[], node: string, both: (a: string, b: string) => string): { filter: string; chosen: string[] } {
  if (chosen.length > 0 && filter === chosen.join(" or ")) {
    const all = chosen.includes(node) ? chosen.filter((one) => one !== node) : [...chosen, node];
    return { filter: all.join(" or "), chosen: all };
  }
  return filter === "" ? { filter: node, chosen: [node] } : { filter: both(filter, node), chosen: [] };
}
