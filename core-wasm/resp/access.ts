/**
 * What a client's user may do. The host compiles a user's rules into one block (server/acl/compile.ts); a user with all
 * rights has none, and its clients' `user` is 0, so that they pay one test of a pointer.
 *
 *   block       >0 AccessUser · AccessSelector x selectors · lists, in any order
 *   key         u32 length · u32 rights (RIGHT_) · bytes, padded to 4
 *   channel     u32 length · u32 0 · bytes, padded to 4
 *   first arg   u32 length · u32 command id · bytes, padded to 4
 *   commands    a bit for each command id         databases   a bit for each database
 *
 * Offsets count from the block. Blocks are chained below root.users. The first selector that allows all of a command
 * wins; without one the error of the highest kind is told (database < command < key < channel), and among equals the
 * one with the last argument.
 *
 * A denial leaves a note for ACL LOG and ends the slice, so that the host sees the client as it was:
 *
 *   note   >0 AccessNote · name · object
 *
 * Not for rules in the form that users write, and not for passwords: server/acl/.
 */
import { equalBytes, equalsIgnoreCase, isWord } from "../bytes/compare";
import { globMatch } from "../bytes/glob";
import { parseI64 } from "../bytes/integer";
import {
  CMD_ALL_DBS, CMD_NO_AUTH, commandChannels, commandDatabases, commandFlags, commandNameLength, commandNamePtr,
  commandTraits, TRAIT_BOUND_TO_DATABASE, TRAIT_HAS_KEYS,
} from "../generated/commands";
import { alloc, free } from "../memory/allocator";
import { argLen, argPtr, root, Root, ROOT_ADDRESS } from "../memory/root";
import { findKeys, RIGHT_READ, runFirst, runLast, runRights, runStep } from "./access-keys";
import { Client, CLIENT_AUTHENTICATED, CLIENT_INTERNAL } from "./client";
import { errorBytes, errorSend, errorStart, errorText, replyError } from "./reply";

// @layout
@unmanaged
export class AccessUser {
  next: usize; // in root.users
  id: u32;
  selectors: u32;
  name: u32; // offset
  nameLength: u32;
}

// @layout
@unmanaged
export class AccessSelector {
  flags: u32; // SELECTOR_ bits
  commands: u32;
  databases: u32;
  databaseCount: u32; // bits there
  keys: u32;
  keyCount: u32;
  channels: u32;
  channelCount: u32;
  firstArgs: u32;
  firstArgCount: u32;
}

// @layout
@unmanaged
export class AccessNote {
  next: usize;
  client: usize;
  clientId: u64;
  reason: i32; // DENIED_
  context: i32; // CONTEXT_
  nameLength: i32;
  objectLength: i32;
}

// @layout
export const SELECTOR_ALL_KEYS: u32 = 1;
export const SELECTOR_ALL_CHANNELS: u32 = 2;
export const SELECTOR_ALL_DATABASES: u32 = 4;
export const SELECTOR_ALL_COMMANDS: u32 = 8;

// @layout
export const DENIED_DATABASE: i32 = 1;
export const DENIED_COMMAND: i32 = 2;
export const DENIED_KEY: i32 = 3;
export const DENIED_CHANNEL: i32 = 4;

// @layout
export const CONTEXT_TOP: i32 = 0;
export const CONTEXT_MULTI: i32 = 1;
export const CONTEXT_SCRIPT: i32 = 2;

/** The user of new connections. */
// @layout
export const DEFAULT_USER_ID: u32 = 1;

/** Bit of root.gate: somebody was denied something; the running command ends the slice (resp/process.ts). */
export const GATE_DENIED: u32 = 1 << 17;

const ALLOWED: i32 = 0;
const ITEM_HEADER: usize = 8;
/** Notes that wait for the host at most: more in one slice are counted, but not logged. */
const NOTES_MAX: i32 = 256;
/** Bytes of a key or channel that a note keeps at most. */
const OBJECT_MAX: i32 = 65536;
const ROOT_NUMBER: usize = ROOT_ADDRESS + offsetof<Root>("number");
const USER_SPACE: usize = offsetof<AccessUser>();
const SELECTOR_SPACE: usize = offsetof<AccessSelector>();

