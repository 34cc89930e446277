//! A head as text again.

import type { Head } from "../lib/types";

/** The head with CRLF line ends, as on the wire (HTTP/2: one field a line). */
export function headText(head: Head): string {
  const lines = head.headers.map(([name, value]) => `${name}: ${value}`);
  if (head.start_line) lines.unshift(head.start_line);
  return `${lines.join("\r\n")}\r\n`;
}
