/**
 * Where the keys of the running command are, and what rights each needs: what access control asks of every command.
 *
 * Key specs say it for most commands: records of 16 bytes in the generated tables.
 *
 *   record   u8 begin (0 index, 1 keyword, 2 can't tell) · u8 find (0 range, 1 count, 2 can't tell) · u8 rights ·
 *            u8 incomplete · i16 index, or where the search for the keyword begins · u16 keyword, u16 its length ·
 *            i16 x 3: last, step, limit of a range; place of the count, first key, step of a count
 *
 * Commands whose options move the keys have a function of their own, as in server/commands/get-keys.ts. Both write
 * runs of positions, so that a command with a million keys takes no more room than one with a single key:
 *
 *   run, 16 bytes at RUNS + i * 16   i32 first · i32 last, itself a key · i32 step · u32 rights
 *
 * Options are recognised as the commands do it (isWord), so that what runs is what was checked. Not for deciding
 * whether a key is allowed: access.ts.
 */
import { isWord, toLower } from "../bytes/compare";
import { parseI64 } from "../bytes/integer";
import {
  commandKeyFinder, commandKeySpecCount, commandKeySpecs, commandTraits, TRAIT_HAS_KEYS, TRAIT_VARIABLE,
} from "../generated/commands";
import { KEYWORDS } from "../generated/tables";
import { argLen, argPtr, root, Root, ROOT_ADDRESS } from "../memory/root";

// @layout
export const RIGHT_READ: u32 = 1;
export const RIGHT_WRITE: u32 = 2;

const RUNS: usize = memory.data(128, 16);
const RUN_SHIFT: usize = 4;
const RUN_LAST: usize = 4;
const RUN_STEP: usize = 8;
const RUN_RIGHTS: usize = 12;

const BEGIN_KEYWORD: u32 = 1;
const FIND_COUNT: u32 = 1;
const UNKNOWN: u32 = 2;
const INVALID: i32 = -1;
const ROOT_NUMBER: usize = ROOT_ADDRESS + offsetof<Root>("number");
/** Place of XREAD's way to find keys in KEY_FINDERS of tools/generate/specs.mjs. */
const FINDER_XREAD: i32 = 14;

export function runFirst(i: i32): i32 {
  return load<i32>(RUNS + (<usize>i << RUN_SHIFT));
}
export function runLast(i: i32): i32 {
  return load<i32>(RUNS + (<usize>i << RUN_SHIFT), RUN_LAST);
}
export function runStep(i: i32): i32 {
  return load<i32>(RUNS + (<usize>i << RUN_SHIFT), RUN_STEP);
}
export function runRights(i: i32): u32 {
  return load<u32>(RUNS + (<usize>i << RUN_SHIFT), RUN_RIGHTS);
}

function setRun(i: i32, first: i32, last: i32, step: i32, rights: u32): void {
  const at = RUNS + (<usize>i << RUN_SHIFT);
  store<i32>(at, first);
  store<i32>(at, last, RUN_LAST);
  store<i32>(at, step, RUN_STEP);
  store<u32>(at, rights, RUN_RIGHTS);
}

// --- Key specs ---

function argIsKeyword(i: i32, keyword: usize, length: i32): bool {
  const n = argLen(i);
  const at = argPtr(i);
  if (n != length && (n < length || load<u8>(at + <usize>length) != 0)) return false;
  for (let j: usize = 0; j < <usize>length; j++) {
    if (toLower(load<u8>(at + j)) != <u32>load<u8>(keyword + j)) return false;
  }
  return true;
}

/** Position behind a spec's keyword, searched forward from `from` or backward from the end; 0 when it is absent. */
function behindKeyword(spec: usize): i32 {
  const argc = root().argc;
  const from = <i32>load<i16>(spec, 4);
  const keyword = KEYWORDS + <usize>load<u16>(spec, 6);
  const length = <i32>load<u16>(spec, 8);
  const step = from > 0 ? 1 : -1;
  const end = from > 0 ? argc - 1 : 1;
  for (let i = from > 0 ? from : argc + from; i != end; i += step) {
    if (i >= argc || i < 1) return 0;
    if (argIsKeyword(i, keyword, length)) return i + 1;
  }
  return 0;
}

