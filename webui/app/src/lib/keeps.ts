//! Keeps where an element was scrolled to: who comes back to what it shows finds the place.

import type { Attachment } from "svelte/attachments";

/** What comes later than this does not move what is read. */
const LATEST_MS = 3_000;

/**
 * Begins at `held.top`, once there is so much to see (parts are loaded, images and tables come later), and writes there where
 * the element is scrolled to. A person who scrolls meanwhile goes on from there.
 */
export function keeps(held: { top: number } | null): Attachment<HTMLElement> {
  return (element) => {
    if (!held) return;
    const wanted = held.top;
    let there = false;
    const sizes = new ResizeObserver(go);
    const parts = new MutationObserver(() => {
      for (const child of element.children) sizes.observe(child);
      go();
    });

    function go(): void {
      if (there) return;
      element.scrollTop = wanted;
      if (element.scrollTop >= wanted - 1) settle();
    }

    function settle(): void {
      there = true;
      sizes.disconnect();
      parts.disconnect();
    }

    function scrolled(): void {
      if (there && held) held.top = element.scrollTop;
    }

    parts.observe(element, { childList: true, subtree: true });
    for (const child of element.children) sizes.observe(child);
    go();
    const late = setTimeout(settle, LATEST_MS);
    const taken = ["wheel", "pointerdown", "keydown"] as const;
    for (const name of taken) element.addEventListener(name, settle, { passive: true });
    element.addEventListener("scroll", scrolled, { passive: true });
    return () => {
      clearTimeout(late);
      settle();
      for (const name of taken) element.removeEventListener(name, settle);
      element.removeEventListener("scroll", scrolled);
    };
  };
}
