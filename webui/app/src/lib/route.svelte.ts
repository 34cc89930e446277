//! The address of the page as state.

import { format, parse, type Route } from "./url";

class Router {
  now: Route = $state.raw(parse(location.hash));

  constructor() {
    const read = () => {
      const next = parse(location.hash);
      if (format(next) !== format(this.now)) this.now = next;
    };
    addEventListener("hashchange", read);
    addEventListener("popstate", read);
  }

  /** Goes somewhere. `push` makes a step that the browser's Back undoes. */
  go(change: Partial<Route>, push = false): void {
    const next = { ...this.now, ...change };
    if (next.flow === null) next.tab = "overview";
    // a packet is one of the flow, or of the capture, that it was chosen in
    const elsewhere = next.flow !== this.now.flow || next.screen !== this.now.screen || next.capture !== this.now.capture;
    if (change.packet === undefined && elsewhere) next.packet = null;
    const address = format(next);
    if (address === format(this.now)) return;
    this.now = next;
    if (push) history.pushState(null, "", address);
    else history.replaceState(null, "", address);
  }
}

export const router = new Router();
