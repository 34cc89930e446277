//! What the tab says: what waits for a person comes first.

export function title(messages: number, devices: number): string {
  const parts: string[] = [];
  if (messages > 0) parts.push(`● (${messages}) ${messages === 1 ? "A message waits" : "Messages wait"}`);
  if (devices > 0) parts.push(`(${devices}) ${devices === 1 ? "A device waits" : "Devices wait"}`);
  return [...parts, "overhear"].join(" · ");
}
