/**
 * The whole core for tests: everything that ships, and below it what tests look at or drive by itself.
 *
 * Not for what ships: dist/core.wasm is made from exports.ts.
 */
import { database, peek } from "../keyspace/database";
import { entryBytes, entryEncoding } from "../keyspace/entry";
import { idFirst, idValue } from "../structures/id-tree";
import { nodesOf as streamNodes } from "../types/stream-data";
import { streamOf } from "../types/stream";
import { valueBytes } from "../types/value";
import { checkList, listNodes } from "./list-check";
import { checkZset } from "./score-tree-check";

export * from "../exports";
export { alloc, allocWide, canAllocate, free, heapStart, realloc, roundedSize, usableSize } from "../memory/allocator";

/** Encoding number of the value at a key (keyspace/entry.ts), -1 when the key is absent. */
export function encodingOf(db: i32, key: usize, len: i32): i32 {
  const e = peek(database(db), key, len);
  return e == 0 ? -1 : <i32>entryEncoding(e);
}

/** Bytes that a key with its string takes, 0 when it is absent. */
export function bytesOf(db: i32, key: usize, len: i32): usize {
  const e = peek(database(db), key, len);
  return e == 0 ? 0 : entryBytes(e);
}

/** 0 when the sorted set at a key is sound (score-tree-check.ts), -1 when there is none. */
export function zsetProblem(db: i32, key: usize, len: i32): i32 {
  const e = peek(database(db), key, len);
  return e == 0 ? -1 : checkZset(e);
}

/** Bytes that a key with its value takes, whatever its type; 0 when it is absent. */
export function weightOf(db: i32, key: usize, len: i32): usize {
  const e = peek(database(db), key, len);
  return e == 0 ? 0 : valueBytes(e, 0);
}

/** 0 when the list at a key is sound (list-check.ts), -1 when there is none. */
export function listProblem(db: i32, key: usize, len: i32): i32 {
  const e = peek(database(db), key, len);
  return e == 0 ? -1 : checkList(e);
}

/** Compressed nodes of the list at a key, times 65536, and its nodes. */
export function nodesOf(db: i32, key: usize, len: i32): u32 {
  const e = peek(database(db), key, len);
  return e == 0 ? 0 : listNodes(e);
}

/** Address of the first node of the stream at a key. */
export function streamNode(db: i32, key: usize, len: i32): usize {
  return idValue(idFirst(streamNodes(streamOf(peek(database(db), key, len)))));
}
