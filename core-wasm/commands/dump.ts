/**
 * DUMP and RESTORE: a value as bytes, and a key from such bytes. The bytes are persist/'s business.
 *
 * RESTORE reads the whole value before it touches the keyspace: damaged bytes and exhausted memory change nothing.
 */
import { clockInitial, isLfu } from "../keyspace/clock";
import { alreadyExpired, Database, deleteKey, lookupWrite, peekRaw } from "../keyspace/database";
import { entrySetClock, NO_EXPIRE } from "../keyspace/entry";
import { changed, notify, NOTIFY_GENERIC } from "../keyspace/events";
import { freePinned } from "../memory/pins";
import { argLen, argPtr, argc, root } from "../memory/root";
import { isForeign, isPayload, payloadVersion, writePayload } from "../persist/payload";
import { entryWithExpire, isRdbType, readValue } from "../persist/read";
import { Sink, sinkFree, sinkInit, sinkTake } from "../persist/sink";
import { Damage, Source, SOURCE_NO_MEMORY, sourceFree, sourceInit, takeByte } from "../persist/source";
import { FOREIGN_TYPE } from "../persist/write";
import { GATE_DENIED } from "../resp/access";
import { Client, clientDb } from "../resp/client";
import {
  errorInteger, errorSend, errorStart, replyBlock, replyError, replyNull, replyOk, replyOutOfMemory, replySyntax,
} from "../resp/reply";
import { valueFree } from "../types/value";
import { argI64, argIs } from "./arguments";
import { putEntry } from "./generic";
import { readKey } from "./look-up";

const BAD_DATA = "ERR Bad data format";
const BAD_FOOTER = "ERR DUMP payload version or checksum are wrong";
const BUSY_KEY = "BUSYKEY Target key name already exists.";
const CLOCK_MASK: u32 = 0xffffff;

const SINK: usize = memory.data(offsetof<Sink>(), 8);
const SOURCE: usize = memory.data(offsetof<Source>(), 8);

/** DUMP key */
export function dumpCommand(c: Client): void {
  const e = readKey(c, 1);
  if (e == 0) {
    replyNull(c);
    return;
  }
  const s = changetype<Sink>(SINK);
  sinkInit(s);
  writePayload(s, e);
  if (s.failed) {
    sinkFree(s);
    replyOutOfMemory(c);
    return;
  }
  const length = <i32>s.length;
  const block = sinkTake(s);
  replyBlock(c, block, length);
  // A large reply is sent from the block, which goes when it is out.
  freePinned(block);
}

// --- RESTORE ---

/** What RESTORE's options say; -1 for what is not given. */
@unmanaged
class Options {
  replace: bool;
  absolute: bool;
  idle: i64;
  frequency: i64;
}

const OPTIONS: usize = memory.data(offsetof<Options>(), 8);

/** Reads the options from argument 4 on; false after an error. */
function readOptions(c: Client, o: Options): bool {
  o.replace = false;
  o.absolute = false;
  o.idle = -1;
  o.frequency = -1;
  for (let i = 4; i < argc(); i++) {
    const hasValue = i + 1 < argc();
    if (argIs(i, "REPLACE")) {
      o.replace = true;
    } else if (argIs(i, "ABSTTL")) {
      o.absolute = true;
    } else if (hasValue && o.frequency == -1 && argIs(i, "IDLETIME")) {
      if (!argI64(c, ++i)) return false;
      o.idle = root().number;
      if (o.idle < 0) {
        replyError(c, "ERR Invalid IDLETIME value, must be >= 0");
        return false;
      }
    } else if (hasValue && o.idle == -1 && argIs(i, "FREQ")) {
      if (!argI64(c, ++i)) return false;
      o.frequency = root().number;
      if (o.frequency < 0 || o.frequency > 255) {
        replyError(c, "ERR Invalid FREQ value, must be >= 0 and <= 255");
        return false;
      }
    } else {
      replySyntax(c);
      return false;
    }
  }
  return true;
}

