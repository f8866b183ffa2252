/**
 * What scripts and functions say they do: it decides how the commands that run them are treated while clients are
 * paused, memory is short or replicas are missing.
 *
 * The host tells of every cached script (by its SHA-1 in hex) and function (by its name in lower case).
 *
 *   element of one table   key: 's' or 'f' and the name · payload u32 SCRIPT_FLAG bits
 *
 * Costs: nothing unless one of those conditions holds, or the command is queued in a transaction.
 */
import { isWord } from "../bytes/compare";
import { hexDigit } from "../bytes/integer";
import { sha1 } from "../bytes/sha1";
import { CMD_DENYOOM, CMD_MAY_REPLICATE, CMD_STALE, CMD_WRITE, Cmd, commandFlags } from "../generated/commands";
import { entryNew, NO_EXPIRE, payloadAddress } from "../keyspace/entry";
import { alloc, free } from "../memory/allocator";
import { argLen, argPtr, root } from "../memory/root";
import {
  hashKey, Table, tableDrain, tableFind, tableFree, tableInit, tableInsert, tableRemove,
} from "../structures/hashtable";
import { runsScripts } from "./script";

// @layout
export const enum ScriptFlag {
  NO_WRITES = 1,
  ALLOW_OOM = 2,
  ALLOW_STALE = 4,
  NO_CLUSTER = 8,
  COMPATIBLE = 16,
  ALLOW_CROSS_SLOT = 32,
}

const TABLE_SPACE: usize = (offsetof<Table>() + 7) & ~7;
const SHA_LENGTH: i32 = 40;
/** Names that are looked up are put together here. Longer ones than a function has are not looked up. */
const NAME_MOST: i32 = 255;
const NAME: usize = memory.data(256, 8);
const KIND_SCRIPT: u32 = 0x73;
const KIND_FUNCTION: u32 = 0x66;
const FLAGS_WORD: usize = memory.data<u8>([102, 108, 97, 103, 115, 61]); // flags=
const FLAGS_LENGTH: i32 = 6;

function flagsTable(): Table {
  return changetype<Table>(root().scriptTable);
}

// --- What the host tells ---

/**
 * Notes the flags of a script or function by its key; negative: it is gone, without a key all are. Without memory it
 * counts as unknown.
 */
export function noteScript(key: usize, len: i32, flags: i32): void {
  const r = root();
  if (len == 0) return forgetScripts();
  if (r.scriptTable == 0) {
    r.scriptTable = alloc(TABLE_SPACE);
    if (r.scriptTable == 0) return;
    tableInit(flagsTable());
  }
  const t = flagsTable();
  const hash = hashKey(key, len);
  free(tableRemove(t, hash, key, len));
  if (flags < 0) return;
  const e = entryNew(key, len, 0, 0, NO_EXPIRE, -1);
  if (e == 0) return;
  store<i32>(payloadAddress(e), flags);
  if (!tableInsert(t, hash, e)) free(e);
}

function forgetScripts(): void {
  const r = root();
  if (r.scriptTable == 0) return;
  tableDrain(flagsTable(), (e: usize): void => free(e));
  tableFree(flagsTable());
  free(r.scriptTable);
  r.scriptTable = 0;
}

// --- Looking up ---

/** Flags of what NAME holds, behind the kind; -1 when it is unknown. */
function knownFlags(kind: u32, len: i32): i32 {
  if (root().scriptTable == 0) return -1;
  store<u8>(NAME, <u8>kind);
  const e = tableFind(flagsTable(), hashKey(NAME, len + 1), NAME, len + 1);
  return e == 0 ? -1 : load<i32>(payloadAddress(e));
}

/** Copies a name behind the kind, letters in lower case. */
function putName(ptr: usize, len: i32): void {
  for (let i: usize = 0; i < <usize>len; i++) {
    const byte = load<u8>(ptr + i);
    store<u8>(NAME + 1 + i, byte >= 65 && byte <= 90 ? byte + 32 : byte);
  }
}

function putHex(bytes: usize): void {
  for (let i: usize = 0; i < 20; i++) {
    const byte = load<u8>(bytes + i);
    store<u8>(NAME + 1 + (i << 1), hexDigit(byte >> 4));
    store<u8>(NAME + 2 + (i << 1), hexDigit(byte & 15));
  }
}

/** The bit of a flag's name, 0 when there is none of that name. */
function flagBit(ptr: usize, len: i32): i32 {
  if (isWord(ptr, len, "no-writes")) return ScriptFlag.NO_WRITES;
  if (isWord(ptr, len, "allow-oom")) return ScriptFlag.ALLOW_OOM;
  if (isWord(ptr, len, "allow-stale")) return ScriptFlag.ALLOW_STALE;
  return 0;
}

/** Flags in a list of them that ends at a blank. */
function listedFlags(at: usize, end: usize): i32 {
  let flags = 0;
  let from = at;
  for (; at <= end; at++) {
    const byte = at < end ? load<u8>(at) : 32;
    if (byte != 0x2c && byte != 32) continue;
    flags |= flagBit(from, <i32>(at - from));
    from = at + 1;
    if (byte == 32) break;
  }
  return flags;
}

/** Flags in the first line of a script that is not known yet. */
function shebangFlags(ptr: usize, len: i32): i32 {
  if (len < 2 || load<u16>(ptr) != 0x2123) return ScriptFlag.COMPATIBLE; // #!
  let end = ptr;
  while (end < ptr + <usize>len && load<u8>(end) != 10) end++;
  let flags = 0;
  for (let at = ptr + 2; at + <usize>FLAGS_LENGTH <= end; at++) {
    if (load<u8>(at - 1) != 32 || memory.compare(at, FLAGS_WORD, <usize>FLAGS_LENGTH) != 0) continue;
    flags |= listedFlags(at + <usize>FLAGS_LENGTH, end);
  }
  return flags;
}

/** SCRIPT_FLAG bits of what the command in root.argv would run; -1: nothing is known. */
function argumentFlags(id: i32): i32 {
  if (root().argc < 2) return -1;
  const ptr = argPtr(1);
  const len = argLen(1);
  if (id == Cmd.FCALL || id == Cmd.FCALL_RO) {
    if (len > NAME_MOST) return -1;
    putName(ptr, len);
    return knownFlags(KIND_FUNCTION, len);
  }
  if (id == Cmd.EVALSHA || id == Cmd.EVALSHA_RO) {
    if (len != SHA_LENGTH) return -1;
    putName(ptr, len);
    return knownFlags(KIND_SCRIPT, len);
  }
  return shebangFlags(ptr, len);
}

/** The CMD_ bits that count for the command in root.argv: those of a script that says what it does are its own. */
export function effectiveFlags(id: i32): u32 {
  const flags = commandFlags(id);
  if (!runsScripts(id)) return flags;
  const script = argumentFlags(id);
  if (script < 0 || script & ScriptFlag.COMPATIBLE) return flags;
  let own = flags & ~(CMD_STALE | CMD_DENYOOM | CMD_WRITE | CMD_MAY_REPLICATE);
  if (!(script & (ScriptFlag.ALLOW_OOM | ScriptFlag.NO_WRITES))) own |= CMD_DENYOOM;
  if (!(script & ScriptFlag.NO_WRITES)) own |= CMD_WRITE;
  return script & ScriptFlag.ALLOW_STALE ? own | CMD_STALE : own;
}

/** Writes the SHA-1 of bytes in hex to a place of its own; returns that place. */
export function scriptName(ptr: usize, len: i32): usize {
  sha1(ptr, len, NAME + 64);
  putHex(NAME + 64);
  return NAME + 1;
}
