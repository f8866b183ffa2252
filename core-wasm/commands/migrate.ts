/**
 * What MIGRATE needs of the core. The command itself runs in the host (server/commands/migrate.ts), which talks to the
 * target; each step here is a call of its own, on behalf of client `c`, 0 when it has gone meanwhile.
 *
 *   migrateFind ─► the host connects ─► migratePayload ─► RESTORE, +OK ─► migrateDelete
 */
import { clockUpdate } from "../keyspace/clock";
import { database, deleteKey, lookupRead, peek } from "../keyspace/database";
import { entryExpire } from "../keyspace/entry";
import { changed, notify, NOTIFY_GENERIC } from "../keyspace/events";
import { root } from "../memory/root";
import { writePayload } from "../persist/payload";
import { Sink, sinkFree, sinkInit, sinkTake } from "../persist/sink";
import { Client, CLIENT_NO_TOUCH } from "../resp/client";

/** What migratePayload() tells. */
// @layout
@unmanaged
export class MigratePayload {
  /** 0: memory was not enough. Else the host frees it. */
  block: usize;
  length: u32;
  /** Unix milliseconds, negative for none. */
  expire: i64;
}

const PAYLOAD: usize = memory.data(offsetof<MigratePayload>(), 8);
const SINK: usize = memory.data(offsetof<Sink>(), 8);

/** Looks a key up as a reading command does; 1 when it is there. */
export function migrateFind(c: Client, db: i32, key: usize, len: i32): i32 {
  const r = root();
  clockUpdate();
  r.current = changetype<usize>(c);
  const e = lookupRead(database(db), key, len, (c.flags & CLIENT_NO_TOUCH) != 0);
  r.current = 0;
  return e != 0 ? 1 : 0;
}

/** A key's payload as DUMP makes it; address of a MigratePayload, or 0 when the key is absent. (g) */
export function migratePayload(db: i32, key: usize, len: i32): usize {
  clockUpdate();
  const e = peek(database(db), key, len);
  if (e == 0) return 0;
  const s = changetype<Sink>(SINK);
  const p = changetype<MigratePayload>(PAYLOAD);
  sinkInit(s);
  writePayload(s, e);
  p.expire = entryExpire(e);
  p.length = <u32>s.length;
  p.block = 0;
  if (s.failed) sinkFree(s);
  else p.block = sinkTake(s);
  return PAYLOAD;
}

/** Deletes a key that the target has. As in Valkey its absence makes no difference: it may be named twice. */
export function migrateDelete(c: usize, db: i32, key: usize, len: i32): void {
  const r = root();
  clockUpdate();
  r.current = c;
  deleteKey(database(db), key, len);
  notify(NOTIFY_GENERIC, "del", key, len, db);
  changed(1);
  r.current = 0;
}
