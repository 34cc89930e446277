//! The clipboard, also where a browser keeps its newer one shut (a page that was not opened as localhost or over https).

/** Puts a text on the clipboard; throws in words when the browser does not let it. */
export async function copyText(text: string): Promise<void> {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.readOnly = true;
  area.className = "visually-hidden";
  // an open dialog makes everything outside it inert
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  const before = document.activeElement;
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (before instanceof HTMLElement) before.focus();
  if (!done) throw new Error("The browser did not let the page copy. Open it as localhost, or over https.");
}
