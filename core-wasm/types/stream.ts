/**
 * Streams as values: what types/value.ts and keyspace/digest.ts need of them, and validation of nodes from outside.
 *
 * Not for entries (stream-node.ts), groups (stream-group.ts), layout (stream-data.ts) or commands.
 */
import { formatU64 } from "../bytes/integer";
import { entryPointer, entrySetPointer } from "../keyspace/entry";
import { mixInto } from "../keyspace/digest";
import { free, usableSize } from "../memory/allocator";
import { root } from "../memory/root";
import {
  idBytes, idFind, idFirst, idHigh, idInsert, idLow, idNext, idRadixNodes, idSize, idValue,
} from "../structures/id-tree";
import { lpBehind, lpCopy, lpFirst, lpInt, lpIsInt, lpValidate, lpView, lpViewLength } from "../structures/listpack";
import { lpIsEnd } from "../structures/listpack-batch";
import {
  nameAt, nameBytes, nameCount, nameFind, nameLength, namePop, namePtr,
} from "../structures/name-list";
import {
  Consumer, consumerPending, consumersOf, Delivery, deliveryNew, Group, groupPending, groupsOf, nodesOf, noteDelivery,
  Stream, STREAM_TEXT, streamNew,
} from "./stream-data";
import { consumerCreate, groupCreate, groupFreeSome, shedValues } from "./stream-group";
import {
  compareIds, Cursor, cursor, cursorNextFrom, FLAG_DELETED, FLAG_SAME_FIELDS, forgetPlaces, seekFrom,
} from "./stream-node";

/** Keys that the number of radix nodes is worked out from; for more it is extrapolated. */
const RADIX_KEYS: u32 = 16384;

/** The stream of an entry of type stream. */
export function streamOf(e: usize): Stream {
  return changetype<Stream>(entryPointer(e));
}

/** Nodes that a radix tree of the stream's listpacks would have, for XINFO. */
export function streamRadixNodes(s: Stream): u64 {
  return idRadixNodes(nodesOf(s), RADIX_KEYS);
}

// --- Freeing ---

/** Frees parts of the value, about `budget` allocations; what is left of the budget, more than 0 when all is freed. */
export function streamFreeSome(e: usize, budget: i32): i32 {
  const address = entryPointer(e);
  if (address == 0) return budget;
  const left = streamRelease(changetype<Stream>(address), budget);
  if (left > 0) entrySetPointer(e, 0);
  return left;
}

/** streamFreeSome() for a stream that is no entry's. */
function streamRelease(s: Stream, budget: i32): i32 {
  forgetPlaces(s);
  while (idSize(nodesOf(s)) > 0) {
    if (budget <= 0) return budget;
    budget -= shedValues(nodesOf(s));
  }
  const groups = groupsOf(s);
  while (nameCount(groups) > 0) {
    if (budget <= 0) return budget;
    // The group stays in the list until all of it is gone.
    const g = nameAt(groups, nameCount(groups) - 1);
    const left = groupFreeSome(changetype<Group>(g), budget);
    if (left <= 0) return left;
    budget = left;
    namePop(groups);
  }
  free(changetype<usize>(s));
  return budget > 1 ? budget - 1 : 1;
}

/** How many allocations the value is, estimated at no cost. */
export function streamFreeEffort(e: usize): u32 {
  const s = streamOf(e);
  let effort = idSize(nodesOf(s)) + 1;
  const groups = groupsOf(s);
  const n = <u32>nameCount(groups);
  // The first group stands for all of them.
  if (n > 0) effort += n * (1 + idSize(groupPending(changetype<Group>(nameAt(groups, 0)))));
  return effort;
}

// --- Copying ---

/** Fills `fresh`, an entry of this type and encoding without a value, with a copy; false (nothing kept): no memory. */
export function streamCopy(e: usize, fresh: usize): bool {
  const copy = streamNew();
  if (copy == 0) return false;
  const from = streamOf(e);
  const to = changetype<Stream>(copy);
  if (!copyNodes(from, to) || !copyGroups(from, to)) {
    streamRelease(to, i32.MAX_VALUE);
    return false;
  }
  to.length = from.length;
  to.firstMs = from.firstMs;
  to.firstSeq = from.firstSeq;
  to.lastMs = from.lastMs;
  to.lastSeq = from.lastSeq;
  to.deletedMs = from.deletedMs;
  to.deletedSeq = from.deletedSeq;
  to.added = from.added;
  entrySetPointer(fresh, copy);
  return true;
}

