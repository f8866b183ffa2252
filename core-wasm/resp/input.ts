/**
 * Query buffers: where a client's next bytes go, and what stays of those that were read.
 *
 * Most reads arrive in the shared buffer and leave nothing behind. A client has a buffer of its own while a command is
 * incomplete, held back, or waits for the host; it goes when all of it was read.
 *
 * Not for arguments of 32 KiB and more (large.ts) or for what a silent client has too much (care.ts).
 */
import { formatU64 } from "../bytes/integer";
import { realloc, usableSize } from "../memory/allocator";
import { argLen, argPtr, INPUT_SLACK, root, SHARED_INPUT_SIZE } from "../memory/root";
import {
  Client, CLIENT_INTERNAL, CLIENT_NOT_RUNNING, CLOSE_NO_MEMORY, closeFor, dropArgs, dropBuffer,
} from "./client";
import { largeEnd, largeIncomplete, largeMissing, largeRestore } from "./large";
import { INPUT_MOST, inputBlock, missingBytes } from "./parser";
import { mustAuthenticate } from "./process";

const UNAUTHENTICATED_BUFFER: u64 = 1 << 20;
const CRLF: u16 = 0x0a0d;
/** Arguments for which a client's vector stays when its command has run. */
const KEPT_ARGUMENTS: i32 = 64;

/** Moves unread input out of the shared buffer into the client's own. */
export function keepRest(c: Client, base: usize, end: usize): void {
  const from = c.expected > 0 ? c.commandStart : c.position;
  const rest = <i32>(end - base) - from;
  if (rest == 0 && c.expected == 0) {
    c.position = 0;
    return;
  }
  const size = rest < 1024 ? 1024 : rest + (rest >> 1);
  const buffer = inputBlock(size);
  if (buffer == 0) {
    closeFor(c, CLOSE_NO_MEMORY);
    return;
  }
  memory.copy(buffer, base + <usize>from, <usize>rest);
  c.buffer = buffer;
  c.bufferCapacity = <i32>usableSize(buffer) - INPUT_SLACK;
  c.bufferLength = rest;
  c.position -= from;
  c.commandStart -= from;
  root().clientsMemory += usableSize(buffer);
}

/**
 * Puts the command in root.argv back, to be read again. An inline command's words have lost their quotes in place, so
 * it is put back as an array, in a buffer of the client's own; so is one with a large argument, whose bytes are apart.
 */
export function unreadCommand(c: Client, base: usize, end: usize): void {
  if (load<u8>(base + <usize>c.commandStart) == 0x2a && c.largeBlock == 0) {
    c.position = c.commandStart;
    return;
  }
  const count = root().argc;
  const rest = <i32>(end - base) - c.position;
  let size = <i64>rest + 32;
  for (let i = 0; i < count; i++) size += <i64>argLen(i) + 32;
  const buffer = inputBlock(size);
  if (buffer == 0) {
    closeFor(c, CLOSE_NO_MEMORY);
    return;
  }
  let p = writeCount(buffer, 0x2a, count);
  for (let i = 0; i < count; i++) {
    p = writeCount(p, 0x24, argLen(i));
    memory.copy(p, argPtr(i), <usize>argLen(i));
    store<u16>(p + <usize>argLen(i), CRLF);
    p += <usize>argLen(i) + 2;
  }
  memory.copy(p, base + <usize>c.position, <usize>rest);
  largeEnd(c);
  if (c.buffer != 0) dropBuffer(c);
  c.buffer = buffer;
  c.bufferCapacity = <i32>usableSize(buffer) - INPUT_SLACK;
  c.bufferLength = <i32>(p - buffer) + rest;
  c.position = 0;
  c.commandStart = 0;
  root().clientsMemory += usableSize(buffer);
}

/** Writes "<mark><n>\r\n"; returns the address behind it. */
function writeCount(p: usize, mark: u8, n: i32): usize {
  store<u8>(p, mark);
  const digits = <usize>formatU64(p + 1, <u64>n);
  store<u16>(p + 1 + digits, CRLF);
  return p + digits + 3;
}

