/**
 * Commands on HyperLogLogs: strings that count distinct elements. What their bytes mean is types/hyperloglog.ts's
 * business; here they are found, given room in a block of their own, and promoted from sparse to dense.
 *
 * Memory is had before anything changes: a PFADD of many elements that may promote its value allocates the dense form
 * first, a PFMERGE builds its result beside the destination.
 */
import { Database, lookupWrite } from "../keyspace/database";
import {
  entryPointer, entryType, isInteger, setBlock, stringLength, stringPtr, TYPE_STRING,
} from "../keyspace/entry";
import { changed, notify, NOTIFY_STRING, touched } from "../keyspace/events";
import { alloc, allocSpared, canAllocate, free, realloc, usableSize } from "../memory/allocator";
import { argLen, argPtr, argc, random64, root, Root, ROOT_ADDRESS } from "../memory/root";
import { Client, clientDb } from "../resp/client";
import {
  errorBytes, errorInteger, errorSend, errorStart, errorText, replyArray, replyBulk, replyError, replyInteger, replyOk,
  replyOutOfMemory, replySimple, replyWrongType,
} from "../resp/reply";
import { formatI64 } from "../bytes/integer";
import {
  hllCount, hllCounted, hllCountRegisters, HLL_DENSE, HLL_DENSE_SIZE, hllDenseGet, hllDensePut, hllDenseSet,
  HLL_EMPTY_SIZE, hllEncoding, HLL_GROWTH, hllHash, HLL_HEADER, hllIndex, hllInit, HLL_INVALID, hllIsCounted, hllMerge,
  hllNextRun, hllPack, HLL_PROMOTE, hllRank, HLL_REGISTERS, hllRunKind, hllRunLength, hllRunValue, HLL_SAME,
  hllSetCounted, HLL_SPARSE, hllSparseSet, hllToDense, hllTouch, isHll, RUN_VALUES, RUN_ZEROS,
} from "../types/hyperloglog";
import { stringEdit } from "../types/string";
import { argIs, textLength } from "./arguments";
import { readKey } from "./look-up";

const NOT_HLL = "WRONGTYPE Key is not a valid HyperLogLog string value.";
const DAMAGED = "INVALIDOBJ Corrupted HLL object detected";
const NUMBER: usize = ROOT_ADDRESS + offsetof<Root>("number");
/** The longest sparse value whose runs cover the registers: each by a code of two bytes. */
const SPARSE_LONGEST: i32 = HLL_HEADER + 2 * HLL_REGISTERS;
/** A run written out takes at most this much. */
const RUN_TEXT_MAX: u64 = 8;

// --- Shared steps ---

/** True when the entry's value can be a HyperLogLog; replies when it can't. */
function hllOrError(c: Client, e: usize): bool {
  if (entryType(e) != TYPE_STRING) {
    replyWrongType(c);
    return false;
  }
  if (!isInteger(e) && isHll(stringPtr(e), stringLength(e))) return true;
  replyError(c, NOT_HLL);
  return false;
}

/** Bytes that a sparse value may need while `n` registers change. */
function sparseRoom(len: i32, n: i32): i32 {
  const want = <i64>len + <i64>n * HLL_GROWTH;
  const most = min<i64>(root().hllSparseMaxBytes, SPARSE_LONGEST);
  return <i32>max<i64>(len, min<i64>(want, most));
}

/**
 * Gives a key's HyperLogLog a block of its own with `room` bytes; `e` 0 makes an empty one. Returns the entry, which
 * may have moved, or 0 (nothing changed) when memory is exhausted.
 */
function editHll(db: Database, e: usize, key: usize, keyLen: i32, room: i32): usize {
  const len = e == 0 ? HLL_EMPTY_SIZE : stringLength(e);
  const edited = stringEdit(db, e, key, keyLen, room, false, 0);
  if (edited == 0) return 0;
  const block = entryPointer(edited);
  if (e == 0) hllInit(block);
  setBlock(edited, block, len);
  return edited;
}

/** Gives back what the block is much too large by. */
function trim(e: usize): void {
  const block = entryPointer(e);
  const len = <usize>stringLength(e);
  if (usableSize(block) - len <= (len >> 2) + HLL_HEADER) return;
  const moved = realloc(block, len);
  if (moved != 0) setBlock(e, moved, <i32>len);
}

