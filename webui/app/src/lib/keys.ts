//! Keys as they are written (`Mod+K`, `Shift+F10`, `?`), shown and pressed. `Mod` is Ctrl, and Cmd on a Mac.

/** What of a `KeyboardEvent` decides. */
export interface Press {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  shiftKey: boolean;
}

interface Stroke {
  mod: boolean;
  alt: boolean;
  shift: boolean;
  key: string;
}

export const onMac = typeof navigator !== "undefined" && /Mac|iPhone|iPad/.test(navigator.platform);

function parse(written: string): Stroke {
  const parts = written === "+" ? ["+"] : written.split("+");
  const key = parts.pop() ?? "";
  return { mod: parts.includes("Mod"), alt: parts.includes("Alt"), shift: parts.includes("Shift"), key };
}

/** Whether a press is that stroke. */
export function matches(press: Press, written: string, mac = onMac): boolean {
  const stroke = parse(written);
  const [mod, other] = mac ? [press.metaKey, press.ctrlKey] : [press.ctrlKey, press.metaKey];
  if (other || mod !== stroke.mod || press.altKey !== stroke.alt) return false;
  if (press.key.toLowerCase() !== stroke.key.toLowerCase()) return false;
  // the place of a sign differs between keyboards: `?` needs Shift on some, and is itself on others
  const sign = stroke.key.length === 1 && stroke.key.toLowerCase() === stroke.key.toUpperCase();
  return sign || press.shiftKey === stroke.shift;
}

/** Whether a stroke would be typed into a field: no modifier makes it a command. */
export function types(written: string): boolean {
  const stroke = parse(written);
  return !stroke.mod && !stroke.alt && !/^F\d+$/.test(stroke.key);
}

const NAMES: Record<string, string> = {
  ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→", Escape: "Esc", Delete: "Del", PageUp: "Page Up", PageDown: "Page Down",
  ContextMenu: "Menu", " ": "Space",
};
const MAC: Record<string, string> = { Mod: "⌘", Alt: "⌥", Shift: "⇧" };

/** A stroke as caps of keys: `["Ctrl", "K"]`. */
export function caps(written: string, mac = onMac): string[] {
  const stroke = parse(written);
  const modifiers = [stroke.mod ? "Mod" : "", stroke.alt ? "Alt" : "", stroke.shift ? "Shift" : ""].filter(Boolean);
  const named = modifiers.map((name) => (mac ? MAC[name] : name === "Mod" ? "Ctrl" : name) ?? name);
  return [...named, NAMES[stroke.key] ?? (stroke.key.length === 1 ? stroke.key.toUpperCase() : stroke.key)];
}
