/**
 * Reply writers: RESP2 and RESP3 straight into the client's output, one function a kind of reply.
 *
 * `reserve(c, n)` gives an address with n bytes of room, `commitOutput` counts what was written. When memory is
 * exhausted the client is closed: a reply with a hole in it would be worse than none. Aggregates write their header;
 * the elements follow by the caller. Error texts are given without the leading '-'.
 */
import { equalBytes, writeText } from "../bytes/compare";
import { copyBytes } from "../bytes/copy";
import { formatDouble } from "../bytes/double";
import { formatI64, formatU64 } from "../bytes/integer";
import { alloc, realloc, usableSize } from "../memory/allocator";
import { Root, root } from "../memory/root";
import {
  addChunk, addPending, addReference, Client, CLOSE_NO_MEMORY, chunkEnd, chunkRoom, closeFor, commitOutput,
} from "./client";
import { OUT_OF_MEMORY, SYNTAX, WRONG_TYPE } from "./errors";

const CRLF: u16 = 0x0a0d;
/** Replies up to this size are written into one chunk; longer ones fill what is left of the last. */
const SMALL_REPLY: i32 = 4096;
const SMALL_CHUNK: usize = 512;
const TEXT_CAPACITY: usize = 4096;

// --- Room ---

/** Where `n` bytes can be written; commit them afterwards. 0: memory is exhausted and the client is closing. */
export function reserve(c: Client, n: usize): usize {
  if (c.outTail != 0 && chunkRoom(c.outTail) >= n) return chunkEnd(c.outTail);
  if (!addChunk(c, n)) {
    closeFor(c, CLOSE_NO_MEMORY);
    return 0;
  }
  if (changetype<usize>(c) != root().current) addPending(c);
  return chunkEnd(c.outTail);
}

/** Room for a client's first unsent bytes, no more of it than they need; false as reserve()'s 0. */
export function reserveSmall(c: Client, n: usize): bool {
  if (addChunk(c, n, SMALL_CHUNK)) return true;
  closeFor(c, CLOSE_NO_MEMORY);
  return false;
}

/** Appends bytes, over several chunks when they are many. */
export function replyRaw(c: Client, ptr: usize, len: i32): void {
  let left = <usize>len;
  if (c.outTail != 0) {
    const room = chunkRoom(c.outTail);
    const n = room < left ? room : left;
    memory.copy(chunkEnd(c.outTail), ptr, n);
    commitOutput(c, n);
    ptr += n;
    left -= n;
    if (left == 0) {
      if (changetype<usize>(c) != root().current) addPending(c);
      return;
    }
  }
  const p = reserve(c, left);
  if (p == 0) return;
  memory.copy(p, ptr, left);
  commitOutput(c, left);
}

function header(c: Client, kind: u8, n: i64): void {
  const p = reserve(c, 24);
  if (p == 0) return;
  store<u8>(p, kind);
  const digits = <usize>formatI64(p + 1, n);
  store<u16>(p + 1 + digits, CRLF);
  commitOutput(c, digits + 3);
}

// --- Simple replies ---

export function replyOk(c: Client): void {
  const p = reserve(c, 5);
  if (p == 0) return;
  store<u32>(p, 0x0d4b4f2b); // "+OK\r"
  store<u8>(p, 0x0a, 4);
  commitOutput(c, 5);
}

/** +text */
export function replySimple(c: Client, text: string): void {
  const p = reserve(c, <usize>text.length + 3);
  if (p == 0) return;
  store<u8>(p, 0x2b);
  const n = <usize>writeText(p + 1, text);
  store<u16>(p + 1 + n, CRLF);
  commitOutput(c, n + 3);
}

export function replyInteger(c: Client, value: i64): void {
  header(c, 0x3a, value);
}

