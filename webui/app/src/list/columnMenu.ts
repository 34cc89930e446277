//! The menu of the columns: which are shown, and what can be done with the one that was asked for.

import { app } from "../lib/app.svelte";
import type { MenuEntry } from "../lib/menu.svelte";
import { columns } from "./arranged.svelte";
import { COLUMNS, columnOf } from "./columns";

export function columnMenu(key: string | null): MenuEntry[] {
  const one = key === null ? undefined : columnOf(key);
  const own: MenuEntry[] = one
    ? [
        { id: "column-left", title: "Move left", keys: "Alt+ArrowLeft", run: () => columns.step(one.key, -1) },
        { id: "column-right", title: "Move right", keys: "Alt+ArrowRight", run: () => columns.step(one.key, 1) },
        { id: "column-hide", title: `Hide ${one.name ?? one.title}`, disabled: columns.now.length < 2, run: () => columns.toggle(one.key) },
        "line",
      ]
    : [];
  return [
    ...own,
    ...COLUMNS.map((column): MenuEntry => ({
      id: `column-${column.key}`, title: column.name ?? column.title, checked: columns.has(column.key), run: () => columns.toggle(column.key),
    })),
    "line",
    { id: "columns-arrange", title: "Arrange columns …", run: () => (app.dialog = "columns") },
    { id: "columns-reset", title: "As they were", run: columns.reset },
  ];
}
