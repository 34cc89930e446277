//! The sessions there are, read again when the server says that they changed.

import { api, words } from "../lib/api";
import { app } from "../lib/app.svelte";
import { isolated } from "../lib/bidi";
import { plural } from "../lib/format";
import { router } from "../lib/route.svelte";
import { undo } from "../annotate/undo.svelte";
import type { Session } from "../lib/types";
import { sessionName } from "./session";

class Sessions {
  items: readonly Session[] = $state.raw([]);
  error: string | null = $state(null);
  #reading = 0;

  async read(): Promise<void> {
    const mine = ++this.#reading;
    try {
      const items = await api.sessions();
      if (mine !== this.#reading) return;
      this.items = items;
      this.error = null;
    } catch (error) {
      if (mine === this.#reading) this.error = words(error);
    }
  }

  find(id: number): Session | undefined {
    return this.items.find((session) => session.id === id);
  }

  /** Ends the recording that runs, keeps it under a name, and begins a new one. */
  async save(name: string): Promise<boolean> {
    const fresh = await app.attempt(() => api.saveSession(name));
    if (!fresh) return false;
    router.go({ screen: "list", session: null, flow: null });
    app.say(`Saved${name ? ` as “${isolated(name)}”` : ""}. A new recording runs.`);
    return true;
  }

  /** Shows the flows of a session. */
  open(session: Pick<Session, "id" | "current">): void {
    router.go({ screen: "list", session: session.current ? null : session.id, flow: null, filter: "" }, true);
  }

  async rename(session: Session, name: string): Promise<void> {
    if (name === session.name) return;
    if (await app.attempt(() => api.renameSession(session.id, name))) await this.read();
  }

  async remove(session: Session): Promise<void> {
    const done = await app.attempt(() => api.deleteSession(session.id));
    if (!done) return;
    if (router.now.session === session.id) router.go({ session: null, flow: null });
    undo.offer(`${sessionName(session)} deleted, ${plural(done.deleted, "flow")}.`, done.undo === null ? [] : [done.undo]);
    await this.read();
  }
}

export const sessions = new Sessions();
