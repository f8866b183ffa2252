/**
 * The command table: what each command is, and which command a name means.
 *
 * The data is generated (generated/tables.ts) into static memory and is read in place; names are changed in place by
 * rename-command. Not for running commands: that is generated/dispatch.ts.
 *
 *   record, 64 bytes, one cache line, at RECORDS + id * 64:
 *    0  8  8  8   name, each byte with bit 5 set (letters in lower case), zeros behind its end
 *   24  u8        length of the name; 0: the command can't be called, or its name is in the list of long names
 *   25  u8        1: the name has other characters than letters, so equal folded words still need a look (bytes 56)
 *   26  u16       id of the container, 0 for a top-level command
 *   28  u32       flags
 *   32  i16 x 4   arity, first key, last key, key step
 *   40  u32 u8    access categories, group
 *   45  u8 x 3    traits (TRAIT_), how channels are named, special way to find keys (resp/access-keys.ts)
 *   48  u32 u8    offset of the full name in NAMES, its length
 *   60  u16 u8 u8 first record in KEY_SPECS, how many, how databases are named
 *   56  u32       bit i: byte i of the name is no letter and has bit 5 clear ('_' does, DEL and '-' don't)
 *
 *   name index, u16 slots: id, 0 where free, 0xffff where a name was taken away. A name's slot is the top bits of
 *   (first + second * MIX_1 + third * MIX_2 + container * MIX_PARENT) * MULTIPLIER; probing is linear.
 *
 *   long names (25 to 124 bytes, only by rename-command), 128 bytes each: u16 id, u8 length, 1 unused, the bytes.
 *
 * Invariants: folded bytes are never zero, so equal words mean equal lengths. The generated index has no collision
 * between top-level names. Cost: a look-up of a name of up to 8 letters is one multiplication and two loads.
 * Look-ups read up to 7 bytes behind the name: input buffers have slack for that.
 */

import {
  KEY_SPECS, NAME_INDEX, NAME_INDEX_MASK, NAME_INDEX_SHIFT, NAME_MIX_1, NAME_MIX_2, NAME_MIX_PARENT, NAME_MULTIPLIER,
  NAMES, RECORDS,
} from "../generated/tables";

const RECORD_SHIFT: usize = 6;
const SECOND_WORD: usize = 8;
const THIRD_WORD: usize = 16;
const TAG: usize = 24;
const ODD: usize = 25;
const PARENT: usize = 26;
const FLAGS: usize = 28;
const ARITY: usize = 32;
const FIRST_KEY: usize = 34;
const LAST_KEY: usize = 36;
const KEY_STEP: usize = 38;
const CATEGORIES: usize = 40;
const GROUP: usize = 44;
const NAME_OFFSET: usize = 48;
const NAME_LENGTH: usize = 52;
const CLEAR_BITS: usize = 56;
const TRAITS: usize = 45;
const CHANNELS: usize = 46;
const KEY_FINDER: usize = 47;
const KEY_SPEC_FIRST: usize = 60;
const KEY_SPEC_COUNT: usize = 62;
const DATABASE_KIND: usize = 63;

// What commandTraits() answers.
export const TRAIT_HAS_KEYS: u32 = 1;
export const TRAIT_BOUND_TO_DATABASE: u32 = 2; // reads or changes the selected database
export const TRAIT_VARIABLE: u32 = 4; // its options decide about the rights that it needs

/** Length and container in the record's tag, without the byte between them. */
const TAG_MASK: u32 = 0xffff00ff;
const FOLD: u64 = 0x2020202020202020;
const FREE: i32 = 0;
const REMOVED: i32 = 0xffff;
const SHORT_NAME: i32 = 24;
const LONG_NAME: i32 = 124;
const LONG_NAMES_COUNT: i32 = 32;
const LONG_NAMES_SHIFT: usize = 7;
const LONG_NAMES: usize = memory.data(4096, 16);
const LONG_NAME_BYTES: usize = 4;

/** Address of a command's record. */
function recordOf(id: i32): usize {
  return RECORDS + (<usize>id << RECORD_SHIFT);
}

// --- What a command is ---

/** The CMD_ bits of a command. */
export function commandFlags(id: i32): u32 {
  return load<u32>(recordOf(id), FLAGS);
}

/** Number of arguments with the name; negative: at least that many. */
export function commandArity(id: i32): i32 {
  return load<i16>(recordOf(id), ARITY);
}

/** Position of the first key, 0 when no fixed position holds one. */
export function commandFirstKey(id: i32): i32 {
  return load<i16>(recordOf(id), FIRST_KEY);
}

/** Position of the last key; negative: counted from the end, -1 is the last argument. */
export function commandLastKey(id: i32): i32 {
  return load<i16>(recordOf(id), LAST_KEY);
}

/** Distance between keys. */
export function commandKeyStep(id: i32): i32 {
  return load<i16>(recordOf(id), KEY_STEP);
}

