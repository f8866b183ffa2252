/**
 * XGROUP and XACK: making, moving and removing groups and consumers, and acknowledging what was delivered.
 */
import { addEntry, lookupWrite } from "../keyspace/database";
import { ENCODING_STREAM, entryNew, entrySetPointer, NO_EXPIRE, TYPE_STREAM } from "../keyspace/entry";
import { changed, notify, NOTIFY_STREAM } from "../keyspace/events";
import { dropEntry, LAZY_ALWAYS } from "../keyspace/lazyfree";
import { free } from "../memory/allocator";
import { argLen, argPtr, argc, root } from "../memory/root";
import { signalReady } from "../resp/blocking";
import { Client, clientDb } from "../resp/client";
import {
  errorBytes, errorSend, errorStart, errorText, replyArray, replyError, replyInteger, replyOk, replyOutOfMemory,
  replySimple,
} from "../resp/reply";
import { idSize } from "../structures/id-tree";
import { nameInsert, nameRemove } from "../structures/name-list";
import { streamOf } from "../types/stream";
import {
  Consumer, consumerPending, Group, groupPending, groupsOf, READ_UNKNOWN, Stream, streamNew,
} from "../types/stream-data";
import {
  consumerCreate, consumerDelete, consumerFind, groupCreate, groupFind, groupFreeSome, pendingRemove,
} from "../types/stream-group";
import { valueFree } from "../types/value";
import { argI64, argIs, textLength } from "./arguments";
import { isOfType, readKey } from "./look-up";
import { newStreamEntry } from "./stream";
import { argAnyId, argId, argIsSign, parseId } from "./stream-id";

const WHOLE: i32 = i32.MAX_VALUE;
/** Pending entries that go at once with their group. */
const FREED_AT_ONCE: u32 = 64;

// --- Errors that name a group ---

function errorArg(i: i32): void {
  errorBytes(argPtr(i), textLength(i), WHOLE);
}

/** NOGROUP No such key 'key' or consumer group 'group', and what else there is to say */
export function replyNoGroup(c: Client, key: i32, group: i32, more: string = ""): void {
  errorStart("NOGROUP No such key '");
  errorArg(key);
  errorText("' or consumer group '");
  errorArg(group);
  errorText("'");
  errorText(more);
  errorSend(c);
}

/** ERR The XGROUP subcommand requires the key to exist. ... */
function replyNeedsKey(c: Client): void {
  errorStart("ERR The XGROUP subcommand requires the key to exist. ");
  errorText("Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.");
  errorSend(c);
}

/** NOGROUP No such consumer group 'group' for key name 'key' */
export function replyNoGroupOfKey(c: Client, key: i32, group: i32): void {
  errorStart("NOGROUP No such consumer group '");
  errorArg(group);
  errorText("' for key name '");
  errorArg(key);
  errorText("'");
  errorSend(c);
}

/** ERR unknown subcommand or wrong number of arguments for 'subcommand'. Try NAME HELP. */
export function replySubcommandSyntax(c: Client, name: string): void {
  errorStart("ERR unknown subcommand or wrong number of arguments for '");
  errorBytes(argPtr(1), textLength(1), 128);
  errorText("'. Try ");
  errorText(name);
  errorText(" HELP.");
  errorSend(c);
}

// --- Looking up ---

/**
 * The group of argument 3 of the stream in argument 2; 0 after a reply when one of them is missing. `required`: a group
 * that is missing is an error.
 */
function lookupGroup(c: Client, required: bool): usize {
  const e = lookupWrite(clientDb(c), argPtr(2), argLen(2));
  if (!isOfType(c, e, TYPE_STREAM)) return 0;
  if (e == 0) {
    replyNeedsKey(c);
    return 0;
  }
  const g = groupFind(streamOf(e), argPtr(3), argLen(3));
  if (g == 0) {
    if (required) replyNoGroupOfKey(c, 2, 3);
    else replyInteger(c, 0);
  }
  return g;
}

/** The stream in argument 2, which is there. */
function streamOfKey(c: Client): Stream {
  return streamOf(lookupWrite(clientDb(c), argPtr(2), argLen(2)));
}

function tell(c: Client, event: string): void {
  changed(1);
  notify(NOTIFY_STREAM, event, argPtr(2), argLen(2), clientDb(c).id);
}

