/**
 * Going through a set's members and choosing some by chance, whatever the encoding.
 *
 * The state of the one walk that there is stands in page 0: a walk is over before its command is, and must be ended.
 * Nothing may be added to or removed from the set that is walked, except by setRemovePicked() after setPick().
 *
 * A member is an integer (of an intset or listpack) or bytes; `setMemberPtr` shows either as bytes.
 */
import { formatI64 } from "../bytes/integer";
import { ENCODING_HASHTABLE, ENCODING_INTSET, entryEncoding, entryPointer, entrySetPointer } from "../keyspace/entry";
import { randomBelow } from "../memory/root";
import { keyAddress, keyLength } from "../structures/element";
import { hashKey, Table } from "../structures/hashtable";
import { intsetGet, intsetLength, intsetRemoveAt } from "../structures/intset";
import {
  lpDelete, lpFirst, lpInt, lpIsInt, lpLength, lpNext, lpSeek, lpText, lpTextLength,
} from "../structures/listpack";
import { tableRandomSlot, TableWalk, walkEnd, walkNext, walkStart } from "../structures/table-walk";
import { setAdd, setAddInteger, setHas, setHasInteger, setRemove, setRemoveInteger, setRemoveSlot } from "./set";

@unmanaged
export class SetWalk {
  entry: usize;
  encoding: u32;
  place: usize; // what the member stands at: index, listpack position, element
  next: usize; // index or position to go on with
  isInteger: bool;
  value: i64; // the member, if it is an integer
  ptr: usize; // else its bytes
  len: i32;
}

/** In page 0, behind types/set.ts's walk: the walk, a walk through its table, an integer written out. */
const WALK: usize = 9216;
const TABLE_WALK: usize = 9344;
const TEXT: usize = 9472;

function tableWalk(): TableWalk {
  return changetype<TableWalk>(TABLE_WALK);
}

// --- Members ---

function isAt(w: SetWalk, place: usize, encoding: u32): void {
  w.place = place;
  w.isInteger = false;
  if (encoding == ENCODING_INTSET) {
    w.isInteger = true;
    w.value = intsetGet(entryPointer(w.entry), <i32>place);
  } else if (encoding == ENCODING_HASHTABLE) {
    w.ptr = keyAddress(place);
    w.len = keyLength(place);
  } else if (lpIsInt(place)) {
    w.isInteger = true;
    w.value = lpInt(place);
  } else {
    w.ptr = lpText(place);
    w.len = lpTextLength(place);
  }
}

/** The member that was gathered as `place`: shows it in the walk's fields without walking. */
export function setMemberAt(e: usize, place: usize): SetWalk {
  const w = changetype<SetWalk>(WALK);
  w.entry = e;
  isAt(w, place, entryEncoding(e));
  return w;
}

/** Address of the member's bytes; an integer is written out, which setMemberLength() then measures. */
export function setMemberPtr(w: SetWalk): usize {
  if (!w.isInteger) return w.ptr;
  w.len = formatI64(TEXT, w.value);
  return TEXT;
}

/** Length of what setMemberPtr() returned last. */
export function setMemberLength(w: SetWalk): i32 {
  return w.len;
}

/** True when the walk's member is one of set `e`, too. */
export function setHasMember(e: usize, w: SetWalk): bool {
  return w.isInteger ? setHasInteger(e, w.value) : setHas(e, w.ptr, w.len);
}

/** Adds the walk's member to set `e`, as setAdd(). */
export function setAddMember(e: usize, w: SetWalk): i32 {
  return w.isInteger ? setAddInteger(e, w.value) : setAdd(e, w.ptr, w.len);
}

/** Takes the walk's member out of set `e`, as setRemove(). */
export function setRemoveMember(e: usize, w: SetWalk): bool {
  return w.isInteger ? setRemoveInteger(e, w.value) : setRemove(e, w.ptr, w.len);
}

// --- Walk ---

/** Starts a walk through all members of a set. */
export function setWalk(e: usize): SetWalk {
  const w = changetype<SetWalk>(WALK);
  w.entry = e;
  w.encoding = entryEncoding(e);
  if (w.encoding == ENCODING_HASHTABLE) walkStart(tableWalk(), changetype<Table>(entryPointer(e)));
  else w.next = w.encoding == ENCODING_INTSET ? 0 : lpFirst(entryPointer(e));
  return w;
}

/** Goes to the next member; false at the end. */
export function setNext(w: SetWalk): bool {
  if (w.encoding == ENCODING_HASHTABLE) {
    const member = walkNext(tableWalk());
    if (member == 0) return false;
    isAt(w, member, ENCODING_HASHTABLE);
    return true;
  }
  const s = entryPointer(w.entry);
  if (w.encoding == ENCODING_INTSET) {
    if (w.next >= <usize>intsetLength(s)) return false;
    isAt(w, w.next++, ENCODING_INTSET);
    return true;
  }
  if (w.next == 0) return false;
  isAt(w, w.next, w.encoding);
  w.next = lpNext(s, w.next);
  return true;
}

/** Ends a walk: its set may change again. */
export function setWalkEnd(w: SetWalk): void {
  if (w.encoding == ENCODING_HASHTABLE) walkEnd(tableWalk());
}

// --- Chance ---

/** Chooses a member of a set that is not empty, each as likely as any other. Its table may not be held still. */
export function setPick(e: usize): SetWalk {
  const w = changetype<SetWalk>(WALK);
  w.entry = e;
  w.encoding = entryEncoding(e);
  const s = entryPointer(e);
  if (w.encoding == ENCODING_HASHTABLE) {
    w.next = tableRandomSlot(changetype<Table>(s));
    isAt(w, <usize>load<u32>(w.next), ENCODING_HASHTABLE);
  } else if (w.encoding == ENCODING_INTSET) {
    isAt(w, <usize>randomBelow(<u32>intsetLength(s)), ENCODING_INTSET);
  } else {
    isAt(w, lpSeek(s, <i32>randomBelow(<u32>lpLength(s))), w.encoding);
  }
  return w;
}

/** Takes the member out that setPick() has just chosen. */
export function setRemovePicked(w: SetWalk): void {
  const s = entryPointer(w.entry);
  if (w.encoding == ENCODING_HASHTABLE) {
    setRemoveSlot(w.entry, hashKey(w.ptr, w.len), w.next);
  } else if (w.encoding == ENCODING_INTSET) {
    entrySetPointer(w.entry, intsetRemoveAt(s, <i32>w.place));
  } else {
    entrySetPointer(w.entry, lpDelete(s, w.place));
  }
}
