// wakey.ts - the class that a build exports: a server as an object (embedded.ts), around what all servers of that build
// share: compiled code, idle cores, the runtime's port.
//
// Not for what differs between builds: ../wakey.ts, ../wakey.browser.ts.

import { CorePool } from "../bridge/pool.ts";
import { Embedded, Shared } from "./embedded.ts";
import type { WakeyOptions } from "./options.ts";
import type { Platform } from "./platform.ts";

/** A server in this program. */
export interface Wakey extends Embedded {
  /** Another server in the same state; both go their own ways from here on. */
  clone(): Wakey;
}

export interface WakeyClass {
  new (options?: WakeyOptions): Wakey;
  /** As `new Wakey(options)`, with the first one's compilation in the background. */
  open(options?: WakeyOptions): Promise<Wakey>;
}

/** The class of a build. */
export function wakeyClass(platform: Platform): WakeyClass {
  const shared = new Shared(platform, new CorePool());
  return class Wakey extends Embedded {
    /** Bundlers rename classes. */
    static override readonly name = "Wakey";

    constructor(options: WakeyOptions = {}) {
      super(shared, options);
    }

    static async open(options: WakeyOptions = {}): Promise<Wakey> {
      if (!shared.pool.isReady) await shared.pool.compileSoon(platform.code());
      return new Wakey(options);
    }

    clone(): Wakey {
      const copy = new Wakey(this.options);
      this.copyTo(copy);
      return copy;
    }
  };
}
