//! Whether the program that answers now has the page that runs here: the first script's name holds a hash of the whole.

/** True when it has another one; false also when it cannot be told. */
export async function otherPage(): Promise<boolean> {
  const own = document.querySelector<HTMLScriptElement>("script[type=module][src]")?.getAttribute("src");
  if (!own) return false;
  try {
    // not the copy that the browser keeps
    const answer = await fetch("/", { cache: "no-store", credentials: "same-origin" });
    return answer.ok && !(await answer.text()).includes(`"${own}"`);
  } catch {
    return false;
  }
}
