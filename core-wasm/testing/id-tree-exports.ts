/**
 * What tests/core/id-tree.test.ts drives: ordered maps of 128-bit keys and lists of names, beside the whole core. Not
 * part of what ships.
 */
import { NAME_LIST_SIZE, namePtr, NAMED_SIZE, nameLength, setName } from "../structures/name-list";
import { ID_TREE_SIZE } from "../structures/id-tree";
import { alloc } from "../memory/allocator";

export * from "../exports";
export { alloc, free } from "../memory/allocator";
export {
  idBytes, idFind, idFirst, idHigh, idInsert, idLast, idLow, idNext, idPrevious, idRadixNodes, idRemove, idSeekFrom,
  idSeekUpTo, idSetValue, idShed, idSize, idValue,
} from "../structures/id-tree";
export { nameAt, nameCount, nameFind, nameFree, nameInsert, nameLength, namePop, namePtr, nameRemove } from
  "../structures/name-list";

/** An empty tree or list: both take 8 bytes. */
export function newOwner(): usize {
  assert(ID_TREE_SIZE == 8 && NAME_LIST_SIZE == 8);
  const address = alloc(ID_TREE_SIZE);
  store<u64>(address, 0);
  return address;
}

/** A block with a name. */
export function newNamed(name: usize, len: i32): usize {
  const block = alloc(NAMED_SIZE + <usize>len);
  setName(block, NAMED_SIZE, name, len);
  assert(nameLength(block) == len && namePtr(block) == block + NAMED_SIZE);
  return block;
}