/** The null of a missing value: $-1 in RESP2, _ in RESP3. */
export function replyNull(c: Client): void {
  const p = reserve(c, 5);
  if (p == 0) return;
  if (c.resp == 2) {
    store<u32>(p, 0x0d312d24); // "$-1\r"
    store<u8>(p, 0x0a, 4);
    commitOutput(c, 5);
  } else {
    store<u16>(p, 0x0d5f); // "_\r"
    store<u8>(p, 0x0a, 2);
    commitOutput(c, 3);
  }
}

/** The null of a missing array: *-1 in RESP2, _ in RESP3. */
export function replyNullArray(c: Client): void {
  if (c.resp == 2) header(c, 0x2a, -1);
  else replyNull(c);
}

// --- Strings ---

/**
 * A bulk string that is sent from the block itself when it is large: the block is pinned until it is out. The block
 * belongs to a value and begins with the string.
 */
export function replyBlock(c: Client, block: usize, len: i32): void {
  if (len < root().referenceMin) {
    replyBulk(c, block, len);
    return;
  }
  header(c, 0x24, <i64>len);
  if (!addReference(c, block, len)) return;
  const p = reserve(c, 2);
  if (p == 0) return;
  store<u16>(p, CRLF);
  commitOutput(c, 2);
}

export function replyBulk(c: Client, ptr: usize, len: i32): void {
  if (len > SMALL_REPLY) {
    header(c, 0x24, <i64>len);
    replyRaw(c, ptr, len);
    const p = reserve(c, 2);
    if (p == 0) return;
    store<u16>(p, CRLF);
    commitOutput(c, 2);
    return;
  }
  const p = reserve(c, <usize>len + 32);
  if (p == 0) return;
  store<u8>(p, 0x24);
  const data = p + 1 + <usize>formatU64(p + 1, <u64>len);
  store<u16>(data, CRLF);
  copyBytes(data + 2, ptr, <usize>len);
  store<u16>(data + 2 + <usize>len, CRLF);
  commitOutput(c, data + 4 + <usize>len - p);
}

export function replyBulkText(c: Client, text: string): void {
  const p = reserve(c, <usize>text.length + 32);
  if (p == 0) return;
  store<u8>(p, 0x24);
  let q = p + 1 + <usize>formatU64(p + 1, <u64>text.length);
  store<u16>(q, CRLF);
  q += 2 + <usize>writeText(q + 2, text);
  store<u16>(q, CRLF);
  commitOutput(c, q + 2 - p);
}

export function replyBulkInteger(c: Client, value: i64): void {
  const p = reserve(c, 48);
  if (p == 0) return;
  // The digits are written behind the longest possible header, then the header in front is completed.
  const n = formatI64(p + 5, value);
  store<u8>(p, 0x24);
  if (n < 10) {
    store<u8>(p + 1, <u8>(48 + n));
    store<u16>(p + 2, CRLF);
    memory.copy(p + 4, p + 5, <usize>n);
    store<u16>(p + 4 + <usize>n, CRLF);
    commitOutput(c, <usize>n + 6);
    return;
  }
  store<u8>(p + 1, <u8>(48 + n / 10));
  store<u8>(p + 2, <u8>(48 + n % 10));
  store<u16>(p + 3, CRLF);
  store<u16>(p + 5 + <usize>n, CRLF);
  commitOutput(c, <usize>n + 7);
}

// --- Numbers ---

/** A double: a bulk string in RESP2, ,value in RESP3. */
export function replyDouble(c: Client, value: f64): void {
  const p = reserve(c, 64);
  if (p == 0) return;
  if (c.resp != 2) {
    store<u8>(p, 0x2c);
    const n = <usize>formatDouble(p + 1, value);
    store<u16>(p + 1 + n, CRLF);
    commitOutput(c, n + 3);
    return;
  }
  const n = formatDouble(p + 32, value);
  store<u8>(p, 0x24);
  const data = p + 1 + <usize>formatU64(p + 1, <u64>n);
  store<u16>(data, CRLF);
  memory.copy(data + 2, p + 32, <usize>n);
  store<u16>(data + 2 + <usize>n, CRLF);
  commitOutput(c, data + 4 + <usize>n - p);
}

