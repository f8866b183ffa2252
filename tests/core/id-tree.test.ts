/**
 * The ordered map behind streams, and the list of names behind their groups, against plain models. The seed is printed;
 * SEED=n repeats a run, WAKEY_FUZZ=10 makes it that much longer.
 */
import { describe, it } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { Core, type CoreExports } from "../../server/bridge/core.ts";
import { ROOT, ROOT_ADDRESS } from "../../server/generated/layout.ts";
import { bytesOf, textOf } from "../support/core.ts";
import { Random, seeded } from "../support/random.ts";
import { testCoreModule } from "../support/test-core.ts";

const SCALE = Number(process.env.WAKEY_FUZZ ?? 1);

interface TreeExports extends CoreExports {
  alloc(size: number): number;
  free(block: number): void;
  newOwner(): number;
  newNamed(name: number, length: number): number;
  idBytes(tree: number): number;
  idFind(tree: number, high: bigint, low: bigint): number;
  idFirst(tree: number): bigint;
  idHigh(at: bigint): bigint;
  idInsert(tree: number, high: bigint, low: bigint, value: number): number;
  idLast(tree: number): bigint;
  idLow(at: bigint): bigint;
  idNext(at: bigint): bigint;
  idPrevious(at: bigint): bigint;
  idRadixNodes(tree: number, most: number): bigint;
  idRemove(tree: number, high: bigint, low: bigint): number;
  idSeekFrom(tree: number, high: bigint, low: bigint): bigint;
  idSeekUpTo(tree: number, high: bigint, low: bigint): bigint;
  idSetValue(at: bigint, value: number): void;
  idShed(tree: number): void;
  idSize(tree: number): number;
  idValue(at: bigint): number;
  nameAt(list: number, i: number): number;
  nameCount(list: number): number;
  nameFind(list: number, name: number, length: number): number;
  nameFree(list: number): void;
  nameInsert(list: number, block: number): number;
  nameLength(block: number): number;
  namePtr(block: number): number;
  nameRemove(list: number, block: number): void;
}

let compiled: WebAssembly.Module | undefined;

function newCore(): { core: Core; exports: TreeExports } {
  compiled ??= testCoreModule("id-tree-exports");
  const core = new Core(compiled, { seed: Uint32Array.of(1, 2, 3, 4) });
  return { core, exports: core.exports as TreeExports };
}

const used = (core: Core): number => core.root32(ROOT.usedBytes);
const unsigned = (value: bigint): bigint => BigInt.asUintN(64, value);
const MASK = (1n << 64n) - 1n;

/** assertEquals() for the inside of loops: it costs nothing while all is well. */
function same(actual: unknown, expected: unknown): void {
  if (actual !== expected) assertEquals(actual, expected);
}

// --- The tree ---

/** A tree beside a sorted array of its keys, which are 128-bit numbers. */
class TreeModel {
  readonly core: Core;
  readonly x: TreeExports;
  readonly tree: number;
  readonly start: number;
  readonly random: Random;
  readonly keys: bigint[] = [];
  readonly values = new Map<bigint, number>();
  #nextValue = 1;

  constructor(random: Random) {
    const { core, exports } = newCore();
    this.core = core;
    this.x = exports;
    this.random = random;
    this.tree = exports.newOwner();
    this.start = used(core);
  }

