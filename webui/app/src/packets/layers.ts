//! The layers of a packet as the rows of a tree, and which of them a byte belongs to.

import type { PacketField, PacketLayer } from "../lib/types";

/** A row of the tree. */
export interface Row {
  /** Its place: layer, field, part; joined by dots. */
  id: string;
  /** Its names from the layer on: what is opened stays open from packet to packet. */
  path: string;
  level: number;
  name: string;
  value: string;
  begin: number;
  end: number;
  opens: boolean;
  problem: string | null;
}

type Part = Pick<PacketField, "name" | "value" | "begin" | "end" | "fields">;

const asPart = (layer: PacketLayer): Part => ({ ...layer, value: layer.summary });

/** The rows that are in view while these paths are open. */
export function rows(layers: readonly PacketLayer[], open: ReadonlySet<string>): Row[] {
  const found: Row[] = [];
  const add = (part: Part, id: string, above: string, level: number, problem: string | null) => {
    const path = above === "" ? part.name : `${above}/${part.name}`;
    const { name, value, begin, end, fields } = part;
    found.push({ id, path, level, name, value, begin, end, opens: fields.length > 0, problem });
    if (open.has(path)) fields.forEach((field, i) => add(field, `${id}.${i}`, path, level + 1, null));
  };
  layers.forEach((layer, i) => add(asPart(layer), String(i), "", 1, layer.problem));
  return found;
}

/** The innermost part that a byte stands in, and what has to be open for it to be seen; null for a byte of no layer. */
export function partAt(layers: readonly PacketLayer[], at: number): { id: string; open: string[] } | null {
  const holds = (part: { begin: number; end: number }) => part.begin <= at && at < part.end;
  // an inner layer lies behind an outer one, or within its bytes
  const layer = layers.findLastIndex(holds);
  if (layer < 0) return null;
  let id = String(layer);
  let part = asPart(layers[layer] as PacketLayer);
  let path = part.name;
  const open: string[] = [];
  for (;;) {
    const within = part.fields;
    // bits of the same bytes are not told apart by a byte
    const inner = within.findIndex((field) => holds(field) && (field.begin !== part.begin || field.end !== part.end));
    const field = within[inner];
    if (!field) return { id, open };
    open.push(path);
    id += `.${inner}`;
    part = field;
    path += `/${field.name}`;
  }
}
