/**
 * Pending entries of a group that have been idle for long: found, and taken over, longest idle first. What XREADGROUP
 * CLAIM does (docs/beyond-valkey.md).
 *
 * A group knows a time before which nothing of it was delivered (Group.oldestMs), so that a read that finds nothing
 * costs one comparison. When that time is long enough ago all that is pending is looked through, once to count and once
 * to choose, and the time becomes exact. The chosen ones stand in a block of the caller's:
 *
 *   >0 u64 ms   8 u64 seq   16 i64 when delivered, then how long idle   24 u64 how often it was delivered before
 */
import { changed } from "../keyspace/events";
import { allocSpared, free } from "../memory/allocator";
import { root } from "../memory/root";
import { idFirst, idHigh, idLow, idNext, idValue } from "../structures/id-tree";
import { Consumer, Delivery, Group, groupPending, Stream } from "./stream-data";
import { pendingFind, pendingMove, pendingRemove } from "./stream-group";
import { entryExists } from "./stream-node";

@unmanaged
class Claimed {
  ms: u64;
  seq: u64;
  timeMs: i64;
  count: u64;
}

const CLAIMED_SIZE: usize = offsetof<Claimed>();

export function claimedAt(block: usize, i: i32): Claimed {
  return changetype<Claimed>(block + <usize>i * CLAIMED_SIZE);
}

// --- Choosing ---

/** How many pending entries were delivered up to a time; finds the group's oldest delivery on the way. */
function countIdle(g: Group, upTo: i64): i32 {
  let n = 0;
  let oldest = i64.MAX_VALUE;
  for (let at = idFirst(groupPending(g)); at != 0; at = idNext(at)) {
    const time = changetype<Delivery>(idValue(at)).timeMs;
    if (time <= upTo) n++;
    if (time < oldest) oldest = time;
  }
  g.oldestMs = oldest;
  return n;
}

function swap(a: Claimed, b: Claimed): void {
  const ms = a.ms;
  const seq = a.seq;
  const timeMs = a.timeMs;
  a.ms = b.ms;
  a.seq = b.seq;
  a.timeMs = b.timeMs;
  b.ms = ms;
  b.seq = seq;
  b.timeMs = timeMs;
}

/** True when a was delivered later than b, or is the greater ID of two delivered at once. */
function isLater(a: Claimed, b: Claimed): bool {
  if (a.timeMs != b.timeMs) return a.timeMs > b.timeMs;
  return a.ms > b.ms || (a.ms == b.ms && a.seq > b.seq);
}

/** Moves element i of a heap with the latest on top down to its place. */
function sink(block: usize, n: i32, i: i32): void {
  while (true) {
    let child = (i << 1) + 1;
    if (child >= n) return;
    if (child + 1 < n && isLater(claimedAt(block, child + 1), claimedAt(block, child))) child++;
    if (!isLater(claimedAt(block, child), claimedAt(block, i))) return;
    swap(claimedAt(block, child), claimedAt(block, i));
    i = child;
  }
}

function rise(block: usize, i: i32): void {
  while (i > 0 && isLater(claimedAt(block, i), claimedAt(block, (i - 1) >> 1))) {
    swap(claimedAt(block, i), claimedAt(block, (i - 1) >> 1));
    i = (i - 1) >> 1;
  }
}

/** Fills the block with the `room` longest idle ones of those delivered up to a time, which are as many at least. */
function choose(g: Group, upTo: i64, block: usize, room: i32): void {
  let n = 0;
  for (let at = idFirst(groupPending(g)); at != 0; at = idNext(at)) {
    const time = changetype<Delivery>(idValue(at)).timeMs;
    if (time > upTo) continue;
    const isFull = n == room;
    // IDs rise, so an entry delivered at the same time as the latest that was chosen is behind it.
    if (isFull && time >= claimedAt(block, 0).timeMs) continue;
    const fresh = claimedAt(block, isFull ? 0 : n);
    fresh.ms = idHigh(at);
    fresh.seq = idLow(at);
    fresh.timeMs = time;
    if (isFull) sink(block, n, 0);
    else rise(block, n++);
  }
  for (let last = n - 1; last > 0; last--) {
    swap(claimedAt(block, 0), claimedAt(block, last));
    sink(block, last, 0);
  }
}

// --- Claiming ---

/**
 * Makes the entries in a block the consumer's, those that are still in the stream; the others are not pending any more.
 * How many became the consumer's: they are moved to the front. -1: memory was exhausted before the first.
 */
function takeOver(s: Stream, g: Group, consumer: Consumer, block: usize, room: i32): i32 {
  const now = root().nowMs;
  let n = 0;
  for (let i = 0; i < room; i++) {
    const found = claimedAt(block, i);
    const ms = found.ms;
    const seq = found.seq;
    if (!entryExists(s, ms, seq)) {
      pendingRemove(g, ms, seq);
      changed(1);
      continue;
    }
    const d = changetype<Delivery>(pendingFind(g, ms, seq));
    if (!pendingMove(d, consumer, ms, seq)) return n == 0 ? -1 : n;
    const kept = claimedAt(block, n++);
    kept.ms = ms;
    kept.seq = seq;
    kept.timeMs = now - d.timeMs;
    kept.count = d.count;
    d.timeMs = now;
    d.count++;
  }
  return n;
}

/**
 * Makes up to `most` (0: all) pending entries that were idle for `minIdle` milliseconds the consumer's. Returns a block
 * of Claimed for the caller to free, 0 when there are none; how many lands in root.number, -1 when memory is exhausted
 * and nothing was claimed.
 */
export function claimIdle(s: Stream, g: Group, consumer: Consumer, minIdle: i64, most: i64): usize {
  const r = root();
  const upTo = r.nowMs - minIdle;
  while (true) {
    r.number = 0;
    if (g.oldestMs > upTo) return 0;
    const idle = countIdle(g, upTo);
    const room = most != 0 && most < <i64>idle ? <i32>most : idle;
    if (room == 0) return 0;
    const block = allocSpared(<u64>room * CLAIMED_SIZE);
    r.number = -1;
    if (block == 0) return 0;
    choose(g, upTo, block, room);
    const n = takeOver(s, g, consumer, block, room);
    r.number = n;
    if (n > 0) return block;
    free(block);
    if (n < 0) return 0;
    // None of the chosen ones was in the stream any more: there may be others.
  }
}

/** When something pending will have been idle for `minIdle` milliseconds at the earliest; 0: nothing is pending. */
export function nextIdleMs(g: Group, minIdle: i64): i64 {
  const oldest = g.oldestMs;
  if (oldest == i64.MAX_VALUE || oldest > i64.MAX_VALUE - minIdle) return 0;
  const due = oldest + minIdle;
  return due > root().nowMs ? due : root().nowMs + 1;
}
