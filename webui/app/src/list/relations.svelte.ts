//! The other flow that belongs to one: what it was redirected to or from, or the last that was sent again of it.

import { api } from "../lib/api";
import type { Flow } from "../lib/types";

/** Its number; null when there is none. */
export async function relative(flow: Flow): Promise<number | null> {
  if (flow.replay_of !== null) return flow.replay_of;
  const { related } = await api.flow(flow.id);
  return related?.redirect_to ?? related?.redirect_from ?? related?.replays.at(-1) ?? null;
}

/** Asks at once, for a menu that is open meanwhile. */
export class Relative {
  #none = $state(false);

  constructor(flow: Flow) {
    relative(flow).then((to) => (this.#none = to === null), () => {});
  }

  /** It is known that there is none. */
  get none(): boolean {
    return this.#none;
  }
}
