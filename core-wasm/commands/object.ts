/**
 * OBJECT: what a value is like inside. Looking leaves no trace in the access clock.
 */
import { entryFrequency, entryIdleSeconds, isLfu } from "../keyspace/clock";
import { peek } from "../keyspace/database";
import { entryEncoding } from "../keyspace/entry";
import { argLen, argPtr, root } from "../memory/root";
import { Client, clientDb } from "../resp/client";
import {
  errorSend, errorStart, errorText, replyArray, replyBulkText, replyInteger, replyNull, replySimple,
} from "../resp/reply";
import { encodingName } from "../types/value";

const SWITCHING =
  " Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.";

/** The entry of argument 2, or 0 after a null reply. Counts as a read, but makes no event of a miss. */
function lookup(c: Client): usize {
  const r = root();
  const e = peek(clientDb(c), argPtr(2), argLen(2));
  if (e != 0) {
    r.statHits++;
    return e;
  }
  r.statMisses++;
  replyNull(c);
  return 0;
}

/** OBJECT ENCODING key */
export function objectEncodingCommand(c: Client): void {
  const e = lookup(c);
  if (e != 0) replyBulkText(c, encodingName(entryEncoding(e)));
}

/** OBJECT REFCOUNT key */
export function objectRefcountCommand(c: Client): void {
  // Values are never shared.
  if (lookup(c) != 0) replyInteger(c, 1);
}

/** OBJECT IDLETIME key */
export function objectIdletimeCommand(c: Client): void {
  const e = lookup(c);
  if (e == 0) return;
  if (isLfu()) {
    errorStart("ERR An LFU maxmemory policy is selected, idle time not tracked.");
    errorText(SWITCHING);
    errorSend(c);
    return;
  }
  replyInteger(c, <i64>entryIdleSeconds(e));
}

/** OBJECT FREQ key */
export function objectFreqCommand(c: Client): void {
  const e = lookup(c);
  if (e == 0) return;
  if (!isLfu()) {
    errorStart("ERR An LFU maxmemory policy is not selected, access frequency not tracked.");
    errorText(SWITCHING);
    errorSend(c);
    return;
  }
  replyInteger(c, <i64>entryFrequency(e));
}

/** OBJECT HELP */
export function objectHelpCommand(c: Client): void {
  replyArray(c, 11);
  replySimple(c, "OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
  replySimple(c, "ENCODING <key>");
  replySimple(c, "    Tell how the value at <key> is kept in memory.");
  replySimple(c, "FREQ <key>");
  replySimple(c, "    Tell how often <key> was used lately, on a logarithmic scale.");
  replySimple(c, "IDLETIME <key>");
  replySimple(c, "    Tell for how many seconds <key> was not used, approximately.");
  replySimple(c, "REFCOUNT <key>");
  replySimple(c, "    Tell how many references there are to the value at <key>.");
  replySimple(c, "HELP");
  replySimple(c, "    Print this help.");
}
