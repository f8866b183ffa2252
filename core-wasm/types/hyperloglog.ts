/**
 * HyperLogLog: counts distinct elements in at most 12 KiB, with a standard error of 0.81 %. The value is a string, byte
 * for byte the one that Valkey keeps (docs/types/hyperloglog.md), so that GET, SET, DUMP and APPEND see the same.
 *
 *   >0  "HYLL"
 *    4  u8   encoding   0 dense, 1 sparse
 *    5  3 bytes unused
 *    8  u64  cardinality as last counted; the top bit set: out of date
 *   16  dense:  16,384 registers of 6 bits, the lowest bits of a byte first: 12,288 bytes
 *       sparse: runs that cover all registers    00nnnnnn n+1 zeros · 01nnnnnn nnnnnnnn n+1 zeros ·
 *               1vvvvvnn n+1 registers of value v+1
 *
 * Functions work on the bytes, wherever they are: no keys, no clients, no allocation. Sparse bytes come from clients,
 * so every walk checks that its runs cover 16,384 registers and no more.
 *
 * Costs: an element on a dense value takes 60 ns more than a look-up; on a sparse one a walk over its runs, sixteen
 * bytes a step; counting a dense one some microseconds, merging it one.
 * Credits: P. Flajolet et al., "HyperLogLog" (2007); O. Ertl, "New cardinality estimation algorithms" (2017);
 * A. Appleby, MurmurHash64A.
 */

export const HLL_HEADER: i32 = 16;
export const HLL_REGISTERS: i32 = 16384;
export const HLL_DENSE_SIZE: i32 = 12304;
/** A value without elements: the header and one run. */
export const HLL_EMPTY_SIZE: i32 = 18;
/** A sparse value may grow by this much when one register changes. */
export const HLL_GROWTH: i32 = 3;

export const HLL_DENSE: u32 = 0;
export const HLL_SPARSE: u32 = 1;

// What hllSparseSet() answers beside a new length.
export const HLL_SAME: i32 = 0;
export const HLL_INVALID: i32 = -1;
export const HLL_PROMOTE: i32 = -2;

const MAGIC: u32 = 0x4c4c5948; // HYLL
const ENCODING: usize = 4;
const CARDINALITY: usize = 8;
const OUT_OF_DATE: u8 = 0x80;
const INDEX_BITS: u64 = 14;
/** Bits of the hash behind the index; a register is at most one more. */
const RANK_BITS: i32 = 50;
const SPARSE_VALUE_MAX: i32 = 32;
const SPARSE_RUN_MAX: i32 = 4;
const ZEROS_MAX: i32 = 64;
const ALPHA: f64 = 0.721347520444481703680; // 0.5 / ln 2
/** Runs that are looked at for merging after a change, from the one before it on. */
const MERGE_WINDOW: i32 = 5;

// --- Header ---

/** True for bytes that can be a HyperLogLog; a sparse one's runs are checked when they are walked. */
export function isHll(ptr: usize, len: i32): bool {
  if (len < HLL_HEADER || load<u32>(ptr) != MAGIC) return false;
  const encoding = hllEncoding(ptr);
  return encoding == HLL_SPARSE || (encoding == HLL_DENSE && len == HLL_DENSE_SIZE);
}

export function hllEncoding(hll: usize): u32 {
  return <u32>load<u8>(hll, ENCODING);
}

/** Marks the cached cardinality as out of date. */
export function hllTouch(hll: usize): void {
  store<u8>(hll, load<u8>(hll, CARDINALITY + 7) | OUT_OF_DATE, CARDINALITY + 7);
}

export function hllIsCounted(hll: usize): bool {
  return !(load<u8>(hll, CARDINALITY + 7) & OUT_OF_DATE);
}

export function hllCounted(hll: usize): u64 {
  return load<u64>(hll, CARDINALITY);
}

export function hllSetCounted(hll: usize, count: u64): void {
  store<u64>(hll, count, CARDINALITY);
}

/** Writes a value without elements: HLL_EMPTY_SIZE bytes. */
export function hllInit(hll: usize): void {
  store<u32>(hll, MAGIC);
  store<u32>(hll, HLL_SPARSE, ENCODING);
  store<u64>(hll, 0, CARDINALITY);
  store<u16>(hll, 0xff7f, HLL_HEADER); // 01111111 11111111: 16,384 zeros
}

