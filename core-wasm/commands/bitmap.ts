/**
 * Commands that see strings as rows of bits: parse, look up, change, reply. The bit work itself is bytes/bits.ts's,
 * BITOP bitmap-combine.ts's.
 *
 * A string that is written to gets a block of its own and encoding raw (stringEdit), as in Valkey. BITFIELD reads its
 * arguments twice: once to find every error and how far it writes, and once more to run, so it keeps no list.
 */
import {
  countBits, countBitsBetween, findBit, findBitBetween, getSignedBits, getUnsignedBits, OVERFLOW_FAIL, OVERFLOW_SAT,
  OVERFLOW_WRAP, setBits, signedOverflow, unsignedOverflow,
} from "../bytes/bits";
import { parseI64 } from "../bytes/integer";
import { deleteKey, lookupWrite } from "../keyspace/database";
import { entryType, stringPtr, TYPE_STRING } from "../keyspace/entry";
import { changed, notify, NOTIFY_STRING } from "../keyspace/events";
import { argc, argLen, argPtr, root, Root, ROOT_ADDRESS } from "../memory/root";
import { Client, clientDb } from "../resp/client";
import { NOT_INTEGER } from "../resp/errors";
import {
  replyArray, replyError, replyInteger, replyNull, replyOutOfMemory, replySyntax, replyWrongType,
} from "../resp/reply";
import { stringEdit, stringSize, stringView } from "../types/string";
import { argI64, argIs } from "./arguments";
import { isOfType, readKey } from "./look-up";

const NUMBER: usize = ROOT_ADDRESS + offsetof<Root>("number");
const BAD_OFFSET = "ERR bit offset is not an integer or out of range";
const BAD_BIT = "ERR bit is not an integer or out of range";
const BAD_TYPE = "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.";

// --- Shared steps ---

/**
 * Reads argument i as a bit offset into root.number. `width` > 0 allows "#n", the n-th integer of that width.
 */
function argOffset(c: Client, i: i32, width: i32): bool {
  const r = root();
  let ptr = argPtr(i);
  let len = argLen(i);
  const counted = width > 0 && len > 0 && load<u8>(ptr) == 0x23;
  if (counted) {
    ptr++;
    len--;
  }
  if (parseI64(ptr, len, NUMBER)) {
    if (counted) r.number *= width;
    if (r.number >= 0 && r.number >> 3 < r.protoMaxBulkLen) return true;
  }
  replyError(c, BAD_OFFSET);
  return false;
}

/** The string at argument 1 with room up to `bit`, new bytes zero, ready to be written to; 0 after an error reply. */
function editUpTo(c: Client, e: usize, bit: i64): usize {
  if (!isOfType(c, e, TYPE_STRING)) return 0;
  const size = (bit >> 3) + 1;
  const db = clientDb(c);
  const edited = size < i32.MAX_VALUE ? stringEdit(db, e, argPtr(1), argLen(1), <i32>size, true) : 0;
  if (edited == 0) {
    // What was made for an absent key before memory ran out is an empty string: no key at all, to the client.
    if (e == 0) deleteKey(db, argPtr(1), argLen(1));
    replyOutOfMemory(c);
  }
  return edited;
}

/** How long a string is before it is edited; -1 for an absent key, so that making it counts as growing. */
function sizeBefore(e: usize): i32 {
  return e != 0 && entryType(e) == TYPE_STRING ? stringSize(e) : -1;
}

/** Tells that `count` changes were made to the bits of argument 1. */
function bitsChanged(c: Client, count: i32): void {
  changed(count);
  notify(NOTIFY_STRING, "setbit", argPtr(1), argLen(1), clientDb(c).id);
}

// --- SETBIT and GETBIT ---

