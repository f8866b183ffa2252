/**
 * Consumer groups of a stream: what was delivered to whom, and how far a group has read.
 *
 * A Delivery stands in two trees, its group's and its consumer's. Functions that need memory change nothing when there
 * is none. Not for entries (stream-node.ts) and not for replies.
 */
import { free } from "../memory/allocator";
import { root } from "../memory/root";
import {
  idFind, idFirst, idHigh, idInsert, idLastLeaf, idLow, idNext, idRemove, idShed, idSize, idValue,
} from "../structures/id-tree";
import { nameFind, nameInsert, namePop, nameRemove } from "../structures/name-list";
import {
  Consumer, consumerNew, consumerPending, consumersOf, Delivery, deliveryNew, Group, groupNew, groupPending, groupsOf,
  noteDelivery, READ_UNKNOWN, Stream,
} from "./stream-data";
import { compareIds } from "./stream-node";

// --- Groups and consumers ---

/** The group of a name, 0 when there is none. */
export function groupFind(s: Stream, name: usize, len: i32): usize {
  return nameFind(groupsOf(s), name, len);
}

/** Adds a group whose name is free; 0, nothing changed, without memory. */
export function groupCreate(s: Stream, name: usize, len: i32, ms: u64, seq: u64, entriesRead: i64): usize {
  const g = groupNew(name, len, ms, seq, entriesRead);
  if (g == 0 || nameInsert(groupsOf(s), g)) return g;
  free(g);
  return 0;
}

/** The consumer of a name, 0 when there is none. */
export function consumerFind(g: Group, name: usize, len: i32): usize {
  return nameFind(consumersOf(g), name, len);
}

/** Adds a consumer whose name is free; 0, nothing changed, without memory. */
export function consumerCreate(g: Group, name: usize, len: i32): usize {
  const c = consumerNew(name, len);
  if (c == 0 || nameInsert(consumersOf(g), c)) return c;
  free(c);
  return 0;
}

/** Removes a consumer; what it has pending is forgotten. */
export function consumerDelete(g: Group, c: Consumer): void {
  const pending = consumerPending(c);
  for (let at = idFirst(pending); at != 0; at = idNext(at)) {
    free(idRemove(groupPending(g), idHigh(at), idLow(at)));
  }
  while (idSize(pending) > 0) idShed(pending);
  nameRemove(consumersOf(g), changetype<usize>(c));
  free(changetype<usize>(c));
}

/** Frees up to about `budget` parts of a group that is in no list; what is left, more than 0 when all is freed. */
export function groupFreeSome(g: Group, budget: i32): i32 {
  const pending = groupPending(g);
  while (idSize(pending) > 0) {
    if (budget <= 0) return budget;
    budget -= shedValues(pending);
  }
  const consumers = consumersOf(g);
  for (let c = namePop(consumers); c != 0; c = namePop(consumers)) {
    const own = consumerPending(changetype<Consumer>(c));
    // The consumer goes when all of its tree's leaves are gone, at once: a leaf is one block for fifty deliveries.
    while (idSize(own) > 0) {
      idShed(own);
      budget--;
    }
    free(c);
    if (--budget <= 0) return budget;
  }
  free(changetype<usize>(g));
  return budget > 1 ? budget - 1 : 1;
}

/** Removes a tree's last leaf and frees the blocks it leads to; how many blocks that were. */
export function shedValues(tree: usize): i32 {
  const before = idSize(tree);
  for (let at = idLastLeaf(tree); at != 0; at = idNext(at)) free(idValue(at));
  idShed(tree);
  return <i32>(before - idSize(tree)) + 1;
}

// --- Deliveries ---

/** The pending entry with this ID, 0 when there is none. */
export function pendingFind(g: Group, ms: u64, seq: u64): usize {
  return idFind(groupPending(g), ms, seq);
}

/** Makes a pending entry another consumer's; false, nothing changed, without memory. */
export function pendingMove(d: Delivery, c: Consumer, ms: u64, seq: u64): bool {
  const to = changetype<usize>(c);
  if (d.consumer == to) return true;
  if (!idInsert(consumerPending(c), ms, seq, changetype<usize>(d))) return false;
  idRemove(consumerPending(changetype<Consumer>(d.consumer)), ms, seq);
  d.consumer = to;
  return true;
}