/** Writes run `i` for a spec that begins at `first`; false when the arguments don't fit it. */
function specRun(i: i32, spec: usize, first: i32): bool {
  const r = root();
  const argc = r.argc;
  let last: i64 = 0;
  let step = <i32>load<i16>(spec, 12);
  if (load<u8>(spec, 1) == FIND_COUNT) {
    const at = first + <i32>load<i16>(spec, 10);
    if (at >= argc || !parseI64(argPtr(at), argLen(at), ROOT_NUMBER)) return false;
    const count = r.number;
    if (count < 0 || count > i32.MAX_VALUE) return false;
    first += step;
    step = <i32>load<i16>(spec, 14);
    last = <i64>first + (count - 1) * <i64>step;
  } else {
    const lastKey = <i32>load<i16>(spec, 10);
    const limit = <i32>load<i16>(spec, 14);
    if (lastKey >= 0) last = first + lastKey;
    else last = limit == 0 ? argc + lastKey : first + (argc - first) / limit + lastKey;
  }
  if (last >= argc || last < first || first >= argc) return false;
  setRun(i, first, <i32>last, step, load<u8>(spec, 2));
  return true;
}

/**
 * Runs by the command's key specs; INVALID when one can't tell or the arguments don't fit it. `partly`: such specs
 * are passed over (PFMERGE without sources has a destination all the same).
 */
function runsBySpecs(id: i32, partly: bool): i32 {
  const count = commandKeySpecCount(id);
  let spec = commandKeySpecs(id);
  let n = 0;
  for (let i = 0; i < count; i++, spec += 16) {
    const begin = <u32>load<u8>(spec);
    const isUnknown = begin == UNKNOWN || load<u8>(spec, 1) == UNKNOWN;
    const first = isUnknown ? 0 : begin == BEGIN_KEYWORD ? behindKeyword(spec) : <i32>load<i16>(spec, 4);
    if (!isUnknown && first == 0) continue;
    if (isUnknown || !specRun(n, spec, first)) {
      if (partly) continue;
      return INVALID;
    }
    n++;
    if (load<u8>(spec, 3) != 0) return INVALID;
  }
  return n;
}

// --- Commands of their own ---

function is(i: i32, word: string): bool {
  return isWord(argPtr(i), argLen(i), word);
}

/** A count as C's atoi reads it, at most the number of arguments. */
function lenientCount(i: i32): i32 {
  let p = argPtr(i);
  const end = p + <usize>argLen(i);
  while (p < end && (load<u8>(p) == 32 || <u32>load<u8>(p) - 9 <= 4)) p++;
  if (p < end && load<u8>(p) == 0x2b) p++;
  let count = 0;
  for (; p < end && <u32>load<u8>(p) - 48 <= 9 && count <= root().argc; p++) count = count * 10 + load<u8>(p) - 48;
  return count;
}

/** A count at one position, that many keys from another, and perhaps a destination at position 1. */
function counted(at: i32, first: i32, hasDestination: bool): i32 {
  const argc = root().argc;
  if (at >= argc) return 0;
  const n = lenientCount(at);
  if (n < 1 || n > argc - first) return 0;
  setRun(0, first, first + n - 1, 1, 0);
  if (hasDestination) setRun(1, 1, 1, 1, 0);
  return hasDestination ? 2 : 1;
}

/** SORT key [BY p] [LIMIT o c] [GET p ...] [STORE key]: the last STORE counts. */
function sortRuns(): i32 {
  const argc = root().argc;
  let to = 0;
  for (let i = 2; i < argc; i++) {
    if (is(i, "limit")) i += 2;
    else if (is(i, "get") || is(i, "by")) i++;
    else if (is(i, "store") && i + 1 < argc) to = i + 1;
  }
  return sourceAndTarget(to);
}

