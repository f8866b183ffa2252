/**
 * The request parser: RESP arrays and inline commands, resumable at every byte.
 *
 * Nearly all traffic is whole commands: parseFast() takes them in one pass, without state. What it does not take
 * (incomplete, long, wrong) goes to parseCommand(), which keeps its place in the client, so no byte is looked at twice
 * however the stream is cut.
 *
 *   argv    (address u32, length u32) pairs in the root's shared vector, or in the client's own
 *   c.args  while a command is incomplete: (offset from c.commandStart u32, length u32) pairs
 *
 * Not for running commands. Errors and limits are Valkey's (its documentation of the protocol, and what it replies).
 */
import { parseI64 } from "../bytes/integer";
import { alloc, realloc, usableSize } from "../memory/allocator";
import { INPUT_SLACK, Root, root } from "../memory/root";
import { Client, CLIENT_CLOSE_AFTER_REPLY, CLIENT_PROTOCOL_ERROR } from "./client";
import { CLOSE_PROTOCOL } from "./flags";
import { OUT_OF_MEMORY } from "./errors";
import { LARGE_MIN, largeBegin } from "./large";
import { errorBytes, errorSend, errorStart, errorText, replyError } from "./reply";

export const PARSE_MORE: i32 = 0; // the command is incomplete
export const PARSE_DONE: i32 = 1; // root.argc and root.argv hold a command
export const PARSE_EMPTY: i32 = 2; // an empty command was skipped
export const PARSE_LARGE: i32 = 4; // the rest of a large argument goes into a block of its own
export const PARSE_ERROR: i32 = 3; // replied; the client closes

// Which protocol error it was, in Client.closeReason: the host's log has a word for each (server/clients/closing.ts).
const ERROR_BIG_INLINE: i32 = CLOSE_PROTOCOL;
const ERROR_BIG_COUNT: i32 = CLOSE_PROTOCOL + 1;
const ERROR_BAD_COUNT: i32 = CLOSE_PROTOCOL + 2;
const ERROR_STRANGER_COUNT: i32 = CLOSE_PROTOCOL + 3;
const ERROR_STRANGER_LENGTH: i32 = CLOSE_PROTOCOL + 4;
const ERROR_BIG_LENGTH: i32 = CLOSE_PROTOCOL + 5;
const ERROR_NOT_DOLLAR: i32 = CLOSE_PROTOCOL + 6;
const ERROR_BAD_LENGTH: i32 = CLOSE_PROTOCOL + 7;
const ERROR_BAD_QUOTES: i32 = CLOSE_PROTOCOL + 8;
const ERROR_BAD_CRLF: i32 = CLOSE_PROTOCOL + 9;
const ERROR_NO_MEMORY: i32 = CLOSE_PROTOCOL + 10;

const INLINE_MAX_SIZE: i32 = 65536;
const ARGUMENTS_MAX: i64 = 0x7fffffff;
const UNAUTHENTICATED_ARGUMENTS: i64 = 10;
const UNAUTHENTICATED_BULK: i64 = 16384;
/** Longest argument whatever proto-max-bulk-len says: lengths are signed. */
const ARGUMENT_MOST: i64 = 0x7ffe0000;
/** Longest query buffer: places in it are signed. */
export const INPUT_MOST: i64 = 0x7fff0000;
const CRLF: u16 = 0x0a0d;

/** Makes room for `count` arguments in the shared vector. False when memory is exhausted. */
export function ensureArgv(count: i32): bool {
  const r = root();
  if (count <= r.sharedArgvCapacity) return true;
  const capacity = count < 64 ? 64 : count + (count >> 1);
  const moved = realloc(r.sharedArgv, <usize>capacity << 3);
  if (moved == 0) return false;
  r.sharedArgv = moved;
  r.sharedArgvCapacity = capacity;
  return true;
}

// --- Whole commands ---

/**
 * Parses a complete command into the shared vector from `slot` on, when it fits there and no length has more than five
 * digits. Returns the address behind it, or 0 when it is anything else. Reads at most INPUT_SLACK bytes behind `end`.
 */