/**
 * Makes `dense`, or a block had now when it is 0, the value: the sparse one in its dense form. HLL_INVALID: its runs
 * are damaged; HLL_PROMOTE: there is no memory for it; else 0.
 */
function promote(e: usize, dense: usize): i32 {
  const old = entryPointer(e);
  if (dense == 0) dense = alloc(<usize>HLL_DENSE_SIZE);
  if (dense == 0) return HLL_PROMOTE;
  if (!hllToDense(old, stringLength(e), dense)) {
    free(dense);
    return HLL_INVALID;
  }
  free(old);
  setBlock(e, dense, HLL_DENSE_SIZE);
  return 0;
}

// --- PFADD ---

/**
 * Adds arguments 2 and on to the value, which has room. Answers how many registers changed, or HLL_INVALID, or
 * HLL_PROMOTE when there was no memory for the dense form. `spare` is a block for that form, or 0.
 */
function addElements(e: usize, spare: usize): i32 {
  let hll = entryPointer(e);
  let len = stringLength(e);
  let updated = 0;
  let failure = 0;
  const most = root().hllSparseMaxBytes;
  const end = argc();
  for (let i = 2; i < end; i++) {
    const hash = hllHash(argPtr(i), argLen(i));
    if (hllEncoding(hll) == HLL_SPARSE) {
      const result = hllSparseSet(hll, len, hllIndex(hash), hllRank(hash), most);
      if (result == HLL_SAME) continue;
      if (result > 0) {
        len = result;
        updated++;
        continue;
      }
      failure = result;
      if (result == HLL_INVALID) break;
      setBlock(e, hll, len);
      failure = promote(e, spare);
      spare = 0;
      if (failure != 0) break;
      hll = entryPointer(e);
      len = HLL_DENSE_SIZE;
    }
    if (hllDenseSet(hll, hllIndex(hash), hllRank(hash))) updated++;
  }
  free(spare);
  setBlock(e, hll, len);
  return failure != 0 ? failure : updated;
}

/** PFADD key [element [element ...]] */
export function pfaddCommand(c: Client): void {
  const db = clientDb(c);
  const key = argPtr(1);
  const keyLen = argLen(1);
  let e = lookupWrite(db, key, keyLen);
  if (e != 0 && !hllOrError(c, e)) return;
  const isNew = e == 0;
  const n = argc() - 2;
  let room = isNew ? HLL_EMPTY_SIZE : stringLength(e);
  let spare: usize = 0;
  if (isNew || hllEncoding(stringPtr(e)) == HLL_SPARSE) {
    // One element changes nothing before it promotes; of several the first may have.
    if (n > 1 && room + n * HLL_GROWTH > root().hllSparseMaxBytes) {
      spare = alloc(<usize>HLL_DENSE_SIZE);
      if (spare == 0) {
        replyOutOfMemory(c);
        return;
      }
    }
    room = sparseRoom(room, n);
  }
  e = editHll(db, e, key, keyLen, room);
  if (e == 0) {
    free(spare);
    replyOutOfMemory(c);
    return;
  }
  let updated = addElements(e, spare);
  if (updated < 0) {
    if (updated == HLL_INVALID) replyError(c, DAMAGED);
    else replyOutOfMemory(c);
    return;
  }
  if (n > 1) trim(e);
  if (isNew) updated++;
  if (updated != 0) {
    hllTouch(entryPointer(e));
    changed(updated);
    notify(NOTIFY_STRING, "pfadd", key, keyLen, db.id);
  }
  replyInteger(c, updated != 0 ? 1 : 0);
}

// --- PFCOUNT ---

/** PFCOUNT key */
function countOne(c: Client): void {
  let e = readKey(c, 1);
  if (e == 0) {
    replyInteger(c, 0);
    return;
  }
  if (!hllOrError(c, e)) return;
  const len = stringLength(e);
  // As in Valkey the value gets a block of its own, cached or not. Without memory for it the count is not kept.
  const edited = editHll(clientDb(c), e, argPtr(1), argLen(1), len);
  if (edited != 0) e = edited;
  const hll = stringPtr(e);
  if (hllIsCounted(hll)) {
    replyInteger(c, <i64>hllCounted(hll));
    return;
  }
  if (!hllCount(hll, len, NUMBER)) {
    replyError(c, DAMAGED);
    return;
  }
  if (edited != 0) hllSetCounted(hll, <u64>root().number);
  // The value changes, although no event tells of it.
  touched(argPtr(1), argLen(1), c.db);
  changed(1);
  replyInteger(c, root().number);
}