// --- Hashing ---

/** MurmurHash64A with the seed that all HyperLogLogs share. */
export function hllHash(ptr: usize, len: i32): u64 {
  const m: u64 = 0xc6a4a7935bd1e995;
  let h = <u64>0xadc83b19 ^ (<u64>len * m);
  const end = ptr + <usize>(len & ~7);
  for (; ptr != end; ptr += 8) {
    let k = load<u64>(ptr) * m;
    k ^= k >> 47;
    h = (h ^ (k * m)) * m;
  }
  const left = len & 7;
  if (left != 0) {
    let tail: u64 = 0;
    for (let i = 0; i < left; i++) tail |= <u64>load<u8>(ptr + <usize>i) << (i << 3);
    h = (h ^ tail) * m;
  }
  h = (h ^ (h >> 47)) * m;
  return h ^ (h >> 47);
}

/** The register that an element with this hash belongs to. */
export function hllIndex(hash: u64): i32 {
  return <i32>(hash & ((1 << INDEX_BITS) - 1));
}

/** What the register becomes at least: one more than the zeros at the lower end of the other bits. */
export function hllRank(hash: u64): i32 {
  return 1 + <i32>ctz<u64>((hash >> INDEX_BITS) | (<u64>1 << RANK_BITS));
}

// --- Dense registers ---

/** Register `index` of the registers at `at`. */
function denseGet(at: usize, index: i32): i32 {
  const bit = index * 6;
  const byte = at + <usize>(bit >> 3);
  const shift = bit & 7;
  return (shift <= 2 ? <i32>load<u8>(byte) >> shift : <i32>load<u16>(byte) >> shift) & 63;
}

function densePut(at: usize, index: i32, value: i32): void {
  const bit = index * 6;
  const byte = at + <usize>(bit >> 3);
  const shift = bit & 7;
  if (shift <= 2) store<u8>(byte, <u8>((<i32>load<u8>(byte) & ~(63 << shift)) | (value << shift)));
  else store<u16>(byte, <u16>((<i32>load<u16>(byte) & ~(63 << shift)) | (value << shift)));
}

/** Register `index` of a dense value. */
export function hllDenseGet(hll: usize, index: i32): i32 {
  return denseGet(hll + HLL_HEADER, index);
}

/** Sets a register of a dense value, whatever it was. */
export function hllDensePut(hll: usize, index: i32, value: i32): void {
  densePut(hll + HLL_HEADER, index, value);
}

/** Raises a register of a dense value; true when it was lower. Leaves the cached cardinality alone. */
export function hllDenseSet(hll: usize, index: i32, rank: i32): bool {
  if (denseGet(hll + HLL_HEADER, index) >= rank) return false;
  densePut(hll + HLL_HEADER, index, rank);
  return true;
}

// --- Sparse runs ---

function isZeros(op: u32): bool {
  return op < 0x40;
}

function isValues(op: u32): bool {
  return op >= 0x80;
}

/** Bytes of a run's code. */
function runBytes(op: u32): usize {
  return (op & 0xc0) == 0x40 ? 2 : 1;
}

/** How many registers the run at `p` covers; a code that `end` cuts off reads as in Valkey: a zero byte follows. */
function runLength(p: usize, end: usize): i32 {
  const op = <u32>load<u8>(p);
  if (op >= 0x80) return <i32>(op & 3) + 1;
  if (op < 0x40) return <i32>op + 1;
  const low: u32 = p + 1 < end ? load<u8>(p, 1) : 0;
  return <i32>(((op & 63) << 8) | low) + 1;
}

function runValue(op: u32): i32 {
  return <i32>((op >> 2) & 31) + 1;
}

function valuesCode(value: i32, count: i32): u8 {
  return <u8>(0x80 | ((value - 1) << 2) | (count - 1));
}

/** Writes a run of zeros; answers the address behind it. */
function putZeros(p: usize, count: i32): usize {
  if (count <= ZEROS_MAX) {
    store<u8>(p, <u8>(count - 1));
    return p + 1;
  }
  store<u8>(p, <u8>(0x40 | ((count - 1) >> 8)));
  store<u8>(p, <u8>(count - 1), 1);
  return p + 2;
}