export function parseFast(r: Root, p: usize, end: usize, slot: usize): usize {
  let count = <u32>load<u8>(p, 1) - 48;
  if (count > 9) return 0;
  p += 2;
  if (load<u16>(p) != CRLF) {
    const digit = <u32>load<u8>(p) - 48;
    if (digit > 9 || count == 0 || load<u16>(p, 1) != CRLF) return 0;
    count = count * 10 + digit;
    p++;
  }
  p += 2;
  const first = slot;
  const last = slot + (<usize>count << 3);
  if (count == 0 || last > r.sharedArgv + (<usize>r.sharedArgvCapacity << 3)) return 0;
  while (slot < last) {
    if (load<u8>(p) != 0x24 || p + 4 > end) return 0;
    let len = <u32>load<u8>(p, 1) - 48;
    if (len > 9) return 0;
    p += 2;
    while (load<u16>(p) != CRLF) {
      const digit = <u32>load<u8>(p) - 48;
      if (digit > 9 || len > 9999 || len == 0) return 0;
      len = len * 10 + digit;
      p++;
    }
    p += 2;
    const after = p + <usize>len;
    if (after + 2 > end || load<u16>(after) != CRLF) return 0;
    store<u32>(slot, <u32>p);
    store<u32>(slot, len, 4);
    slot += 8;
    p = after + 2;
  }
  r.argc = <i32>count;
  r.argv = first;
  return p;
}

// --- Errors ---

function fail(c: Client, text: string, code: i32): i32 {
  replyError(c, text);
  c.closeReason = code;
  c.flags |= CLIENT_CLOSE_AFTER_REPLY | CLIENT_PROTOCOL_ERROR;
  return PARSE_ERROR;
}

function failExpected(c: Client, byte: usize): i32 {
  errorStart("ERR Protocol error: expected '$', got '");
  // A line break would break the error line, so it is shown as a space.
  errorBytes(byte, 1, 1);
  errorText("'");
  errorSend(c);
  c.closeReason = ERROR_NOT_DOLLAR;
  c.flags |= CLIENT_CLOSE_AFTER_REPLY | CLIENT_PROTOCOL_ERROR;
  return PARSE_ERROR;
}

// --- Multibulk, resumable ---

/** Address of the first '\r' in [p, end), or 0. */
function findReturn(p: usize, end: usize): usize {
  while (p < end) {
    if (load<u8>(p) == 13) return p;
    p++;
  }
  return 0;
}

function addArgument(c: Client, offset: i32, len: i32): bool {
  if (c.argsCount >= c.argsCapacity) {
    const capacity = c.argsCapacity < 16 ? 16 : c.argsCapacity << 1;
    const old: usize = c.args == 0 ? 0 : usableSize(c.args);
    const moved = realloc(c.args, <usize>capacity << 3);
    if (moved == 0) return false;
    root().clientsMemory += usableSize(moved) - old;
    c.args = moved;
    c.argsCapacity = capacity;
  }
  const slot = c.args + (<usize>c.argsCount << 3);
  store<i32>(slot, offset);
  store<i32>(slot, len, 4);
  c.argsCount++;
  return true;
}

/** Reads "<mark><number>\r\n" at the position into root.text's number; returns a PARSE_ code. */
function parseCount(c: Client, base: usize, end: usize, strict: bool): i32 {
  const r = root();
  const start = base + <usize>c.position;
  const at = findReturn(start, end);
  if (at == 0) {
    if (end - start <= <usize>INLINE_MAX_SIZE) return PARSE_MORE;
    return fail(c, "ERR Protocol error: too big mbulk count string", ERROR_BIG_COUNT);
  }
  if (at + 2 > end) return PARSE_MORE;
  if (load<u8>(at, 1) != 10) return fail(c, "ERR Protocol error: invalid CRLF in request", ERROR_BAD_CRLF);
  const number = changetype<usize>(r) + offsetof<Root>("parsedNumber");
  if (!parseI64(start + 1, <i32>(at - start - 1), number) || r.parsedNumber > ARGUMENTS_MAX) {
    return fail(c, "ERR Protocol error: invalid multibulk length", ERROR_BAD_COUNT);
  }
  if (strict && r.parsedNumber > UNAUTHENTICATED_ARGUMENTS) {
    return fail(c, "ERR Protocol error: unauthenticated multibulk length", ERROR_STRANGER_COUNT);
  }
  c.position = <i32>(at + 2 - base);
  if (r.parsedNumber <= 0) return PARSE_EMPTY;
  c.expected = <i32>r.parsedNumber;
  c.bulkLength = -1;
  c.argsCount = 0;
  return PARSE_DONE;
}

