/**
 * Reading streams, of the three types that Valkey has had for them: 15 without the head's later numbers, 19 with them,
 * 21 with each consumer's time of last success.
 *
 * Everything has to agree: nodes in order and sound, their entries as many as the head says and none behind the last
 * ID, each pending entry with one consumer, names and IDs once. The first entry's ID is looked up, not believed. What
 * readers share: read.ts and load.ts.
 */
import { ENCODING_STREAM, entryPointer, TYPE_STREAM } from "../keyspace/entry";
import { free } from "../memory/allocator";
import { root } from "../memory/root";
import { idFirst, idInsert, idNext, idValue } from "../structures/id-tree";
import {
  Consumer, consumerPending, Delivery, Group, groupPending, nodesOf, Stream, streamNew,
} from "../types/stream-data";
import {
  consumerCreate, consumerFind, entriesUpTo, groupCreate, groupFind, pendingFind,
} from "../types/stream-group";
import { compareIds, updateFirstId } from "../types/stream-node";
import { nodeValidate, pendingRestore } from "../types/stream";
import { entryWith, giveUp } from "./load";
import {
  Damage, Source, sourceBad, sourceFail, SOURCE_GOOD, SOURCE_NO_MEMORY, takeBlock, takeBytes, takeLength, takeNumber,
  takeString, takeU64,
} from "./source";
import { RDB_STREAM, RDB_STREAM_3 } from "./write";

const ID_SIZE: u64 = 16;

// --- Nodes ---

/** Reads a node behind those that the stream has; false after an error. Its last ID lands in lastMs and lastSeq. */
function readNode(s: Source, stream: Stream): bool {
  if (!takeString(s, 0)) return false;
  if (<u64>s.length0 != ID_SIZE) return sourceBad(s);
  const ms = bswap<u64>(load<u64>(s.text0));
  const seq = bswap<u64>(load<u64>(s.text0, 8));
  const isFirst = idFirst(nodesOf(stream)) == 0;
  if (!isFirst && compareIds(ms, seq, stream.lastMs, stream.lastSeq) <= 0) return sourceBad(s);
  const lp = takeBlock(s);
  if (lp == 0) return false;
  const live = nodeValidate(lp, s.length0, ms, seq);
  const r = root();
  if (live <= 0 || compareIds(r.idMs, r.idSeq, ms, seq) < 0) {
    free(lp);
    return sourceBad(s, Damage.streamNode);
  }
  if (!idInsert(nodesOf(stream), ms, seq, lp)) {
    free(lp);
    return sourceFail(s, SOURCE_NO_MEMORY);
  }
  stream.length += <u64>live;
  stream.lastMs = r.idMs;
  stream.lastSeq = r.idSeq;
  return true;
}

/** Reads the numbers of a stream's head; false after an error. */
function readHead(s: Source, stream: Stream, type: i32): bool {
  const length = takeNumber(s);
  const ms = takeNumber(s);
  const seq = takeNumber(s);
  if (length != stream.length || compareIds(ms, seq, stream.lastMs, stream.lastSeq) < 0) return sourceBad(s);
  stream.lastMs = ms;
  stream.lastSeq = seq;
  if (type == RDB_STREAM) {
    stream.added = stream.length;
  } else {
    takeNumber(s);
    takeNumber(s);
    stream.deletedMs = takeNumber(s);
    stream.deletedSeq = takeNumber(s);
    stream.added = takeNumber(s);
  }
  if (s.error != SOURCE_GOOD) return false;
  updateFirstId(stream);
  return true;
}

// --- Groups ---

/** Reads what is pending in a group, not yet anyone's; false after an error. */
function readPending(s: Source, g: Group): bool {
  const n = takeLength(s);
  for (let i: u64 = 0; i < n && s.error == SOURCE_GOOD; i++) {
    const p = takeBytes(s, ID_SIZE);
    const time = <i64>takeU64(s);
    const count = takeNumber(s);
    if (s.error != SOURCE_GOOD) return false;
    const ms = bswap<u64>(load<u64>(p));
    const seq = bswap<u64>(load<u64>(p, 8));
    if (pendingFind(g, ms, seq) != 0) return sourceBad(s);
    if (!pendingRestore(g, 0, ms, seq, time, count)) return sourceFail(s, SOURCE_NO_MEMORY);
  }
  return s.error == SOURCE_GOOD;
}

