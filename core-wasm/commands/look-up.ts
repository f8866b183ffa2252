/**
 * Looking up the key in an argument, and the check of its type, as commands on every type begin.
 */
import { lookupRead } from "../keyspace/database";
import { entryType } from "../keyspace/entry";
import { argLen, argPtr } from "../memory/root";
import { Client, CLIENT_NO_TOUCH, clientDb } from "../resp/client";
import { replyWrongType } from "../resp/reply";

/** Looks argument i up for reading, as this client does it: without a trace under CLIENT NO-TOUCH. */
export function readKey(c: Client, i: i32): usize {
  return lookupRead(clientDb(c), argPtr(i), argLen(i), (c.flags & CLIENT_NO_TOUCH) != 0);
}

/** True for an entry of this type and for no entry at all; replies WRONGTYPE otherwise. */
export function isOfType(c: Client, e: usize, type: u32): bool {
  if (e == 0 || entryType(e) == type) return true;
  replyWrongType(c);
  return false;
}
