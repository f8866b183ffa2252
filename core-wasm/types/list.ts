/**
 * Lists: elements at both ends, ranges, and the two encodings: one listpack while that stays within
 * list-max-listpack-size, else a quicklist of them. What happens at a place inside: list-cursor.ts.
 *
 *   ENCODING_LISTPACK    payload: address of the listpack
 *   ENCODING_QUICKLIST   payload: address of the Quicklist
 *
 * A list outgrows its listpack before elements are put in that would exceed the limit, and becomes one again when it is
 * one node of at most half the limit: the gap keeps a list at the border from changing back and forth. Not for commands
 * and replies: commands/list*.ts.
 */
import { mixInto } from "../keyspace/digest";
import {
  ENCODING_LISTPACK, ENCODING_QUICKLIST, entryEncoding, entryNew, entryPointer, entrySetEncoding, entrySetPointer,
  NO_EXPIRE, TYPE_LIST,
} from "../keyspace/entry";
import { free, usableSize } from "../memory/allocator";
import { root } from "../memory/root";
import {
  lpAppend, lpBytes, lpCopy, lpDelete, lpDeleteRange, lpFirst, lpLast, lpLength, lpNew, lpPrepend,
} from "../structures/listpack";
import {
  exceedsFill, LIST_HEAD, nodeBlock, nodeBytes, nodeIsPlain, nodeNext, nodeOfListpack, nodeUnpack, Quicklist,
  quicklistAppendNode, quicklistCopy, quicklistFreeSome, quicklistNew, quicklistPush, quicklistSettle, withinFill,
} from "../structures/quicklist";
import { quicklistRemove, quicklistRemoveRange } from "../structures/quicklist-edit";
import {
  cursorClose, cursorLength, cursorNext, cursorNode, cursorOffset, cursorOpen, cursorView,
} from "./list-cursor";

/** Nanoseconds of root.work that an element takes which is looked at or removed. */
export const ELEMENT_WORK: u64 = 10;

function quicklistOf(e: usize): Quicklist {
  return changetype<Quicklist>(entryPointer(e));
}

// --- Encodings ---

/** An entry with an empty list, not in any table; 0 when memory is exhausted. */
export function listNew(key: usize, keyLen: i32): usize {
  const lp = lpNew(0);
  if (lp == 0) return 0;
  const e = entryNew(key, keyLen, TYPE_LIST, ENCODING_LISTPACK, NO_EXPIRE, -1);
  if (e == 0) {
    free(lp);
    return 0;
  }
  entrySetPointer(e, lp);
  return e;
}

/** Makes a listpack the only node of a quicklist; false (nothing changed) when memory is exhausted. */
function toQuicklist(e: usize, lp: usize): bool {
  const r = root();
  const address = quicklistNew(r.listMaxListpackSize, r.listCompressDepth);
  if (address == 0) return false;
  if (lpLength(lp) == 0) {
    free(lp);
  } else {
    const n = nodeOfListpack(lp);
    if (n == 0) {
      free(address);
      return false;
    }
    quicklistAppendNode(changetype<Quicklist>(address), n);
  }
  entrySetPointer(e, address);
  entrySetEncoding(e, ENCODING_QUICKLIST);
  return true;
}

/**
 * Prepares for `count` elements more, of `bytes` bytes together: a listpack that would get too large becomes a
 * quicklist. False (nothing changed) when memory is exhausted.
 */
export function listExpect(e: usize, bytes: i64, count: i32): bool {
  if (entryEncoding(e) != ENCODING_LISTPACK) return true;
  const lp = entryPointer(e);
  const size = <i64>lpBytes(lp) + bytes;
  const capped = size > <i64>u32.MAX_VALUE ? u32.MAX_VALUE : <u32>size;
  if (!exceedsFill(root().listMaxListpackSize, capped, <u32>(lpLength(lp) + count))) return true;
  return toQuicklist(e, lp);
}

/**
 * Makes a quicklist a listpack again when it is one node within the limit: within half of it, unless it was built
 * anew (`built`: a loaded list).
 */
export function listSettle(e: usize, built: bool): void {
  if (entryEncoding(e) != ENCODING_QUICKLIST) return;
  const ql = quicklistOf(e);
  const n = ql.head;
  if (ql.nodes != 1 || nodeIsPlain(n)) return;
  if (!withinFill(root().listMaxListpackSize, <u32>nodeBytes(n), ql.count, !built)) return;
  if (!nodeUnpack(n)) return;
  const lp = nodeBlock(n);
  free(n);
  free(changetype<usize>(ql));
  entrySetPointer(e, lp);
  entrySetEncoding(e, ENCODING_LISTPACK);
}

export function listIsQuicklist(e: usize): bool {
  return entryEncoding(e) == ENCODING_QUICKLIST;
}

// --- Ends and ranges ---

/** Number of elements. */
export function listLength(e: usize): i64 {
  if (entryEncoding(e) == ENCODING_LISTPACK) return <i64>lpLength(entryPointer(e));
  return <i64>quicklistOf(e).count;
}