const DATABASES_SELECT: i32 = 1;
const DATABASES_MOVE: i32 = 3;
const DATABASES_COPY: i32 = 4;
const CHANNELS_PATTERNS: i32 = 2;
const CHANNELS_FIRST: i32 = 3;

function selectorAt(user: usize, i: u32): AccessSelector {
  return changetype<AccessSelector>(user + USER_SPACE + SELECTOR_SPACE * <usize>i);
}

/** Length of a list's item. */
function itemLength(item: usize): i32 {
  return load<i32>(item);
}

/** Address behind a list's item. */
function itemNext(item: usize): usize {
  return item + ITEM_HEADER + ((<usize>itemLength(item) + 3) & ~3);
}

function hasBit(bits: usize, i: i32): bool {
  return (load<u8>(bits + <usize>(i >> 3)) >> <u8>(i & 7) & 1) != 0;
}

// --- Databases ---

function allowsDatabase(user: usize, s: AccessSelector, index: i64): bool {
  if (s.flags & SELECTOR_ALL_DATABASES) return true;
  return index >= 0 && index < <i64>s.databaseCount && hasBit(user + <usize>s.databases, <i32>index);
}

/** The database that argument i names; -1 when it names none. */
function databaseArgument(i: i32): i64 {
  if (!parseI64(argPtr(i), argLen(i), ROOT_NUMBER)) return -1;
  const index = root().number;
  return index < <i64>root().databaseCount ? index : -1;
}

/** True when COPY's options are as they should be: else it is a syntax error, whatever databases it names. */
function copyIsSound(): bool {
  const argc = root().argc;
  for (let i = 3; i < argc; i++) {
    if (isWord(argPtr(i), argLen(i), "replace")) continue;
    if (!isWord(argPtr(i), argLen(i), "db") || i + 1 >= argc || databaseArgument(++i) < 0) return false;
  }
  return true;
}

/** The first argument that names a database which the selector does not allow; 0 when there is none. */
function forbiddenDatabase(user: usize, s: AccessSelector, kind: i32): i32 {
  const argc = root().argc;
  if (kind == DATABASES_COPY) {
    if (!copyIsSound()) return 0;
    for (let i = 3; i < argc; i++) {
      if (isWord(argPtr(i), argLen(i), "db") && !allowsDatabase(user, s, databaseArgument(++i))) return i;
    }
    return 0;
  }
  const first = kind == DATABASES_MOVE ? 2 : 1;
  const last = kind == DATABASES_SELECT ? 1 : 2;
  for (let i = first; i <= last; i++) if (i >= argc || databaseArgument(i) < 0) return 0;
  for (let i = first; i <= last; i++) if (!allowsDatabase(user, s, databaseArgument(i))) return i;
  return 0;
}

function checkDatabases(user: usize, s: AccessSelector, id: i32, db: i32): i32 {
  const r = root();
  const kind = commandDatabases(id);
  const traits = commandTraits(id);
  r.deniedArg = 0;
  if (kind != 0) {
    r.deniedArg = forbiddenDatabase(user, s, kind);
    if (r.deniedArg != 0) return DENIED_DATABASE;
    // MOVE and COPY take from the selected database as well.
    return traits & TRAIT_HAS_KEYS && !allowsDatabase(user, s, db) ? DENIED_DATABASE : ALLOWED;
  }
  if (commandFlags(id) & CMD_ALL_DBS) {
    for (let i = 0; i < r.databaseCount; i++) if (!allowsDatabase(user, s, i)) return DENIED_DATABASE;
    return ALLOWED;
  }
  return traits & TRAIT_BOUND_TO_DATABASE && !allowsDatabase(user, s, db) ? DENIED_DATABASE : ALLOWED;
}

// --- Commands ---

/** True when a command is allowed with the first argument that it has. */
function allowsFirstArg(user: usize, s: AccessSelector, id: i32): bool {
  if (root().argc < 2) return false;
  let item = user + <usize>s.firstArgs;
  for (let i: u32 = 0; i < s.firstArgCount; i++, item = itemNext(item)) {
    if (load<i32>(item, 4) != id || itemLength(item) != argLen(1)) continue;
    if (equalsIgnoreCase(item + ITEM_HEADER, argPtr(1), argLen(1))) return true;
  }
  return false;
}

