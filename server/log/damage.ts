// damage.ts - what RESTORE found wrong with a payload, in the log's verbose lines.
//
//     core: root.damage = type << 8 | Damage ──► logDamage() ──► "RESTORE: Zset ziplist integrity check failed."
//
// Clients are told "Bad data format" and no more; the operator sees which check it was.

import type { Core } from "../bridge/core.ts";
import { DAMAGE, ROOT, ROOT_ADDRESS } from "../generated/layout.ts";
import type { Log } from "./log.ts";

/** Names of the kinds of value by their types in RDB files. */
const KINDS: Record<number, string> = {
  0: "String", 1: "List", 2: "Set", 3: "Zset", 4: "Hash", 5: "Zset", 9: "Hash", 10: "List", 11: "Set", 12: "Zset",
  13: "Hash",
  14: "List", 15: "Stream", 16: "Hash", 17: "Zset", 18: "List", 19: "Stream", 20: "Set", 21: "Stream", 22: "Hash",
};

/** The line for what a check found in a value of this kind. */
function describe(kind: string, damage: number): string {
  switch (damage) {
    case DAMAGE.listpack: return `${kind} listpack integrity check failed`;
    case DAMAGE.ziplist: return `${kind} ziplist integrity check failed`;
    case DAMAGE.zipmap: return "Zipmap integrity check failed";
    case DAMAGE.intset: return "Intset integrity check failed";
    case DAMAGE.quicklist: return "Quicklist integrity check failed";
    case DAMAGE.streamNode: return "Stream listpack integrity check failed";
    case DAMAGE.score: return `${kind} with NAN score, or scores out of order, detected`;
    case DAMAGE.consumer: return "Duplicate stream consumer detected";
    case DAMAGE.pending: return "Duplicated consumer PEL entry, or one that is not the group's";
    default: return `${kind} is cut off, or has elements that can't be`;
  }
}

/** Logs what was found since the last call, if anything. */
export function logDamage(core: Core, log: Log): void {
  const damage = core.root32(ROOT.damage);
  if (damage === 0) return;
  core.setU32(ROOT_ADDRESS + ROOT.damage, 0);
  if (log.isOn("verbose")) log.verbose(`RESTORE: ${describe(KINDS[damage >> 8] ?? "Value", damage & 255)}.`);
}