/** Five bytes for the codes that take a run's place. */
const SEQUENCE: usize = memory.data(8, 8);

/** Writes the codes for a run of [first, first + count) in which register `index` becomes `rank`; their length. */
function splitRun(p: usize, first: i32, count: i32, index: i32, rank: i32): i32 {
  const op = <u32>load<u8>(p);
  const before = index - first;
  const behind = first + count - 1 - index;
  let out = SEQUENCE;
  if (before > 0) {
    if (isValues(op)) store<u8>(out++, valuesCode(runValue(op), before));
    else out = putZeros(out, before);
  }
  store<u8>(out++, valuesCode(rank, 1));
  if (behind > 0) {
    if (isValues(op)) store<u8>(out++, valuesCode(runValue(op), behind));
    else out = putZeros(out, behind);
  }
  return <i32>(out - SEQUENCE);
}

/** Merges neighbouring runs of one value around a change; answers where the runs end then. */
function mergeRuns(p: usize, end: usize): usize {
  for (let left = MERGE_WINDOW; p < end && left > 0; left--) {
    const op = <u32>load<u8>(p);
    if (!isValues(op)) {
      p += runBytes(op);
      continue;
    }
    if (p + 1 < end) {
      const next = <u32>load<u8>(p, 1);
      const sum = <i32>(op & 3) + <i32>(next & 3) + 2;
      if (isValues(next) && (op ^ next) < 4 && sum <= SPARSE_RUN_MAX) {
        store<u8>(p, valuesCode(runValue(op), sum), 1);
        memory.copy(p, p + 1, end - p - 1);
        end--;
        continue;
      }
    }
    p++;
  }
  return end;
}

/** The run that covers a register, as findRun() leaves it. */
@unmanaged
class Run {
  at: usize;
  before: usize; // the run before it; the first run has itself there
  first: i32; // register that it begins with
}

const RUN: usize = memory.data(16, 8);
assert(offsetof<Run>() <= 16);

function run(): Run {
  return changetype<Run>(RUN);
}

/** Bits of the even ones of 16 bytes, and of the byte behind them. */
const EVEN_BYTES: u32 = 0x15555;

/**
 * Which of 16 bytes, and of the one behind them, are the second of a code. `long` has a bit for each byte that would be
 * the first of one by its value; bit 0 of `carry` tells that byte 0 is a second one. In a row of such bytes every other
 * one is a first; a sum tells rows by the parity of their place (G. Langdale and D. Lemire, simdjson).
 */
function secondBytes(long: u32, carry: u32): u32 {
  long &= ~carry;
  const follows = (long << 1) | carry;
  const oddStarts = long & ~EVEN_BYTES & ~follows;
  return (EVEN_BYTES ^ ((oddStarts + long) << 1)) & follows;
}

/** How many registers the 16 bytes add, `seconds` of them second bytes of codes whose first one may be before them. */
function chunkLength(x: v128, seconds: u32): i32 {
  const bits = i8x16(1, 2, 4, 8, 16, 32, 64, -128, 1, 2, 4, 8, 16, 32, 64, -128);
  const spreadOut = v128.shuffle<u8>(i16x8.splat(<i16>seconds), bits, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1);
  const isSecond = i8x16.eq(v128.and(spreadOut, bits), bits);
  const isLong = v128.andnot(i8x16.ge_s(x, i8x16.splat(0x40)), isSecond);
  const isValue = v128.andnot(i8x16.lt_s(x, i8x16.splat(0)), isSecond);
  const low = v128.andnot(v128.andnot(x, v128.and(isValue, i8x16.splat(~3))), isLong);
  const high = v128.and(v128.and(x, isLong), i8x16.splat(63));
  const pairs = i16x8.add(i16x8.extadd_pairwise_i8x16_u(low), i16x8.shl(i16x8.extadd_pairwise_i8x16_u(high), 8));
  const sums = i32x4.dot_i16x8_s(pairs, i16x8.splat(1));
  return i32x4.extract_lane(sums, 0) + i32x4.extract_lane(sums, 1) + i32x4.extract_lane(sums, 2) +
    i32x4.extract_lane(sums, 3) + 16 - <i32>popcnt<u32>(seconds);
}

