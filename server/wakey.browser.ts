// wakey.browser.ts - Wakey in a browser tab or worker: the same object as wakey.ts, the core inside the one file.
//
// Not for servers: there are no sockets here, listen() refuses. Built only (tools/build.mjs embeds the core).

import code from "../dist/core.wasm";
import { createBrowserPort } from "../runtime-adapters/browser.ts";
import { CorePool } from "./bridge/pool.ts";
import { Embedded, Shared } from "./embed/embedded.ts";
import type { WakeyOptions } from "./embed/options.ts";
import type { Platform } from "./embed/platform.ts";

export type { Argument } from "./bridge/caller.ts";
export { WakeyError } from "./bridge/reply-reader.ts";
export type { Reply } from "./bridge/reply-reader.ts";
export type { WakeyOptions } from "./embed/options.ts";
export { SnapshotError } from "./bridge/snapshot.ts";

const platform: Platform = { code: () => code, makePort: createBrowserPort };
const shared = new Shared(platform, new CorePool());

/** A server in this tab. */
export class Wakey extends Embedded {
  constructor(options: WakeyOptions = {}) {
    super(shared, options);
  }

  /** As `new Wakey(options)`, with the first one's compilation in the background. */
  static async open(options: WakeyOptions = {}): Promise<Wakey> {
    if (!shared.pool.isReady) await shared.pool.compileSoon(platform.code());
    return new Wakey(options);
  }

  /** Another server in the same state; both go their own ways from here on. */
  clone(): Wakey {
    const copy = new Wakey(this.options);
    this.copyTo(copy);
    return copy;
  }
}