/** A block of registers, all 0; 0 when memory is exhausted. */
function newRegisters(): usize {
  const registers = alloc(<usize>HLL_REGISTERS);
  if (registers != 0) memory.fill(registers, 0, <usize>HLL_REGISTERS);
  return registers;
}

/** Raises the registers to those of all argument keys: 1 when one of them is dense, else 0; -1 after an error. */
function mergeArguments(c: Client, registers: usize): i32 {
  const simd = root().hllPlain == 0;
  let dense = 0;
  for (let i = 1; i < argc(); i++) {
    const e = readKey(c, i);
    if (e == 0) continue;
    if (!hllOrError(c, e)) return -1;
    const hll = stringPtr(e);
    if (hllEncoding(hll) == HLL_DENSE) dense = 1;
    if (hllMerge(registers, hll, stringLength(e), simd)) continue;
    replyError(c, DAMAGED);
    return -1;
  }
  return dense;
}

/** PFCOUNT key [key ...] */
export function pfcountCommand(c: Client): void {
  if (argc() == 2) {
    countOne(c);
    return;
  }
  const registers = newRegisters();
  if (registers == 0) {
    replyOutOfMemory(c);
    return;
  }
  if (mergeArguments(c, registers) >= 0) replyInteger(c, <i64>hllCountRegisters(registers));
  free(registers);
}

// --- PFMERGE ---

/**
 * Writes the union to `out`: a value of the destination's header (`hll` 0: a new one's) and these registers, dense or
 * sparse, which then goes on from the destination's runs. Answers its length.
 */
function buildUnion(out: usize, hll: usize, len: i32, registers: usize, dense: bool): i32 {
  const most = root().hllSparseMaxBytes;
  if (hll == 0) hllInit(out);
  else memory.copy(out, hll, dense ? <usize>HLL_HEADER : <usize>len);
  for (let i = 0; i < HLL_REGISTERS && !dense; i++) {
    const rank = <i32>load<u8>(registers + <usize>i);
    if (rank == 0) continue;
    const result = hllSparseSet(out, len, i, rank, most);
    if (result > 0) len = result;
    else if (result != HLL_SAME) dense = true;
  }
  hllTouch(out);
  if (!dense) return len;
  store<u8>(out, <u8>HLL_DENSE, 4);
  hllPack(out, registers);
  return HLL_DENSE_SIZE;
}

/** Merges into the key of argument 1, with two blocks to work in; false when memory is exhausted. */
function mergeInto(c: Client, db: Database, registers: usize, dense: bool): bool {
  const key = argPtr(1);
  const keyLen = argLen(1);
  const e = lookupWrite(db, key, keyLen);
  const old: usize = e == 0 ? 0 : stringPtr(e);
  const oldLen = e == 0 ? HLL_EMPTY_SIZE : stringLength(e);
  const work = allocSpared(<u64>max<i32>(HLL_DENSE_SIZE, sparseRoom(oldLen, HLL_REGISTERS)));
  if (work == 0) return false;
  const len = buildUnion(work, old, oldLen, registers, dense);
  const edited = stringEdit(db, e, key, keyLen, len, false, 0);
  if (edited != 0) {
    const block = entryPointer(edited);
    memory.copy(block, work, <usize>len);
    setBlock(edited, block, len);
    trim(edited);
    changed(1);
    notify(NOTIFY_STRING, "pfadd", key, keyLen, db.id);
    replyOk(c);
  }
  free(work);
  return edited != 0;
}

/** PFMERGE destkey [sourcekey [sourcekey ...]] */
export function pfmergeCommand(c: Client): void {
  const registers = newRegisters();
  if (registers == 0) {
    replyOutOfMemory(c);
    return;
  }
  const dense = mergeArguments(c, registers);
  if (dense >= 0 && !mergeInto(c, clientDb(c), registers, dense != 0)) replyOutOfMemory(c);
  free(registers);
}