/** Finds the run of register `index` among those from `start` to `end`; false when none of them covers it. */
function findRun(start: usize, end: usize, index: i32): bool {
  let p = start;
  let first = 0;
  let seconds: u32 = 0; // of the sixteen bytes before
  for (; p + 16 <= end; p += 16) {
    const x = v128.load(p);
    // As signed bytes, first ones of codes of two are the only ones from 64 on, but for second ones.
    const here = secondBytes(<u32>i8x16.bitmask(i8x16.ge_s(x, i8x16.splat(0x40))), seconds >> 16);
    const covered = chunkLength(x, here & 0xffff);
    if (index < first + covered) break;
    first += covered;
    seconds = here;
  }
  // Back to the beginning of a code that the sixteen bytes before end within.
  const isWithin = seconds >> 16;
  if (isWithin) first -= 1 + ((<i32>load<u8>(--p) & 63) << 8);
  let before = p == start ? start : p - 1 - <usize>((seconds >> (15 - isWithin)) & 1);
  while (p < end) {
    const count = runLength(p, end);
    if (index < first + count) break;
    before = p;
    p += runBytes(load<u8>(p));
    first += count;
  }
  const r = run();
  r.at = p;
  r.before = before;
  r.first = first;
  return p < end;
}

/**
 * Raises a register of a sparse value of `len` bytes, behind which HLL_GROWTH bytes are free as far as `most` allows.
 * Answers the new length; HLL_SAME when the register was high enough; HLL_INVALID for damaged runs; HLL_PROMOTE
 * (nothing changed) when the value has to become dense first: it would outgrow `most` bytes or the rank does not fit.
 */
export function hllSparseSet(hll: usize, len: i32, index: i32, rank: i32, most: i32): i32 {
  if (rank > SPARSE_VALUE_MAX) return HLL_PROMOTE;
  const start = hll + HLL_HEADER;
  let end = hll + <usize>len;
  if (!findRun(start, end, index)) return HLL_INVALID;
  const p = run().at;
  const first = run().first;
  const count = runLength(p, end);
  const op = <u32>load<u8>(p);
  if (isValues(op) && runValue(op) >= rank) return HLL_SAME;
  if (count == 1 && (isValues(op) || isZeros(op))) {
    store<u8>(p, valuesCode(rank, 1));
  } else {
    const oldBytes = <i32>runBytes(op);
    const newBytes = splitRun(p, first, count, index, rank);
    const growth = newBytes - oldBytes;
    if (growth > 0 && len + growth > most) return HLL_PROMOTE;
    const next = p + <usize>oldBytes;
    if (next < end) memory.copy(p + <usize>newBytes, next, end - next);
    end += <usize>growth;
    memory.copy(p, SEQUENCE, min<usize>(<usize>newBytes, end - p));
  }
  end = mergeRuns(run().before, end);
  hllTouch(hll);
  return <i32>(end - hll);
}

/** Writes the dense form of a sparse value of `len` bytes to `dense`; false when the runs are damaged. */
export function hllToDense(hll: usize, len: i32, dense: usize): bool {
  memory.copy(dense, hll, <usize>HLL_HEADER);
  store<u8>(dense, <u8>HLL_DENSE, ENCODING);
  memory.fill(dense + HLL_HEADER, 0, <usize>(HLL_DENSE_SIZE - HLL_HEADER));
  const end = hll + <usize>len;
  let index = 0;
  for (let p = hll + HLL_HEADER; p < end;) {
    const op = <u32>load<u8>(p);
    const count = runLength(p, end);
    if (index + count > HLL_REGISTERS) return false;
    if (isValues(op)) for (let i = 0; i < count; i++) hllDensePut(dense, index + i, runValue(op));
    index += count;
    p += runBytes(op);
  }
  return index == HLL_REGISTERS;
}

// --- Merging ---

/**
 * Raises 16,384 registers of a byte each to those of a value of `len` bytes; false (some may be raised) when a sparse
 * one's runs are damaged. `simd` false takes the plain way, for comparison.
 */