/** SETBIT key offset value */
export function setbitCommand(c: Client): void {
  if (!argOffset(c, 2, 0)) return;
  const offset = root().number;
  if (!argI64(c, 3, BAD_BIT)) return;
  const on = root().number;
  if (on != 0 && on != 1) {
    replyError(c, BAD_BIT);
    return;
  }
  const old = lookupWrite(clientDb(c), argPtr(1), argLen(1));
  const before = sizeBefore(old);
  const e = editUpTo(c, old, offset);
  if (e == 0) return;
  const at = stringPtr(e) + <usize>(offset >> 3);
  const shift = 7 - <i32>(offset & 7);
  const byte = <i32>load<u8>(at);
  const was = (byte >> shift) & 1;
  if (was != <i32>on || before != stringSize(e)) {
    store<u8>(at, (byte & ~(1 << shift)) | (<i32>on << shift));
    bitsChanged(c, 1);
  }
  replyInteger(c, was);
}

/** GETBIT key offset */
export function getbitCommand(c: Client): void {
  if (!argOffset(c, 2, 0)) return;
  const offset = root().number;
  const e = readKey(c, 1);
  if (e == 0) {
    replyInteger(c, 0);
  } else if (entryType(e) != TYPE_STRING) {
    replyWrongType(c);
  } else {
    replyInteger(c, <i64>getUnsignedBits(stringView(e), stringSize(e), <u64>offset, 1));
  }
}

// --- BITCOUNT and BITPOS ---

const UNIT_BYTE: i32 = 0;
const UNIT_BIT: i32 = 1;
const UNIT_ERROR: i32 = -1;

/** The unit of a range as argument i names it; UNIT_ERROR after a reply. */
function argUnit(c: Client, i: i32): i32 {
  if (argIs(i, "BIT")) return UNIT_BIT;
  if (argIs(i, "BYTE")) return UNIT_BYTE;
  replySyntax(c);
  return UNIT_ERROR;
}

/** An index that may count from the end (negative) as one from the start, not below 0. */
function fromStart(index: i64, total: i64): i64 {
  return max<i64>(0, index < 0 ? total + index : index);
}

/** What BITCOUNT and BITPOS look at. */
@unmanaged
class BitRange {
  first: i64;
  last: i64;
  unit: i32;
}

const RANGE: usize = memory.data(24, 8);

function range(): BitRange {
  return changetype<BitRange>(RANGE);
}

/** Reads "[start [end [BYTE | BIT]]]" at argument i into range(), all of the string when there is none. */
function readRange(c: Client, i: i32): bool {
  const r = range();
  const given = argc() - i;
  r.first = 0;
  r.last = -1;
  r.unit = UNIT_BYTE;
  if (given > 3) {
    replySyntax(c);
    return false;
  }
  if (given <= 0) return true;
  if (!argI64(c, i)) return false;
  r.first = root().number;
  if (given == 3) r.unit = argUnit(c, i + 2);
  if (r.unit == UNIT_ERROR) return false;
  if (given == 1) return true;
  if (!argI64(c, i + 1)) return false;
  r.last = root().number;
  return true;
}

/** Makes the range one of a string of `size` bytes, counted from its start; false when it is empty. */
function fitRange(size: i32): bool {
  const r = range();
  const total = r.unit == UNIT_BIT ? <i64>size << 3 : <i64>size;
  r.first = fromStart(r.first, total);
  r.last = min<i64>(fromStart(r.last, total), total - 1);
  return r.first <= r.last;
}

/** BITCOUNT key [start [end [BYTE | BIT]]] */
export function bitcountCommand(c: Client): void {
  if (!readRange(c, 2)) return;
  const e = readKey(c, 1);
  if (!isOfType(c, e, TYPE_STRING)) return;
  const r = range();
  const isBackwards = r.first < 0 && r.last < 0 && r.first > r.last;
  if (!fitRange(e == 0 ? 0 : stringSize(e)) || isBackwards) {
    replyInteger(c, 0);
    return;
  }
  const ptr = stringView(e);
  if (r.unit == UNIT_BIT) replyInteger(c, countBitsBetween(ptr, r.first, r.last));
  else replyInteger(c, countBits(ptr + <usize>r.first, <i32>(r.last - r.first) + 1));
}

