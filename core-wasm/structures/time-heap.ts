/**
 * The time heap: nodes ordered by a moment, the earliest at hand. A 4-ary heap of addresses; each node knows its place.
 *
 *   node
 *    0  u32  place << 4 | four bits that are the node's own
 *    8  i64  time
 *   slots: u32 x count, the children of slot i are 4i + 1 .. 4i + 4
 *
 * An element with an expiry (structures/element.ts) is such a node, since the fields of a hash need no access clock.
 * The caller owns the slots and sees to their room. Not for many equal times that leave in order of arrival: ties are
 * in no order.
 *
 * Costs: adding a later time than all others one comparison; anything else log4 n nodes touched, four to a level down.
 */

const PLACE: usize = 0;
const PLACE_BITS: u32 = 4;
const OWN_MASK: u32 = 15;
const TIME: usize = 8;
const ARITY_BITS: u32 = 2;

/** The moment that a node stands for. */
export function heapTime(node: usize): i64 {
  return load<i64>(node, TIME);
}

/** The node at slot `i`. */
export function heapNode(slots: usize, i: u32): usize {
  return <usize>load<u32>(slots + (<usize>i << 2));
}

function place(node: usize): u32 {
  return load<u32>(node, PLACE) >> PLACE_BITS;
}

/** Puts a node at slot `i`, whose node has gone or moves: the one that stood there before is forgotten. */
function put(slots: usize, i: u32, node: usize): void {
  store<u32>(slots + (<usize>i << 2), <u32>node);
  store<u32>(node, (load<u32>(node, PLACE) & OWN_MASK) | (i << PLACE_BITS), PLACE);
}

/** Moves `node` from slot `i` towards the root until its parent is not later. Returns its slot. */
function rise(slots: usize, i: u32, node: usize): u32 {
  const time = heapTime(node);
  while (i > 0) {
    const above = (i - 1) >> ARITY_BITS;
    const parent = heapNode(slots, above);
    if (heapTime(parent) <= time) break;
    put(slots, i, parent);
    i = above;
  }
  put(slots, i, node);
  return i;
}

/** Moves `node` from slot `i` away from the root until no child is earlier. */
function sink(slots: usize, count: u32, i: u32, node: usize): void {
  const time = heapTime(node);
  while (true) {
    const first = (i << ARITY_BITS) + 1;
    if (first >= count) break;
    const end = min<u32>(first + 4, count);
    let best = first;
    let bestTime = heapTime(heapNode(slots, first));
    for (let j = first + 1; j < end; j++) {
      const other = heapTime(heapNode(slots, j));
      if (other < bestTime) {
        best = j;
        bestTime = other;
      }
    }
    if (bestTime >= time) break;
    put(slots, i, heapNode(slots, best));
    i = best;
  }
  put(slots, i, node);
}

/** Adds a node to `count` others; the slots have room for it. */
export function heapAdd(slots: usize, count: u32, node: usize): void {
  rise(slots, count, node);
}

/** Takes a node out of `count`, itself counted. Of the node only its place is looked at. */
export function heapRemove(slots: usize, count: u32, node: usize): void {
  const i = place(node);
  assert(i < count);
  if (i == count - 1) return;
  const last = heapNode(slots, count - 1);
  if (rise(slots, i, last) == i) sink(slots, count - 1, i, last);
}

/** Finds a node's place again after its time has changed. */
export function heapRetimed(slots: usize, count: u32, node: usize): void {
  const i = place(node);
  assert(heapNode(slots, i) == node);
  if (rise(slots, i, node) == i) sink(slots, count, i, node);
}

/** Puts a node with the same time in the place of `old`, which has it no more but is still readable. */
export function heapReplace(slots: usize, old: usize, node: usize): void {
  put(slots, place(old), node);
}

/** How many of `count` nodes are earlier than `time`. Looks at those and their children only; needs no memory. */
export function heapCountBefore(slots: usize, count: u32, time: i64): u32 {
  return countBelow(slots, count, 0, time);
}

function countBelow(slots: usize, count: u32, i: u32, time: i64): u32 {
  if (i >= count || heapTime(heapNode(slots, i)) >= time) return 0;
  let n: u32 = 1;
  const first = (i << ARITY_BITS) + 1;
  for (let j: u32 = 0; j < 4; j++) n += countBelow(slots, count, first + j, time);
  return n;
}