/**
 * The consumer of argument `name`, made when there is none; 0, nothing changed, without memory. `key`: the argument
 * that names the stream, for the event.
 */
export function ensureConsumer(c: Client, g: Group, name: i32, key: i32): usize {
  let consumer = consumerFind(g, argPtr(name), argLen(name));
  if (consumer == 0) {
    consumer = consumerCreate(g, argPtr(name), argLen(name));
    if (consumer == 0) return 0;
    changed(1);
    notify(NOTIFY_STREAM, "xgroup-createconsumer", argPtr(key), argLen(key), clientDb(c).id);
  }
  changetype<Consumer>(consumer).seenMs = root().nowMs;
  return consumer;
}

// --- XGROUP ---

const MAKE_STREAM: i32 = 1;
const BAD_OPTION: i32 = -1;

/** Reads the options from argument 5 on, ENTRIESREAD's value into root.number; BAD_OPTION after an error. */
function readOptions(c: Client, isCreate: bool): i32 {
  const r = root();
  let makes = 0;
  let read = READ_UNKNOWN;
  for (let i = 5; i < argc(); i++) {
    if (isCreate && argIs(i, "MKSTREAM")) {
      makes = MAKE_STREAM;
    } else if (argIs(i, "ENTRIESREAD") && i + 1 < argc()) {
      if (!argI64(c, ++i)) return BAD_OPTION;
      read = r.number;
      if (read < 0 && read != READ_UNKNOWN) {
        replyError(c, "ERR value for ENTRIESREAD must be positive or -1");
        return BAD_OPTION;
      }
    } else {
      replySubcommandSyntax(c, "XGROUP");
      return BAD_OPTION;
    }
  }
  r.number = read;
  return makes;
}

/** Adds a stream with the group of argument 3 under the key in argument 2, which is absent. */
function addStreamWithGroup(c: Client, ms: u64, seq: u64, read: i64): bool {
  const e = newStreamEntry(2);
  if (e == 0) return false;
  const g = groupCreate(streamOf(e), argPtr(3), argLen(3), ms, seq, read);
  if (g != 0 && addEntry(clientDb(c), e)) return true;
  valueFree(e);
  return false;
}

/** XGROUP CREATE key group id | $ [MKSTREAM] [ENTRIESREAD entries-read] */
export function xgroupCreateCommand(c: Client): void {
  const r = root();
  const makes = readOptions(c, true);
  if (makes == BAD_OPTION) return;
  const read = r.number;
  const e = lookupWrite(clientDb(c), argPtr(2), argLen(2));
  if (!isOfType(c, e, TYPE_STREAM)) return;
  if (e == 0 && makes == 0) {
    replyNeedsKey(c);
    return;
  }
  if (argc() > 8) {
    replySubcommandSyntax(c, "XGROUP");
    return;
  }
  if (argIsSign(4, "$")) {
    r.idMs = e == 0 ? 0 : streamOf(e).lastMs;
    r.idSeq = e == 0 ? 0 : streamOf(e).lastSeq;
  } else if (!argId(c, 4)) {
    return;
  }
  if (e != 0 && groupFind(streamOf(e), argPtr(3), argLen(3)) != 0) {
    replyError(c, "BUSYGROUP Consumer Group name already exists");
    return;
  }
  const done = e == 0
    ? addStreamWithGroup(c, r.idMs, r.idSeq, read)
    : groupCreate(streamOf(e), argPtr(3), argLen(3), r.idMs, r.idSeq, read) != 0;
  if (!done) {
    replyOutOfMemory(c);
    return;
  }
  tell(c, "xgroup-create");
  replyOk(c);
}

/** XGROUP SETID key group id | $ [ENTRIESREAD entries-read] */
export function xgroupSetidCommand(c: Client): void {
  const r = root();
  if (readOptions(c, false) == BAD_OPTION) return;
  const read = r.number;
  const address = lookupGroup(c, true);
  if (address == 0) return;
  if (argc() > 7) {
    replySubcommandSyntax(c, "XGROUP");
    return;
  }
  if (argIsSign(4, "$")) {
    const s = streamOfKey(c);
    r.idMs = s.lastMs;
    r.idSeq = s.lastSeq;
  } else if (!argAnyId(c, 4)) {
    return;
  }
  const g = changetype<Group>(address);
  g.lastMs = r.idMs;
  g.lastSeq = r.idSeq;
  g.entriesRead = read;
  tell(c, "xgroup-setid");
  replyOk(c);
}

