// table.ts - Lua's tables: an array part for keys 1 to n, and a hash part for the others.
//
//   array   [ -, v1, v2, ..., vn ]        index 0 unused; n is what C's Lua calls the size of the array part
//   keys    [ k0, k1, ... ]               the hash part in the order in which keys came; a removed key keeps its
//   values  [ a0, a1, ... ]               place with value nil until the next rehash, so that a traversal may remove
//   slots   Map key -> index in keys      only beyond SMALL keys; few are searched one by one
//
// The parts grow as C's do: a key that is in neither and finds the hash part full (`capacity`, a power of two) has all
// whole numbers counted, and the array part becomes the largest power of two that more than half of them fill. `#`
// finds the same border as C's for that reason, holes or not.
//
// Positions count the pairs: 1 to n are the array's, those above the hash part's, which for up to MOST_ORDERED keys are
// in the order of C's Lua (order.ts). Costs: get, set, next O(1) amortised,
// `#` O(log n).
//
// Metatables are the machine's matter: what is here is raw, but for the flag that forbids changes.

import { type LuaError, runtimeError } from "./errors.ts";
import { type Order, orderOf } from "./order.ts";
import type { Value } from "./values.ts";

/** Up to so many keys are compared one by one. */
const SMALL = 8;
const NO_VALUES: Value[] = [];
const NO_ARRAY: Value[] = [undefined];
const LARGEST_BITS = 26;
/** Hash parts of more keys are traversed in the order in which these came: C's order would cost too much. */
const MOST_ORDERED = 256;
/** They lose C's order when a hash part of more keys is built anew, since that may be for each second new key. */
const MOST_REORDERED = 64;

export class Table {
  array: Value[] = NO_ARRAY;
  keys: Value[] = NO_VALUES;
  values: Value[] = NO_VALUES;
  metatable: Table | undefined = undefined;
  /** Changes raise 'Attempt to modify a readonly table', changes of its metatable too. */
  isReadonly = false;
  private slots: Map<Value, number> | undefined = undefined;
  private capacity = 0;
  /** How many nodes C's hash part would have had when the first of `keys` came. */
  private firstCapacity = 0;
  /** The order in which the hash part is traversed, from the first traversal until the next new key. */
  private order: Order | undefined = undefined;

  /** With room for so many elements and keys, as a constructor announces them. */
  static sized(elements: number, keys: number): Table {
    const table = new Table();
    if (elements > 0) {
      table.array = [undefined];
      for (let index = 1; index <= elements; index += 1) table.array.push(undefined);
    }
    if (keys > 0) table.makeHash(powerOfTwo(keys));
    return table;
  }

  /** With room for so many keys that are no numbers, as if it had grown by them one after the other. */
  static growing(keys: number): Table {
    const table = Table.sized(0, keys);
    table.firstCapacity = 1;
    return table;
  }

  /** A table of elements 1 to n. */
  static of(elements: readonly Value[]): Table {
    const table = new Table();
    if (elements.length > 0) table.array = [undefined, ...elements];
    return table;
  }

  // --- Reading ---

  get(key: Value): Value {
    if (typeof key === "number") {
      const array = this.array;
      const index = key | 0;
      if (index === key && index > 0 && index < array.length) return array[index];
    }
    const slot = this.find(key);
    return slot < 0 ? undefined : this.values[slot];
  }

  /** Where a key stands in `keys`, or -1. */
  find(key: Value): number {
    const slots = this.slots;
    if (slots !== undefined) {
      const slot = slots.get(key);
      return slot === undefined ? -1 : slot;
    }
    const keys = this.keys;
    for (let slot = 0; slot < keys.length; slot += 1) if (keys[slot] === key) return slot;
    return -1;
  }