/** Gives a consumer its pending entries, each of which is the group's and nobody's; false after an error. */
function readOwned(s: Source, g: Group, consumer: usize): bool {
  const n = takeLength(s);
  for (let i: u64 = 0; i < n && s.error == SOURCE_GOOD; i++) {
    const p = takeBytes(s, ID_SIZE);
    if (p == 0) return false;
    const ms = bswap<u64>(load<u64>(p));
    const seq = bswap<u64>(load<u64>(p, 8));
    const address = pendingFind(g, ms, seq);
    if (address == 0 || changetype<Delivery>(address).consumer != 0) return sourceBad(s, Damage.pending);
    if (!idInsert(consumerPending(changetype<Consumer>(consumer)), ms, seq, address)) {
      return sourceFail(s, SOURCE_NO_MEMORY);
    }
    changetype<Delivery>(address).consumer = consumer;
  }
  return s.error == SOURCE_GOOD;
}

/** Reads one consumer of a group; false after an error. */
function readConsumer(s: Source, g: Group, type: i32): bool {
  if (!takeString(s, 0)) return false;
  if (consumerFind(g, s.text0, s.length0) != 0) return sourceBad(s, Damage.consumer);
  const consumer = consumerCreate(g, s.text0, s.length0);
  if (consumer == 0) return sourceFail(s, SOURCE_NO_MEMORY);
  const c = changetype<Consumer>(consumer);
  c.seenMs = <i64>takeU64(s);
  c.activeMs = type == RDB_STREAM_3 ? <i64>takeU64(s) : c.seenMs;
  return readOwned(s, g, consumer);
}

/** Reads one group; false after an error. */
function readGroup(s: Source, stream: Stream, type: i32): bool {
  if (!takeString(s, 0)) return false;
  const ms = takeNumber(s);
  const seq = takeNumber(s);
  const read = type == RDB_STREAM ? entriesUpTo(stream, ms, seq) : <i64>takeNumber(s);
  if (s.error != SOURCE_GOOD) return false;
  if (groupFind(stream, s.text0, s.length0) != 0) return sourceBad(s);
  const address = groupCreate(stream, s.text0, s.length0, ms, seq, read);
  if (address == 0) return sourceFail(s, SOURCE_NO_MEMORY);
  const g = changetype<Group>(address);
  if (!readPending(s, g)) return false;
  const n = takeLength(s);
  for (let i: u64 = 0; i < n && s.error == SOURCE_GOOD; i++) readConsumer(s, g, type);
  if (s.error != SOURCE_GOOD) return false;
  for (let at = idFirst(groupPending(g)); at != 0; at = idNext(at)) {
    if (changetype<Delivery>(idValue(at)).consumer == 0) return sourceBad(s);
  }
  return true;
}

/** A stream of one of the three types. */
export function readStream(s: Source, key: usize, keyLen: i32, type: i32): usize {
  const address = streamNew();
  if (address == 0) return giveUp(s, 0, SOURCE_NO_MEMORY);
  const e = entryWith(s, key, keyLen, TYPE_STREAM, ENCODING_STREAM, address);
  if (e == 0) {
    free(address);
    return 0;
  }
  const stream = changetype<Stream>(entryPointer(e));
  const nodes = takeLength(s);
  for (let i: u64 = 0; i < nodes && s.error == SOURCE_GOOD; i++) readNode(s, stream);
  if (s.error == SOURCE_GOOD && readHead(s, stream, type)) {
    const groups = takeLength(s);
    for (let i: u64 = 0; i < groups && s.error == SOURCE_GOOD; i++) readGroup(s, stream, type);
  }
  return s.error == SOURCE_GOOD ? e : giveUp(s, e, s.error);
}
