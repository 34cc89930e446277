//! The one menu of the page: what is in it, where it opens, what had the focus before.

export interface MenuItem {
  /** Names it for tests: `menu-ID`. */
  id: string;
  title: string;
  /** A stroke that does the same, shown at the right (`keys.ts`). */
  keys?: string;
  disabled?: boolean;
  danger?: boolean;
  /** One of several that can be on or off. */
  checked?: boolean;
  /** A CSS colour shown before the title. */
  swatch?: string;
  run?: () => unknown;
  /** Opens further items. */
  items?: MenuEntry[];
}

/** An item, or a line between groups. */
export type MenuEntry = MenuItem | "line";

interface Opened {
  label: string;
  entries: MenuEntry[];
  x: number;
  y: number;
}

class Menu {
  now: Opened | null = $state.raw(null);
  #before: Element | null = null;

  /** Opens at the pointer, or below an element when a key asked for it. */
  open(at: MouseEvent | Element, label: string, entries: MenuEntry[]): void {
    if (entries.length === 0) return;
    if (!this.now) this.#before = document.activeElement;
    this.now = { label, entries: tidy(entries), ...place(at) };
  }

  /** Closes; the focus goes back to where it was. */
  close(refocus = true): void {
    if (!this.now) return;
    this.now = null;
    if (refocus && this.#before instanceof HTMLElement) this.#before.focus({ preventScroll: true });
    this.#before = null;
  }
}

function place(at: MouseEvent | Element): { x: number; y: number } {
  if (at instanceof Element) {
    const box = at.getBoundingClientRect();
    return { x: box.left, y: box.bottom };
  }
  at.preventDefault();
  return { x: at.clientX, y: at.clientY };
}

/** No line at an end, nor two together: groups may be empty. */
export function tidy(entries: MenuEntry[]): MenuEntry[] {
  return entries.filter((entry, at) => {
    if (entry !== "line") return true;
    const next = entries[at + 1];
    return next !== undefined && next !== "line" && entries.slice(0, at).some((one) => one !== "line");
  });
}

export const menu = new Menu();