function allowsCommand(user: usize, s: AccessSelector, id: i32): bool {
  if (s.flags & SELECTOR_ALL_COMMANDS || hasBit(user + <usize>s.commands, id)) return true;
  return (commandFlags(id) & CMD_NO_AUTH) != 0 || allowsFirstArg(user, s, id);
}

// --- Keys ---

function allowsKey(user: usize, s: AccessSelector, key: usize, len: i32, rights: u32): bool {
  let item = user + <usize>s.keys;
  for (let i: u32 = 0; i < s.keyCount; i++, item = itemNext(item)) {
    if ((load<u32>(item, 4) & rights) != rights) continue;
    if (globMatch(item + ITEM_HEADER, itemLength(item), key, len, false)) return true;
  }
  return false;
}

/** Checks all keys of the running command; `runs` is how many findKeys() found. */
function checkKeys(user: usize, s: AccessSelector, runs: i32): i32 {
  for (let run = 0; run < runs; run++) {
    const last = runLast(run);
    const step = runStep(run);
    const rights = runRights(run);
    for (let i = runFirst(run); i <= last; i += step) {
      if (allowsKey(user, s, argPtr(i), argLen(i), rights)) continue;
      root().deniedArg = i;
      return DENIED_KEY;
    }
  }
  return ALLOWED;
}

// --- Channels ---

/** A pattern of a subscription has to be among the selector's as it stands; a channel has to match one of them. */
function allowsChannel(user: usize, s: AccessSelector, channel: usize, len: i32, isPattern: bool): bool {
  let item = user + <usize>s.channels;
  for (let i: u32 = 0; i < s.channelCount; i++, item = itemNext(item)) {
    const length = itemLength(item);
    if (isPattern ? length == len && equalBytes(item + ITEM_HEADER, channel, len)
      : globMatch(item + ITEM_HEADER, length, channel, len, false)) return true;
  }
  return false;
}

function checkChannels(user: usize, s: AccessSelector, kind: i32): i32 {
  const argc = root().argc;
  const end = kind == CHANNELS_FIRST && argc > 2 ? 2 : argc;
  for (let i = 1; i < end; i++) {
    if (allowsChannel(user, s, argPtr(i), argLen(i), kind == CHANNELS_PATTERNS)) continue;
    root().deniedArg = i;
    return DENIED_CHANNEL;
  }
  return ALLOWED;
}

// --- A whole command ---

/** Checks a command for one selector. Returns ALLOWED or DENIED_ with root.deniedArg. */
function checkSelector(user: usize, s: AccessSelector, id: i32, db: i32): i32 {
  if (!(s.flags & SELECTOR_ALL_DATABASES)) {
    const code = checkDatabases(user, s, id, db);
    if (code != ALLOWED) return code;
  }
  root().deniedArg = 0;
  if (!allowsCommand(user, s, id)) return DENIED_COMMAND;
  if (!(s.flags & SELECTOR_ALL_KEYS) && commandTraits(id) & TRAIT_HAS_KEYS) {
    const code = checkKeys(user, s, findKeys(id));
    if (code != ALLOWED) return code;
  }
  const channels = commandChannels(id);
  if (channels != 0 && !(s.flags & SELECTOR_ALL_CHANNELS)) return checkChannels(user, s, channels);
  return ALLOWED;
}

/** Checks command `id` with the arguments in root.argv for a user. Returns 0 or DENIED_ with root.deniedArg. */
export function checkAccess(user: usize, id: i32, db: i32): i32 {
  const r = root();
  const count = changetype<AccessUser>(user).selectors;
  let worst = DENIED_DATABASE;
  let last = 0;
  for (let i: u32 = 0; i < count; i++) {
    const code = checkSelector(user, selectorAt(user, i), id, db);
    if (code == ALLOWED) return ALLOWED;
    if (code > worst || (code == worst && r.deniedArg > last)) {
      worst = code;
      last = r.deniedArg;
    }
  }
  r.deniedArg = last;
  return worst;
}

// --- Denials ---