function parseBulkLength(c: Client, base: usize, end: usize, strict: bool): i32 {
  const r = root();
  const start = base + <usize>c.position;
  const at = findReturn(start, end);
  if (at == 0) {
    if (end - start <= <usize>INLINE_MAX_SIZE) return PARSE_MORE;
    return fail(c, "ERR Protocol error: too big bulk count string", ERROR_BIG_LENGTH);
  }
  if (at + 2 > end) return PARSE_MORE;
  if (load<u8>(start) != 0x24) return failExpected(c, start);
  if (load<u8>(at, 1) != 10) return fail(c, "ERR Protocol error: invalid CRLF in request", ERROR_BAD_CRLF);
  const number = changetype<usize>(r) + offsetof<Root>("parsedNumber");
  const valid = parseI64(start + 1, <i32>(at - start - 1), number);
  if (!valid || r.parsedNumber < 0 || r.parsedNumber > min(r.protoMaxBulkLen, ARGUMENT_MOST)) {
    return fail(c, "ERR Protocol error: invalid bulk length", ERROR_BAD_LENGTH);
  }
  if (strict && r.parsedNumber > UNAUTHENTICATED_BULK) {
    return fail(c, "ERR Protocol error: unauthenticated bulk length", ERROR_STRANGER_LENGTH);
  }
  c.position = <i32>(at + 2 - base);
  c.bulkLength = r.parsedNumber;
  return PARSE_DONE;
}

function parseMultibulk(c: Client, base: usize, end: usize, strict: bool): i32 {
  if (c.expected == 0) {
    c.commandStart = c.position;
    const code = parseCount(c, base, end, strict);
    if (code != PARSE_DONE) return code;
  }
  while (c.expected > 0) {
    if (c.bulkLength < 0) {
      const code = parseBulkLength(c, base, end, strict);
      if (code != PARSE_DONE) return code;
    }
    const data = base + <usize>c.position;
    const len = <usize>c.bulkLength;
    if (<u64>data + <u64>len + 2 > <u64>end) {
      if (c.bulkLength < LARGE_MIN || c.largeBlock != 0 || strict) return PARSE_MORE;
      if (largeBegin(c, data, <i32>(end - data), <i32>len)) return PARSE_LARGE;
      // There is no place to go on reading, so this is the reply to a command that will never be whole.
      return fail(c, OUT_OF_MEMORY, ERROR_NO_MEMORY);
    }
    if (load<u16>(data + len) != CRLF) return fail(c, "ERR Protocol error: invalid CRLF in request", ERROR_BAD_CRLF);
    if (!addArgument(c, c.position - c.commandStart, <i32>len)) {
      return fail(c, "ERR Protocol error: out of memory", ERROR_NO_MEMORY);
    }
    c.position += <i32>len + 2;
    c.bulkLength = -1;
    c.expected--;
  }
  return finishMultibulk(c, base);
}

/** Takes a large argument that is now whole. Returns PARSE_DONE when it was the command's last. */
export function parseLargeDone(c: Client, base: usize): i32 {
  if (load<u16>(c.largeBlock + <usize>c.largeLength) != CRLF) {
    return fail(c, "ERR Protocol error: invalid CRLF in request", ERROR_BAD_CRLF);
  }
  if (!addArgument(c, 0, c.largeLength)) return fail(c, "ERR Protocol error: out of memory", ERROR_NO_MEMORY);
  c.bulkLength = -1;
  c.expected--;
  return c.expected == 0 ? finishMultibulk(c, base) : PARSE_MORE;
}

function finishMultibulk(c: Client, base: usize): i32 {
  // Offsets become addresses, in place: the vector belongs to this command until the next one begins.
  const r = root();
  const start = <u32>base + <u32>c.commandStart;
  for (let i = 0; i < c.argsCount; i++) {
    const slot = c.args + (<usize>i << 3);
    store<u32>(slot, load<u32>(slot) + start);
  }
  if (c.largeBlock != 0 && c.largeIndex >= 0) {
    store<u32>(c.args + (<usize>c.largeIndex << 3), <u32>c.largeBlock);
    c.largeIndex = -1;
    r.adoptable = c.largeBlock;
  }
  r.argc = c.argsCount;
  r.argv = c.args;
  c.argsCount = 0;
  return PARSE_DONE;
}

// --- Inline commands ---

function isSpace(byte: u32): bool {
  return byte == 32 || (byte >= 9 && byte <= 13) || byte == 0;
}

/** What ends an unquoted word: fewer bytes than are skipped between words. */
function endsWord(byte: u32): bool {
  return byte == 32 || byte == 9 || byte == 10 || byte == 13 || byte == 0;
}

