/**
 * SUBSCRIBE and its like, PUBLISH, PUBSUB. Who listens to what is resp/pubsub.ts.
 */
import { globMatch } from "../bytes/glob";
import { argLen, argPtr, argc } from "../memory/root";
import { Client, CLIENT_DENY_BLOCKING, CLIENT_INTERNAL, CLIENT_MULTI } from "../resp/client";
import {
  countShown, countSubscribers, dropFirst, firstName, KIND_CHANNEL, KIND_PATTERN, KIND_SHARD, namesOf, publish,
  replyTarget, subscribe, tableOfNames, unsubscribe,
} from "../resp/pubsub";
import {
  errorBytes, errorSend, errorStart, errorText, replyArray, replyBulk, replyBulkText, replyInteger, replyNull,
  replyOutOfMemory, replyPush,
} from "../resp/reply";
import { keyAddress, keyLength } from "../structures/element";
import { tableScan } from "../structures/hashtable";
import { textLength } from "./arguments";
import { scratchAt, scratchClear, scratchLength, scratchRelease } from "../structures/scratch";

/** A client's new or ended subscription, a push. `name` 0: it had none. */
function told(c: Client, kind: i32, word: string, name: usize, len: i32): void {
  const to = replyTarget(c);
  replyPush(to, 3);
  replyBulkText(to, word);
  if (name == 0) replyNull(to);
  else replyBulk(to, name, len);
  replyInteger(to, <i64>countShown(c, kind));
}

function subscribeAll(c: Client, kind: i32, word: string, upper: string): void {
  if (c.flags & CLIENT_INTERNAL || (c.flags & CLIENT_DENY_BLOCKING && !(c.flags & CLIENT_MULTI))) {
    errorStart("ERR ");
    errorText(upper);
    errorText(" isn't allowed for a DENY BLOCKING client");
    errorSend(c);
    return;
  }
  for (let i = 1; i < argc(); i++) {
    if (subscribe(c, kind, argPtr(i), argLen(i))) told(c, kind, word, argPtr(i), argLen(i));
    else replyOutOfMemory(c);
  }
}

function unsubscribeSome(c: Client, kind: i32, word: string): void {
  for (let i = 1; i < argc(); i++) {
    unsubscribe(c, kind, argPtr(i), argLen(i));
    told(c, kind, word, argPtr(i), argLen(i));
  }
  if (argc() > 1) return;
  if (firstName(c, kind) == 0) told(c, kind, word, 0, 0);
  for (let e = firstName(c, kind); e != 0; e = firstName(c, kind)) dropTold(c, kind, word, e);
}

/** Ends the first subscription of a kind. Its name may go with it, so what is told of it is written first. */
function dropTold(c: Client, kind: i32, word: string, e: usize): void {
  const to = replyTarget(c);
  replyPush(to, 3);
  replyBulkText(to, word);
  replyBulk(to, keyAddress(e), keyLength(e));
  dropFirst(c, kind);
  replyInteger(to, <i64>countShown(c, kind));
}

/** SUBSCRIBE channel [channel ...] */
export function subscribeCommand(c: Client): void {
  subscribeAll(c, KIND_CHANNEL, "subscribe", "SUBSCRIBE");
}

/** PSUBSCRIBE pattern [pattern ...] */
export function psubscribeCommand(c: Client): void {
  subscribeAll(c, KIND_PATTERN, "psubscribe", "PSUBSCRIBE");
}

/** SSUBSCRIBE shardchannel [shardchannel ...] */
export function ssubscribeCommand(c: Client): void {
  subscribeAll(c, KIND_SHARD, "ssubscribe", "SSUBSCRIBE");
}

/** UNSUBSCRIBE [channel [channel ...]] */
export function unsubscribeCommand(c: Client): void {
  unsubscribeSome(c, KIND_CHANNEL, "unsubscribe");
}

/** PUNSUBSCRIBE [pattern [pattern ...]] */
export function punsubscribeCommand(c: Client): void {
  unsubscribeSome(c, KIND_PATTERN, "punsubscribe");
}

/** SUNSUBSCRIBE [shardchannel [shardchannel ...]] */
export function sunsubscribeCommand(c: Client): void {
  unsubscribeSome(c, KIND_SHARD, "sunsubscribe");
}

/** PUBLISH channel message */
export function publishCommand(c: Client): void {
  replyInteger(c, <i64>publish(KIND_CHANNEL, argPtr(1), argLen(1), argPtr(2), argLen(2)));
}

/** SPUBLISH shardchannel message */
export function spublishCommand(c: Client): void {
  replyInteger(c, <i64>publish(KIND_SHARD, argPtr(1), argLen(1), argPtr(2), argLen(2)));
}

// --- PUBSUB ---

/** Replies with the names of a kind that fit the pattern in argument 2, or all of them. */
function replyNames(c: Client, kind: i32): void {
  if (argc() > 3) {
    errorStart("ERR unknown subcommand or wrong number of arguments for '");
    errorBytes(argPtr(1), textLength(1), 128);
    errorText("'. Try PUBSUB HELP.");
    errorSend(c);
    return;
  }
  scratchClear();
  if (namesOf(kind) != 0) {
    let cursor: u64 = 0;
    do cursor = tableScan(tableOfNames(kind), cursor);
    while (cursor != 0);
  }
  let n = 0;
  for (let i = 0; i < scratchLength(); i++) if (fits(scratchAt(i))) n++;
  replyArray(c, n);
  for (let i = 0; i < scratchLength(); i++) {
    const e = scratchAt(i);
    if (fits(e)) replyBulk(c, keyAddress(e), keyLength(e));
  }
  scratchRelease();
}

function fits(e: usize): bool {
  return argc() == 2 || globMatch(argPtr(2), argLen(2), keyAddress(e), keyLength(e), false);
}

function replyCounts(c: Client, kind: i32): void {
  replyArray(c, (argc() - 2) << 1);
  for (let i = 2; i < argc(); i++) {
    replyBulk(c, argPtr(i), argLen(i));
    replyInteger(c, <i64>countSubscribers(kind, argPtr(i), argLen(i)));
  }
}

/** PUBSUB CHANNELS [pattern] */
export function pubsubChannelsCommand(c: Client): void {
  replyNames(c, KIND_CHANNEL);
}

/** PUBSUB SHARDCHANNELS [pattern] */
export function pubsubShardchannelsCommand(c: Client): void {
  replyNames(c, KIND_SHARD);
}

/** PUBSUB NUMSUB [channel [channel ...]] */
export function pubsubNumsubCommand(c: Client): void {
  replyCounts(c, KIND_CHANNEL);
}

/** PUBSUB SHARDNUMSUB [shardchannel [shardchannel ...]] */
export function pubsubShardnumsubCommand(c: Client): void {
  replyCounts(c, KIND_SHARD);
}

/** PUBSUB NUMPAT */
export function pubsubNumpatCommand(c: Client): void {
  replyInteger(c, <i64>namesOf(KIND_PATTERN));
}