// --- PFDEBUG ---

function replySimd(c: Client): void {
  const r = root();
  if (argIs(2, "ON")) r.hllPlain = 0;
  else if (argIs(2, "OFF")) r.hllPlain = 1;
  else replyError(c, "ERR Argument must be ON or OFF");
  if (argIs(2, "ON") || argIs(2, "OFF")) replySimple(c, r.hllPlain == 0 ? "enabled" : "disabled");
}

/** Makes the value dense when it isn't: 1 when it was converted, 0 when it was dense, -1 after an error. */
function makeDense(c: Client, e: usize): i32 {
  if (hllEncoding(entryPointer(e)) == HLL_DENSE) return 0;
  const result = promote(e, 0);
  if (result == 0) {
    changed(1);
    return 1;
  }
  if (result == HLL_INVALID) replyError(c, DAMAGED);
  else replyOutOfMemory(c);
  return -1;
}

function replyRegisters(c: Client, e: usize): void {
  if (makeDense(c, e) < 0) return;
  replyArray(c, HLL_REGISTERS);
  for (let i = 0; i < HLL_REGISTERS; i++) replyInteger(c, hllDenseGet(entryPointer(e), i));
}

/** Writes one run as text and a space; answers the address behind. */
function writeRun(out: usize, p: usize, end: usize): usize {
  const kind = hllRunKind(p);
  store<u8>(out, kind == RUN_VALUES ? 0x76 : kind == RUN_ZEROS ? 0x7a : 0x5a);
  store<u8>(out, 0x3a, 1);
  out += 2;
  if (kind == RUN_VALUES) {
    out += <usize>formatI64(out, hllRunValue(p));
    store<u8>(out++, 0x2c);
  }
  out += <usize>formatI64(out, hllRunLength(p, end));
  store<u8>(out, 0x20);
  return out + 1;
}

function replyRuns(c: Client, e: usize): void {
  const hll = entryPointer(e);
  if (hllEncoding(hll) != HLL_SPARSE) {
    replyError(c, "ERR HLL encoding is not sparse");
    return;
  }
  const len = stringLength(e);
  // The reply holds another copy of the text, and a length of 2 GiB has no sign to spare.
  const room = <u64>len * RUN_TEXT_MAX;
  const text = canAllocate(room << 1) ? alloc(<usize>room) : 0;
  if (text == 0) {
    replyOutOfMemory(c);
    return;
  }
  let out = text;
  const end = hll + <usize>len;
  for (let p = hll + HLL_HEADER; p < end; p = hllNextRun(p)) out = writeRun(out, p, end);
  replyBulk(c, text, out == text ? 0 : <i32>(out - text) - 1);
  free(text);
}

/** PFDEBUG GETREG | DECODE | ENCODING | TODENSE key; PFDEBUG SIMD ON | OFF */
export function pfdebugCommand(c: Client): void {
  if (argIs(1, "SIMD")) {
    replySimd(c);
    return;
  }
  const db = clientDb(c);
  let e = lookupWrite(db, argPtr(2), argLen(2));
  if (e == 0) {
    replyError(c, "ERR The specified key does not exist");
    return;
  }
  if (!hllOrError(c, e)) return;
  e = editHll(db, e, argPtr(2), argLen(2), stringLength(e));
  if (e == 0) {
    replyOutOfMemory(c);
  } else if (argIs(1, "GETREG")) {
    replyRegisters(c, e);
  } else if (argIs(1, "DECODE")) {
    replyRuns(c, e);
  } else if (argIs(1, "ENCODING")) {
    replySimple(c, hllEncoding(entryPointer(e)) == HLL_SPARSE ? "sparse" : "dense");
  } else if (argIs(1, "TODENSE")) {
    const converted = makeDense(c, e);
    if (converted >= 0) replyInteger(c, converted);
  } else {
    errorStart("ERR Unknown PFDEBUG subcommand '");
    errorBytes(argPtr(1), textLength(1), i32.MAX_VALUE);
    errorText("'");
    errorSend(c);
  }
}

// --- PFSELFTEST ---

