/**
 * Large arguments: one of 32 KiB or more that is not there whole is read into a block of its own, which the value then
 * takes over. So SET of a large value copies no more than what came with the first read.
 *
 *   stream   *3 $3 SET $3 key $65536 xxxxxxxxxxxxxx... CRLF
 *            └ query buffer ────────┘└ largeBlock, largeLength + 2 bytes ┘
 *
 * At most one argument of a command goes this way; a second one takes the query buffer. A command that is held back
 * (CLIENT PAUSE) is written into the query buffer whole, to be parsed again.
 * Not for values: keyspace/entry.ts adopts the block (root.adoptable).
 */
import { alloc, free, realloc, usableSize } from "../memory/allocator";
import { root } from "../memory/root";
import { Client } from "./client";

/** Smallest argument that is worth a block of its own (Valkey: PROTO_MBULK_BIG_ARG). */
export const LARGE_MIN: i64 = 32768;

/** True while bytes are still missing. */
export function largeIncomplete(c: Client): bool {
  return largeMissing(c) > 0;
}

/** Bytes of it that are still missing, its line break included; 0 when none is on its way. */
export function largeMissing(c: Client): i32 {
  return c.largeBlock != 0 && c.largeIndex >= 0 ? c.largeLength + 2 - c.largeFilled : 0;
}

/** Begins with the `have` bytes at `data`. False when memory is exhausted. */
export function largeBegin(c: Client, data: usize, have: i32, length: i32): bool {
  const block = alloc(<usize>length + 2);
  if (block == 0) return false;
  memory.copy(block, data, <usize>have);
  c.largeBlock = block;
  c.largeLength = length;
  c.largeFilled = have;
  c.largeIndex = c.argsCount;
  root().clientsMemory += usableSize(block);
  return true;
}

/** Gives back what is not filled yet: the client has fallen silent. */
export function largeTrim(c: Client): void {
  if (largeIncomplete(c)) resize(c, <usize>c.largeFilled + 1);
}

/** Makes room again for what is missing; false when memory is exhausted. */
export function largeRestore(c: Client): bool {
  const whole = <usize>c.largeLength + 2;
  return usableSize(c.largeBlock) >= whole || resize(c, whole);
}

function resize(c: Client, size: usize): bool {
  const old = usableSize(c.largeBlock);
  const moved = realloc(c.largeBlock, size);
  if (moved == 0) return false;
  c.largeBlock = moved;
  root().clientsMemory += usableSize(moved) - old;
  return true;
}

/** Frees the block when its command has run, unless a value took it over. */
export function largeEnd(c: Client): void {
  if (c.largeBlock == 0) return;
  root().clientsMemory -= usableSize(c.largeBlock);
  free(c.largeBlock);
  c.largeBlock = 0;
}