/** A source at position 1 that is read, and a target that is overwritten; 0: there is none. */
function sourceAndTarget(target: i32): i32 {
  setRun(0, 1, 1, 1, RIGHT_READ);
  if (target == 0) return 1;
  setRun(1, target, target, 1, RIGHT_WRITE);
  return 2;
}

/** MIGRATE host port key ... or MIGRATE host port "" ... KEYS key ... */
function migrateRuns(): i32 {
  const argc = root().argc;
  let first = 3;
  let last = 3;
  for (let i = 6; i < argc; i++) {
    if (is(i, "keys")) {
      if (argLen(3) > 0 || i + 1 == argc) return 0;
      first = i + 1;
      last = argc - 1;
      break;
    }
    if (is(i, "auth")) i++;
    else if (is(i, "auth2")) i += 2;
  }
  setRun(0, first, last, 1, RIGHT_READ | RIGHT_WRITE);
  return 1;
}

/** GEORADIUS and GEORADIUSBYMEMBER: the last STORE or STOREDIST counts. */
function georadiusRuns(): i32 {
  const argc = root().argc;
  let to = 0;
  for (let i = 5; i + 1 < argc; i++) if (is(i, "store") || is(i, "storedist")) to = ++i;
  return sourceAndTarget(to);
}

/** XREAD and XREADGROUP: the first half of what follows STREAMS, which may also be a group's or a key's name. */
function xreadRuns(): i32 {
  const argc = root().argc;
  let i = 1;
  while (i < argc && !is(i, "streams")) {
    if (is(i, "block") || is(i, "count")) i += 2;
    else if (is(i, "group")) i += 3;
    else if (is(i, "noack")) i++;
    else return 0;
  }
  const rest = argc - i - 1;
  if (rest < 2 || rest & 1) return 0;
  setRun(0, i + 1, i + (rest >> 1), 1, RIGHT_READ);
  return 1;
}

/** SET: with GET the old value is read as well. */
function setRuns(): i32 {
  let rights = RIGHT_WRITE;
  for (let i = 3; i < root().argc; i++) if (is(i, "get")) rights = RIGHT_READ | RIGHT_WRITE;
  setRun(0, 1, 1, 1, rights);
  return 1;
}

/** BITFIELD: only reads when all its operations are GET. */
function bitfieldRuns(): i32 {
  const argc = root().argc;
  let rights = RIGHT_READ;
  for (let i = 2; i < argc; i++) {
    const left = argc - i - 1;
    if (is(i, "get") && left >= 2) i += 2;
    else if (is(i, "overflow") && left >= 1) i++;
    else rights = RIGHT_READ | RIGHT_WRITE;
  }
  setRun(0, 1, 1, 1, rights);
  return 1;
}

/** Runs by the command's own function; the numbers are places in KEY_FINDERS of tools/generate/specs.mjs. */
function runsByFinder(finder: i32): i32 {
  switch (finder) {
    case 1: case 2: case 3: case 4: return counted(1, 2, false);
    case 5: case 6: case 7: case 8: return counted(2, 3, false);
    case 9: return counted(2, 3, true);
    case 10: return sortRuns();
    case 11: return sourceAndTarget(0);
    case 12: return migrateRuns();
    case 13: return georadiusRuns();
    case FINDER_XREAD: return xreadRuns();
    case 15: return setRuns();
    case 16: return bitfieldRuns();
    default: return 0;
  }
}

// --- API ---

/** Finds the keys of command `id` with the arguments in root.argv. Returns the number of runs. */
export function findKeys(id: i32): i32 {
  const traits = commandTraits(id);
  if (!(traits & TRAIT_HAS_KEYS)) return 0;
  const finder = commandKeyFinder(id);
  if (finder == FINDER_XREAD) {
    // Their spec takes the first word STREAMS, which may be the group's name: what it then names is not what is read.
    const n = xreadRuns();
    if (n > 0) return n;
  }
  if (!(traits & TRAIT_VARIABLE) && commandKeySpecCount(id) > 0) {
    const n = runsBySpecs(id, finder == 0);
    if (n != INVALID) return n;
  }
  return runsByFinder(finder);
}