function hexDigit(byte: u32): i32 {
  if (byte >= 48 && byte <= 57) return <i32>byte - 48;
  const lower = byte | 32;
  if (lower >= 97 && lower <= 102) return <i32>lower - 87;
  return -1;
}

function escaped(byte: u32): u32 {
  switch (byte) {
    case 0x6e: return 10;
    case 0x72: return 13;
    case 0x74: return 9;
    case 0x62: return 8;
    case 0x61: return 7;
    default: return byte;
  }
}

/**
 * Reads one word at p, undoing quotes in place (the result is never longer). Returns the address behind the word, 0
 * when quotes are unbalanced; the word is [p, root.wordEnd). A byte 255 that is not written as an escape is left out,
 * as in Valkey.
 */
function parseWord(p: usize, end: usize): usize {
  let out = p;
  let quote: u32 = 0;
  while (p < end) {
    let byte = <u32>load<u8>(p);
    if (quote == 0x22 && byte == 0x5c && p + 3 < end && load<u8>(p, 1) == 0x78 && hexDigit(load<u8>(p, 2)) >= 0 &&
      hexDigit(load<u8>(p, 3)) >= 0) {
      store<u8>(out++, <u8>((hexDigit(load<u8>(p, 2)) << 4) | hexDigit(load<u8>(p, 3))));
      p += 4;
      continue;
    }
    if (quote == 0 && endsWord(byte)) break;
    if (quote != 0 ? byte == quote : byte == 0x22 || byte == 0x27) {
      quote = quote == 0 ? byte : 0;
      p++;
      continue;
    }
    if (quote != 0 && byte == 0x5c && p + 1 < end && (quote == 0x22 || load<u8>(p, 1) == 0x27)) {
      p++;
      byte = quote == 0x22 ? escaped(<u32>load<u8>(p)) : 0x27;
    }
    if (byte != 255) store<u8>(out++, <u8>byte);
    p++;
  }
  if (quote != 0) return 0;
  root().wordEnd = out;
  return p;
}

function parseInline(c: Client, base: usize, end: usize): i32 {
  const r = root();
  const start = base + <usize>c.position;
  let at = start;
  while (at < end && load<u8>(at) != 10 && load<u8>(at) != 0) at++;
  if (at == end || load<u8>(at) != 10) {
    if (end - start <= <usize>INLINE_MAX_SIZE) return PARSE_MORE;
    return fail(c, "ERR Protocol error: too big inline request", ERROR_BIG_INLINE);
  }
  const lineEnd = at > start && load<u8>(at - 1) == 13 ? at - 1 : at;
  let count = 0;
  let p = start;
  while (true) {
    while (p < lineEnd && isSpace(<u32>load<u8>(p))) p++;
    if (p >= lineEnd) break;
    const next = parseWord(p, lineEnd);
    if (next == 0) return fail(c, "ERR Protocol error: unbalanced quotes in request", ERROR_BAD_QUOTES);
    if (!ensureArgv(count + 1)) return fail(c, "ERR Protocol error: out of memory", ERROR_NO_MEMORY);
    const slot = r.sharedArgv + (<usize>count << 3);
    store<u32>(slot, <u32>p);
    store<u32>(slot, <u32>(r.wordEnd - p), 4);
    count++;
    p = next;
  }
  c.commandStart = c.position;
  c.position = <i32>(at + 1 - base);
  if (count == 0) return PARSE_EMPTY;
  r.argc = count;
  r.argv = r.sharedArgv;
  return PARSE_DONE;
}

// --- Entry ---

/**
 * Parses the command at c.position of a buffer [base, end), with its state kept in the client; whole commands take
 * resp/batch.ts instead. `strict` sets the limits of unauthenticated clients.
 */
export function parseCommand(c: Client, base: usize, end: usize, strict: bool): i32 {
  const start = base + <usize>c.position;
  if (c.expected == 0 && load<u8>(start) != 0x2a) return parseInline(c, base, end);
  return parseMultibulk(c, base, end, strict);
}

/** Bytes that the incomplete command's current argument still lacks; 0 when that is unknown. */
export function missingBytes(c: Client): i64 {
  if (c.expected == 0 || c.bulkLength < 0) return 0;
  const missing = <i64>c.position + c.bulkLength + 2 - <i64>c.bufferLength;
  return missing > 0 ? missing : 0;
}

/** A block for input with readable slack behind it; 0 when memory is exhausted or a buffer can't be so long. */
export function inputBlock(size: i64): usize {
  return size > INPUT_MOST ? 0 : alloc(<usize>size + <usize>INPUT_SLACK);
}
