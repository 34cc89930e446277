//! What is done with rules from the list, a menu or a key: switched, moved, doubled, deleted, taken in.

import { undo } from "../annotate/undo.svelte";
import { api } from "../lib/api";
import { app } from "../lib/app.svelte";
import { isolated } from "../lib/bidi";
import { plural } from "../lib/format";
import type { Rule, StoredRule } from "../lib/types";
import { freeName, groupAt, moved } from "./order";
import { plain, rulebook } from "./rulebook.svelte";

/** Rules of the database in their order; those of the file act behind them and are changed there. */
export function own(): StoredRule[] {
  return rulebook.items.filter((rule) => !rule.from_file);
}

const ids = () => own().map((rule) => rule.id);

/** Brings a rule before the one at `to`; between two of a group it is of that group. */
export async function move(id: number, to: number): Promise<void> {
  const next = moved(ids(), id, to);
  if (next.join() === ids().join()) return;
  const rule = rulebook.find(id);
  const group = groupAt(own(), next, id);
  const order = new Map(next.map((one, at) => [one, at]));
  // seen at once; the server's word follows
  rulebook.items = [...own().sort((a, b) => (order.get(a.id) ?? 0) - (order.get(b.id) ?? 0)), ...rulebook.items.filter((one) => one.from_file)];
  await app.attempt(async () => {
    rulebook.heard(await api.orderRules(next));
    if (rule && (rule.group ?? "") !== group) await api.changeRule(id, { ...plain(rule), group });
  });
  await rulebook.read();
}

/** One place up or down. */
export function step(id: number, by: 1 | -1): Promise<void> {
  const at = ids().indexOf(id);
  return at < 0 ? Promise.resolve() : move(id, by < 0 ? at - 1 : at + 2);
}

/** The same once more, behind it and switched off; of the file: as one of the database. Its number. */
export async function duplicate(rule: StoredRule): Promise<number | undefined> {
  const name = freeName(rule.name, rulebook.items.map((one) => one.name));
  return app.attempt(async () => {
    const before = ids();
    const added = await api.addRule({ ...plain(rule), name, on: false });
    const at = before.indexOf(rule.id);
    if (at >= 0) await api.orderRules(before.toSpliced(at + 1, 0, added.id));
    await rulebook.read();
    return added.id;
  });
}

/** Deletes at once, and offers to bring it back to its place. */
export async function remove(rule: StoredRule): Promise<void> {
  const before = ids();
  const done = await app.attempt(async () => (await api.deleteRule(rule.id), true));
  if (!done) return;
  undo.offerBack(`The rule “${isolated(rule.name)}” is deleted.`, async () => {
    const added = await api.addRule(plain(rule));
    await api.orderRules(before.map((id) => (id === rule.id ? added.id : id)));
    await rulebook.read();
    return `The rule “${isolated(rule.name)}” is there again.`;
  });
  await rulebook.read();
}

export async function turnGroup(group: string, on: boolean): Promise<void> {
  const list = await app.attempt(() => api.switchRules(on, group));
  if (list) rulebook.heard(list);
}

/** Takes rules in from TOML; those that were there before can be brought back. Throws what is wrong. */
export async function takeIn(text: string, replace: boolean): Promise<void> {
  const before: Rule[] = own().map(plain);
  const known = new Set(ids());
  const list = await api.importRules(text, replace);
  rulebook.heard(list);
  const came = own().filter((rule) => !known.has(rule.id)).map((rule) => rule.id);
  const said = replace ? `${plural(own().length, "rule")} in the place of ${before.length}.` : `${plural(came.length, "rule")} taken in.`;
  const there = list.of_file === 0 ? "" : ` ${plural(list.of_file, "rule")} of the file ${list.of_file === 1 ? "was" : "were"} there already.`;
  undo.offerBack(`${said}${there}`, async () => {
    for (const id of came) await api.deleteRule(id);
    if (replace) for (const rule of before) await api.addRule(rule);
    await rulebook.read();
    return "The rules are as they were.";
  });
}