/** A floating-point number that is written out already: a bulk string in RESP2, ,value in RESP3. */
export function replyDoubleText(c: Client, ptr: usize, len: i32): void {
  if (c.resp == 2) {
    replyBulk(c, ptr, len);
    return;
  }
  const p = reserve(c, <usize>len + 3);
  if (p == 0) return;
  store<u8>(p, 0x2c);
  memory.copy(p + 1, ptr, <usize>len);
  store<u16>(p + 1 + <usize>len, CRLF);
  commitOutput(c, <usize>len + 3);
}

// --- Aggregates ---

export function replyArray(c: Client, n: i32): void {
  header(c, 0x2a, <i64>n);
}

/** A map of n pairs: an array of 2n in RESP2. */
export function replyMap(c: Client, n: i32): void {
  if (c.resp == 2) header(c, 0x2a, <i64>n << 1);
  else header(c, 0x25, <i64>n);
}

/** A set of n members: an array in RESP2. */
export function replySet(c: Client, n: i32): void {
  header(c, c.resp == 2 ? 0x2a : 0x7e, <i64>n);
}

/** An out-of-band message of n elements: an array in RESP2. */
export function replyPush(c: Client, n: i32): void {
  header(c, c.resp == 2 ? 0x2a : 0x3e, <i64>n);
}

// --- Errors ---

/** Makes the buffer for error texts, so that an error needs no memory later; false when memory is exhausted. */
export function errorInit(): bool {
  const r = root();
  r.text = alloc(TEXT_CAPACITY);
  return r.text != 0;
}

/** Starts an error text in the root's text buffer. */
export function errorStart(text: string): void {
  root().textLength = 0;
  errorText(text);
}

/** Address where `n` more bytes of the error text can be written, 0 when memory is exhausted. May move the text. */
function textRoom(n: i32): usize {
  const r = root();
  const size = <usize>r.textLength + <usize>n;
  if (size > usableSize(r.text)) {
    const moved = realloc(r.text, size);
    if (moved == 0) return 0;
    r.text = moved;
  }
  return r.text + <usize>r.textLength;
}

export function errorText(text: string): void {
  const at = textRoom(text.length);
  if (at != 0) root().textLength += writeText(at, text);
}

/** Appends bytes of the client, at most `most` of them; errorSend() takes care of the line breaks in them. */
export function errorBytes(ptr: usize, len: i32, most: i32): void {
  if (len > most) len = most;
  const at = textRoom(len);
  if (at == 0) return;
  memory.copy(at, ptr, <usize>len);
  root().textLength += len;
}

export function errorInteger(value: i64): void {
  const at = textRoom(24);
  if (at != 0) root().textLength += formatI64(at, value);
}

/** Makes the text one line: line breaks at its end go, others become spaces. */
function errorOneLine(r: Root): void {
  while (r.textLength > 0 && isLineBreak(load<u8>(r.text + <usize>(r.textLength - 1)))) r.textLength--;
  const end = r.text + <usize>r.textLength;
  for (let p = r.text; p < end; p++) if (isLineBreak(load<u8>(p))) store<u8>(p, 32);
}

function isLineBreak(byte: u32): bool {
  return byte == 13 || byte == 10;
}

/** Sends the text that was started. */
export function errorSend(c: Client): void {
  const r = root();
  errorOneLine(r);
  const n = <usize>r.textLength;
  countError(r.text, r.textLength);
  c.replyErrors++;
  const p = reserve(c, n + 3);
  if (p == 0) return;
  store<u8>(p, 0x2d);
  memory.copy(p + 1, r.text, n);
  store<u16>(p + 1 + n, CRLF);
  commitOutput(c, n + 3);
  // A text that quoted much of the client's bytes gives them back.
  if (usableSize(r.text) > TEXT_CAPACITY) {
    const moved = realloc(r.text, TEXT_CAPACITY);
    if (moved != 0) r.text = moved;
  }
}

/**
 * Replies with the error that was sent last as the reason for another: `text`, then the old one without its "ERR ". The
 * caller has taken the old reply back; its count is taken back here.
 */
