/**
 * LCS: the longest common subsequence of two strings, by the textbook table.
 *
 *   cell(i, j) = length of the longest common subsequence of a[0, i) and b[0, j), u32, rows of b.length + 1 cells
 *
 * The way back through the table gives the subsequence, its last byte first. With LEN alone two rows are enough, but
 * the limit that Valkey puts on the table's size holds all the same. The way back is walked twice for IDX: the number
 * of ranges stands in front of them.
 */
import { entryType, TYPE_STRING } from "../keyspace/entry";
import { alloc, allocSpared, free } from "../memory/allocator";
import { argc, root } from "../memory/root";
import { Client } from "../resp/client";
import { NOT_INTEGER } from "../resp/errors";
import {
  replyArray, replyBulk, replyBulkText, replyError, replyInteger, replyMap, replySyntax,
} from "../resp/reply";
import { stringSize, stringView } from "../types/string";
import { argI64, argIs } from "./arguments";
import { readKey } from "./look-up";

const LCS_LEN: i32 = 1;
const LCS_IDX: i32 = 2;
const LCS_WITH_LENGTH: i32 = 4;
const LCS_ERROR: i32 = -1;
const NO_MEMORY = "ERR Insufficient memory, failed allocating transient memory for LCS";

/** What the functions below share. A stack in linear memory would cost more than it tidies: 48 bytes of scratch. */
@unmanaged
class Lcs {
  a: usize;
  b: usize;
  aLen: i32;
  bLen: i32;
  table: usize;
  options: i32;
  least: i64; // shortest range that is replied
}

const LCS_SCRATCH: usize = memory.data(48, 16);

// --- The table ---

function cellAddress(l: Lcs, i: i32, j: i32): usize {
  return l.table + ((<usize>i * <usize>(l.bLen + 1) + <usize>j) << 2);
}

/** Fills the table (two rows in turn with `twoRows`) and returns the last cell. */
function fillTable(l: Lcs, twoRows: bool): i32 {
  const width = <usize>(l.bLen + 1) << 2;
  memory.fill(l.table, 0, width);
  const b = l.b;
  const bLen = <usize>l.bLen;
  let above = l.table;
  for (let i = 1; i <= l.aLen; i++) {
    const row = twoRows ? l.table + ((i & 1) ? width : 0) : above + width;
    const byte = load<u8>(l.a + <usize>(i - 1));
    store<u32>(row, 0);
    let left: u32 = 0;
    let corner: u32 = 0;
    for (let j: usize = 0; j < bLen; j++) {
      const up = load<u32>(above + (j << 2), 4);
      if (load<u8>(b + j) == byte) left = corner + 1;
      else if (up > left) left = up;
      corner = up;
      store<u32>(row + (j << 2), left, 4);
    }
    above = row;
  }
  return load<i32>(above + (bLen << 2));
}

// --- The way back ---

function replyRange(c: Client, l: Lcs, a: i32, b: i32, n: i32): void {
  replyArray(c, l.options & LCS_WITH_LENGTH ? 3 : 2);
  replyArray(c, 2);
  replyInteger(c, a);
  replyInteger(c, a + n - 1);
  replyArray(c, 2);
  replyInteger(c, b);
  replyInteger(c, b + n - 1);
  if (l.options & LCS_WITH_LENGTH) replyInteger(c, n);
}

/**
 * Walks from the last cell to the first: writes the subsequence to [out, out + length) unless `out` is 0, replies the
 * ranges of at least l.least bytes when `ranges`. Returns how many of those there are.
 */
