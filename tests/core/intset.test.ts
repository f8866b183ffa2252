/**
 * The intset (core-wasm/structures/intset.ts) against a sorted array and an encoder in TypeScript that writes what
 * docs/formats/intset.md says; the examples of that page run here, too.
 */
import { describe, it } from "node:test";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { assert, assertEquals } from "@std/assert";
import { type Random, seeded } from "../support/random.ts";
import { loadTestCore } from "../support/test-core.ts";

const { exports: core, memory } = loadTestCore("intset-exports", 64);
const INPUT: number = core.workspace(2048);
const bytes = () => new Uint8Array(memory.buffer);
const hex = (block: Uint8Array) => Buffer.from(block).toString("hex");
const block = (s: number) => bytes().slice(s, s + core.intsetBytes(s));

// --- Model ---

const widthOf = (v: bigint) => [2, 4].find((n) => BigInt.asIntN(n * 8, v) === v) ?? 8;

function encoded(values: bigint[], width: number): Uint8Array {
  const out = Buffer.alloc(8 + values.length * width);
  out.writeUInt32LE(width, 0);
  out.writeUInt32LE(values.length, 4);
  values.forEach((v, i) => {
    for (let b = 0; b < width; b++) out[8 + i * width + b] = Number((v >> BigInt(8 * b)) & 255n);
  });
  return out;
}

/** Adds the value; the intset's new address. */
function add(s: number, value: bigint): number {
  const index = core.intsetFind(s, value);
  return index >= 0 ? s : core.intsetInsert(s, -1 - index, value);
}

function contents(s: number): bigint[] {
  return Array.from({ length: core.intsetLength(s) }, (_, i) => core.intsetGet(s, i));
}

const ascending = (values: Iterable<bigint>) => [...values].sort((a, b) => (a < b ? -1 : 1));

const LIMITS = [0n, 1n, -1n, 32767n, 32768n, -32768n, -32769n, 2147483647n, 2147483648n, -2147483648n, -2147483649n,
  9223372036854775807n, -9223372036854775808n];

function randomValue(random: Random): bigint {
  if (random.below(10) === 0) return LIMITS[random.below(LIMITS.length)];
  const bits = [4, 6, 10, 16, 24, 32, 40, 64][random.below(8)];
  const value = (BigInt(random.u32()) << 32n) | BigInt(random.u32());
  return BigInt.asIntN(bits, value);
}

// --- Examples ---

function examples(): { what: string; bytes: string }[] {
  const page = readFileSync(fileURLToPath(new URL("../../docs/formats/intset.md", import.meta.url)), "utf8");
  return [...page.matchAll(/^ {4}(-?\d.*?) {2,}((?:[0-9a-f]{2} ?)+)$/gm)].map((m) => ({
    what: m[1],
    bytes: m[2].replaceAll(" ", ""),
  }));
}

describe("intset: examples of docs/formats/intset.md", () => {
  it("are found", () => assertEquals(examples().length, 7));

  for (const example of examples()) {
    it(example.what, () => {
      const values = example.what.split(" ").map(BigInt);
      for (const order of [values, [...values].reverse()]) {
        let s = core.intsetNew();
        for (const value of order) s = add(s, value);
        assertEquals(hex(block(s)), example.bytes);
        assertEquals(contents(s), values);
        core.free(s);
      }
    });
  }
});

// --- Random changes ---

