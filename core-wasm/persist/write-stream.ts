/**
 * Writing streams: nodes as they are, the head's numbers, groups with what is pending and their consumers. Numbers and
 * order are those of Valkey's type 21; docs/formats/dump.md tells them one by one.
 */
import { entryPointer } from "../keyspace/entry";
import { idFirst, idHigh, idLow, idNext, idSize, idValue } from "../structures/id-tree";
import { lpBytes } from "../structures/listpack";
import { nameAt, nameCount, nameLength, namePtr } from "../structures/name-list";
import {
  Consumer, consumerPending, consumersOf, Delivery, Group, groupPending, groupsOf, nodesOf, Stream,
} from "../types/stream-data";
import { putId, putLength, putString, putU64, Sink } from "./sink";

/** An ID as two numbers. */
function putIdNumbers(s: Sink, ms: u64, seq: u64): void {
  putLength(s, ms);
  putLength(s, seq);
}

export function writeStream(s: Sink, e: usize): void {
  const stream = changetype<Stream>(entryPointer(e));
  const nodes = nodesOf(stream);
  putLength(s, <u64>idSize(nodes));
  for (let at = idFirst(nodes); at != 0; at = idNext(at)) {
    putLength(s, 16);
    putId(s, idHigh(at), idLow(at));
    putString(s, idValue(at), lpBytes(idValue(at)));
  }
  putLength(s, stream.length);
  putIdNumbers(s, stream.lastMs, stream.lastSeq);
  putIdNumbers(s, stream.firstMs, stream.firstSeq);
  putIdNumbers(s, stream.deletedMs, stream.deletedSeq);
  putLength(s, stream.added);
  const groups = groupsOf(stream);
  putLength(s, <u64>nameCount(groups));
  for (let i = 0; i < nameCount(groups); i++) writeGroup(s, nameAt(groups, i));
}

function writeGroup(s: Sink, block: usize): void {
  const g = changetype<Group>(block);
  putString(s, namePtr(block), nameLength(block));
  putIdNumbers(s, g.lastMs, g.lastSeq);
  putLength(s, <u64>g.entriesRead);
  const pending = groupPending(g);
  putLength(s, <u64>idSize(pending));
  for (let at = idFirst(pending); at != 0; at = idNext(at)) {
    const d = changetype<Delivery>(idValue(at));
    putId(s, idHigh(at), idLow(at));
    putU64(s, <u64>d.timeMs);
    putLength(s, d.count);
  }
  const consumers = consumersOf(g);
  putLength(s, <u64>nameCount(consumers));
  for (let i = 0; i < nameCount(consumers); i++) writeConsumer(s, nameAt(consumers, i));
}

function writeConsumer(s: Sink, block: usize): void {
  const c = changetype<Consumer>(block);
  putString(s, namePtr(block), nameLength(block));
  putU64(s, <u64>c.seenMs);
  putU64(s, <u64>c.activeMs);
  const pending = consumerPending(c);
  putLength(s, <u64>idSize(pending));
  for (let at = idFirst(pending); at != 0; at = idNext(at)) putId(s, idHigh(at), idLow(at));
}