/**
 * Frees a group that is in no list any more: a large one later, as the only group of a stream that is no key's.
 */
function dropGroup(g: usize): void {
  if (idSize(groupPending(changetype<Group>(g))) > FREED_AT_ONCE) {
    const s = streamNew();
    const e = s == 0 ? s : entryNew(0, 0, TYPE_STREAM, ENCODING_STREAM, NO_EXPIRE, -1);
    if (e != 0 && nameInsert(groupsOf(changetype<Stream>(s)), g)) {
      entrySetPointer(e, s);
      dropEntry(e, LAZY_ALWAYS);
      return;
    }
    free(s);
    free(e);
  }
  groupFreeSome(changetype<Group>(g), i32.MAX_VALUE);
}

/** XGROUP DESTROY key group */
export function xgroupDestroyCommand(c: Client): void {
  const g = lookupGroup(c, false);
  if (g == 0) return;
  nameRemove(groupsOf(streamOfKey(c)), g);
  dropGroup(g);
  tell(c, "xgroup-destroy");
  replyInteger(c, 1);
  // Those who wait to read for the group are told that it is gone.
  signalReady(clientDb(c), argPtr(2), argLen(2));
}

/** XGROUP CREATECONSUMER key group consumer */
export function xgroupCreateconsumerCommand(c: Client): void {
  const address = lookupGroup(c, true);
  if (address == 0) return;
  const g = changetype<Group>(address);
  if (consumerFind(g, argPtr(4), argLen(4)) != 0) {
    replyInteger(c, 0);
  } else if (ensureConsumer(c, g, 4, 2) == 0) {
    replyOutOfMemory(c);
  } else {
    replyInteger(c, 1);
  }
}

/** XGROUP DELCONSUMER key group consumer */
export function xgroupDelconsumerCommand(c: Client): void {
  const address = lookupGroup(c, true);
  if (address == 0) return;
  const g = changetype<Group>(address);
  const consumer = consumerFind(g, argPtr(4), argLen(4));
  if (consumer == 0) {
    replyInteger(c, 0);
    return;
  }
  const pending = idSize(consumerPending(changetype<Consumer>(consumer)));
  consumerDelete(g, changetype<Consumer>(consumer));
  tell(c, "xgroup-delconsumer");
  replyInteger(c, pending);
}

/** XGROUP HELP */
export function xgroupHelpCommand(c: Client): void {
  replyArray(c, 17);
  replySimple(c, "XGROUP <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
  replySimple(c, "CREATE <key> <groupname> <id|$> [option]");
  replySimple(c, "    Make a group that reads what comes behind an ID. Options:");
  replySimple(c, "    * MKSTREAM");
  replySimple(c, "      A stream that is missing starts out empty.");
  replySimple(c, "    * ENTRIESREAD entries_read");
  replySimple(c, "      How many entries the group has read so far.");
  replySimple(c, "CREATECONSUMER <key> <groupname> <consumer>");
  replySimple(c, "    Make a consumer of a group.");
  replySimple(c, "DELCONSUMER <key> <groupname> <consumer>");
  replySimple(c, "    Remove a consumer with all it has pending.");
  replySimple(c, "DESTROY <key> <groupname>");
  replySimple(c, "    Remove a group.");
  replySimple(c, "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]");
  replySimple(c, "    Set the ID behind which a group goes on.");
  replySimple(c, "HELP");
  replySimple(c, "    Print this help.");
}

// --- XACK ---

/** XACK key group id [id ...] */
export function xackCommand(c: Client): void {
  const e = readKey(c, 1);
  if (!isOfType(c, e, TYPE_STREAM)) return;
  const address: usize = e == 0 ? 0 : groupFind(streamOf(e), argPtr(2), argLen(2));
  if (address == 0) {
    replyInteger(c, 0);
    return;
  }
  for (let i = 3; i < argc(); i++) if (!argId(c, i)) return;
  const r = root();
  let done = 0;
  for (let i = 3; i < argc(); i++) {
    parseId(i, false);
    if (pendingRemove(changetype<Group>(address), r.idMs, r.idSeq)) done++;
  }
  changed(done);
  replyInteger(c, done);
}
