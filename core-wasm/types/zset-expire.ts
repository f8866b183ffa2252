/**
 * Members of a sorted set that expire, as those of a set do (types/set-expire.ts): the sorted set is in a Zset then,
 * such a member has its time in its element and a place among the timers (types/hash-timers.ts).
 *
 * Not for commands: commands/member-expire.ts. Which of them are removed when: keyspace/member-expiry.ts.
 */
import { Database } from "../keyspace/database";
import { entryExpire, entryPointer, entryReshape, NO_EXPIRE } from "../keyspace/entry";
import { root } from "../memory/root";
import { keyAddress, keyLength } from "../structures/element";
import { hashKey, tableFindSlot } from "../structures/hashtable";
import { treeFind } from "../structures/score-tree";
import { treeReadress } from "../structures/score-tree-change";
import { heapTime } from "../structures/time-heap";
import { FIELD_ABSENT, FIELD_NO_MEMORY, FIELD_NOT_TIMED } from "./hash";
import { timersNext, timersOf } from "./hash-timers";
import { memberExpire, memberPersist } from "./set-expire";
import { isPacked, zsetLength, zsetScore, zsetTable, zsetTree } from "./zset";
import { zsetRemove, zsetUnpack } from "./zset-change";

function findSlot(e: usize, ptr: usize, len: i32): usize {
  return tableFindSlot(zsetTable(entryPointer(e)), hashKey(ptr, len), ptr, len);
}

/** Gives the element at a slot another expiry shape; its new address, or 0 (nothing changed) without memory. */
function reshape(e: usize, slot: usize, expire: i64): usize {
  const tree = zsetTree(entryPointer(e));
  const element = <usize>load<u32>(slot);
  const place = treeFind(tree, element);
  const moved = entryReshape(element, expire, true);
  if (moved == 0) return 0;
  store<u32>(slot, <u32>moved);
  treeReadress(tree, place, moved);
  return moved;
}

/** Removes up to `most` members whose time has come; returns how many. The sorted set may then be empty. */
export function zsetDropDue(e: usize, most: i32): i32 {
  let n = 0;
  while (n < most && !isPacked(e) && timersOf(entryPointer(e)) != 0) {
    const element = timersNext(entryPointer(e));
    if (heapTime(element) >= root().nowMs) break;
    zsetRemove(e, keyAddress(element), keyLength(element));
    n++;
  }
  return n;
}

/** When a member expires: NO_EXPIRE never, FIELD_ABSENT when it is none. */
export function zsetExpiryOf(e: usize, ptr: usize, len: i32): i64 {
  if (isPacked(e)) return zsetScore(e, ptr, len) ? NO_EXPIRE : <i64>FIELD_ABSENT;
  const slot = findSlot(e, ptr, len);
  return slot == 0 ? <i64>FIELD_ABSENT : entryExpire(<usize>load<u32>(slot));
}

/** Gives a member an expiry that lies ahead: FIELD_TIMED, FIELD_ABSENT or FIELD_NO_MEMORY. */
export function zsetExpireMember(db: Database, e: usize, ptr: usize, len: i32, expire: i64): i32 {
  if (isPacked(e)) {
    if (!zsetScore(e, ptr, len)) return FIELD_ABSENT;
    if (!zsetUnpack(e, zsetLength(e))) return FIELD_NO_MEMORY;
  }
  return memberExpire(db, e, findSlot(e, ptr, len), expire, reshape);
}

/** Takes a member's expiry away: FIELD_TIMED, FIELD_NOT_TIMED, FIELD_ABSENT or FIELD_NO_MEMORY. */
export function zsetPersistMember(e: usize, ptr: usize, len: i32): i32 {
  if (isPacked(e)) return zsetScore(e, ptr, len) ? FIELD_NOT_TIMED : FIELD_ABSENT;
  return memberPersist(e, findSlot(e, ptr, len), reshape);
}