function count(reason: i32): void {
  const r = root();
  if (reason == DENIED_COMMAND) r.statDeniedCommand++;
  else if (reason == DENIED_KEY) r.statDeniedKey++;
  else if (reason == DENIED_CHANNEL) r.statDeniedChannel++;
  else r.statDeniedDatabase++;
}

/** Counts a denial and leaves a note of it; one for which there is no memory is only counted. */
function note(c: Client, id: i32, reason: i32, context: i32): void {
  const r = root();
  count(reason);
  r.gate |= GATE_DENIED;
  if (r.noteCount >= NOTES_MAX) return;
  const at = r.deniedArg;
  const object = at == 0 || reason == DENIED_COMMAND ? commandNamePtr(id) : argPtr(at);
  let length = at == 0 || reason == DENIED_COMMAND ? commandNameLength(id) : argLen(at);
  if (length > OBJECT_MAX && reason != DENIED_COMMAND) length = OBJECT_MAX;
  const user = changetype<AccessUser>(c.user);
  const nameLength = <usize>user.nameLength;
  const address = alloc(offsetof<AccessNote>() + nameLength + <usize>length);
  if (address == 0) return;
  const n = changetype<AccessNote>(address);
  n.next = 0;
  n.client = changetype<usize>(c);
  n.clientId = c.id;
  n.reason = reason;
  n.context = context;
  n.nameLength = <i32>nameLength;
  n.objectLength = length;
  memory.copy(address + offsetof<AccessNote>(), c.user + <usize>user.name, nameLength);
  memory.copy(address + offsetof<AccessNote>() + nameLength, object, <usize>length);
  if (r.noteHead == 0) r.noteHead = address;
  else changetype<AccessNote>(r.noteTail).next = address;
  r.noteTail = address;
  r.noteCount++;
}

/** Takes the first note off the list; the host frees it. 0 when there is none. */
export function takeNote(): usize {
  const r = root();
  const address = r.noteHead;
  if (address == 0) return 0;
  r.noteHead = changetype<AccessNote>(address).next;
  r.noteCount--;
  return address;
}

function replyDenied(c: Client, id: i32, reason: i32): void {
  if (reason == DENIED_KEY) return replyError(c, "NOPERM No permissions to access a key");
  if (reason == DENIED_CHANNEL) return replyError(c, "NOPERM No permissions to access a channel");
  if (reason == DENIED_DATABASE) return replyError(c, "NOPERM No permissions to access database");
  const user = changetype<AccessUser>(c.user);
  errorStart("NOPERM User ");
  errorBytes(c.user + <usize>user.name, <i32>user.nameLength, i32.MAX_VALUE);
  errorText(" has no permissions to run the '");
  errorBytes(commandNamePtr(id), commandNameLength(id), i32.MAX_VALUE);
  errorText("' command");
  errorSend(c);
}

// --- API ---

/** Checks the command in root.argv for a client that has a restricted user; replies, notes and returns false. */
export function mayRun(c: Client, id: i32, db: i32, context: i32): bool {
  const reason = checkAccess(c.user, id, db);
  if (reason == ALLOWED) return true;
  note(c, id, reason, context);
  replyDenied(c, id, reason);
  return false;
}

/** The same for a command of a script: the note is of the client that called the script. */
export function mayRunScripted(c: Client, caller: Client, id: i32): bool {
  const reason = checkAccess(c.user, id, c.db);
  if (reason == ALLOWED) return true;
  note(caller, id, reason, CONTEXT_SCRIPT);
  replyDenied(c, id, reason);
  return false;
}

/** The same for a command of a transaction that is being executed: its rules changed since it was queued. */
export function mayRunQueued(c: Client, id: i32, db: i32): bool {
  const reason = checkAccess(c.user, id, db);
  if (reason == ALLOWED) return true;
  note(c, id, reason, CONTEXT_MULTI);
  errorStart("NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This ");
  errorText("command is no longer allowed for the following reason: ");
  if (reason == DENIED_COMMAND) errorText("no permission to execute the command or subcommand");
  else if (reason == DENIED_KEY) errorText("no permission to touch the specified keys");
  else if (reason == DENIED_CHANNEL) errorText("no permission to access one of the channels used as arguments");
  else errorText("no permission");
  errorSend(c);
  return false;
}