/** Reads argument 2 as a lifetime into root.number, unix milliseconds or 0 for none; false after an error. */
function readLifetime(c: Client, absolute: bool): bool {
  const r = root();
  if (!argI64(c, 2)) return false;
  if (r.number < 0) {
    replyError(c, "ERR Invalid TTL value, must be >= 0");
    return false;
  }
  if (r.number != 0 && !absolute) r.number += r.nowMs;
  return true;
}

/** Replies that the value is damaged, and leaves a note of how for the host's log. */
function replyDamaged(c: Client, type: i32, damage: Damage): void {
  const r = root();
  r.damage = (type << 8) | (damage == Damage.none ? Damage.other : damage);
  r.gate |= GATE_DENIED;
  replyError(c, BAD_DATA);
}

/** Reads argument 3 into an entry under the key of argument 1; 0 after an error reply. */
function readArgument(c: Client): usize {
  const ptr = argPtr(3);
  const len = argLen(3);
  if (!isPayload(ptr, len)) {
    replyError(c, BAD_FOOTER);
    return 0;
  }
  const s = changetype<Source>(SOURCE);
  // As in Valkey a value may run on into the footer.
  sourceInit(s, ptr, len);
  const type = <i32>takeByte(s);
  if (!isRdbType(type)) {
    replyError(c, BAD_DATA);
    return 0;
  }
  if (isForeign(payloadVersion(ptr, len)) && type >= FOREIGN_TYPE) {
    errorStart("ERR Unsupported foreign data type: ");
    errorInteger(type);
    errorSend(c);
    return 0;
  }
  const e = readValue(s, type, argPtr(1), argLen(1));
  const error = s.error;
  const damage = s.damage;
  sourceFree(s);
  if (e != 0) return e;
  if (error == SOURCE_NO_MEMORY) replyOutOfMemory(c);
  else replyDamaged(c, type, damage);
  return 0;
}

/** The key is due already: nothing is made of it, and what it would have replaced goes. */
function dropOld(db: Database, key: usize, keyLen: i32): void {
  if (!deleteKey(db, key, keyLen)) return;
  notify(NOTIFY_GENERIC, "del", key, keyLen, db.id);
  changed(1);
}

/** Sets the access clock that IDLETIME or FREQ ask for, when the policy uses it. */
function setClock(e: usize, o: Options): void {
  const now = clockInitial();
  if (isLfu()) {
    if (o.frequency >= 0) entrySetClock(e, (now & 0xffff00) | <u32>o.frequency);
  } else if (o.idle >= 0) {
    entrySetClock(e, (now - <u32>o.idle) & CLOCK_MASK);
  }
}

/** RESTORE key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency] */
export function restoreCommand(c: Client): void {
  const o = changetype<Options>(OPTIONS);
  if (!readOptions(c, o)) return;
  const db = clientDb(c);
  const key = argPtr(1);
  const keyLen = argLen(1);
  if (!o.replace && lookupWrite(db, key, keyLen) != 0) {
    replyError(c, BUSY_KEY);
    return;
  }
  if (!readLifetime(c, o.absolute)) return;
  const expire = root().number == 0 ? NO_EXPIRE : root().number;
  let e = readArgument(c);
  if (e == 0) return;
  if (expire != NO_EXPIRE && alreadyExpired(expire)) {
    valueFree(e);
    if (o.replace) dropOld(db, key, keyLen);
    replyOk(c);
    return;
  }
  e = entryWithExpire(e, expire);
  if (e == 0 || !putEntry(db, o.replace ? peekRaw(db, key, keyLen) : 0, e)) {
    if (e != 0) valueFree(e);
    replyOutOfMemory(c);
    return;
  }
  setClock(e, o);
  notify(NOTIFY_GENERIC, "restore", key, keyLen, db.id);
  changed(1);
  replyOk(c);
}
