/**
 * Reading lists: as elements, as nodes of a quicklist, and in the forms of older servers.
 *
 * A list is built as a quicklist under the settings as they are, and becomes a listpack where it is one node within
 * the limit; one from a ziplist stays a quicklist, as in Valkey. What readers share: read.ts and load.ts.
 */
import { ENCODING_QUICKLIST, entryPointer, TYPE_LIST } from "../keyspace/entry";
import { free } from "../memory/allocator";
import { root } from "../memory/root";
import { lpFirst, lpLength, lpNext, lpView, lpViewLength } from "../structures/listpack";
import {
  LIST_TAIL, nodeOfListpack, nodeOfPlain, Quicklist, quicklistAppendNode, quicklistNew, quicklistPush,
} from "../structures/quicklist";
import { listLength, listSettle } from "../types/list";
import { checkedListpack } from "./check";
import { entryWith, giveUp, takeCount } from "./load";
import {
  Damage, Source, SOURCE_BAD, sourceBad, sourceFail, SOURCE_GOOD, SOURCE_NO_MEMORY, takeBlock, takeLength, takeString,
} from "./source";
import { CONTAINER_PACKED, CONTAINER_PLAIN } from "./write";
import { ziplistToListpack } from "./ziplist";

/** An entry with an empty quicklist; 0 after an error. */
function newList(s: Source, key: usize, keyLen: i32): usize {
  const r = root();
  const ql = quicklistNew(r.listMaxListpackSize, r.listCompressDepth);
  if (ql == 0) return giveUp(s, 0, SOURCE_NO_MEMORY);
  const e = entryWith(s, key, keyLen, TYPE_LIST, ENCODING_QUICKLIST, ql);
  if (e == 0) free(ql);
  return e;
}

/** Appends the elements of a listpack one by one; false after an error. */
function pushElements(s: Source, e: usize, lp: usize): bool {
  const ql = changetype<Quicklist>(entryPointer(e));
  for (let p = lpFirst(lp); p != 0; p = lpNext(lp, p)) {
    if (!quicklistPush(ql, lpView(p), lpViewLength(p), LIST_TAIL)) return sourceFail(s, SOURCE_NO_MEMORY);
  }
  return true;
}

/** Strings, one an element. */
export function readList(s: Source, key: usize, keyLen: i32): usize {
  const n = takeCount(s, 1);
  if (n == 0) return 0;
  const e = newList(s, key, keyLen);
  if (e == 0) return 0;
  const ql = changetype<Quicklist>(entryPointer(e));
  for (let i: u64 = 0; i < n; i++) {
    if (!takeString(s, 0)) return giveUp(s, e, s.error);
    if (!quicklistPush(ql, s.text0, s.length0, LIST_TAIL)) return giveUp(s, e, SOURCE_NO_MEMORY);
  }
  listSettle(e, true);
  return e;
}

/** One ziplist. */
export function readZiplistList(s: Source, key: usize, keyLen: i32): usize {
  const lp: usize = takeString(s, 0) ? ziplistToListpack(s, s.text0, s.length0) : 0;
  if (lp == 0) return 0;
  const e = newList(s, key, keyLen);
  if (e != 0 && pushElements(s, e, lp)) {
    free(lp);
    return listLength(e) != 0 ? e : giveUp(s, e, SOURCE_BAD);
  }
  free(lp);
  return e == 0 ? 0 : giveUp(s, e, s.error);
}

/** Reads one node and appends it, unless it is empty; false after an error. `older`: it is a ziplist. */
function readNode(s: Source, e: usize, older: bool): bool {
  const container = older ? CONTAINER_PACKED : takeLength(s);
  if (s.error != SOURCE_GOOD) return false;
  let node: usize = 0;
  if (container == CONTAINER_PLAIN) {
    if (!takeString(s, 0)) return false;
    if (s.length0 == 0) return sourceFail(s, SOURCE_BAD);
    node = nodeOfPlain(s.text0, s.length0);
  } else {
    if (container != CONTAINER_PACKED) return sourceBad(s, Damage.quicklist);
    const lp = takeNode(s, older);
    if (lp == 0) return false;
    if (lpLength(lp) == 0) {
      free(lp);
      return true;
    }
    node = nodeOfListpack(lp);
    if (node == 0) free(lp);
  }
  if (node == 0) return sourceFail(s, SOURCE_NO_MEMORY);
  quicklistAppendNode(changetype<Quicklist>(entryPointer(e)), node);
  return true;
}

/** A node's listpack; 0 after an error. */
function takeNode(s: Source, older: bool): usize {
  if (older) return takeString(s, 0) ? ziplistToListpack(s, s.text0, s.length0) : 0;
  const block = takeBlock(s);
  return block == 0 ? 0 : checkedListpack(s, block, s.length0);
}

/** Nodes of a quicklist: ziplists (`older`), or listpacks and plain elements. */
export function readQuicklist(s: Source, key: usize, keyLen: i32, older: bool): usize {
  const n = takeCount(s, older ? 1 : 2);
  if (n == 0) return 0;
  const e = newList(s, key, keyLen);
  if (e == 0) return 0;
  for (let i: u64 = 0; i < n; i++) if (!readNode(s, e, older)) return giveUp(s, e, s.error);
  if (listLength(e) == 0) return giveUp(s, e, SOURCE_BAD);
  listSettle(e, true);
  return e;
}
