/**
 * A list of named blocks in the order of their names: a stream's groups, a group's consumers.
 *
 *   list, inside its owner     >0 u32 array, 0 when empty     4 u32 number of names
 *   array                      >0 u32 block, ...
 *   block                      >0 i32 length of its name      4 i32 where in the block the name begins
 *
 * Names are ordered as bytes, prefixes first, as Valkey's radix tree has them. Costs: 4 bytes a name besides its block;
 * a look-up compares log2 N names; adding one moves the addresses behind it, which for 100,000 consumers is a copy of
 * 400 KB at most.
 */
import { compareBytes } from "../bytes/compare";
import { free, realloc, usableSize } from "../memory/allocator";

const COUNT: usize = 4;
const NAME_OFFSET: usize = 4;
/** Bytes of a list inside its owner. */
export const NAME_LIST_SIZE: usize = 8;
/** Bytes of a block before its own fields. */
export const NAMED_SIZE: usize = 8;

/** Address of a block's name. */
export function namePtr(block: usize): usize {
  return block + <usize>load<i32>(block, NAME_OFFSET);
}

/** Length of a block's name. */
export function nameLength(block: usize): i32 {
  return load<i32>(block);
}

/** Writes a block's name; the block has `offset + len` bytes at least. */
export function setName(block: usize, offset: usize, name: usize, len: i32): void {
  store<i32>(block, len);
  store<i32>(block, <i32>offset, NAME_OFFSET);
  memory.copy(block + offset, name, <usize>len);
}

/** Number of blocks. */
export function nameCount(list: usize): i32 {
  return load<i32>(list, COUNT);
}

/** The i-th block in the order of names. */
export function nameAt(list: usize, i: i32): usize {
  return <usize>load<u32>(<usize>load<u32>(list) + (<usize>i << 2));
}

/** How many names are before this one. */
function countBefore(list: usize, name: usize, len: i32): i32 {
  let from = 0;
  let to = nameCount(list);
  while (from < to) {
    const middle = (from + to) >> 1;
    const block = nameAt(list, middle);
    if (compareBytes(namePtr(block), nameLength(block), name, len) < 0) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** The block of a name, 0 when there is none. */
export function nameFind(list: usize, name: usize, len: i32): usize {
  const i = countBefore(list, name, len);
  if (i == nameCount(list)) return 0;
  const block = nameAt(list, i);
  return compareBytes(namePtr(block), nameLength(block), name, len) == 0 ? block : 0;
}

/** Adds a block whose name is absent; false, nothing changed, without memory. */
export function nameInsert(list: usize, block: usize): bool {
  const n = nameCount(list);
  let array = <usize>load<u32>(list);
  const size = <usize>(n + 1) << 2;
  if (array == 0 || size > usableSize(array)) {
    array = realloc(array, size + (n < 8 ? 0 : size >> 1));
    if (array == 0) return false;
    store<u32>(list, <u32>array);
  }
  const i = countBefore(list, namePtr(block), nameLength(block));
  const slot = array + (<usize>i << 2);
  memory.copy(slot + 4, slot, <usize>(n - i) << 2);
  store<u32>(slot, <u32>block);
  store<i32>(list, n + 1, COUNT);
  return true;
}

/** Takes a block that is there out of the list; the block itself stays the caller's. */
export function nameRemove(list: usize, block: usize): void {
  const n = nameCount(list) - 1;
  const i = countBefore(list, namePtr(block), nameLength(block));
  assert(nameAt(list, i) == block);
  if (n == 0) {
    nameFree(list);
    return;
  }
  const slot = <usize>load<u32>(list) + (<usize>i << 2);
  memory.copy(slot, slot + 4, <usize>(n - i) << 2);
  store<i32>(list, n, COUNT);
}

/** Takes the last block out of the list and returns it, 0 when the list is empty. */
export function namePop(list: usize): usize {
  const n = nameCount(list);
  if (n == 0) return 0;
  const block = nameAt(list, n - 1);
  if (n == 1) nameFree(list);
  else store<i32>(list, n - 1, COUNT);
  return block;
}

/** Forgets all names; the blocks stay the caller's. */
export function nameFree(list: usize): void {
  free(<usize>load<u32>(list));
  store<u64>(list, 0);
}

/** Bytes that the list takes besides its blocks. */
export function nameBytes(list: usize): usize {
  const array = <usize>load<u32>(list);
  return array == 0 ? 0 : usableSize(array);
}
