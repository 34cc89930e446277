//! Requests as something to paste: a curl command, JavaScript, Python, or the bytes themselves.

import { api } from "../lib/api";
import { app } from "../lib/app.svelte";
import { bytes, plural } from "../lib/format";
import type { ExportFormat } from "../lib/types";
import { copyText } from "./clipboard";

/** What can be copied, with its name in menus. */
export const COPY_FORMATS: readonly [ExportFormat, string][] = [
  ["curl", "curl command"],
  ["fetch", "JavaScript fetch"],
  ["python", "Python requests"],
  ["raw", "Raw messages"],
];

/** More than this is a file, not something to paste. */
const MOST = 8 * 1024 * 1024;

/** Puts flows on the clipboard and says so, or says why not. */
export async function copyAs(ids: number[], format: ExportFormat): Promise<void> {
  if (ids.length === 0) return;
  await app.attempt(async () => {
    const response = await api.exportAs(format, { ids });
    await copyText(await bounded(response));
    const name = COPY_FORMATS.find(([key]) => key === format)?.[1] ?? format;
    app.say(ids.length === 1 ? `Copied as ${name}.` : `${plural(ids.length, "flow")} copied as ${name}.`);
  });
}

async function bounded(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for (let piece = await reader?.read(); reader && piece && !piece.done; piece = await reader.read()) {
    size += piece.value.length;
    if (size > MOST) {
      await reader.cancel();
      throw new Error(`That is more than ${bytes(MOST)}: too much to copy. Export it as a file instead.`);
    }
    text += decoder.decode(piece.value, { stream: true });
  }
  return text + decoder.decode();
}