/** Adds a pending entry, delivered now for the first time; 0, nothing changed, without memory. */
export function pendingAdd(g: Group, c: Consumer, ms: u64, seq: u64): usize {
  const d = deliveryNew(changetype<usize>(c));
  if (d == 0) return 0;
  noteDelivery(g, root().nowMs);
  if (idInsert(groupPending(g), ms, seq, d)) {
    if (idInsert(consumerPending(c), ms, seq, d)) return d;
    idRemove(groupPending(g), ms, seq);
  }
  free(d);
  return 0;
}

/** Removes a pending entry; false when there is none. */
export function pendingRemove(g: Group, ms: u64, seq: u64): bool {
  const address = idRemove(groupPending(g), ms, seq);
  if (address == 0) return false;
  const d = changetype<Delivery>(address);
  if (d.consumer != 0) idRemove(consumerPending(changetype<Consumer>(d.consumer)), ms, seq);
  free(address);
  return true;
}

/**
 * Notes that an entry is delivered to a consumer now. One that is pending already, after XGROUP SETID, becomes a first
 * delivery to it. False, nothing changed, without memory.
 */
export function deliver(g: Group, c: Consumer, ms: u64, seq: u64): bool {
  const known = pendingFind(g, ms, seq);
  if (known == 0) return pendingAdd(g, c, ms, seq) != 0;
  const d = changetype<Delivery>(known);
  if (!pendingMove(d, c, ms, seq)) return false;
  d.timeMs = root().nowMs;
  d.count = 1;
  return true;
}

// --- How far a group has read ---

/** True when XDEL removed an entry from this ID on. */
function hasGaps(s: Stream, ms: u64, seq: u64): bool {
  if (s.length == 0 || (s.deletedMs | s.deletedSeq) == 0) return false;
  return compareIds(ms, seq, s.deletedMs, s.deletedSeq) <= 0;
}

/** How many entries there ever were up to an ID, READ_UNKNOWN when that can't be told without a walk. */
export function entriesUpTo(s: Stream, ms: u64, seq: u64): i64 {
  if (s.added == 0) return 0;
  const toLast = compareIds(ms, seq, s.lastMs, s.lastSeq);
  if (s.length == 0 && toLast <= 0) return <i64>s.added;
  if ((ms | seq) != 0 && compareIds(ms, seq, s.deletedMs, s.deletedSeq) < 0) return READ_UNKNOWN;
  if (toLast == 0) return <i64>s.added;
  if (toLast > 0) return READ_UNKNOWN;
  const isWhole = (s.deletedMs | s.deletedSeq) == 0 ||
    compareIds(s.deletedMs, s.deletedSeq, s.firstMs, s.firstSeq) < 0;
  if (!isWhole) return READ_UNKNOWN;
  const toFirst = compareIds(ms, seq, s.firstMs, s.firstSeq);
  if (toFirst < 0) return <i64>(s.added - s.length);
  return toFirst == 0 ? <i64>(s.added - s.length) + 1 : READ_UNKNOWN;
}

/** Moves a group on to an entry above its last one, with its count of entries read. */
export function advance(s: Stream, g: Group, ms: u64, seq: u64): void {
  const isCounting = g.entriesRead != READ_UNKNOWN &&
    compareIds(g.lastMs, g.lastSeq, s.firstMs, s.firstSeq) >= 0 && !hasGaps(s, g.lastMs, g.lastSeq);
  if (isCounting) g.entriesRead++;
  else if (s.added != 0) g.entriesRead = entriesUpTo(s, ms, seq);
  g.lastMs = ms;
  g.lastSeq = seq;
}

/** Entries that the group has yet to read, into root.number; false when that is not known. */
export function groupLag(s: Stream, g: Group): bool {
  let read: i64 = 0;
  if (s.added != 0) {
    read = g.entriesRead != READ_UNKNOWN && !hasGaps(s, g.lastMs, g.lastSeq)
      ? g.entriesRead
      : entriesUpTo(s, g.lastMs, g.lastSeq);
    if (read == READ_UNKNOWN) return false;
  }
  root().number = <i64>s.added - read;
  return true;
}
