/**
 * What a stream is made of: its head, consumer groups, consumers, and the notes about deliveries that were not
 * acknowledged. docs/types/stream.md tells what they mean.
 *
 *   entry ──► Stream ──► ID tree of nodes ──► listpacks with the entries (types/stream-node.ts)
 *                └─────► list of Groups ──┬► ID tree of Deliveries, the group's pending entries (PEL)
 *                                         └► list of Consumers ──► ID tree of those Deliveries that are theirs
 *
 * Not for what is done with them: stream-node.ts, stream-group.ts. IDs are two u64, time in milliseconds and sequence.
 */
import { alloc } from "../memory/allocator";
import { root } from "../memory/root";
import { ID_TREE_SIZE } from "../structures/id-tree";
import { NAME_LIST_SIZE, setName } from "../structures/name-list";

/** Where in page 0 walks and options of streams are kept: two cursors, a text, options, places. */
export const STREAM_SCRATCH: usize = 11264;
export const STREAM_CURSORS: usize = STREAM_SCRATCH;
export const STREAM_TEXT: usize = STREAM_SCRATCH + 256;
export const STREAM_OPTIONS: usize = STREAM_SCRATCH + 320;
export const STREAM_PLACES: usize = STREAM_SCRATCH + 768;
export const STREAM_SCRATCH_END: usize = 12288;
/** entriesRead of a group whose count is not known. */
export const READ_UNKNOWN: i64 = -1;

@unmanaged
export class Stream {
  nodes: u64; // ID tree: ID of a node's master entry → listpack
  groups: u64; // name list of Groups
  length: u64; // entries that are not deleted
  firstMs: u64; // the first of them, 0-0 when there is none
  firstSeq: u64;
  lastMs: u64; // the greatest ID ever added
  lastSeq: u64;
  deletedMs: u64; // the greatest ID that XDEL removed
  deletedSeq: u64;
  added: u64; // entries ever added
}

@unmanaged
export class Group {
  nameLength: i32;
  nameOffset: i32;
  pending: u64; // ID tree of Deliveries
  consumers: u64; // name list
  lastMs: u64; // the last ID delivered
  lastSeq: u64;
  entriesRead: i64; // how many entries there ever were up to that, or READ_UNKNOWN
  oldestMs: i64; // nothing that is pending was delivered before (types/stream-claim.ts)
}

@unmanaged
export class Consumer {
  nameLength: i32;
  nameOffset: i32;
  pending: u64; // ID tree of Deliveries
  seenMs: i64; // when it last tried to read or claim
  activeMs: i64; // when it last got something, -1: never
}

@unmanaged
export class Delivery {
  timeMs: i64;
  count: u64;
  consumer: usize;
}

export const GROUP_SIZE: usize = offsetof<Group>();
export const CONSUMER_SIZE: usize = offsetof<Consumer>();
assert(ID_TREE_SIZE == 8 && NAME_LIST_SIZE == 8);

// --- Addresses of what is inside ---

export function nodesOf(s: Stream): usize {
  return changetype<usize>(s) + offsetof<Stream>("nodes");
}

export function groupsOf(s: Stream): usize {
  return changetype<usize>(s) + offsetof<Stream>("groups");
}

export function groupPending(g: Group): usize {
  return changetype<usize>(g) + offsetof<Group>("pending");
}

export function consumersOf(g: Group): usize {
  return changetype<usize>(g) + offsetof<Group>("consumers");
}

export function consumerPending(c: Consumer): usize {
  return changetype<usize>(c) + offsetof<Consumer>("pending");
}

// --- Making ---

/** An empty stream, 0 without memory. */
export function streamNew(): usize {
  const address = alloc(offsetof<Stream>());
  if (address != 0) memory.fill(address, 0, offsetof<Stream>());
  return address;
}

/** A group without consumers that is in no list yet; 0 without memory. */
export function groupNew(name: usize, len: i32, ms: u64, seq: u64, entriesRead: i64): usize {
  const address = alloc(GROUP_SIZE + <usize>len);
  if (address == 0) return 0;
  const g = changetype<Group>(address);
  setName(address, GROUP_SIZE, name, len);
  g.pending = 0;
  g.consumers = 0;
  g.lastMs = ms;
  g.lastSeq = seq;
  g.entriesRead = entriesRead;
  g.oldestMs = i64.MAX_VALUE;
  return address;
}

/** A consumer that is in no list yet; 0 without memory. */
export function consumerNew(name: usize, len: i32): usize {
  const address = alloc(CONSUMER_SIZE + <usize>len);
  if (address == 0) return 0;
  const c = changetype<Consumer>(address);
  setName(address, CONSUMER_SIZE, name, len);
  c.pending = 0;
  c.seenMs = root().nowMs;
  c.activeMs = -1;
  return address;
}

/** Tells a group when something that is pending in it was delivered. */
export function noteDelivery(g: Group, timeMs: i64): void {
  if (timeMs < g.oldestMs) g.oldestMs = timeMs;
}

/** A note of a first delivery, now; 0 without memory. */
export function deliveryNew(consumer: usize): usize {
  const address = alloc(offsetof<Delivery>());
  if (address == 0) return 0;
  const d = changetype<Delivery>(address);
  d.timeMs = root().nowMs;
  d.count = 1;
  d.consumer = consumer;
  return address;
}