export function hllMerge(registers: usize, hll: usize, len: i32, simd: bool): bool {
  if (hllEncoding(hll) == HLL_DENSE) {
    if (simd) mergeDense(registers, hll + HLL_HEADER);
    else mergeDensePlain(registers, hll + HLL_HEADER);
    return true;
  }
  const end = hll + <usize>len;
  let index = 0;
  for (let p = hll + HLL_HEADER; p < end;) {
    const op = <u32>load<u8>(p);
    const count = runLength(p, end);
    if (index + count > HLL_REGISTERS) return false;
    if (isValues(op)) {
      const value = runValue(op);
      for (let at = registers + <usize>index, stop = at + <usize>count; at < stop; at++) {
        if (<i32>load<u8>(at) < value) store<u8>(at, <u8>value);
      }
    }
    index += count;
    p += runBytes(op);
  }
  return index == HLL_REGISTERS;
}

/** Four groups of four packed registers, one a lane (its top byte is anything), to 16 bytes of a register each. */
function spread(lanes: v128): v128 {
  const a = v128.and(lanes, i32x4.splat(0x3f));
  const b = i32x4.shl(v128.and(lanes, i32x4.splat(0xfc0)), 2);
  const c = i32x4.shl(v128.and(lanes, i32x4.splat(0x3f000)), 4);
  const d = i32x4.shl(v128.and(lanes, i32x4.splat(0xfc0000)), 6);
  return v128.or(v128.or(a, b), v128.or(c, d));
}

/** Raises 16 registers at `to` to the packed ones in the lanes. */
function raise(to: usize, lanes: v128): void {
  v128.store(to, i8x16.max_u(v128.load(to), spread(lanes)));
}

/** Sixteen registers a step: 12 packed bytes become a lane of 3 bytes each. */
function mergeDense(registers: usize, packed: usize): void {
  const end = registers + <usize>HLL_REGISTERS - 16;
  for (; registers < end; registers += 16, packed += 12) {
    const x = v128.load(packed);
    raise(registers, v128.shuffle<u8>(x, x, 0, 1, 2, 0, 3, 4, 5, 0, 6, 7, 8, 0, 9, 10, 11, 0));
  }
  // The last 12 bytes are the upper ones of the 16 that end there, so that nothing behind the value is read.
  const x = v128.load(packed - 4);
  raise(registers, v128.shuffle<u8>(x, x, 4, 5, 6, 0, 7, 8, 9, 0, 10, 11, 12, 0, 13, 14, 15, 0));
}

function mergeDensePlain(registers: usize, packed: usize): void {
  for (let i = 0; i < HLL_REGISTERS; i++) {
    const value = denseGet(packed, i);
    if (value > <i32>load<u8>(registers + <usize>i)) store<u8>(registers + <usize>i, <u8>value);
  }
}

/** Writes registers of a byte each into a dense value, in place of those it has. */
export function hllPack(hll: usize, registers: usize): void {
  let packed = hll + HLL_HEADER;
  const end = registers + <usize>HLL_REGISTERS;
  for (; registers < end; registers += 4, packed += 3) {
    const x = load<u32>(registers);
    const y = (x & 0x3f) | ((x >> 2) & 0xfc0) | ((x >> 4) & 0x3f000) | ((x >> 6) & 0xfc0000);
    store<u16>(packed, <u16>y);
    store<u8>(packed, <u8>(y >> 16), 2);
  }
}

// --- Counting ---

/** Four histograms of 64 counts: one would wait for itself, since neighbours are often equal. */
const HISTOGRAM: usize = memory.data(1024, 16);

function histogram(value: usize): i32 {
  const at = HISTOGRAM + (value << 2);
  return load<i32>(at) + load<i32>(at, 256) + load<i32>(at, 512) + load<i32>(at, 768);
}

/** Counts a register in histogram number `which`. */
function countOne(which: usize, value: u64): void {
  const at = HISTOGRAM + (which << 8) + (<usize>value << 2);
  store<i32>(at, load<i32>(at) + 1);
}

/** Counts eight registers in the lower 48 bits of a word. */
function countEight(word: u64): void {
  countOne(0, word & 63);
  countOne(1, (word >> 6) & 63);
  countOne(2, (word >> 12) & 63);
  countOne(3, (word >> 18) & 63);
  countOne(0, (word >> 24) & 63);
  countOne(1, (word >> 30) & 63);
  countOne(2, (word >> 36) & 63);
  countOne(3, (word >> 42) & 63);
}