function copyNodes(from: Stream, to: Stream): bool {
  for (let at = idFirst(nodesOf(from)); at != 0; at = idNext(at)) {
    const lp = lpCopy(idValue(at));
    if (lp == 0) return false;
    if (!idInsert(nodesOf(to), idHigh(at), idLow(at), lp)) {
      free(lp);
      return false;
    }
  }
  return true;
}

function copyGroups(from: Stream, to: Stream): bool {
  const groups = groupsOf(from);
  for (let i = 0; i < nameCount(groups); i++) {
    const block = nameAt(groups, i);
    const g = changetype<Group>(block);
    const copy = groupCreate(to, namePtr(block), nameLength(block), g.lastMs, g.lastSeq, g.entriesRead);
    if (copy == 0) return false;
    if (!copyConsumers(g, changetype<Group>(copy)) || !copyPending(g, changetype<Group>(copy))) return false;
  }
  return true;
}

function copyConsumers(from: Group, to: Group): bool {
  const list = consumersOf(from);
  for (let i = 0; i < nameCount(list); i++) {
    const block = nameAt(list, i);
    const copy = consumerCreate(to, namePtr(block), nameLength(block));
    if (copy == 0) return false;
    changetype<Consumer>(copy).seenMs = changetype<Consumer>(block).seenMs;
    changetype<Consumer>(copy).activeMs = changetype<Consumer>(block).activeMs;
  }
  return true;
}

function copyPending(from: Group, to: Group): bool {
  for (let at = idFirst(groupPending(from)); at != 0; at = idNext(at)) {
    const d = changetype<Delivery>(idValue(at));
    const consumer = nameFind(consumersOf(to), namePtr(d.consumer), nameLength(d.consumer));
    if (!pendingRestore(to, consumer, idHigh(at), idLow(at), d.timeMs, d.count)) return false;
  }
  return true;
}

/** Adds a pending entry as it was elsewhere; false, nothing changed, without memory or when there is one of this ID. */
export function pendingRestore(g: Group, consumer: usize, ms: u64, seq: u64, timeMs: i64, count: u64): bool {
  if (idFind(groupPending(g), ms, seq) != 0) return false;
  const address = deliveryNew(consumer);
  if (address == 0) return false;
  const d = changetype<Delivery>(address);
  d.timeMs = timeMs;
  d.count = count;
  noteDelivery(g, timeMs);
  if (!idInsert(groupPending(g), ms, seq, address)) {
    free(address);
    return false;
  }
  // With its group it is freed whether its consumer knows it or not.
  return consumer == 0 || idInsert(consumerPending(changetype<Consumer>(consumer)), ms, seq, address);
}

// --- Weighing ---

/** Bytes that the value takes beside its entry; `samples` nodes and consumers are weighed, 0 for all. */
export function streamMemory(e: usize, samples: i32): usize {
  const s = streamOf(e);
  const t = nodesOf(s);
  let bytes = usableSize(changetype<usize>(s)) + idBytes(t);
  let seen = 0;
  let nodes: usize = 0;
  for (let at = idFirst(t); at != 0 && (samples == 0 || seen < samples); at = idNext(at)) {
    nodes += usableSize(idValue(at));
    seen++;
  }
  if (seen > 0) bytes += <usize>(<f64>nodes / <f64>seen * <f64>idSize(t));
  const groups = groupsOf(s);
  bytes += nameBytes(groups);
  for (let i = 0; i < nameCount(groups); i++) bytes += groupMemory(nameAt(groups, i), samples);
  return bytes;
}

function groupMemory(block: usize, samples: i32): usize {
  const g = changetype<Group>(block);
  const pending = groupPending(g);
  const list = consumersOf(g);
  let bytes = usableSize(block) + idBytes(pending) + <usize>idSize(pending) * offsetof<Delivery>() + nameBytes(list);
  const n = nameCount(list);
  const most = samples == 0 || samples > n ? n : samples;
  let own: usize = 0;
  for (let i = 0; i < most; i++) {
    const consumer = nameAt(list, i);
    own += usableSize(consumer) + idBytes(consumerPending(changetype<Consumer>(consumer)));
  }
  if (most > 0) bytes += <usize>(<f64>own / <f64>most * <f64>n);
  return bytes;
}

// --- Digest ---

