//! What a device is called, as far as its requests say.

import type { Device } from "../lib/types";

/** `iPhone`, `Android device`, `Mac`: by the User-Agent, or just `A device`. */
export function deviceName(device: Pick<Device, "user_agent">): string {
  const agent = device.user_agent ?? "";
  const names: [RegExp, string][] = [
    [/iPhone/, "iPhone"],
    [/iPad/, "iPad"],
    [/Apple ?Watch|watchOS/i, "Apple Watch"],
    [/Apple ?TV|tvOS/i, "Apple TV"],
    [/Android.*(TV|BRAVIA)/i, "Android TV"],
    [/Android|okhttp|Dalvik/i, "Android device"],
    [/Macintosh|Mac OS X|Darwin/, "Mac"],
    [/Windows/, "Windows PC"],
    [/Linux|X11/, "Linux machine"],
    [/curl|Wget|python|Go-http-client|node/i, "A program"],
  ];
  return names.find(([pattern]) => pattern.test(agent))?.[1] ?? "A device";
}