function countDense(packed: usize): void {
  const end = packed + <usize>(HLL_DENSE_SIZE - HLL_HEADER) - 6;
  for (; packed < end; packed += 6) countEight(load<u64>(packed));
  countEight(load<u64>(packed - 2) >> 16);
}

function countBytes(registers: usize): void {
  const end = registers + <usize>HLL_REGISTERS;
  for (; registers < end; registers += 8) {
    const word = load<u64>(registers);
    if (word == 0) {
      store<i32>(HISTOGRAM, load<i32>(HISTOGRAM) + 8);
      continue;
    }
    for (let i: usize = 0; i < 8; i++) countOne(i & 3, (word >> <u64>(i << 3)) & 63);
  }
}

/** False when the runs are damaged. */
function countSparse(p: usize, end: usize): bool {
  let index = 0;
  while (p < end) {
    const op = <u32>load<u8>(p);
    const count = runLength(p, end);
    if (index + count > HLL_REGISTERS) return false;
    const value: i32 = isValues(op) ? runValue(op) : 0;
    const at = HISTOGRAM + (<usize>value << 2);
    store<i32>(at, load<i32>(at) + count);
    index += count;
    p += runBytes(op);
  }
  return index == HLL_REGISTERS;
}

/** Ertl's sigma: what registers at zero add. */
function sigma(x: f64): f64 {
  if (x == 1) return Infinity;
  let y: f64 = 1;
  let z = x;
  let previous: f64 = 0;
  do {
    x *= x;
    previous = z;
    z += x * y;
    y += y;
  } while (previous != z);
  return z;
}

/** Ertl's tau: what registers at their limit take away. */
function tau(x: f64): f64 {
  if (x == 0 || x == 1) return 0;
  let y: f64 = 1;
  let z = 1 - x;
  let previous: f64 = 0;
  do {
    x = sqrt<f64>(x);
    previous = z;
    y *= 0.5;
    z -= (1 - x) * (1 - x) * y;
  } while (previous != z);
  return z / 3;
}

/** The estimate that the histograms stand for. */
function estimate(): u64 {
  const m = <f64>HLL_REGISTERS;
  let z = m * tau((m - <f64>histogram(RANK_BITS + 1)) / m);
  for (let j = RANK_BITS; j >= 1; j--) z = (z + <f64>histogram(j)) * 0.5;
  z += m * sigma(<f64>histogram(0) / m);
  const e = ALPHA * m * m / z;
  // Registers that no element can have reached leave nothing to divide by: the C library's answer to infinity.
  if (!(e < 9223372036854775807)) return <u64>1 << 63;
  const whole = Math.trunc(e);
  return <u64>whole + (e - whole >= 0.5 ? 1 : 0);
}

/** Counts the elements of a value of `len` bytes into `outPtr`; false when a sparse one's runs are damaged. */
export function hllCount(hll: usize, len: i32, outPtr: usize): bool {
  memory.fill(HISTOGRAM, 0, 1024);
  if (hllEncoding(hll) == HLL_DENSE) countDense(hll + HLL_HEADER);
  else if (!countSparse(hll + HLL_HEADER, hll + <usize>len)) return false;
  store<u64>(outPtr, estimate());
  return true;
}

/** Counts the elements that registers of a byte each stand for. */
export function hllCountRegisters(registers: usize): u64 {
  memory.fill(HISTOGRAM, 0, 1024);
  countBytes(registers);
  return estimate();
}

// --- Showing ---

/** Kinds of run, as hllRunAt() tells them. */
export const RUN_ZEROS: i32 = 0;
export const RUN_LONG_ZEROS: i32 = 1;
export const RUN_VALUES: i32 = 2;

export function hllRunKind(p: usize): i32 {
  const op = <u32>load<u8>(p);
  return isValues(op) ? RUN_VALUES : isZeros(op) ? RUN_ZEROS : RUN_LONG_ZEROS;
}

/** Registers that the run at `p` covers. */
export function hllRunLength(p: usize, end: usize): i32 {
  return runLength(p, end);
}

export function hllRunValue(p: usize): i32 {
  return runValue(load<u8>(p));
}

/** Address behind the run at `p`. */
export function hllNextRun(p: usize): usize {
  return p + runBytes(load<u8>(p));
}
