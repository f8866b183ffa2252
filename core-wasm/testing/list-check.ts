/**
 * Is a list sound? Its links, its counts, every node's listpack, and which nodes may be compressed. Not what ships.
 */
import { ENCODING_LISTPACK, entryEncoding, entryPointer } from "../keyspace/entry";
import { free } from "../memory/allocator";
import { lpBytes, lpLength, lpValidate } from "../structures/listpack";
import {
  nodeBlock, nodeCount, nodeIsCompressed, nodeIsPlain, nodeNext, nodePrevious, nodeUnpacked, Quicklist,
} from "../structures/quicklist";

/** True when the node holds the elements that it says, at least one. */
function isNodeSound(n: usize): bool {
  if (nodeCount(n) < 1) return false;
  if (nodeIsPlain(n)) return true;
  const packed = nodeIsCompressed(n);
  const lp = packed ? nodeUnpacked(n) : nodeBlock(n);
  const sound = lpValidate(lp, lpBytes(lp), true) && lpLength(lp) == nodeCount(n);
  if (packed) free(lp);
  return sound;
}

/** 0 when the list of an entry is sound, else what is wrong. */
export function checkList(e: usize): i32 {
  const address = entryPointer(e);
  if (entryEncoding(e) == ENCODING_LISTPACK) {
    return lpValidate(address, lpBytes(address), true) && lpLength(address) > 0 ? 0 : 1;
  }
  const ql = changetype<Quicklist>(address);
  const depth = <u32>ql.depth;
  let before: usize = 0;
  let nodes: u32 = 0;
  let count: u32 = 0;
  for (let n = ql.head; n != 0; n = nodeNext(n)) {
    if (nodePrevious(n) != before) return 2;
    if (!isNodeSound(n)) return 3;
    // Nodes at the ends are not compressed, and without a depth none is.
    if (nodeIsCompressed(n) && (nodes < depth || nodes + depth >= ql.nodes || depth == 0)) return 4;
    nodes++;
    count += <u32>nodeCount(n);
    before = n;
  }
  if (ql.tail != before) return 5;
  return nodes == ql.nodes && count == ql.count ? 0 : 6;
}

/** How many nodes of a quicklist are compressed, times 65536, and how many there are. */
export function listNodes(e: usize): u32 {
  if (entryEncoding(e) == ENCODING_LISTPACK) return 1;
  let packed: u32 = 0;
  const ql = changetype<Quicklist>(entryPointer(e));
  for (let n = ql.head; n != 0; n = nodeNext(n)) packed += nodeIsCompressed(n) ? 1 : 0;
  return (packed << 16) | ql.nodes;
}
