/**
 * The listpack (core-wasm/structures/listpack.ts) against a plain array of strings and an encoder in TypeScript that
 * writes what docs/formats/listpack.md says; the examples of that page run here, too.
 */
import { describe, it } from "node:test";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { assert, assertEquals } from "@std/assert";
import { type Random, seeded } from "../support/random.ts";
import { loadTestCore } from "../support/test-core.ts";

const { exports: core, memory } = loadTestCore("listpack-exports", 64);
const INPUT: number = core.workspace(2048);
const INPUT_SIZE = 1 << 20;
const [BEFORE, AFTER] = [0, 1];
const bytes = () => new Uint8Array(memory.buffer);

function put(value: Uint8Array): [number, number] {
  bytes().set(value, INPUT);
  return [INPUT, value.length];
}

const latin = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));
const text = (at: number, length: number) => Buffer.from(bytes().subarray(at, at + length)).toString("latin1");
const hex = (block: Uint8Array) => Buffer.from(block).toString("hex");

// --- Model ---

const isInteger = (s: string) => /^(0|-?[1-9]\d{0,18})$/.test(s) && BigInt.asIntN(64, BigInt(s)) === BigInt(s);

function body(s: string): number[] {
  if (!isInteger(s)) {
    const data = [...latin(s)];
    const n = data.length;
    if (n < 64) return [0x80 | n, ...data];
    if (n < 4096) return [0xe0 | (n >> 8), n & 255, ...data];
    return [0xf0, n & 255, (n >> 8) & 255, (n >> 16) & 255, n >>> 24, ...data];
  }
  const v = BigInt(s);
  if (v >= 0n && v < 128n) return [Number(v)];
  if (v >= -4096n && v < 4096n) return [0xc0 | Number((v >> 8n) & 31n), Number(v & 255n)];
  const size = [2, 3, 4, 8].find((n) => BigInt.asIntN(n * 8, v) === v)!;
  const first = { 2: 0xf1, 3: 0xf2, 4: 0xf3, 8: 0xf4 }[size]!;
  return [first, ...Array.from({ length: size }, (_, i) => Number((v >> BigInt(8 * i)) & 255n))];
}

function element(s: string): number[] {
  const data = body(s);
  const n = data.length;
  const groups = n <= 127 ? 1 : n < 16383 ? 2 : n < 2097151 ? 3 : 4;
  const back = Array.from({ length: groups }, (_, i) => ((n >> (7 * (groups - 1 - i))) & 127) | (i > 0 ? 128 : 0));
  return data.concat(back);
}

function encoded(model: string[]): Uint8Array {
  const parts = model.flatMap(element);
  const size = parts.length + 7;
  const head = [size & 255, (size >> 8) & 255, (size >> 16) & 255, size >>> 24];
  const count = Math.min(model.length, 65535);
  return Uint8Array.from([...head, count & 255, count >> 8, ...parts, 255]);
}

function block(lp: number): Uint8Array {
  return bytes().slice(lp, lp + core.lpBytes(lp));
}

function view(p: number, line = 0): string {
  return text(core.viewLine(p, line), core.lpViewLength(p));
}

function contents(lp: number): string[] {
  const found: string[] = [];
  for (let p = core.lpFirst(lp); p !== 0; p = core.lpNext(lp, p)) found.push(view(p));
  return found;
}

function contentsBackwards(lp: number): string[] {
  const found: string[] = [];
  for (let p = core.lpLast(lp); p !== 0; p = core.lpPrev(lp, p)) found.unshift(view(p, 1));
  return found;
}

function from(model: string[]): number {
  let lp = core.lpNew(0);
  for (const s of model) lp = core.lpAppend(lp, ...put(latin(s)));
  return lp;
}

// --- Examples of the format's page ---