/** Whether the client may use a channel: in any of its selectors. */
export function mayUseChannel(c: Client, channel: usize, len: i32, isPattern: bool): bool {
  const user = c.user;
  return user == 0 || userAllowsChannel(user, channel, len, isPattern);
}

function userAllowsChannel(user: usize, channel: usize, len: i32, isPattern: bool): bool {
  const selectors = changetype<AccessUser>(user).selectors;
  for (let i: u32 = 0; i < selectors; i++) {
    const s = selectorAt(user, i);
    if (s.flags & SELECTOR_ALL_CHANNELS || allowsChannel(user, s, channel, len, isPattern)) return true;
  }
  return false;
}

/** Whether a selector of the client allows the running command and reading of every key: SORT's BY and GET need it. */
export function mayReadEveryKey(c: Client, id: i32): bool {
  const user = c.user;
  if (user == 0) return true;
  const selectors = changetype<AccessUser>(user).selectors;
  for (let i: u32 = 0; i < selectors; i++) {
    const s = selectorAt(user, i);
    if (checkSelector(user, s, id, c.db) == ALLOWED && readsEveryKey(user, s)) return true;
  }
  return false;
}

function readsEveryKey(user: usize, s: AccessSelector): bool {
  if (s.flags & SELECTOR_ALL_KEYS) return true;
  let item = user + <usize>s.keys;
  for (let i: u32 = 0; i < s.keyCount; i++, item = itemNext(item)) {
    if (load<u32>(item, 4) & RIGHT_READ && itemLength(item) == 1 && load<u8>(item, ITEM_HEADER) == 0x2a) return true;
  }
  return false;
}

// --- Users ---

/** The block of the user with this id, 0 when it has all rights. */
function userBlock(id: u32): usize {
  let block = root().users;
  while (block != 0 && changetype<AccessUser>(block).id != id) block = changetype<AccessUser>(block).next;
  return block;
}

function unchain(block: usize): void {
  const r = root();
  if (r.users == block) {
    r.users = changetype<AccessUser>(block).next;
    return;
  }
  let before = r.users;
  while (changetype<AccessUser>(before).next != block) before = changetype<AccessUser>(before).next;
  changetype<AccessUser>(before).next = changetype<AccessUser>(block).next;
}

/** Gives user `id` new rules for all its clients, and frees the old ones. 0: it has all rights from now on. */
export function setUser(id: u32, block: usize): void {
  const r = root();
  const old = userBlock(id);
  if (old != 0) unchain(old);
  if (block != 0) {
    changetype<AccessUser>(block).next = r.users;
    r.users = block;
  }
  if (id == DEFAULT_USER_ID) r.defaultUser = block;
  for (let address = r.firstClient; address != 0; address = changetype<Client>(address).next) {
    const c = changetype<Client>(address);
    if (c.userId == id) c.user = block;
  }
  free(old);
}

/** A user is gone: its clients become strangers, who belong to the default user and are not authenticated. */
export function dropUser(id: u32): void {
  for (let address = root().firstClient; address != 0; address = changetype<Client>(address).next) {
    const c = changetype<Client>(address);
    if (c.userId != id) continue;
    c.userId = DEFAULT_USER_ID;
    c.user = root().defaultUser;
    c.flags &= ~CLIENT_AUTHENTICATED;
  }
  setUser(id, 0);
}

/** Makes the client one of user `id`. */
export function assignUser(c: Client, id: u32): void {
  c.userId = id;
  c.user = userBlock(id);
}

/** Makes the client one of nobody's: a call of the program itself has all rights. Others belong to the default user. */
export function assignDefault(c: Client): void {
  const isInternal = (c.flags & CLIENT_INTERNAL) != 0;
  c.userId = isInternal ? 0 : DEFAULT_USER_ID;
  c.user = isInternal ? 0 : root().defaultUser;
}

/** Frees all rules and notes: a copy of another core's memory brings that one's users along. Clients are nobody's. */
export function forgetUsers(): void {
  const r = root();
  for (let address = r.firstClient; address != 0; address = changetype<Client>(address).next) {
    assignDefault(changetype<Client>(address));
  }
  while (r.users != 0) setUser(changetype<AccessUser>(r.users).id, 0);
  for (let n = takeNote(); n != 0; n = takeNote()) free(n);
}