/** BITPOS key bit [start [end [BYTE | BIT]]] */
export function bitposCommand(c: Client): void {
  if (!argI64(c, 2)) return;
  const bit = <i32>root().number;
  if (root().number != 0 && root().number != 1) {
    replyError(c, "ERR The bit argument must be 1 or 0.");
    return;
  }
  if (!readRange(c, 3)) return;
  const e = readKey(c, 1);
  if (!isOfType(c, e, TYPE_STRING)) return;
  if (e == 0) {
    replyInteger(c, bit == 1 ? -1 : 0);
    return;
  }
  const r = range();
  if (!fitRange(stringSize(e))) {
    replyInteger(c, -1);
    return;
  }
  const ptr = stringView(e);
  if (r.unit == UNIT_BIT) {
    replyInteger(c, findBitBetween(ptr, r.first, r.last, bit));
    return;
  }
  const bytes = <i32>(r.last - r.first) + 1;
  const at = findBit(ptr + <usize>r.first, bytes, bit);
  // A string is followed by zeros without end, unless the command said where it ends.
  const missing = at < 0 || (argc() > 4 && at == <i64>bytes << 3);
  replyInteger(c, missing ? -1 : (r.first << 3) + at);
}

// --- BITFIELD ---

const FIELD_GET: i32 = 1;
const FIELD_SET: i32 = 2;
const FIELD_INCRBY: i32 = 3;
const FIELD_OVERFLOW: i32 = 4;
const SIGNED: i32 = 128;

/** The operation that argument i begins, its arguments being there; 0 for none. */
function fieldOperation(i: i32): i32 {
  const left = argc() - i - 1;
  if (left >= 2 && argIs(i, "GET")) return FIELD_GET;
  if (left >= 3 && argIs(i, "SET")) return FIELD_SET;
  if (left >= 3 && argIs(i, "INCRBY")) return FIELD_INCRBY;
  return left >= 1 && argIs(i, "OVERFLOW") ? FIELD_OVERFLOW : 0;
}

/** The OVERFLOW_* that argument i names, -1 for none. */
function overflowMode(i: i32): i32 {
  if (argIs(i, "WRAP")) return OVERFLOW_WRAP;
  if (argIs(i, "SAT")) return OVERFLOW_SAT;
  return argIs(i, "FAIL") ? OVERFLOW_FAIL : -1;
}

/** The type that argument i names as width, plus SIGNED; 0 when it is none. */
function fieldType(i: i32): i32 {
  const letter = argLen(i) > 0 ? <u32>load<u8>(argPtr(i)) : 0;
  if (letter != 0x69 && letter != 0x75) return 0;
  if (!parseI64(argPtr(i) + 1, argLen(i) - 1, NUMBER)) return 0;
  const width = root().number;
  if (letter == 0x69) return width >= 1 && width <= 64 ? <i32>width | SIGNED : 0;
  return width >= 1 && width <= 63 ? <i32>width : 0;
}

/** How many arguments an operation takes besides its name. */
function fieldArguments(operation: i32): i32 {
  return operation == FIELD_OVERFLOW ? 1 : operation == FIELD_GET ? 2 : 3;
}

const READ_ONLY: i64 = -1;
const FIELD_ERROR: i64 = -2;

/**
 * Checks all operations; answers the highest bit that they write, READ_ONLY when they write none, or FIELD_ERROR after
 * a reply.
 */
function checkFields(c: Client): i64 {
  let highest = READ_ONLY;
  for (let i = 2; i < argc(); i++) {
    const operation = fieldOperation(i);
    if (operation == 0) {
      replySyntax(c);
      return FIELD_ERROR;
    }
    if (operation == FIELD_OVERFLOW) {
      if (overflowMode(++i) >= 0) continue;
      replyError(c, "ERR Invalid OVERFLOW type specified");
      return FIELD_ERROR;
    }
    const type = fieldType(i + 1);
    if (type == 0) {
      replyError(c, BAD_TYPE);
      return FIELD_ERROR;
    }
    const width = type & ~SIGNED;
    if (!argOffset(c, i + 2, width)) return FIELD_ERROR;
    if (operation != FIELD_GET) {
      highest = max<i64>(highest, root().number + <i64>width - 1);
      if (!argI64(c, i + 3, NOT_INTEGER)) return FIELD_ERROR;
    }
    i += fieldArguments(operation);
  }
  return highest;
}

