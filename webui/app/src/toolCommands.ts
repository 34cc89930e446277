//! Sessions, scripts, import, settings, help and the recording as commands.

import { app } from "./lib/app.svelte";
import type { Command } from "./lib/commands.svelte";
import { router } from "./lib/route.svelte";
import { undo } from "./annotate/undo.svelte";
import { offlineCommands } from "./offline/switch";
import { breakpointCommands } from "./waiting/breakpoints";

const GROUP = "Tools";

/** `record` turns the recording on or off. */
export function toolCommands(record: () => unknown): Command[] {
  const some = () => (app.status?.session.flows ?? 0) > 0;
  return [
    { id: "recording", title: "Recording on or off", group: GROUP, keys: ["Mod+Shift+E"], run: record },
    { id: "compose", title: "Compose a request", group: GROUP, keys: ["n"], when: () => router.now.screen === "list", run: () => router.go({ screen: "compose" }, true) },
    { id: "session.save", title: "Save the recording and begin anew", group: GROUP, when: some, run: () => (app.dialog = "save-session") },
    { id: "session.clear", title: "Clear …", group: GROUP, when: () => router.now.screen === "list" && (some() || app.list.total > 0), run: () => (app.dialog = "clear") },
    { id: "session.live", title: "Back to the recording that runs", group: GROUP, when: () => router.now.session !== null, run: () => router.go({ screen: "list", session: null, flow: null }) },
    { id: "sessions", title: "Sessions", group: GROUP, run: () => router.go({ screen: "sessions" }, true) },
    { id: "sessions.compare", title: "Compare two sessions", group: GROUP, run: () => router.go({ screen: "changes", a: null, b: null }, true) },
    { id: "scripts", title: "Scripts", group: GROUP, run: () => router.go({ screen: "scripts" }, true) },
    { id: "import", title: "Import a HAR file or a packet capture", group: GROUP, run: () => (app.dialog = "import") },
    { id: "settings", title: "Settings", group: GROUP, keys: ["Mod+,"], run: () => router.go({ screen: "settings" }, true) },
    { id: "connect", title: "Connect a device, a browser or a program", group: GROUP, run: () => (app.dialog = "connect") },
    { id: "devices", title: "Devices", group: GROUP, run: () => (app.dialog = "devices") },
    { id: "capture", title: "Capture packets beside the proxy", group: GROUP, run: () => (app.dialog = "capture") },
    { id: "status", title: "State of the tool", group: GROUP, run: () => (app.dialog = "status") },
    { id: "rules", title: "Rules: what is changed on its way", group: GROUP, run: () => router.go({ screen: "rules" }, true) },
    ...offlineCommands(GROUP),
    ...breakpointCommands(),
    { id: "undo", title: "Bring back what was deleted", group: GROUP, when: () => undo.possible, run: () => undo.last() },
    // its own listener knows that an editor and a field have an undo of their own
    { id: "undo.key", title: "Bring back what was deleted", group: GROUP, keys: ["Mod+Z"] },
  ];
}