/** The ACL_ bits of a command. */
export function commandCategories(id: i32): u32 {
  return load<u32>(recordOf(id), CATEGORIES);
}

/** The TRAIT_ bits of a command. */
export function commandTraits(id: i32): u32 {
  return load<u8>(recordOf(id), TRAITS);
}

/** How a command names channels: 0 not at all, 1 in all arguments, 2 there as patterns, 3 in the first one. */
export function commandChannels(id: i32): i32 {
  return load<u8>(recordOf(id), CHANNELS);
}

/** Number of the special way to find a command's keys (tools/generate/specs.mjs), 0 when there is none. */
export function commandKeyFinder(id: i32): i32 {
  return load<u8>(recordOf(id), KEY_FINDER);
}

/** Address of a command's first record of where its keys are. */
export function commandKeySpecs(id: i32): usize {
  return KEY_SPECS + (<usize>load<u16>(recordOf(id), KEY_SPEC_FIRST) << 4);
}

/** Number of those records. */
export function commandKeySpecCount(id: i32): i32 {
  return load<u8>(recordOf(id), KEY_SPEC_COUNT);
}

/** How a command names databases: 0 not at all, 1 SELECT, 2 SWAPDB, 3 MOVE, 4 COPY. */
export function commandDatabases(id: i32): i32 {
  return load<u8>(recordOf(id), DATABASE_KIND);
}

/** Number of the command's group, as server/generated/commands.ts lists them. */
export function commandGroup(id: i32): i32 {
  return load<u8>(recordOf(id), GROUP);
}

/** Id of the container of a subcommand, else 0. */
export function commandParent(id: i32): i32 {
  return load<u16>(recordOf(id), PARENT);
}

/** Address of the full name in lower case ("object|encoding"), as error texts quote it. Renaming does not change it. */
export function commandNamePtr(id: i32): usize {
  return NAMES + <usize>load<u32>(recordOf(id), NAME_OFFSET);
}

/** Length of the full name. */
export function commandNameLength(id: i32): i32 {
  return load<u8>(recordOf(id), NAME_LENGTH);
}

// --- Look-up ---

/** Bit i is set when byte i is no letter and its bit 5 is clear: what folding by bit 5 loses of a name. */
function clearBits(ptr: usize, len: i32): u32 {
  let bits: u32 = 0;
  for (let i = 0; i < len; i++) {
    const byte: u32 = load<u8>(ptr + <usize>i);
    const letter = (byte | 0x20) - 97 < 26;
    if ((byte & 0x20) === 0 && !letter) bits |= 1 << i;
  }
  return bits;
}

/** The folded word of the `len` (1 to 8) bytes at ptr, zeros behind them. */
function foldedWord(ptr: usize, len: i32): u64 {
  return (load<u64>(ptr) | FOLD) & (u64.MAX_VALUE >> <u64>(64 - (len << 3)));
}

/** Looks a name of 9 to 24 bytes up; the general form of find(). */
function findLong(parent: i32, ptr: usize, len: i32): i32 {
  if (len > SHORT_NAME) return findListed(parent, ptr, len);
  const first = load<u64>(ptr) | FOLD;
  const second = len >= 16 ? load<u64>(ptr, 8) | FOLD : foldedWord(ptr + 8, len - 8);
  const third = len > 16 ? foldedWord(ptr + 16, len - 16) : 0;
  const key = first + second * NAME_MIX_1 + third * NAME_MIX_2 + <u64>parent * NAME_MIX_PARENT;
  const tag = <u32>len | (<u32>parent << 16);
  let slot = <i32>((key * NAME_MULTIPLIER) >> NAME_INDEX_SHIFT);
  while (true) {
    const id = <i32>load<u16>(NAME_INDEX + (<usize>slot << 1));
    if (id === FREE) return -1;
    if (id !== REMOVED) {
      const record = recordOf(id);
      const same = load<u64>(record) === first && load<u64>(record, SECOND_WORD) === second &&
        load<u64>(record, THIRD_WORD) === third && (load<u32>(record, TAG) & TAG_MASK) === tag;
      if (same && (load<u8>(record, ODD) === 0 || load<u32>(record, CLEAR_BITS) === clearBits(ptr, len))) return id;
    }
    slot = (slot + 1) & NAME_INDEX_MASK;
  }
}

/** Looks a name up in a container (0: top level); -1 when there is none. */
function find(parent: i32, ptr: usize, len: i32): i32 {
  if (<u32>(len - 1) >= 8) return len <= 0 ? -1 : findLong(parent, ptr, len);
  const word = foldedWord(ptr, len);
  const tag = <u32>len | (<u32>parent << 16);
  let slot = <i32>(((word + <u64>parent * NAME_MIX_PARENT) * NAME_MULTIPLIER) >> NAME_INDEX_SHIFT);
  while (true) {
    const id = <i32>load<u16>(NAME_INDEX + (<usize>slot << 1));
    if (id === FREE) return -1;
    if (id !== REMOVED) {
      const record = recordOf(id);
      const same = load<u64>(record) === word && (load<u32>(record, TAG) & TAG_MASK) === tag;
      if (same && (load<u8>(record, ODD) === 0 || load<u32>(record, CLEAR_BITS) === clearBits(ptr, len))) return id;
    }
    slot = (slot + 1) & NAME_INDEX_MASK;
  }
}

