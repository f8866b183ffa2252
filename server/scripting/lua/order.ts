// order.ts - in which order a table's hash part is traversed: that of C's Lua, so that scripts whose result depends on
// it (cjson.encode of an object, a list made by pairs) give the same bytes.
//
// C's Lua keeps the pairs in nodes, 2^n of them. A key goes to the node that its hash says; if that is taken, one of
// both goes to the last free node. When none is free the nodes double and all pairs are put in again from the last node
// to the first. Traversal goes from node to node. So the order follows from the order in which keys came and from the
// number of nodes at the beginning: here it's worked out from these when a traversal begins.
//
// Keys that C's Lua places by their address (tables, functions) come in an order of our own.
//
// Not for tables as such (table.ts).

import type { Value } from "./values.ts";

const FREE = -1;

/** The order of a table's keys: `slots[rank]` is the place of a key in `keys`, `ranks[slot]` is the way back. */
export interface Order {
  readonly slots: Int32Array;
  readonly ranks: Int32Array;
}

/** The order of keys that came one after the other into a hash part of `capacity` nodes at first. */
export function orderOf(keys: readonly Value[], capacity: number): Order {
  const hashes = keys.map(hashOf);
  let nodes = new Nodes(keys, hashes, capacity);
  for (let slot = 0; slot < keys.length; slot += 1) {
    if (nodes.add(slot)) continue;
    const old = nodes.slots;
    nodes = new Nodes(keys, hashes, 2 ** (32 - Math.clz32(slot)));
    for (let node = old.length - 1; node >= 0; node -= 1) if (old[node] !== FREE) nodes.add(old[node]);
    nodes.add(slot);
  }
  const slots = nodes.slots.filter((slot) => slot !== FREE);
  const ranks = new Int32Array(slots.length);
  slots.forEach((slot, rank) => {
    ranks[slot] = rank;
  });
  return { slots, ranks };
}

class Nodes {
  readonly slots: Int32Array;
  private readonly next: Int32Array;
  private readonly keys: readonly Value[];
  private readonly hashes: readonly number[];
  private lastFree: number;

  constructor(keys: readonly Value[], hashes: readonly number[], size: number) {
    this.keys = keys;
    this.hashes = hashes;
    this.slots = new Int32Array(size).fill(FREE);
    this.next = new Int32Array(size).fill(FREE);
    this.lastFree = size;
  }

  /** Puts a key into its node; false if none is free. */
  add(slot: number): boolean {
    if (this.slots.length === 0) return false;
    const { slots, next } = this;
    const main = this.main(slot);
    if (slots[main] === FREE) {
      slots[main] = slot;
      return true;
    }
    const free = this.free();
    if (free === FREE) return false;
    const other = this.main(slots[main]);
    if (other === main) {
      next[free] = next[main];
      next[main] = free;
      slots[free] = slot;
      return true;
    }
    // The one that is there doesn't belong there: it moves.
    let before = other;
    while (next[before] !== main) before = next[before];
    next[before] = free;
    next[free] = next[main];
    slots[free] = slots[main];
    next[main] = FREE;
    slots[main] = slot;
    return true;
  }

  private free(): number {
    while (this.lastFree > 0) {
      this.lastFree -= 1;
      if (this.slots[this.lastFree] === FREE) return this.lastFree;
    }
    return FREE;
  }

  private main(slot: number): number {
    const size = this.slots.length;
    const key = this.keys[slot];
    if (typeof key === "string" || typeof key === "boolean") return this.hashes[slot] & (size - 1);
    return (this.hashes[slot] >>> 0) % ((size - 1) | 1);
  }
}

function hashOf(key: Value, slot: number): number {
  switch (typeof key) {
    case "string": return hashString(key);
    case "number": return hashNumber(key);
    case "boolean": return key ? 1 : 0;
    default: return slot;
  }
}

const rotated = (word: number, bits: number): number => (word << bits) | (word >>> (32 - bits));

/** Valkey's Lua hashes strings by MurmurHash3 (Austin Appleby's, 32 bits), with the length as its seed. */
function hashString(text: string): number {
  const { length } = text;
  const whole = length & ~3;
  let hash = length;
  for (let at = 0; at < whole; at += 4) {
    const word = text.charCodeAt(at) | (text.charCodeAt(at + 1) << 8) | (text.charCodeAt(at + 2) << 16) |
      (text.charCodeAt(at + 3) << 24);
    hash = (Math.imul(rotated(hash ^ mixed(word), 13), 5) + 0xe6546b64) | 0;
  }
  let rest = 0;
  for (let at = length - 1; at >= whole; at -= 1) rest = (rest << 8) | text.charCodeAt(at);
  hash ^= mixed(rest) ^ length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

const mixed = (word: number): number => Math.imul(rotated(Math.imul(word, 0xcc9e2d51), 15), 0x1b873593);

let bits: DataView | undefined;

/** Both halves of a number's bits, added. */
function hashNumber(number: number): number {
  if (number === 0) return 0;
  bits ??= new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, number);
  return (bits.getInt32(0) + bits.getInt32(4)) | 0;
}