/** Puts an element at an end; false (nothing changed) when memory is exhausted. listExpect() comes before. */
export function listPush(e: usize, ptr: usize, len: i32, where: i32): bool {
  const address = entryPointer(e);
  if (entryEncoding(e) != ENCODING_LISTPACK) return quicklistPush(changetype<Quicklist>(address), ptr, len, where);
  const moved = where == LIST_HEAD ? lpPrepend(address, ptr, len) : lpAppend(address, ptr, len);
  if (moved == 0) return false;
  entrySetPointer(e, moved);
  return true;
}

/** Removes the element at an end; false (nothing changed) when memory is exhausted. The list may be empty then. */
export function listPop(e: usize, where: i32): bool {
  if (entryEncoding(e) == ENCODING_LISTPACK) {
    const lp = entryPointer(e);
    entrySetPointer(e, lpDelete(lp, where == LIST_HEAD ? lpFirst(lp) : lpLast(lp)));
    return true;
  }
  const ql = quicklistOf(e);
  const n = where == LIST_HEAD ? ql.head : ql.tail;
  if (!nodeUnpack(n)) return false;
  const block = nodeBlock(n);
  quicklistRemove(ql, n, nodeIsPlain(n) ? 0 : where == LIST_HEAD ? lpFirst(block) : lpLast(block));
  return true;
}

/** Sees to it that listPop() at this end needs no memory; false when there is none for that. */
export function listOpenEnd(e: usize, where: i32): bool {
  if (entryEncoding(e) == ENCODING_LISTPACK) return true;
  const ql = quicklistOf(e);
  return nodeUnpack(where == LIST_HEAD ? ql.head : ql.tail);
}

/** Removes `count` elements from `index` on, all of which are there. False (nothing changed) without memory. */
export function listRemoveRange(e: usize, index: i64, count: i64): bool {
  if (count <= 0) return true;
  if (entryEncoding(e) == ENCODING_LISTPACK) {
    entrySetPointer(e, lpDeleteRange(entryPointer(e), <i32>index, <i32>count));
    return true;
  }
  const n = cursorNode(e, index);
  return quicklistRemoveRange(quicklistOf(e), n, cursorOffset(), <i32>count);
}

/** Removes all but the elements from `start` to `stop`, which are there. False (nothing changed) without memory. */
export function listTrim(e: usize, start: i64, stop: i64): bool {
  const length = listLength(e);
  if (entryEncoding(e) == ENCODING_LISTPACK) {
    return listRemoveRange(e, stop + 1, length - stop - 1) && listRemoveRange(e, 0, start);
  }
  const ql = quicklistOf(e);
  const depth = ql.depth;
  // Both nodes that are cut are made ready first, and nothing is compressed before both are.
  ql.depth = 0;
  const done = nodeUnpack(cursorNode(e, start)) && nodeUnpack(cursorNode(e, stop)) &&
    listRemoveRange(e, stop + 1, length - stop - 1) && listRemoveRange(e, 0, start);
  ql.depth = depth;
  quicklistSettle(ql, 0);
  return done;
}

// --- What types/value.ts needs ---

/** Frees parts of the value, about `budget` allocations; what is left of the budget, more than 0 when all is freed. */
export function listFreeSome(e: usize, budget: i32): i32 {
  if (entryEncoding(e) != ENCODING_LISTPACK) return quicklistFreeSome(quicklistOf(e), budget);
  free(entryPointer(e));
  return budget > 1 ? budget - 1 : 1;
}

/** Fills `fresh`, an entry of the same type and encoding without a value, with a copy; false without memory. */
export function listCopy(e: usize, fresh: usize): bool {
  const address = entryPointer(e);
  const copy = entryEncoding(e) == ENCODING_LISTPACK ? lpCopy(address) : quicklistCopy(changetype<Quicklist>(address));
  entrySetPointer(fresh, copy);
  return copy != 0;
}

/** Bytes that the value takes beside its entry; `samples` nodes are weighed for all, 0: each is. */
export function listMemory(e: usize, samples: i32): usize {
  if (entryEncoding(e) == ENCODING_LISTPACK) return usableSize(entryPointer(e));
  const ql = quicklistOf(e);
  let bytes: u64 = 0;
  let weighed: u32 = 0;
  for (let n = ql.head; n != 0 && (samples == 0 || weighed < <u32>samples); n = nodeNext(n)) {
    bytes += <u64>(usableSize(n) + usableSize(nodeBlock(n)));
    weighed++;
  }
  if (weighed != 0) bytes = bytes * <u64>ql.nodes / <u64>weighed;
  return usableSize(changetype<usize>(ql)) + <usize>bytes;
}

/** How many allocations the value is, estimated at no cost. */
export function listFreeEffort(e: usize): u32 {
  return entryEncoding(e) == ENCODING_LISTPACK ? 1 : quicklistOf(e).nodes;
}

/** Adds the value to a digest (keyspace/digest.ts): elements in their order. */
export function listDigest(e: usize, digest: usize): void {
  for (let more = cursorOpen(e, 0); more; more = cursorNext()) mixInto(digest, cursorView(), cursorLength());
  cursorClose();
}