export function errorBecause(c: Client, text: string): void {
  const r = root();
  uncountError(r.text, r.textLength);
  const skip = r.textLength > 4 && load<u32>(r.text) == 0x20525245 ? 4 : 0; // "ERR "
  if (textRoom(text.length) == 0) return;
  memory.copy(r.text + <usize>text.length, r.text + <usize>skip, <usize>(r.textLength - skip));
  writeText(r.text, text);
  r.textLength += text.length - skip;
  errorSend(c);
}

/** -text */
export function replyError(c: Client, text: string): void {
  errorStart(text);
  errorSend(c);
}

export function replyWrongType(c: Client): void {
  replyError(c, WRONG_TYPE);
}

export function replySyntax(c: Client): void {
  replyError(c, SYNTAX);
}

export function replyOutOfMemory(c: Client): void {
  replyError(c, OUT_OF_MEMORY);
}

// --- Error statistics: an array of (u64 count, u32 length, 36 bytes of prefix) ---

const ERROR_STAT_SIZE: usize = 48;
const ERROR_PREFIX: usize = 12;
const ERROR_PREFIX_MAX: i32 = 36;
/** So many kinds are told apart; beyond, those that scripts make up are counted as one. */
const ERROR_KINDS_MAX: i32 = 128;
/** The kinds that commands themselves have are fewer than those that are left. */
const ERROR_KINDS_ROOM: i32 = 192;
const OVERFLOW: usize = memory.data<u8>([
  69, 82, 82, 79, 82, 83, 84, 65, 84, 83, 95, 79, 86, 69, 82, 70, 76, 79, 87,
]); // ERRORSTATS_OVERFLOW
const OVERFLOW_LENGTH: i32 = 19;

/** Length of an error's first word, as far as it is kept. */
function prefixLength(ptr: usize, len: i32): i32 {
  let n = 0;
  while (n < len && load<u8>(ptr + <usize>n) != 32) n++;
  return n > ERROR_PREFIX_MAX ? ERROR_PREFIX_MAX : n;
}

/** The record of a first word, 0 when there is none. */
function errorRecord(ptr: usize, n: i32): usize {
  const r = root();
  for (let i = 0; i < r.errorCount; i++) {
    const s = r.errorStats + ERROR_STAT_SIZE * <usize>i;
    if (load<i32>(s, 8) == n && equalBytes(s + ERROR_PREFIX, ptr, n)) return s;
  }
  return 0;
}

/** Takes the last count of an error back. */
function uncountError(ptr: usize, len: i32): void {
  root().statErrorReplies--;
  const s = errorRecord(ptr, prefixLength(ptr, len));
  if (s != 0) store<u64>(s, load<u64>(s) - 1);
}

/** Counts an error reply under its first word; `isCustom`: a script made it up. */
export function countError(ptr: usize, len: i32, isCustom: bool = false): void {
  const r = root();
  r.statErrorReplies++;
  let n = prefixLength(ptr, len);
  let known = errorRecord(ptr, n);
  if (known == 0 && isCustom && r.errorCount >= ERROR_KINDS_MAX) {
    ptr = OVERFLOW;
    n = OVERFLOW_LENGTH;
    known = errorRecord(ptr, n);
  }
  if (known != 0) {
    store<u64>(known, load<u64>(known) + 1);
    return;
  }
  if (r.errorStats == 0) r.errorStats = alloc(ERROR_STAT_SIZE * <usize>ERROR_KINDS_ROOM);
  if (r.errorStats == 0 || r.errorCount >= ERROR_KINDS_ROOM) return;
  const s = r.errorStats + ERROR_STAT_SIZE * <usize>r.errorCount;
  store<u64>(s, 1);
  store<i32>(s, n, 8);
  memory.copy(s + ERROR_PREFIX, ptr, <usize>n);
  r.errorCount++;
}

/** Forgets all error counts. */
export function clearErrorStats(): void {
  const r = root();
  r.errorCount = 0;
  r.statErrorReplies = 0;
}
