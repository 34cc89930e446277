//! Where the focus goes when a screen covers the list, and back when it leaves.

/** Takes the focus for a screen that was just drawn, unless a part of it has it already. */
export function landing(screen: HTMLElement): void {
  queueMicrotask(() => {
    if (screen.isConnected && !screen.contains(document.activeElement)) screen.focus({ preventScroll: true });
  });
}

/** An element that had the focus: itself, or what has taken its place in the page since. */
export class Place {
  readonly #element: HTMLElement | null;
  readonly #name: string | undefined;

  constructor(element: Element | null) {
    this.#element = element instanceof HTMLElement && element !== document.body ? element : null;
    this.#name = this.#element?.dataset["testid"];
  }

  /** Gives the focus back; false when nothing of that place is left. */
  take(): boolean {
    const again = this.#element?.isConnected ? this.#element : this.#name && document.querySelectorAll<HTMLElement>(`[data-testid="${CSS.escape(this.#name)}"]`);
    const element = again instanceof HTMLElement ? again : again && again.length === 1 ? again[0] : undefined;
    element?.focus({ preventScroll: true });
    return element !== undefined && document.activeElement === element;
  }
}