/** Whether anything of what was read is the client's own: it is freed when nobody looks at the arguments any more. */
export function holdsInput(c: Client): bool {
  return c.buffer != 0 || c.largeBlock != 0 || c.argsCapacity > KEPT_ARGUMENTS;
}

/**
 * Forgets what was read of the client's own buffer, the whole one when nothing is left, and a long command's vector of
 * arguments.
 */
export function trimBuffer(c: Client): void {
  if (c.argsCapacity > KEPT_ARGUMENTS && c.expected == 0) dropArgs(c);
  if (c.buffer == 0) return;
  if (c.position == c.bufferLength && c.expected == 0) {
    dropBuffer(c);
    return;
  }
  const from = c.expected > 0 ? c.commandStart : c.position;
  // Moving the rest down is worth it when most of the buffer was read.
  if (from < c.bufferLength >> 1) return;
  memory.copy(c.buffer, c.buffer + <usize>from, <usize>(c.bufferLength - from));
  c.bufferLength -= from;
  c.position -= from;
  c.commandStart -= from;
}

function growBuffer(c: Client, room: i64): bool {
  let size = <i64>c.bufferLength + room;
  if (size > INPUT_MOST) return false;
  // A long argument gets exactly what it needs, anything else grows by doubling.
  if (missingBytes(c) == 0) size = min(max(size, <i64>c.bufferCapacity << 1), INPUT_MOST);
  const old = usableSize(c.buffer);
  const moved = realloc(c.buffer, <usize>size + <usize>INPUT_SLACK);
  if (moved == 0) return false;
  c.buffer = moved;
  c.bufferCapacity = <i32>(usableSize(moved) - <usize>INPUT_SLACK);
  root().clientsMemory += usableSize(moved) - old;
  return true;
}

/**
 * Where the host may put the client's next bytes: root.roomLength of them. `want` is what it has at hand, 0 when it
 * does not know. Returns 0 when memory is exhausted; the client is then closing.
 * The host may ask for up to `parts` clients before it processes the first: each gets its part of the shared buffer.
 */
export function inputRoom(c: Client, want: i32, part: i32, parts: i32): usize {
  const r = root();
  if (largeIncomplete(c)) {
    if (!largeRestore(c)) {
      closeFor(c, CLOSE_NO_MEMORY);
      r.roomLength = 0;
      return 0;
    }
    r.roomLength = largeMissing(c);
    return c.largeBlock + <usize>c.largeFilled;
  }
  if (c.buffer == 0 && !(c.flags & CLIENT_NOT_RUNNING)) {
    r.roomLength = parts > 1 ? SHARED_INPUT_SIZE / parts & ~63 : SHARED_INPUT_SIZE;
    c.sharedAt = r.input + <usize>(part * r.roomLength);
    return c.sharedAt;
  }
  if (c.buffer == 0) {
    c.buffer = inputBlock(16384);
    if (c.buffer == 0) {
      closeFor(c, CLOSE_NO_MEMORY);
      r.roomLength = 0;
      return 0;
    }
    c.bufferCapacity = <i32>usableSize(c.buffer) - INPUT_SLACK;
    c.bufferLength = 0;
    c.position = 0;
    r.clientsMemory += usableSize(c.buffer);
  }
  const missing = missingBytes(c);
  let room = <i64>(c.bufferCapacity - c.bufferLength);
  const least = missing > 0 ? missing : want > 0 ? <i64>want : 16384;
  if (room < least && !growBuffer(c, least)) {
    if (room == 0) closeFor(c, CLOSE_NO_MEMORY);
  }
  room = <i64>(c.bufferCapacity - c.bufferLength);
  r.roomLength = <i32>room;
  return c.buffer + <usize>c.bufferLength;
}

export function overQueryLimit(c: Client): bool {
  if (c.flags & CLIENT_INTERNAL) return false;
  const r = root();
  const pending = <u64>(c.bufferLength - c.position) + (c.largeBlock != 0 ? <u64>c.largeFilled : 0);
  if (pending > r.queryBufferLimit) return true;
  return mustAuthenticate(c) && pending > UNAUTHENTICATED_BUFFER;
}
