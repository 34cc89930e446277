/** What stands where bytes are missing, because their packets are: as Wireshark writes it. */
export function gap(missing: number): string {
  return `[${missing} ${missing === 1 ? "byte" : "bytes"} missing in capture file]`;
}
