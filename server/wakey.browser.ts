// wakey.browser.ts - Wakey in a browser tab or worker: the same object as wakey.ts, the core inside the one file.
//
// Not for servers: there are no sockets here, listen() refuses. Built only (tools/build.mjs embeds the core).

import code from "../dist/core.wasm";
import { createBrowserPort } from "../runtime-adapters/browser.ts";
import { wakeyClass } from "./embed/wakey.ts";
import type { Wakey as Instance, WakeyClass } from "./embed/wakey.ts";

export type { Argument } from "./bridge/caller.ts";
export { WakeyError } from "./bridge/reply-reader.ts";
export type { Reply } from "./bridge/reply-reader.ts";
export type { WakeyOptions } from "./embed/options.ts";
export { SnapshotError } from "./bridge/snapshot.ts";

export const Wakey: WakeyClass = wakeyClass({ code: () => code, makePort: createBrowserPort });
export type Wakey = Instance;