  /** What `#` gives: an n with t[n] there and t[n + 1] not. */
  length(): number {
    const array = this.array;
    const size = array.length - 1;
    if (size === 0 || array[size] !== undefined) return this.capacity === 0 ? size : this.borderAbove(size);
    let low = 0;
    let high = size;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (array[middle] === undefined) high = middle;
      else low = middle;
    }
    return low;
  }

  private borderAbove(size: number): number {
    let low = size;
    let high = size + 1;
    while (this.get(high) !== undefined) {
      low = high;
      high *= 2;
    }
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (this.get(middle) === undefined) high = middle;
      else low = middle;
    }
    return low;
  }

  // --- Writing ---

  set(key: Value, value: Value): void {
    if (this.isReadonly) throw readonlyError();
    if (typeof key === "number") {
      const array = this.array;
      const index = key | 0;
      if (index === key && index > 0 && index < array.length) {
        array[index] = value;
        return;
      }
      if (Number.isNaN(key)) throw runtimeError("table index is NaN");
    } else if (key === undefined) throw runtimeError("table index is nil");
    const slot = this.find(key);
    if (slot >= 0) this.values[slot] = value;
    else if (value !== undefined) this.insert(key, value);
  }

  setMetatable(metatable: Table | undefined): void {
    if (this.isReadonly) throw readonlyError();
    this.metatable = metatable;
  }

  /** Adds a key that is in neither part. */
  private insert(key: Value, value: Value): void {
    if (this.keys.length >= this.capacity) {
      this.rehash(key);
      if (typeof key === "number" && key > 0 && key < this.array.length && (key | 0) === key) {
        this.array[key] = value;
        return;
      }
    }
    this.append(key, value);
  }

  private append(key: Value, value: Value): void {
    const slot = this.keys.push(key) - 1;
    this.values.push(value);
    this.order = undefined;
    if (this.slots !== undefined) this.slots.set(key, slot);
    else if (slot >= SMALL) this.slots = new Map(this.keys.map((each, index) => [each, index]));
  }

  private makeHash(capacity: number): void {
    this.keys = emptyList();
    this.values = emptyList();
    this.slots = undefined;
    this.capacity = capacity;
    this.firstCapacity = capacity;
    this.order = undefined;
  }

  /** Makes room for a key that is in neither part: chooses the sizes of both anew. */
  private rehash(key: Value): void {
    const counts = new Int32Array(LARGEST_BITS + 1);
    let live = 0;
    let whole = countWhole(key, counts);
    for (let index = 1; index < this.array.length; index += 1) {
      if (this.array[index] === undefined) continue;
      counts[32 - Math.clz32(index - 1)] += 1;
      whole += 1;
      live += 1;
    }
    let inHash = 0;
    for (let slot = 0; slot < this.keys.length; slot += 1) {
      if (this.values[slot] === undefined) continue;
      inHash += 1;
      whole += countWhole(this.keys[slot], counts);
    }
    live += inHash + 1;
    const [size, inside] = arraySize(counts, whole);
    this.resize(size, live - inside, inHash);
  }

  private resize(size: number, keys: number, liveKeys: number): void {
    const before = this.array.length - 1;
    const dead = this.keys.length - liveKeys;
    let capacity = keys === 0 ? 0 : powerOfTwo(keys);
    // Room for some, or each new key after a removed one would count all of them again.
    if (dead > 0 && keys > capacity - (capacity >> 2)) capacity *= 2;
    if (size === before && dead === 0 && this.keys !== NO_VALUES) {
      this.capacity = capacity;
      return;
    }
    const { array, keys: oldKeys, values: oldValues } = this;
    const order = oldKeys.length > MOST_REORDERED ? undefined : this.ordered();
    this.makeHash(capacity);
    if (size > before) {
      this.array = before === 0 ? [undefined] : array;
      for (let index = before; index < size; index += 1) this.array.push(undefined);
    } else if (size < before) {
      this.array = size === 0 ? NO_ARRAY : array.slice(0, size + 1);
      for (let index = size + 1; index <= before; index += 1) {
        if (array[index] !== undefined) this.append(index, array[index]);
      }
    }
    for (let index = 0; index < oldKeys.length; index += 1) {
      const slot = order === undefined ? index : order.slots[oldKeys.length - 1 - index];
      const value = oldValues[slot];
      if (value === undefined) continue;
      const key = oldKeys[slot];
      if (typeof key === "number" && key > 0 && key <= size && (key | 0) === key) this.array[key] = value;
      else this.append(key, value);
    }
  }

  /** Makes the array part so long at least: a constructor's elements come. */
  reserve(size: number): void {
    if (size <= this.array.length - 1) return;
    let live = 0;
    for (let slot = 0; slot < this.keys.length; slot += 1) if (this.values[slot] !== undefined) live += 1;
    this.resize(size, Math.max(live, this.capacity), live);
  }

  // --- Traversing ---

  /** The order of the hash part, if it's small enough that it's worth to be that of C's. */
  private ordered(): Order | undefined {
    const count = this.keys.length;
    if (count < 2 || count > MOST_ORDERED) return undefined;
    this.order ??= orderOf(this.keys, this.firstCapacity);
    return this.order;
  }

  /** The position of the first pair behind a position (0: of all), or 0 when there is none. */
  after(position: number): number {
    const { array, values } = this;
    const size = array.length;
    let next = position + 1;
    for (; next < size; next += 1) if (array[next] !== undefined) return next;
    const order = this.order ?? this.ordered();
    for (let rank = next - size; rank < values.length; rank += 1) {
      if (values[order === undefined ? rank : order.slots[rank]] !== undefined) return rank + size;
    }
    return 0;
  }

  keyAt(position: number): Value {
    return position < this.array.length ? position : this.keys[this.slotAt(position)];
  }

  valueAt(position: number): Value {
    return position < this.array.length ? this.array[position] : this.values[this.slotAt(position)];
  }

  private slotAt(position: number): number {
    const rank = position - this.array.length;
    const order = this.order ?? this.ordered();
    return order === undefined ? rank : order.slots[rank];
  }

  /** The position of a key (0 for nil, as before the first), or -1 if it isn't in the table. */
  positionOf(key: Value): number {
    if (key === undefined) return 0;
    if (typeof key === "number" && key > 0 && key < this.array.length && (key | 0) === key) return key;
    const slot = this.find(key);
    if (slot < 0) return -1;
    const order = this.order ?? this.ordered();
    return (order === undefined ? slot : order.ranks[slot]) + this.array.length;
  }
}

const readonlyError = (): LuaError => runtimeError("Attempt to modify a readonly table");

/** An array of values of any kind: engines have others for numbers alone, and are slower where they meet several. */
function emptyList(): Value[] {
  const list: Value[] = [undefined];
  list.pop();
  return list;
}

/** The smallest power of two that isn't below n. */
function powerOfTwo(n: number): number {
  return n <= 1 ? 1 : 2 ** (32 - Math.clz32(n - 1));
}

/** Counts a key in the slice (2^(i-1), 2^i] that it falls into if it could stand in an array. */
function countWhole(key: Value, counts: Int32Array): number {
  if (typeof key !== "number" || key < 1 || key > 2 ** LARGEST_BITS || (key | 0) !== key) return 0;
  counts[32 - Math.clz32(key - 1)] += 1;
  return 1;
}

/** The largest power of two of which more than half is used by the counted keys, and how many of them it holds. */
function arraySize(counts: Int32Array, whole: number): [size: number, inside: number] {
  let size = 0;
  let inside = 0;
  let below = 0;
  for (let bits = 0, power = 1; bits <= LARGEST_BITS && power / 2 < whole; bits += 1, power *= 2) {
    below += counts[bits];
    if (below > power / 2) {
      size = power;
      inside = below;
    }
  }
  return [size, inside];
}
