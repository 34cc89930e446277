//! What the dialog that sets a breakpoint begins with.

import type { Stage } from "../lib/types";

export const askedBreakpoint = $state<{ filter: string; stage: Stage }>({ filter: "", stage: "request" });
