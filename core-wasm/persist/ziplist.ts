/**
 * Ziplists and zipmaps: compact forms that older servers wrote for lists, hashes and sorted sets. They are read into
 * listpacks and never written.
 *
 *   ziplist   u32 size · u32 offset of the last entry · u16 count (65535: uncounted) · entries · ff
 *     entry   length of the entry before (1 byte, or fe and u32) · code · bytes
 *       code  00llllll string · 01llllll l string · 10...... l l l l string, highest first ·
 *             c0 i16 · d0 i32 · e0 i64 · f0 24 bits · fe i8 · f1 to fd: 0 to 12
 *   zipmap    u8 count (254 and more: uncounted) · pairs · ff
 *     pair    length (1 byte, or fe and u32) · field · length · u8 unused · value · unused bytes
 *
 * The bytes may be anything: whatever they say, nothing outside them is read, and all that they say has to agree.
 */
import { free } from "../memory/allocator";
import { lpAppend, lpAppendInt, lpFits, lpNew } from "../structures/listpack";
import { Damage, Source, sourceBad, sourceFail, SOURCE_GOOD, SOURCE_NO_MEMORY } from "./source";

const ZIPLIST_HEADER: usize = 10;
const TAIL: usize = 4;
const COUNT: usize = 8;
const END: u32 = 255;
/** First byte of a length of four more bytes. */
const LONG: u32 = 254;
const UNCOUNTED: u32 = 65535;
const INT_8: u32 = 0xfe;
const INT_16: u32 = 0xc0;
const INT_24: u32 = 0xf0;
const INT_32: u32 = 0xd0;
const INT_64: u32 = 0xe0;
const SMALL_FIRST: u32 = 0xf1;
const SMALL_LAST: u32 = 0xfd;

// --- Ziplist entries ---

/** Bytes of an entry's code, 0 when there is no such code. */
function codeBytes(code: u32): usize {
  if (code < 0x40) return 1;
  if (code < 0x80) return 2;
  if (code < 0xc0) return 5;
  if (code >= SMALL_FIRST && code <= INT_8) return 1;
  return code == INT_16 || code == INT_24 || code == INT_32 || code == INT_64 ? 1 : 0;
}

/** Bytes behind the code at `p`. */
function bodyBytes(p: usize): u64 {
  const code = <u32>load<u8>(p);
  if (code < 0x40) return <u64>code;
  if (code < 0x80) return <u64>(((code & 63) << 8) | <u32>load<u8>(p, 1));
  if (code < 0xc0) return <u64>bswap<u32>(load<u32>(p, 1));
  if (code <= SMALL_LAST && code >= SMALL_FIRST) return 0;
  return code == INT_8 ? 1 : code == INT_16 ? 2 : code == INT_24 ? 3 : code == INT_32 ? 4 : 8;
}

/** The integer of the code at `p`, which is no string's. */
function entryInteger(p: usize): i64 {
  const code = <u32>load<u8>(p);
  if (code == INT_8) return <i64>load<i8>(p, 1);
  if (code == INT_16) return <i64>load<i16>(p, 1);
  // The three bytes and, below them, the code.
  if (code == INT_24) return <i64>(load<i32>(p) >> 8);
  if (code == INT_32) return <i64>load<i32>(p, 1);
  return code == INT_64 ? load<i64>(p, 1) : <i64>(code & 15) - 1;
}

/** Appends the entry whose code is at `p`; 0 (the listpack is as it was) after an error. */
function appendEntry(s: Source, lp: usize, p: usize, len: i32): usize {
  if (!lpFits(lp, len + 16)) {
    sourceBad(s, Damage.ziplist);
    return 0;
  }
  const code = <u32>load<u8>(p);
  const moved = code < 0xc0 ? lpAppend(lp, p + codeBytes(code), len) : lpAppendInt(lp, entryInteger(p));
  if (moved == 0) sourceFail(s, SOURCE_NO_MEMORY);
  return moved;
}