  /** Index of the first key that is not below this one. */
  place(key: bigint): number {
    let from = 0;
    let to = this.keys.length;
    while (from < to) {
      const middle = (from + to) >> 1;
      if (this.keys[middle] < key) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  word(): bigint {
    return BigInt(this.random.below(2 ** 31));
  }

  /** Keys of a few kinds: dense, equal in the high half, far apart, at the limits. */
  key(kind: number): bigint {
    const { random } = this;
    switch (kind) {
      case 0: return BigInt(random.below(3000));
      case 1: return (BigInt(random.below(500)) << 64n) | BigInt(random.below(4));
      case 2: return random.pick([0n, MASK, MASK << 64n, (1n << 128n) - 1n, 1n << 64n, (1n << 127n) + 5n]);
      default:
        return (this.word() << 97n) | (this.word() << 50n) | BigInt(random.below(99));
    }
  }

  insert(key: bigint, failing: boolean): void {
    const at = this.place(key);
    const found = this.x.idFind(this.tree, key >> 64n, key & MASK);
    same(found, this.values.get(key) ?? 0);
    if (found !== 0) return;
    if (failing) this.core.setU32(ROOT_ADDRESS + ROOT.failAfter, this.random.below(3));
    const value = this.#nextValue++;
    const done = this.x.idInsert(this.tree, key >> 64n, key & MASK, value);
    this.core.setU32(ROOT_ADDRESS + ROOT.failAfter, -1);
    assert(done || failing);
    if (!done) return;
    this.keys.splice(at, 0, key);
    this.values.set(key, value);
  }

  remove(key: bigint): void {
    const value = this.x.idRemove(this.tree, key >> 64n, key & MASK);
    same(value, this.values.get(key) ?? 0);
    if (value === 0) return;
    this.keys.splice(this.place(key), 1);
    this.values.delete(key);
  }

  at(position: bigint): bigint | undefined {
    if (position === 0n) return undefined;
    return (unsigned(this.x.idHigh(position)) << 64n) | unsigned(this.x.idLow(position));
  }

  look(key: bigint): void {
    const i = this.place(key);
    same(this.at(this.x.idSeekFrom(this.tree, key >> 64n, key & MASK)), this.keys[i]);
    const below = this.keys[i] === key ? i : i - 1;
    same(this.at(this.x.idSeekUpTo(this.tree, key >> 64n, key & MASK)), this.keys[below]);
  }

  /** Walks forward and backward. */
  check(): void {
    const { x, tree, keys } = this;
    same(x.idSize(tree), keys.length);
    let at = x.idFirst(tree);
    for (const key of keys) {
      same(this.at(at), key);
      same(x.idValue(at), this.values.get(key));
      at = x.idNext(at);
    }
    same(at, 0n);
    at = x.idLast(tree);
    for (let i = keys.length - 1; i >= 0; i--) {
      same(this.at(at), keys[i]);
      at = x.idPrevious(at);
    }
    same(at, 0n);
    same(used(this.core) - this.start, x.idBytes(tree));
    same(x.idRadixNodes(tree, 1 << 30), BigInt(radixNodes(keys)));
  }
}

/** Nodes of a radix tree with compressed chains, built the slow way. */
function radixNodes(keys: bigint[]): number {
  if (keys.length === 0) return 1;
  const texts = keys.map((key) => key.toString(16).padStart(32, "0").match(/../g)!);
  const below = (from: number, to: number, depth: number): number => {
    let end = depth;
    while (end < 16 && texts[from][end] === texts[to - 1][end]) end++;
    let nodes = (end > depth ? 1 : 0) + 1;
    if (end === 16) return nodes;
    for (let i = from; i < to;) {
      let j = i + 1;
      while (j < to && texts[j][end] === texts[i][end]) j++;
      nodes += below(i, j, end + 1);
      i = j;
    }
    return nodes;
  };
  return below(0, texts.length, 0);
}

describe("the ID tree", () => {
  it("is a sorted array to its users, without memory too, and gives everything back", () => {
    const random = seeded("id tree");
    for (let run = 0; run < 8 * SCALE; run++) {
      const model = new TreeModel(random);
      const kind = run % 4;
      for (let phase = 0; phase < 6; phase++) {
        const inserts = random.pick([95, 70, 50, 20, 3]);
        for (let i = 0; i < 600; i++) {
          const key = model.key(random.chance(4) ? 2 : kind);
          if (random.chance(inserts)) model.insert(key, random.chance(20));
          else if (random.chance(60) && model.keys.length > 0) model.remove(random.pick(model.keys));
          else model.remove(key);
          model.look(model.key(kind));
        }
        model.check();
      }
      while (model.keys.length > 0) model.remove(random.pick(model.keys));
      assertEquals(used(model.core), model.start);
    }
  });

  it("has full nodes when keys rise, and keeps them when they go from the start", () => {
    const model = new TreeModel(new Random(1));
    for (let i = 0; i < 5000; i++) model.insert((1_700_000_000_000n + BigInt(i)) << 64n, false);
    const bytes = model.x.idBytes(model.tree) / 5000;
    assert(bytes < 21.2, `${bytes} bytes a key`);
    model.check();
    for (const key of model.keys.slice(0, 4000)) model.remove(key);
    assert(model.x.idBytes(model.tree) / 1000 < 24);
    model.check();
  });

  it("is freed leaf by leaf", () => {
    const model = new TreeModel(new Random(1));
    for (let i = 0; i < 10_000; i++) model.insert(model.key(3), false);
    let leaves = 0;
    for (; model.x.idSize(model.tree) > 0; leaves++) model.x.idShed(model.tree);
    assert(leaves > 200 && leaves < 500, `${leaves} leaves`);
    assertEquals(used(model.core), model.start);
  });
});

// --- Names ---

describe("the list of names", () => {
  it("is in the order of bytes, prefixes first", () => {
    const { core, exports: x } = newCore();
    const random = seeded("id-tree");
    const list = x.newOwner();
    const room = x.alloc(64);
    const start = used(core);
    const put = (name: string): number => {
      core.refresh();
      core.bytes.set(bytesOf(name), room);
      return room;
    };
    const names = new Map<string, number>();
    for (let i = 0; i < 3000 * SCALE; i++) {
      const name = random.chance(50) ? random.bytes(random.below(4)) : `name${random.below(200)}`;
      same(x.nameFind(list, put(name), name.length), names.get(name) ?? 0);
      const known = names.get(name);
      if (known !== undefined && random.chance(60)) {
        x.nameRemove(list, known);
        x.free(known);
        names.delete(name);
      } else if (known === undefined) {
        const block = x.newNamed(put(name), name.length);
        core.setU32(ROOT_ADDRESS + ROOT.failAfter, random.chance(10) ? 0 : -1);
        if (x.nameInsert(list, block)) names.set(name, block);
        else x.free(block);
        core.setU32(ROOT_ADDRESS + ROOT.failAfter, -1);
      }
      same(x.nameCount(list), names.size);
    }
    core.refresh();
    const listed = Array.from({ length: names.size }, (_, i) => {
      const block = x.nameAt(list, i);
      return textOf(core.bytes.subarray(x.namePtr(block), x.namePtr(block) + x.nameLength(block)));
    });
    assertEquals(listed, [...names.keys()].sort((a, b) => Buffer.compare(bytesOf(a), bytesOf(b))));
    for (const block of names.values()) x.free(block);
    x.nameFree(list);
    assertEquals(used(core), start);
  });
});