/** Adds the value to a digest (keyspace/digest.ts): IDs, fields and values in order, nothing of the groups. */
export function streamDigest(e: usize, digest: usize): void {
  const s = streamOf(e);
  const c = cursor();
  if (s.length == 0 || !seekFrom(c, s, 0, 0)) return;
  while (true) {
    let n = formatU64(STREAM_TEXT, c.ms);
    store<u8>(STREAM_TEXT + <usize>n, 0x2e);
    n += 1 + formatU64(STREAM_TEXT + <usize>n + 1, c.seq);
    mixInto(digest, STREAM_TEXT, n);
    if (!cursorNextFrom(c, digestFields(c, digest))) return;
  }
}

/** Mixes an entry's fields and values in; the place behind the entry. */
function digestFields(c: Cursor, digest: usize): usize {
  let p = c.body;
  let name = c.masterFields;
  for (let i = 0; i < c.fields; i++) {
    if (!(c.flags & FLAG_SAME_FIELDS)) {
      name = p;
      p = lpBehind(p);
    }
    mixInto(digest, lpView(name), lpViewLength(name));
    mixInto(digest, lpView(p), lpViewLength(p));
    name = lpBehind(name);
    p = lpBehind(p);
  }
  return lpBehind(p);
}

// --- Validation ---

/** True for an element that is a number from 0 on. */
function isCount(p: usize): bool {
  return !lpIsEnd(p) && lpIsInt(p) && lpInt(p) >= 0 && lpInt(p) <= <i64>i32.MAX_VALUE;
}

/** Skips n elements; 0 when there are fewer. */
function skipped(p: usize, n: i64): usize {
  for (; n > 0; n--) {
    if (lpIsEnd(p)) return 0;
    p = lpBehind(p);
  }
  return p;
}

/**
 * Looks through `size` bytes that claim to be a node with this ID: number of entries that are not deleted, -1 when the
 * bytes are no node. The last entry's ID lands in root.idMs and idSeq. Reads nothing outside the bytes.
 */
export function nodeValidate(lp: usize, size: i32, ms: u64, seq: u64): i64 {
  if (!lpValidate(lp, size, true)) return -1;
  const r = root();
  const p = lpFirst(lp);
  if (p == 0 || !isCount(p)) return -1;
  const live = lpInt(p);
  const second = lpBehind(p);
  if (!isCount(second)) return -1;
  const deleted = lpInt(second);
  const third = lpBehind(second);
  if (!isCount(third)) return -1;
  const fields = lpInt(third);
  let entry = skipped(lpBehind(third), fields);
  if (entry == 0 || !isCount(entry) || lpInt(entry) != 0) return -1;
  entry = lpBehind(entry);
  let liveSeen: i64 = 0;
  let deletedSeen: i64 = 0;
  while (!lpIsEnd(entry)) {
    if (!lpIsInt(entry)) return -1;
    const beforeMs = r.idMs;
    const beforeSeq = r.idSeq;
    const isFirst = liveSeen + deletedSeen == 0;
    if (lpInt(entry) & FLAG_DELETED) deletedSeen++;
    else liveSeen++;
    entry = entryValidate(entry, fields, ms, seq);
    if (entry == 0 || (!isFirst && compareIds(r.idMs, r.idSeq, beforeMs, beforeSeq) <= 0)) return -1;
  }
  return live == liveSeen && deleted == deletedSeen ? live : -1;
}

/** The place behind a sound entry at p, whose ID lands in root.idMs and idSeq; 0 when it is none. */
function entryValidate(p: usize, masterFields: i64, ms: u64, seq: u64): usize {
  const r = root();
  const same = (lpInt(p) & FLAG_SAME_FIELDS) != 0;
  p = lpBehind(p);
  if (lpIsEnd(p) || !lpIsInt(p)) return 0;
  r.idMs = ms + <u64>lpInt(p);
  p = lpBehind(p);
  if (lpIsEnd(p) || !lpIsInt(p)) return 0;
  r.idSeq = seq + <u64>lpInt(p);
  p = lpBehind(p);
  let fields = masterFields;
  if (!same) {
    if (!isCount(p)) return 0;
    fields = lpInt(p);
    p = lpBehind(p);
  }
  p = skipped(p, same ? fields : fields << 1);
  if (p == 0 || !isCount(p)) return 0;
  return lpInt(p) == (same ? fields + 3 : (fields << 1) + 4) ? lpBehind(p) : 0;
}