/** The page's examples: what is encoded, and its bytes. */
function examples(): { what: string; bytes: string }[] {
  const page = readFileSync(fileURLToPath(new URL("../../docs/formats/listpack.md", import.meta.url)), "utf8");
  return [...page.matchAll(/^ {4}(\S.*?) {2,}((?:[0-9a-f]{2}|\[)[0-9a-f *[\]]*)$/gm)].map((m) => ({
    what: m[1],
    bytes: m[2].replace(/\[(\d+) \* (..)\]/g, (_, n, byte) => byte.repeat(Number(n))).replaceAll(" ", ""),
  }));
}

describe("listpack: examples of docs/formats/listpack.md", () => {
  it("are found", () => assert(examples().length >= 30));

  for (const example of examples()) {
    it(example.what, () => {
      const repeated = /^(\d+) \* "(.)"$/.exec(example.what);
      const whole = example.what.startsWith("[");
      const model: string[] = example.what === "(empty)" ? []
        : whole ? JSON.parse(example.what)
        : [repeated ? repeated[2].repeat(Number(repeated[1])) : JSON.parse(example.what)];
      const lp = from(model);
      const made = hex(block(lp));
      assertEquals(whole || model.length === 0 ? made : made.slice(12, -2), example.bytes);
      assertEquals(made, hex(encoded(model)));
      assertEquals(contents(lp), model);
      core.free(lp);
    });
  }
});

// --- Random changes ---

function randomElement(random: Random): string {
  switch (random.below(8)) {
    case 0: return String(random.below(200) - 40);
    case 1: return String(random.below(20000) - 10000);
    case 2: return String(BigInt.asIntN(64, random.u64()) >> BigInt(random.below(64)));
    case 3: return "x".repeat(random.pick([0, 1, 63, 64, 125, 126, 4095, 4096, 16377, 16378]));
    case 4: return random.pick(["", "0", "-0", "00", "-", "+1", "1.0", "9223372036854775808", "-9223372036854775809"]);
    default: return random.bytes(random.below(random.pick([4, 40, 200])));
  }
}

/** One listpack and its model; every step may fail for lack of memory and then changes nothing. */
class Fuzz {
  model: string[] = [];
  lp: number = core.lpNew(16);
  readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  #position(): [number, number] {
    const index = this.random.below(this.model.length);
    const fromEnd = this.random.below(2) === 0;
    return [index, core.lpSeek(this.lp, fromEnd ? index - this.model.length : index)];
  }

  /** Takes a change's result over, or finds that nothing changed. */
  #done(moved: number, index: number, change: () => void): void {
    if (moved === 0) return;
    this.lp = moved;
    change();
    const at: number = core.place();
    if (index >= this.model.length) assertEquals(at, 0);
    else assertEquals(view(at), this.model[index]);
  }

  step(): void {
    const { random, model } = this;
    const s = randomElement(random);
    const isNumber = isInteger(s) && random.below(2) === 0;
    const kind = random.below(9);
    if (kind === 0 || model.length === 0) {
      const moved = isNumber ? core.lpAppendInt(this.lp, BigInt(s)) : core.lpAppend(this.lp, ...put(latin(s)));
      this.#done(moved, model.length, () => model.push(s));
    } else if (kind === 1) {
      this.#done(core.lpPrepend(this.lp, ...put(latin(s))), 0, () => model.unshift(s));
    } else if (kind <= 3) {
      const [index, p] = this.#position();
      const where = random.pick([BEFORE, AFTER]);
      const moved = isNumber ? core.lpInsertInt(this.lp, p, BigInt(s), where)
        : core.lpInsert(this.lp, p, ...put(latin(s)), where);
      this.#done(moved, index + where, () => model.splice(index + where, 0, s));
    } else if (kind <= 5) {
      const [index, p] = this.#position();
      const moved = isNumber ? core.lpReplaceInt(this.lp, p, BigInt(s)) : core.lpReplace(this.lp, p, ...put(latin(s)));
      this.#done(moved, index, () => (model[index] = s));
    } else if (kind === 6 || model.length < 20) {
      const [index, p] = this.#position();
      this.#done(core.lpDelete(this.lp, p), index, () => model.splice(index, 1));
    } else if (kind === 7) {
      const [index, p] = this.#position();
      const count = random.below(12);
      this.#done(core.lpDeleteAt(this.lp, p, count), index, () => model.splice(index, count));
    } else {
      const index = random.below(model.length);
      const count = random.below(12);
      const asked = random.below(2) ? index : index - model.length;
      this.#done(core.lpDeleteRange(this.lp, asked, count), index, () => model.splice(index, count));
    }
  }

  check(): void {
    const { lp, model, random } = this;
    assertEquals(hex(block(lp)), hex(encoded(model)));
    assertEquals(core.lpLength(lp), model.length);
    assertEquals(contents(lp), model);
    assertEquals(contentsBackwards(lp), model);
    assert(core.lpValidate(lp, core.lpBytes(lp), true));
    const index = random.below(model.length + 4) - 2;
    const p = core.lpSeek(lp, index);
    assertEquals(p === 0 ? undefined : view(p), model.at(index));
    this.#checkFind();
  }

  #checkFind(): void {
    const { lp, model, random } = this;
    const s = model.length > 0 && random.below(3) ? random.pick(model) : randomElement(random);
    const start = random.below(model.length || 1);
    const skip = random.below(3);
    const wanted = model.findIndex((m, i) => i >= start && (i - start) % (skip + 1) === 0 && m === s);
    const found = core.lpFind(core.lpSeek(lp, start), ...put(latin(s)), skip);
    assertEquals(found === 0 ? -1 : contents(lp).length - this.#after(found), wanted);
    if (found !== 0) assertEquals(core.steps(), (wanted - start) / (skip + 1));
    for (let p = core.lpFirst(lp), i = 0; p !== 0; p = core.lpNext(lp, p), i++) {
      assertEquals(core.lpEquals(p, INPUT, s.length) !== 0, model[i] === s);
      assertEquals(core.lpIsInt(p) !== 0, isInteger(model[i]));
      assertEquals(core.lpToI64(p) !== 0, isInteger(model[i]));
      if (isInteger(model[i])) assertEquals([core.number(), core.lpInt(p)], [BigInt(model[i]), BigInt(model[i])]);
      else assertEquals(text(core.lpText(p), core.lpTextLength(p)), model[i]);
    }
    assertEquals(core.lpEntryBytes(INPUT, s.length), element(s).length);
  }

  /** Number of elements from p to the end. */
  #after(p: number): number {
    let n = 0;
    for (; p !== 0; p = core.lpNext(this.lp, p)) n++;
    return n;
  }
}