describe("intset: random changes against a set", () => {
  it("finds, adds, removes and copies as the model does, byte for byte", () => {
    const random = seeded("intset");
    const before = core.usedBytes();
    for (let round = 0; round < 60; round++) {
      const model = new Set<bigint>();
      let width = 2;
      let s: number = core.intsetNew();
      const growth = 30 + random.below(60);
      for (let step = 0; step < 400; step++) {
        const value = random.below(3) === 0 && model.size > 0
          ? [...model][random.below(model.size)]
          : randomValue(random);
        const index: number = core.intsetFind(s, value);
        assertEquals(index >= 0, model.has(value));
        if (random.below(100) < growth) {
          if (index < 0) s = core.intsetInsert(s, -1 - index, value);
          model.add(value);
          width = Math.max(width, widthOf(value));
        } else if (index >= 0) {
          s = core.intsetRemoveAt(s, index);
          model.delete(value);
        }
        if (step % 20 === 0) assertEquals(hex(block(s)), hex(encoded(ascending(model), width)));
      }
      assertEquals(contents(s), ascending(model));
      const copy = core.intsetCopy(s);
      assertEquals(hex(block(copy)), hex(block(s)));
      assert(model.size === 0 || core.intsetValidate(s, core.intsetBytes(s), true));
      core.free(copy);
      core.free(s);
    }
    assertEquals(core.usedBytes(), before);
  });

  it("changes nothing when memory is exhausted", () => {
    let s: number = core.intsetNew();
    for (let i = 0; i < 1000; i++) {
      const value = BigInt(i) * (i < 500 ? 1n : 1_000_003n);
      const was = hex(block(s));
      const index: number = core.intsetFind(s, value);
      core.failAfter(0);
      const moved: number = core.intsetInsert(s, -1 - index, value);
      core.failAfter(-1);
      if (moved === 0) assertEquals(hex(block(s)), was);
      s = moved !== 0 ? moved : core.intsetInsert(s, -1 - index, value);
    }
    core.failAfter(0);
    while (core.intsetLength(s) > 0) s = core.intsetRemoveAt(s, 0);
    core.failAfter(-1);
    core.free(s);
  });

  it("is given back as it shrinks", () => {
    let s: number = core.intsetNew();
    for (let i = 0n; i < 4000n; i++) s = add(s, i);
    const large = core.usableSize(s);
    while (core.intsetLength(s) > 10) s = core.intsetRemoveAt(s, core.intsetLength(s) - 1);
    assert(core.usableSize(s) * 50 < large, `${core.usableSize(s)} of ${large}`);
    core.free(s);
  });
});

// --- Bytes from outside ---

describe("intset: validation", () => {
  const accepts = (data: Uint8Array, deep = true): boolean => {
    bytes().set(data, INPUT);
    return core.intsetValidate(INPUT, data.length, deep) !== 0;
  };

  it("accepts what is well-formed and refuses sizes, widths and orders that are not", () => {
    assert(accepts(encoded([1n, 2n, 3n], 2)));
    assert(!accepts(encoded([], 2)), "empty");
    assert(!accepts(encoded([1n, 2n, 3n], 2).slice(0, -1)), "cut");
    assert(!accepts(new Uint8Array(7)), "less than a header");
    assert(!accepts(encoded([2n, 1n], 2)), "descending");
    assert(accepts(encoded([2n, 1n], 2), false), "descending, not looked at");
    assert(!accepts(encoded([1n, 1n], 8)), "twice");
    for (const width of [0, 1, 3, 5, 6, 7, 16, 0xffffffff]) {
      const data = Buffer.from(encoded([1n, 2n], 4));
      data.writeUInt32LE(width, 0);
      assert(!accepts(data), `width ${width}`);
    }
    const many = Buffer.from(encoded([1n, 2n], 8));
    many.writeUInt32LE(0x20000002, 4);
    assert(!accepts(many), "a length that overflows 32 bits");
  });

  it("random and mutated bytes are refused or are what they say", () => {
    const random = seeded("intset validation");
    let accepted = 0;
    for (let i = 0; i < 20_000; i++) {
      const values = new Set(Array.from({ length: 1 + random.below(6) }, () => randomValue(random)));
      const data = Buffer.from(encoded(ascending(values), 8));
      for (let n = random.below(3); n > 0; n--) data[random.below(data.length)] ^= 1 << random.below(8);
      if (!accepts(data)) continue;
      accepted++;
      bytes().set(data, INPUT);
      const found = contents(INPUT);
      assertEquals(found, ascending(new Set(found)));
    }
    assert(accepted > 5000);
  });
});