/** Id of the top-level command with this name, letters in any case; -1 when no command is called so. */
export function lookupCommand(ptr: usize, len: i32): i32 {
  return find(0, ptr, len);
}

/** Id of a container's subcommand with this name, letters in any case; -1 when there is none. */
export function lookupSubcommand(parent: i32, ptr: usize, len: i32): i32 {
  return find(parent, ptr, len);
}

// --- Renaming ---

/** Address of long name i. */
function longName(i: i32): usize {
  return LONG_NAMES + (<usize>i << LONG_NAMES_SHIFT);
}

/** Looks a name of more than 24 bytes up in the list of long names. */
function findListed(parent: i32, ptr: usize, len: i32): i32 {
  if (parent !== 0 || len > LONG_NAME) return -1;
  for (let i = 0; i < LONG_NAMES_COUNT; i++) {
    const entry = longName(i);
    if (load<u16>(entry) === 0 || <i32>load<u8>(entry, 2) !== len) continue;
    let same = true;
    for (let j: usize = 0; same && j < <usize>len; j++) {
      same = lower(load<u8>(entry + LONG_NAME_BYTES + j)) === lower(load<u8>(ptr + j));
    }
    if (same) return load<u16>(entry);
  }
  return -1;
}

/** A byte with 'A' to 'Z' folded. */
function lower(byte: u8): u8 {
  return byte >= 65 && byte <= 90 ? byte | 0x20 : byte;
}

/** What the index multiplies for a record's present name. */
function keyOf(record: usize): u64 {
  return load<u64>(record) + load<u64>(record, SECOND_WORD) * NAME_MIX_1 + load<u64>(record, THIRD_WORD) * NAME_MIX_2 +
    <u64>load<u16>(record, PARENT) * NAME_MIX_PARENT;
}

/** Takes a command's present name away: nothing finds it until it gets another one. */
function removeName(id: i32): void {
  const record = recordOf(id);
  for (let i = 0; i < LONG_NAMES_COUNT; i++) if (<i32>load<u16>(longName(i)) === id) store<u16>(longName(i), 0);
  if (load<u8>(record, TAG) === 0) return;
  let slot = <i32>((keyOf(record) * NAME_MULTIPLIER) >> NAME_INDEX_SHIFT);
  while (true) {
    const at = NAME_INDEX + (<usize>slot << 1);
    const found = <i32>load<u16>(at);
    if (found === id) store<u16>(at, <u16>REMOVED);
    if (found === id || found === FREE) break;
    slot = (slot + 1) & NAME_INDEX_MASK;
  }
  store<u8>(record, 0, TAG);
}

/**
 * Gives a top-level command another name; length 0 takes its name away. False when the name is too long to be kept
 * (more than 124 bytes, or the list of names above 24 bytes is full). The caller has checked that the name is free.
 */
export function setCommandName(id: i32, ptr: usize, len: i32): bool {
  if (len > LONG_NAME) return false;
  const record = recordOf(id);
  removeName(id);
  if (len === 0) return true;
  if (len > SHORT_NAME) return addLongName(id, ptr, len);
  memory.fill(record, 0, TAG);
  for (let i: usize = 0; i < <usize>len; i++) store<u8>(record + i, load<u8>(ptr + i) | 0x20);
  store<u8>(record, <u8>len, TAG);
  // Always compared in full: a renamed command isn't worth a faster way.
  store<u8>(record, 1, ODD);
  store<u32>(record, clearBits(ptr, len), CLEAR_BITS);
  let slot = <i32>((keyOf(record) * NAME_MULTIPLIER) >> NAME_INDEX_SHIFT);
  while (true) {
    const at = NAME_INDEX + (<usize>slot << 1);
    const found = <i32>load<u16>(at);
    if (found === FREE || found === REMOVED) {
      store<u16>(at, <u16>id);
      return true;
    }
    slot = (slot + 1) & NAME_INDEX_MASK;
  }
}

/** Puts a name of more than 24 bytes on the list; false when the list is full. */
function addLongName(id: i32, ptr: usize, len: i32): bool {
  for (let i = 0; i < LONG_NAMES_COUNT; i++) {
    const entry = longName(i);
    if (load<u16>(entry) !== 0) continue;
    store<u16>(entry, <u16>id);
    store<u8>(entry, <u8>len, 2);
    memory.copy(entry + LONG_NAME_BYTES, ptr, <usize>len);
    return true;
  }
  return false;
}