/** Appends the entries in [first, end) to the listpack; 0 after an error, it is freed then. */
function appendEntries(s: Source, lp: usize, zl: usize, end: usize): usize {
  let count: u32 = 0;
  let before: usize = 0; // bytes of the entry before
  let p = zl + ZIPLIST_HEADER;
  while (p < end) {
    const first = <u32>load<u8>(p);
    const code = p + (first < LONG ? 1 : 5);
    if (first == END || code >= end) break;
    if ((first < LONG ? <usize>first : <usize>load<u32>(p, 1)) != before) break;
    const head = codeBytes(load<u8>(code));
    if (head == 0 || head > end - code) break;
    const body = bodyBytes(code);
    if (body > <u64>(end - code - head)) break;
    const moved = appendEntry(s, lp, code, <i32>body);
    if (moved == 0) break;
    lp = moved;
    before = code + head + <usize>body - p;
    p += before;
    count++;
  }
  const counted = <u32>load<u16>(zl, COUNT);
  const agrees = p == end && (counted == UNCOUNTED || counted == count) &&
    (count == 0 || zl + <usize>load<u32>(zl, TAIL) == p - before);
  if (agrees) return lp;
  free(lp);
  sourceBad(s, Damage.ziplist);
  return 0;
}

/** The entries of a ziplist as a listpack of the caller's; 0 after an error. */
export function ziplistToListpack(s: Source, zl: usize, size: i32): usize {
  const end = zl + <usize>size - 1;
  if (<usize>size < ZIPLIST_HEADER + 1 || load<i32>(zl) != size || load<u8>(end) != END
    || <usize>load<u32>(zl, TAIL) > <usize>size - 1) {
    sourceBad(s, Damage.ziplist);
    return 0;
  }
  const lp = lpNew(size);
  if (lp == 0) {
    sourceFail(s, SOURCE_NO_MEMORY);
    return 0;
  }
  return appendEntries(s, lp, zl, end);
}

// --- Zipmaps ---

/** Where the text of a length at `p` begins; 0 when it is not whole, or longer than it has to be. */
function zipmapText(p: usize, end: usize): usize {
  if (p >= end) return 0;
  const first = <u32>load<u8>(p);
  if (first == END) return 0;
  if (first < LONG) return p + 1;
  return end - p > 5 && load<u32>(p, 1) >= LONG ? p + 5 : 0;
}

function zipmapLength(p: usize): u64 {
  const first = <u32>load<u8>(p);
  return first < LONG ? <u64>first : <u64>load<u32>(p, 1);
}

/** The pairs of a zipmap as a listpack of the caller's; 0 after an error. */
export function zipmapToListpack(s: Source, zm: usize, size: i32): usize {
  const end = zm + <usize>size - 1;
  if (size < 2 || load<u8>(end) != END) {
    sourceBad(s, Damage.zipmap);
    return 0;
  }
  let lp = lpNew(size);
  if (lp == 0) sourceFail(s, SOURCE_NO_MEMORY);
  let count: u32 = 0;
  let p = zm + 1;
  while (s.error == SOURCE_GOOD && p != end) {
    const field = zipmapText(p, end);
    if (field == 0) break;
    const fieldLength = zipmapLength(p);
    if (fieldLength > <u64>(end - field)) break;
    const at = field + <usize>fieldLength;
    let value = zipmapText(at, end);
    if (value == 0 || value >= end) break;
    const valueLength = zipmapLength(at);
    const unused = <u64>load<u8>(value);
    value++;
    if (valueLength + unused > <u64>(end - value) || !lpFits(lp, <i32>(fieldLength + valueLength) + 32)) break;
    lp = appendPair(s, lp, field, <i32>fieldLength, value, <i32>valueLength);
    p = value + <usize>(valueLength + unused);
    count++;
  }
  const counted = <u32>load<u8>(zm);
  if (s.error == SOURCE_GOOD && p == end && count != 0 && (counted == LONG || counted == count)) return lp;
  free(lp);
  sourceBad(s, Damage.zipmap);
  return 0;
}

/** Appends a field and its value. Without memory for both the source fails, and the listpack may lack the value. */
function appendPair(s: Source, lp: usize, field: usize, fieldLength: i32, value: usize, valueLength: i32): usize {
  const first = lpAppend(lp, field, fieldLength);
  if (first != 0) {
    lp = first;
    const second = lpAppend(lp, value, valueLength);
    if (second != 0) return second;
  }
  sourceFail(s, SOURCE_NO_MEMORY);
  return lp;
}
