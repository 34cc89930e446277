//! What has been seen of the devices so far, in sentences that say what to do next.

import { deviceName } from "../devices/device";
import type { Device } from "../lib/types";

export interface Sighting {
  address: string;
  text: string;
  /** `wait`: something is to be done; `well`: nothing is. */
  tone: "wait" | "well" | "refused";
  /** Nobody has decided whether it may. */
  asks: boolean;
}

export function sighting(device: Device): Sighting {
  const who = `${article(deviceName(device))} at ${device.address}`;
  const say = (text: string, tone: Sighting["tone"], asks = false): Sighting => ({ address: device.address, text: `${who} ${text}`, tone, asks });
  if (device.decision === null) return say("wants to use the proxy.", "wait", true);
  if (device.decision === "refuse") return say("was refused. Under Devices it can be let in.", "refused");
  if (device.trusts === false && device.trusted !== null)
    return say("now refuses the certificate that it trusted before: open http://overhear.internal on it. (If only one program is concerned, that may accept no certificate but its own.)", "wait");
  if (device.trusts === false) return say("connected but does not trust the certificate yet: open http://overhear.internal on it.", "wait");
  if (device.trusts === true) return say("connected and trusts the certificate.", "well");
  return say(device.connections > 0 ? "connected; nothing encrypted was asked for yet." : "may connect.", "well");
}

function article(name: string): string {
  if (/^An? /.test(name)) return name;
  return `${/^[AEIOUi]/.test(name) ? "An" : "A"} ${name}`;
}
