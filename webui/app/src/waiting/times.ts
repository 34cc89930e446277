//! How long something has waited and how long it still may, in short words.

/** `7 s`, `2 min 5 s`, `1 h 3 min`: whole seconds, never less than nothing. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

/** Since a moment. */
export function waited(since: string, now: number): string {
  return span(now - Date.parse(since));
}

/** Until a moment, rounded up: nothing is left only when it is over. */
export function left(until: string, now: number): string {
  return span(Date.parse(until) - now + 999);
}