describe("listpack", () => {
  it("agrees with an array after any change", () => {
    const random = seeded("listpack");
    for (let run = 0; run < 12; run++) {
      const start: number = core.usedBytes();
      const fuzz = new Fuzz(random);
      for (let i = 0; i < 150; i++) {
        fuzz.step();
        fuzz.check();
      }
      const copy = core.lpCopy(fuzz.lp);
      assertEquals(hex(block(copy)), hex(block(fuzz.lp)));
      core.free(copy);
      core.free(core.lpShrink(fuzz.lp));
      assertEquals(core.usedBytes(), start);
    }
  });

  it("is cut in two and joined again", () => {
    const random = seeded("listpack, cut");
    for (let run = 0; run < 100; run++) {
      const model = Array.from({ length: random.below(30) }, () => randomElement(random));
      let lp = from(model);
      const at = random.below(model.length + 1);
      const p = core.lpSeek(lp, at) || lp + core.lpBytes(lp) - 1;
      const slice = core.lpSlice(p, lp + core.lpBytes(lp) - 1, model.length - at);
      assertEquals(hex(block(slice)), hex(encoded(model.slice(at))));
      lp = core.lpDeleteRange(lp, at, model.length);
      assertEquals(hex(block(lp)), hex(encoded(model.slice(0, at))));
      lp = core.lpJoin(lp, slice);
      assertEquals(hex(block(lp)), hex(encoded(model)));
      core.free(slice);
      core.free(lp);
    }
  });

  it("is unchanged when memory is exhausted", () => {
    const random = seeded("listpack without memory");
    const fuzz = new Fuzz(random);
    for (let i = 0; i < 1500; i++) {
      core.failAfter(random.below(3));
      fuzz.step();
      core.failAfter(-1);
      if (i % 10 === 0) fuzz.check();
    }
    core.free(fuzz.lp);
  });

  it("gives unused memory back", () => {
    let lp = from(Array.from({ length: 400 }, (_, i) => `element ${i}`));
    while (core.lpLength(lp) > 3) {
      lp = core.lpDelete(lp, core.lpLast(lp));
      const [size, block] = [core.lpBytes(lp), core.usableSize(lp)];
      assert(size > block * 0.6 || block <= 64, `${size} of ${block}`);
    }
    assertEquals(contents(lp), ["element 0", "element 1", "element 2"]);
    core.free(lp);
  });

  it("counts more than 65534 elements by a walk", () => {
    let lp = core.lpNew(300_000);
    for (let i = 0; i < 65_534; i++) lp = core.lpAppendInt(lp, BigInt(i % 100));
    const count = () => new DataView(memory.buffer).getUint16(lp + 4, true);
    assertEquals([core.lpLength(lp), count()], [65_534, 65_534]);
    for (let i = 0; i < 6; i++) lp = core.lpAppend(lp, ...put(latin(`tail ${i}`)));
    assertEquals([core.lpLength(lp), count()], [65_540, 65_535]);
    assertEquals(view(core.lpSeek(lp, 65_535)), "tail 1");
    assertEquals(view(core.lpSeek(lp, -3)), "tail 3");
    assertEquals(core.lpSeek(lp, 65_540), 0);
    assertEquals(core.lpSeek(lp, -65_541), 0);
    assert(core.lpValidate(lp, core.lpBytes(lp), true));
    lp = core.lpDeleteRange(lp, 10, 20);
    assertEquals([core.lpLength(lp), count()], [65_520, 65_520]);
    core.free(lp);
  });

  it("fits up to 1 GiB", () => {
    const lp = from(["a"]);
    assertEquals(core.lpFits(lp, 100) !== 0, true);
    assertEquals(core.lpFits(lp, (1 << 30) - core.lpBytes(lp)) !== 0, true);
    assertEquals(core.lpFits(lp, (1 << 30) - core.lpBytes(lp) + 1) !== 0, false);
    assertEquals(core.lpFits(lp, -1) !== 0, false);
    core.free(lp);
  });

  it("refuses damaged bytes and reads nothing outside of them", () => {
    const random = seeded("damaged listpack");
    const valid = (data: Uint8Array, deep = true) => {
      // At the very end of memory: a read outside would trap.
      const at = memory.buffer.byteLength - data.length;
      const kept = bytes().slice(at);
      bytes().set(data, at);
      const answer = core.lpValidate(at, data.length, deep) !== 0;
      bytes().set(kept, at);
      return answer;
    };
    assertEquals(valid(Uint8Array.of(7, 0, 0, 0, 0, 0, 255)), true);
    assertEquals(valid(Uint8Array.of(7, 0, 0, 0, 1, 0, 255)), false);
    assertEquals(valid(Uint8Array.of(7, 0, 0, 0, 255, 255, 255)), true);
    assertEquals(valid(Uint8Array.of(8, 0, 0, 0, 0, 0, 255)), false);
    assertEquals(valid(Uint8Array.of(7, 0, 0, 0, 0, 0, 254)), false);
    assertEquals(valid(Uint8Array.of(7, 0, 0, 0, 0, 0)), false);
    let refused = 0;
    for (let run = 0; run < 4000; run++) {
      const model = Array.from({ length: random.below(6) }, () => randomElement(random).slice(0, 300));
      const data = encoded(model);
      assertEquals(valid(data), true);
      data[random.below(data.length)] = random.below(2) ? 0xf0 + random.below(16) : random.below(256);
      // What is accepted can be walked, both ways, and gives as many elements as it says.
      if (!valid(data)) refused++;
      else assertEquals(walk(data), true);
    }
    assert(refused > 1000, `${refused} refused`);
  });
});

function walk(data: Uint8Array): boolean {
  const lp = INPUT + INPUT_SIZE / 2;
  bytes().set(data, lp);
  const forward = contents(lp);
  return forward.length === core.lpLength(lp) && contentsBackwards(lp).join("|") === forward.join("|");
}