/** How many of the operations reply something. */
function countFields(): i32 {
  let count = 0;
  for (let i = 2; i < argc(); i++) {
    const operation = fieldOperation(i);
    if (operation != FIELD_OVERFLOW) count++;
    i += fieldArguments(operation);
  }
  return count;
}

/** The integer of a type at an offset in bits of a string. */
function readField(ptr: usize, len: i32, offset: u64, type: i32): i64 {
  const width = type & ~SIGNED;
  return type & SIGNED ? getSignedBits(ptr, len, offset, width) : <i64>getUnsignedBits(ptr, len, offset, width);
}

/**
 * Runs the SET or, `adds`, INCRBY at argument i on the string at `ptr`; replies the old or new value, or null when it
 * overflows under FAIL. Answers 1 when the stored integer is another one than before, 0 when it is the same, and -1
 * when nothing was stored.
 */
function writeField(c: Client, ptr: usize, len: i32, i: i32, adds: bool, mode: i32): i32 {
  const type = fieldType(i + 1);
  const width = type & ~SIGNED;
  const isSigned = (type & SIGNED) != 0;
  argOffset(c, i + 2, width);
  const offset = <u64>root().number;
  argI64(c, i + 3, NOT_INTEGER);
  const operand = root().number;
  const old = readField(ptr, len, offset, type);
  const from = adds ? old : operand;
  const by: i64 = adds ? operand : 0;
  let value = from + by;
  const overflow = isSigned ? signedOverflow(from, by, width, mode, NUMBER)
    : unsignedOverflow(<u64>from, by, width, mode, NUMBER);
  if (overflow != 0) {
    if (mode == OVERFLOW_FAIL) {
      replyNull(c);
      return -1;
    }
    value = root().number;
  }
  replyInteger(c, adds ? value : old);
  setBits(ptr, offset, width, <u64>value);
  return value != old ? 1 : 0;
}

/** Runs the checked operations on a string (0: absent, then nothing writes); answers how many changed something. */
function runFields(c: Client, e: usize, grown: bool): i32 {
  const ptr: usize = e == 0 ? 0 : stringView(e);
  const len = e == 0 ? 0 : stringSize(e);
  let mode = OVERFLOW_WRAP;
  let changes = 0;
  for (let i = 2; i < argc(); i++) {
    const operation = fieldOperation(i);
    if (operation == FIELD_OVERFLOW) {
      mode = overflowMode(++i);
      continue;
    }
    if (operation == FIELD_GET) {
      const type = fieldType(i + 1);
      argOffset(c, i + 2, type & ~SIGNED);
      replyInteger(c, readField(ptr, len, <u64>root().number, type));
    } else {
      const stored = writeField(c, ptr, len, i, operation == FIELD_INCRBY, mode);
      if (stored > 0 || (stored == 0 && grown)) changes++;
    }
    i += fieldArguments(operation);
  }
  return changes;
}

/** What BITFIELD and BITFIELD_RO share. */
function bitfieldGeneric(c: Client, readOnly: bool): void {
  const highest = checkFields(c);
  if (highest == FIELD_ERROR) return;
  let e: usize = 0;
  let grown = false;
  if (highest == READ_ONLY) {
    e = readKey(c, 1);
    if (!isOfType(c, e, TYPE_STRING)) return;
  } else {
    if (readOnly) {
      replyError(c, "ERR BITFIELD_RO only supports the GET subcommand");
      return;
    }
    const old = lookupWrite(clientDb(c), argPtr(1), argLen(1));
    const before = sizeBefore(old);
    e = editUpTo(c, old, highest);
    if (e == 0) return;
    grown = before != stringSize(e);
  }
  replyArray(c, countFields());
  const changes = runFields(c, e, grown);
  if (changes > 0) bitsChanged(c, changes);
}

/** BITFIELD key [GET type offset | SET type offset value | INCRBY type offset increment | OVERFLOW mode] ... */
export function bitfieldCommand(c: Client): void {
  bitfieldGeneric(c, false);
}

/** BITFIELD_RO key [GET type offset] ... */
export function bitfieldRoCommand(c: Client): void {
  bitfieldGeneric(c, true);
}
