/**
 * LPOS: where in a list an element is.
 */
import { TYPE_LIST } from "../keyspace/entry";
import { argLen, argPtr, argc, root } from "../memory/root";
import { Client } from "../resp/client";
import {
  errorSend, errorStart, errorText, replyArray, replyInteger, replyNull, replyOutOfMemory, replySyntax,
} from "../resp/reply";
import {
  scratchAt, scratchClear, scratchFailed, scratchLength, scratchPush, scratchRelease,
} from "../structures/scratch";
import {
  cursorClose, cursorFailed, cursorIsThere, cursorNext, cursorOpen, cursorPrevious, cursorSeek, cursorSeekBack,
} from "../types/list-cursor";
import { ELEMENT_WORK, listLength } from "../types/list";
import { argAtLeast, argIs, argRange } from "./arguments";
import { isOfType, readKey } from "./look-up";

const BAD_RANK = "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807";
const NEGATIVE_COUNT = "ERR COUNT can't be negative";
const NEGATIVE_MAXLEN = "ERR MAXLEN can't be negative";

function replyZeroRank(c: Client): void {
  errorStart("ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... ");
  errorText("or use negative to start from the end of the list");
  errorSend(c);
}

/**
 * Collects the indexes of matches in the scratch list: from the `rank`-th on (negative: from the tail), `most` of them
 * (0: all), looking at `maxlen` elements (0: all). False when memory is exhausted.
 */
function findMatches(e: usize, rank: i64, most: i64, maxlen: i64): bool {
  const back = rank < 0;
  const length = listLength(e);
  const limit = maxlen == 0 ? length : maxlen;
  const ptr = argPtr(2);
  const len = argLen(2);
  let skip = back ? -rank : rank;
  let index: i64 = 0;
  let more = cursorOpen(e, back ? -1 : 0);
  scratchClear();
  while (more) {
    index += back ? cursorSeekBack(ptr, len, limit - index) : cursorSeek(ptr, len, limit - index);
    if (!cursorIsThere() || index >= limit) break;
    if (--skip <= 0) {
      scratchPush(<usize>(back ? length - 1 - index : index));
      if (scratchFailed() || <i64>scratchLength() == most) break;
    }
    index++;
    more = back ? cursorPrevious() : cursorNext();
  }
  cursorClose();
  root().work += <u64>index * ELEMENT_WORK;
  return !cursorFailed() && !scratchFailed();
}

/** LPOS key element [RANK rank] [COUNT num-matches] [MAXLEN len] */
export function lposCommand(c: Client): void {
  const r = root();
  let rank: i64 = 1;
  let count: i64 = -1;
  let maxlen: i64 = 0;
  const end = argc();
  for (let i = 3; i < end; i += 2) {
    if (i + 1 == end) {
      replySyntax(c);
      return;
    }
    if (argIs(i, "RANK")) {
      if (!argRange(c, i + 1, -i64.MAX_VALUE, i64.MAX_VALUE, BAD_RANK)) return;
      rank = r.number;
      if (rank == 0) {
        replyZeroRank(c);
        return;
      }
    } else if (argIs(i, "COUNT")) {
      if (!argAtLeast(c, i + 1, 0, NEGATIVE_COUNT)) return;
      count = r.number;
    } else if (argIs(i, "MAXLEN")) {
      if (!argAtLeast(c, i + 1, 0, NEGATIVE_MAXLEN)) return;
      maxlen = r.number;
    } else {
      replySyntax(c);
      return;
    }
  }
  const e = readKey(c, 1);
  if (!isOfType(c, e, TYPE_LIST)) return;
  scratchClear();
  if (e != 0 && !findMatches(e, rank, count < 0 ? 1 : count, maxlen)) {
    replyOutOfMemory(c);
  } else if (count >= 0) {
    const found = scratchLength();
    replyArray(c, found);
    for (let i = 0; i < found; i++) replyInteger(c, <i64>scratchAt(i));
  } else if (scratchLength() == 0) {
    replyNull(c);
  } else {
    replyInteger(c, <i64>scratchAt(0));
  }
  scratchRelease();
}
