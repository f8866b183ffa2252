// log.ts - ACL LOG: who was denied what, the newest first.
//
// The same denial (reason, context, object, user) within a minute only counts up its entry, when that is among the ten
// newest. Texts are byte strings.

import { compareBytes } from "../config/text.ts";

export type Reason = "command" | "key" | "channel" | "database" | "auth" | "tls-cert";
export type Context = "toplevel" | "multi" | "lua";

interface Denial {
  readonly reason: Reason;
  readonly context: Context;
  readonly object: string;
  readonly username: string;
  /** The client as CLIENT LIST shows it. */
  readonly info: string;
}

interface Entry extends Denial {
  readonly id: number;
  readonly createdMs: number;
  readonly updatedMs: number;
  readonly count: number;
}

const LOOKED_AT = 10;
const SAME_WITHIN_MS = 60_000;

function isSame(a: Denial, b: Denial): boolean {
  return a.reason === b.reason && a.context === b.context && compareBytes(a.object, b.object) === 0 &&
    compareBytes(a.username, b.username) === 0;
}

export class AclLog {
  /** The newest first. */
  #entries: Entry[] = [];
  #nextId = 0;

  /** Keeps at most `limit` entries. With 0 nothing is logged, and what there is stays until then. */
  add(denial: Denial, nowMs: number, limit: number): void {
    if (limit === 0) {
      this.#entries = [];
      return;
    }
    const at = this.#entries.slice(0, LOOKED_AT).findIndex((entry) =>
      isSame(entry, denial) && Math.abs(nowMs - entry.updatedMs) <= SAME_WITHIN_MS
    );
    if (at >= 0) {
      const [entry] = this.#entries.splice(at, 1);
      this.#entries.unshift({ ...entry, info: denial.info, updatedMs: nowMs, count: entry.count + 1 });
      return;
    }
    this.#entries.unshift({ ...denial, id: this.#nextId++, createdMs: nowMs, updatedMs: nowMs, count: 1 });
    if (this.#entries.length > limit) this.#entries.length = limit;
  }

  /** At most so many of the newest. */
  newest(count: number): readonly Entry[] {
    return this.#entries.slice(0, count);
  }

  reset(): void {
    this.#entries = [];
  }
}