const TEST_CYCLES: i32 = 1000;
const TEST_ELEMENTS: i64 = 10000000;
/** Standard error of an estimate with 16,384 registers. */
const RELATIVE_ERROR: f64 = 0.008125;

/** Writes random registers and reads them back; false after an error reply. */
function testRegisters(c: Client, dense: usize, bytes: usize): bool {
  for (let cycle = 0; cycle < TEST_CYCLES; cycle++) {
    let random: u64 = 0;
    for (let i = 0; i < HLL_REGISTERS; i++) {
      if ((i & 7) == 0) random = random64();
      const value = <i32>(random & 63);
      random >>= 8;
      store<u8>(bytes + <usize>i, <u8>value);
      hllDensePut(dense, i, value);
    }
    for (let i = 0; i < HLL_REGISTERS; i++) {
      const value = hllDenseGet(dense, i);
      const expected = <i32>load<u8>(bytes + <usize>i);
      if (value == expected) continue;
      errorStart("ERR TESTFAILED Register ");
      errorInteger(i);
      errorText(" should be ");
      errorInteger(expected);
      errorText(" but is ");
      errorInteger(value);
      errorSend(c);
      return false;
    }
  }
  return true;
}

/** Compares both forms and the estimate after `n` elements; false after an error reply. */
function testEstimate(c: Client, n: i64, dense: usize, other: usize, otherLen: i32): bool {
  if (n < <i64>(root().hllSparseMaxBytes / 2) && hllEncoding(other) != HLL_SPARSE) {
    replyError(c, "ERR TESTFAILED sparse encoding not used");
    return false;
  }
  hllCount(dense, HLL_DENSE_SIZE, NUMBER);
  const count = root().number;
  if (!hllCount(other, otherLen, NUMBER) || root().number != count) {
    replyError(c, "ERR TESTFAILED dense/sparse disagree");
    return false;
  }
  const error = count > n ? count - n : n - count;
  const most = n == 10 ? 1 : <i64>ceil<f64>(RELATIVE_ERROR * 6 * <f64>n);
  if (error <= most) return true;
  errorStart("ERR TESTFAILED Too big error. card:");
  errorInteger(n);
  errorText(" abserr:");
  errorInteger(error);
  errorSend(c);
  return false;
}

/** Adds unique elements to a dense value and to one that begins sparse; false after an error reply. */
function testCounting(c: Client, dense: usize, other: usize, spare: usize): bool {
  memory.fill(dense, 0, <usize>HLL_DENSE_SIZE);
  hllInit(other);
  const seed = random64();
  const most = min<i32>(root().hllSparseMaxBytes, HLL_DENSE_SIZE);
  let len = HLL_EMPTY_SIZE;
  let checkpoint: i64 = 1;
  for (let n: i64 = 1; n <= TEST_ELEMENTS; n++) {
    store<u64>(NUMBER, <u64>n ^ seed);
    const hash = hllHash(NUMBER, 8);
    hllDenseSet(dense, hllIndex(hash), hllRank(hash));
    if (hllEncoding(other) == HLL_SPARSE) {
      const result = hllSparseSet(other, len, hllIndex(hash), hllRank(hash), most);
      if (result > 0) len = result;
      if (result == HLL_PROMOTE) {
        hllToDense(other, len, spare);
        memory.copy(other, spare, <usize>HLL_DENSE_SIZE);
        len = HLL_DENSE_SIZE;
      }
    }
    if (hllEncoding(other) == HLL_DENSE) hllDenseSet(other, hllIndex(hash), hllRank(hash));
    if (n != checkpoint) continue;
    if (!testEstimate(c, n, dense, other, len)) return false;
    checkpoint *= 10;
  }
  return true;
}

/** PFSELFTEST */
export function pfselftestCommand(c: Client): void {
  const dense = alloc(<usize>HLL_DENSE_SIZE);
  const other = alloc(<usize>(HLL_DENSE_SIZE + HLL_GROWTH));
  const bytes = alloc(<usize>HLL_REGISTERS);
  if (dense == 0 || other == 0 || bytes == 0) replyOutOfMemory(c);
  else if (testRegisters(c, dense, bytes) && testCounting(c, dense, other, bytes)) replyOk(c);
  free(dense);
  free(other);
  free(bytes);
}
