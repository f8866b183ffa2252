/**
 * Members of a set that expire. The set is in a hash table then; such a member has its time in its element and a place
 * among the set's timers (types/hash-timers.ts), so that upkeep finds what is due.
 *
 * Which of them are removed when: keyspace/member-expiry.ts.
 *
 * What a change of a member's time comes to is the same for sorted sets (types/zset-expire.ts).
 *
 * Not for commands: commands/member-expire.ts.
 */
import { Database, memberKeys } from "../keyspace/database";
import {
  ENCODING_HASHTABLE, entryEncoding, entryExpire, entryPointer, entryReshape, entrySetExpireInPlace, NO_EXPIRE,
} from "../keyspace/entry";
import { root } from "../memory/root";
import { keyAddress, keyLength } from "../structures/element";
import { hashKey, Table, tableFindSlot } from "../structures/hashtable";
import { heapTime } from "../structures/time-heap";
import { timersAdd, timersNext, timersOf, timersRemove, timersReserve, timersRetimed, timersTidy } from "./hash-timers";
import { FIELD_ABSENT, FIELD_NO_MEMORY, FIELD_NOT_TIMED, FIELD_TIMED } from "./hash";
import { setHas, setRemove, setSize, setToTable } from "./set";

// --- What sorted sets share ---

/** Gives the member at a slot of a value's table the form that an expiry needs; its address, or 0 without memory. */
type Reshape = (e: usize, slot: usize, expire: i64) => usize;

/** Gives the member at a slot (0: there is none) an expiry: FIELD_TIMED, FIELD_ABSENT or FIELD_NO_MEMORY. */
export function memberExpire(db: Database, e: usize, slot: usize, expire: i64, reshape: Reshape): i32 {
  if (slot == 0) return FIELD_ABSENT;
  const table = entryPointer(e);
  const member = <usize>load<u32>(slot);
  if (entryExpire(member) != NO_EXPIRE) {
    entrySetExpireInPlace(member, expire);
    timersRetimed(table, member);
    return FIELD_TIMED;
  }
  const owner = changetype<usize>(memberKeys(db));
  if (!timersReserve(table, owner)) return FIELD_NO_MEMORY;
  const moved = reshape(e, slot, expire);
  if (moved == 0) {
    timersTidy(table);
    return FIELD_NO_MEMORY;
  }
  timersAdd(e, owner, moved);
  root().timedMembers = 1;
  return FIELD_TIMED;
}

/** Takes the expiry of the member at a slot away: the same, or FIELD_NOT_TIMED. */
export function memberPersist(e: usize, slot: usize, reshape: Reshape): i32 {
  if (slot == 0) return FIELD_ABSENT;
  if (entryExpire(<usize>load<u32>(slot)) == NO_EXPIRE) return FIELD_NOT_TIMED;
  const plain = reshape(e, slot, NO_EXPIRE);
  if (plain == 0) return FIELD_NO_MEMORY;
  // Its place among the timers has moved along with the element.
  timersRemove(entryPointer(e), plain);
  return FIELD_TIMED;
}

// --- Sets ---

function isTable(e: usize): bool {
  return entryEncoding(e) == ENCODING_HASHTABLE;
}

function findSlot(e: usize, ptr: usize, len: i32): usize {
  return tableFindSlot(changetype<Table>(entryPointer(e)), hashKey(ptr, len), ptr, len);
}

/** Gives the element at a slot another expiry shape; its new address, or 0 (nothing changed) without memory. */
function reshape(_e: usize, slot: usize, expire: i64): usize {
  const moved = entryReshape(<usize>load<u32>(slot), expire, false);
  if (moved != 0) store<u32>(slot, <u32>moved);
  return moved;
}

/** True when a member has an expiry. */
export function setIsTimed(e: usize): bool {
  return isTable(e) && timersOf(entryPointer(e)) != 0;
}

/** True when the time of a member has come. */
function setHasDue(e: usize): bool {
  return setIsTimed(e) && heapTime(timersNext(entryPointer(e))) < root().nowMs;
}

/** Removes up to `most` members whose time has come; returns how many. The set may then be empty. */
export function setDropDue(e: usize, most: i32): i32 {
  let n = 0;
  while (n < most && setHasDue(e)) {
    const member = timersNext(entryPointer(e));
    setRemove(e, keyAddress(member), keyLength(member));
    n++;
  }
  return n;
}

/** When a member expires: NO_EXPIRE never, FIELD_ABSENT when it is none. */
export function setExpiryOf(e: usize, ptr: usize, len: i32): i64 {
  if (!isTable(e)) return setHas(e, ptr, len) ? NO_EXPIRE : <i64>FIELD_ABSENT;
  const slot = findSlot(e, ptr, len);
  return slot == 0 ? <i64>FIELD_ABSENT : entryExpire(<usize>load<u32>(slot));
}

/** Gives a member an expiry that lies ahead: FIELD_TIMED, FIELD_ABSENT or FIELD_NO_MEMORY. */
export function setExpireMember(db: Database, e: usize, ptr: usize, len: i32, expire: i64): i32 {
  if (!isTable(e)) {
    if (!setHas(e, ptr, len)) return FIELD_ABSENT;
    if (!setToTable(e, setSize(e))) return FIELD_NO_MEMORY;
  }
  return memberExpire(db, e, findSlot(e, ptr, len), expire, reshape);
}

/** Takes a member's expiry away: FIELD_TIMED, FIELD_NOT_TIMED, FIELD_ABSENT or FIELD_NO_MEMORY. */
export function setPersistMember(e: usize, ptr: usize, len: i32): i32 {
  if (!isTable(e)) return setHas(e, ptr, len) ? FIELD_NOT_TIMED : FIELD_ABSENT;
  return memberPersist(e, findSlot(e, ptr, len), reshape);
}