function walkBack(c: Client, l: Lcs, length: i32, out: usize, ranges: bool): i32 {
  let i = l.aLen;
  let j = l.bLen;
  let count = 0;
  let n = 0; // length of the range that is being followed, which starts at (i, j)
  while (i > 0 && j > 0) {
    if (load<u8>(l.a + <usize>(i - 1)) == load<u8>(l.b + <usize>(j - 1))) {
      i--;
      j--;
      n++;
      length--;
      if (out != 0) store<u8>(out + <usize>length, load<u8>(l.a + <usize>i));
      if (i > 0 && j > 0) continue;
    }
    if (n > 0 && <i64>n >= l.least) {
      count++;
      if (ranges) replyRange(c, l, i, j, n);
    }
    n = 0;
    if (i > 0 && j > 0) {
      if (load<u32>(cellAddress(l, i - 1, j)) > load<u32>(cellAddress(l, i, j - 1))) i--;
      else j--;
    }
  }
  return count;
}

// --- Command ---

/** Reads the options; LCS_ERROR after a reply. */
function readLcsOptions(c: Client, l: Lcs): i32 {
  const n = argc();
  let options = 0;
  l.least = 0;
  for (let i = 3; i < n; i++) {
    if (argIs(i, "IDX")) {
      options |= LCS_IDX;
    } else if (argIs(i, "LEN")) {
      options |= LCS_LEN;
    } else if (argIs(i, "WITHMATCHLEN")) {
      options |= LCS_WITH_LENGTH;
    } else if (argIs(i, "MINMATCHLEN") && i + 1 < n) {
      if (!argI64(c, i + 1, NOT_INTEGER)) return LCS_ERROR;
      l.least = root().number;
      i++;
    } else {
      replySyntax(c);
      return LCS_ERROR;
    }
  }
  if ((options & (LCS_LEN | LCS_IDX)) != (LCS_LEN | LCS_IDX)) return options;
  replyError(c, "ERR If you want both the length and indexes, please just use IDX.");
  return LCS_ERROR;
}

/** Replies the subsequence; false when memory for it is exhausted. */
function replySubsequence(c: Client, l: Lcs, length: i32): bool {
  const out = alloc(<usize>length + 1);
  if (out == 0) return false;
  walkBack(c, l, length, out, false);
  replyBulk(c, out, length);
  free(out);
  return true;
}

function replyRanges(c: Client, l: Lcs, length: i32): void {
  replyMap(c, 2);
  replyBulkText(c, "matches");
  replyArray(c, walkBack(c, l, length, 0, false));
  walkBack(c, l, length, 0, true);
  replyBulkText(c, "len");
  replyInteger(c, length);
}

/** LCS key1 key2 [LEN] [IDX] [MINMATCHLEN length] [WITHMATCHLEN] */
export function lcsCommand(c: Client): void {
  const l = changetype<Lcs>(LCS_SCRATCH);
  const first = readKey(c, 1);
  const second = readKey(c, 2);
  if ((first != 0 && entryType(first) != TYPE_STRING) || (second != 0 && entryType(second) != TYPE_STRING)) {
    replyError(c, "ERR The specified keys must contain string values");
    return;
  }
  l.options = readLcsOptions(c, l);
  if (l.options == LCS_ERROR) return;
  l.aLen = first != 0 ? stringSize(first) : 0;
  l.bLen = second != 0 ? stringSize(second) : 0;
  l.a = first != 0 ? stringView(first) : 0;
  l.b = second != 0 ? stringView(second, 1) : 0;
  const width = (<u64>l.bLen + 1) << 2;
  const size = width * (<u64>l.aLen + 1);
  if (size > <u64>root().protoMaxBulkLen) {
    replyError(c, "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
    return;
  }
  const lengthOnly = (l.options & LCS_LEN) != 0;
  const want = lengthOnly ? width << 1 : size;
  l.table = allocSpared(want);
  if (l.table == 0) {
    replyError(c, NO_MEMORY);
    return;
  }
  const length = fillTable(l, lengthOnly);
  if (lengthOnly) replyInteger(c, length);
  else if (l.options & LCS_IDX) replyRanges(c, l, length);
  else if (!replySubsequence(c, l, length)) replyError(c, NO_MEMORY);
  free(l.table);
}
