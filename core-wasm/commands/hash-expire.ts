/**
 * Commands on the expiry of fields: setting, showing and removing it.
 *
 *   HEXPIRE key time [NX | XX | GT | LT] FIELDS n field ...       replies per field: 1 set, 0 condition not met,
 *                                                                 2 the time has passed and the field went, -2 absent
 *   HTTL key FIELDS n field ...                                   time, -1 none, -2 absent
 *   HPERSIST key FIELDS n field ...                               1 removed, -1 none, -2 absent
 *
 * How: member-expire.ts. Not for active expiry: keyspace/field-expiry.ts.
 */
import { TYPE_HASH } from "../keyspace/entry";
import { root } from "../memory/root";
import { Client } from "../resp/client";
import { UNIT_MILLISECONDS, UNIT_SECONDS } from "./arguments";
import { expireGeneric, persistGeneric, ttlGeneric } from "./member-expire";

/** HEXPIRE key seconds [NX | XX | GT | LT] FIELDS numfields field [field ...] */
export function hexpireCommand(c: Client): void {
  expireGeneric(c, TYPE_HASH, UNIT_SECONDS, root().nowMs);
}

/** HPEXPIRE key milliseconds [NX | XX | GT | LT] FIELDS numfields field [field ...] */
export function hpexpireCommand(c: Client): void {
  expireGeneric(c, TYPE_HASH, UNIT_MILLISECONDS, root().nowMs);
}

/** HEXPIREAT key unix-time-seconds [NX | XX | GT | LT] FIELDS numfields field [field ...] */
export function hexpireatCommand(c: Client): void {
  expireGeneric(c, TYPE_HASH, UNIT_SECONDS, 0);
}

/** HPEXPIREAT key unix-time-milliseconds [NX | XX | GT | LT] FIELDS numfields field [field ...] */
export function hpexpireatCommand(c: Client): void {
  expireGeneric(c, TYPE_HASH, UNIT_MILLISECONDS, 0);
}

/** HTTL key FIELDS numfields field [field ...] */
export function httlCommand(c: Client): void {
  ttlGeneric(c, TYPE_HASH, UNIT_SECONDS, root().nowMs);
}

/** HPTTL key FIELDS numfields field [field ...] */
export function hpttlCommand(c: Client): void {
  ttlGeneric(c, TYPE_HASH, UNIT_MILLISECONDS, root().nowMs);
}

/** HEXPIRETIME key FIELDS numfields field [field ...] */
export function hexpiretimeCommand(c: Client): void {
  ttlGeneric(c, TYPE_HASH, UNIT_SECONDS, 0);
}

/** HPEXPIRETIME key FIELDS numfields field [field ...] */
export function hpexpiretimeCommand(c: Client): void {
  ttlGeneric(c, TYPE_HASH, UNIT_MILLISECONDS, 0);
}

/** HPERSIST key FIELDS numfields field [field ...] */
export function hpersistCommand(c: Client): void {
  persistGeneric(c, TYPE_HASH);
}
