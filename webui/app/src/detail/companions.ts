//! What a flow has to do with others: the flows on its connection, and the sizes that the record itself does not hold.

import { address, request } from "../lib/api";
import type { Flow, Page, Side } from "../lib/types";

export interface OnConnection {
  count: number;
  first: Flow | null;
  /** Where this flow stands among them, from 1; null when it is not said. */
  place: number | null;
}

/** The flows that used a connection. */
export async function onConnection(connection: number, id: number, signal: AbortSignal): Promise<OnConnection> {
  const count = async (filter: string) =>
    ((await (await request(address("flows/count", { filter, session: "all" }), { signal })).json()) as { count: number }).count;
  const filter = `connection:${connection}`;
  const page = async () =>
    (await (await request(address("flows", { filter, sort: "id", order: "asc", limit: 1, session: "all" }), { signal })).json()) as Page;
  const [all, first, place] = await Promise.all([count(filter), page(), count(`${filter} id:<=${id}`)]);
  return { count: all, first: first.items[0] ?? null, place };
}

/** Bytes of a body without its content codings, counted by the server. */
export async function decodedSize(id: number, side: Side, signal: AbortSignal): Promise<{ size: number; error: string | null }> {
  const response = await request(address(`flows/${id}/${side}/search`, { text: "\n", decoded: true, limit: "0" }), { signal });
  const found = (await response.json()) as { searched: number; error: string | null };
  return { size: found.searched, error: found.error };
}
