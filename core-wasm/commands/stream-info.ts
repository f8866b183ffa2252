/**
 * XINFO: what a stream, its groups and their consumers are like.
 */
import { TYPE_STREAM } from "../keyspace/entry";
import { argLen, argPtr, argc, root } from "../memory/root";
import { Client } from "../resp/client";
import { NO_KEY } from "../resp/errors";
import {
  replyArray, replyBulk, replyBulkText, replyError, replyInteger, replyMap, replyNull, replySimple,
} from "../resp/reply";
import { idFirst, idHigh, idLow, idNext, idSize, idValue } from "../structures/id-tree";
import { nameAt, nameCount, nameLength, namePtr } from "../structures/name-list";
import { streamOf, streamRadixNodes } from "../types/stream";
import {
  Consumer, consumerPending, consumersOf, Delivery, Group, groupPending, groupsOf, nodesOf, READ_UNKNOWN, Stream,
} from "../types/stream-data";
import { groupFind, groupLag } from "../types/stream-group";
import { cursor, seekFrom, seekUpTo } from "../types/stream-node";
import { argI64, argIs } from "./arguments";
import { isOfType, readKey } from "./look-up";
import { replyNoGroupOfKey, replySubcommandSyntax } from "./stream-group";
import { replyId } from "./stream-id";
import { countRange, replyCounted, replyEntry } from "./stream-range";

/** What FULL shows of each list when COUNT says nothing else. */
const COUNT_DEFAULT: i64 = 10;

/** The entry of the stream in argument 2; 0 after an error. */
function lookup(c: Client): usize {
  const e = readKey(c, 2);
  if (e == 0) {
    replyError(c, NO_KEY);
    return 0;
  }
  return isOfType(c, e, TYPE_STREAM) ? e : 0;
}

// --- Fields ---

function replyNumber(c: Client, name: string, value: i64): void {
  replyBulkText(c, name);
  replyInteger(c, value);
}

function replyNamedId(c: Client, name: string, ms: u64, seq: u64): void {
  replyBulkText(c, name);
  replyId(c, ms, seq);
}

function replyName(c: Client, block: usize): void {
  replyBulkText(c, "name");
  replyBulk(c, namePtr(block), nameLength(block));
}

function replyReadAndLag(c: Client, s: Stream, g: Group): void {
  replyBulkText(c, "entries-read");
  if (g.entriesRead == READ_UNKNOWN) replyNull(c);
  else replyInteger(c, g.entriesRead);
  replyBulkText(c, "lag");
  if (groupLag(s, g)) replyInteger(c, root().number);
  else replyNull(c);
}

// --- XINFO STREAM ---

function replyHead(c: Client, s: Stream): void {
  replyNumber(c, "length", <i64>s.length);
  replyNumber(c, "radix-tree-keys", idSize(nodesOf(s)));
  replyNumber(c, "radix-tree-nodes", <i64>streamRadixNodes(s));
  replyNamedId(c, "last-generated-id", s.lastMs, s.lastSeq);
  replyNamedId(c, "max-deleted-entry-id", s.deletedMs, s.deletedSeq);
  replyNumber(c, "entries-added", <i64>s.added);
  replyNamedId(c, "recorded-first-entry-id", s.firstMs, s.firstSeq);
}

function replyEdge(c: Client, s: Stream, last: bool): void {
  const at = cursor();
  const max = u64.MAX_VALUE;
  if (s.length != 0 && (last ? seekUpTo(at, s, max, max) : seekFrom(at, s, 0, 0))) replyEntry(c, at);
  else replyNull(c);
}

/** Number of entries to show of a tree. */
function shown(tree: usize, count: i64): i32 {
  const size = <i64>idSize(tree);
  return <i32>(count == 0 || size < count ? size : count);
}

function replyGroupPending(c: Client, tree: usize, count: i64, withConsumer: bool): void {
  const n = shown(tree, count);
  replyBulkText(c, "pending");
  replyArray(c, n);
  let at = idFirst(tree);
  for (let i = 0; i < n; i++) {
    const d = changetype<Delivery>(idValue(at));
    replyArray(c, withConsumer ? 4 : 3);
    replyId(c, idHigh(at), idLow(at));
    if (withConsumer) replyBulk(c, namePtr(d.consumer), nameLength(d.consumer));
    replyInteger(c, d.timeMs);
    replyInteger(c, <i64>d.count);
    at = idNext(at);
  }
}

function replyFullConsumer(c: Client, block: usize, count: i64): void {
  const consumer = changetype<Consumer>(block);
  replyMap(c, 5);
  replyName(c, block);
  replyNumber(c, "seen-time", consumer.seenMs);
  replyNumber(c, "active-time", consumer.activeMs);
  replyNumber(c, "pel-count", idSize(consumerPending(consumer)));
  replyGroupPending(c, consumerPending(consumer), count, false);
}

function replyFullGroup(c: Client, s: Stream, block: usize, count: i64): void {
  const g = changetype<Group>(block);
  replyMap(c, 7);
  replyName(c, block);
  replyNamedId(c, "last-delivered-id", g.lastMs, g.lastSeq);
  replyReadAndLag(c, s, g);
  replyNumber(c, "pel-count", idSize(groupPending(g)));
  replyGroupPending(c, groupPending(g), count, true);
  const list = consumersOf(g);
  replyBulkText(c, "consumers");
  replyArray(c, nameCount(list));
  for (let i = 0; i < nameCount(list); i++) replyFullConsumer(c, nameAt(list, i), count);
}

function replyFull(c: Client, s: Stream, count: i64): void {
  replyMap(c, 9);
  replyHead(c, s);
  replyBulkText(c, "entries");
  replyCounted(c, countRange(s, 0, 0, u64.MAX_VALUE, u64.MAX_VALUE, count));
  const groups = groupsOf(s);
  replyBulkText(c, "groups");
  replyArray(c, nameCount(groups));
  for (let i = 0; i < nameCount(groups); i++) replyFullGroup(c, s, nameAt(groups, i), count);
}

/** XINFO STREAM key [FULL [COUNT count]] */
export function xinfoStreamCommand(c: Client): void {
  const e = lookup(c);
  if (e == 0) return;
  const s = streamOf(e);
  const end = argc();
  if (end == 3) {
    replyMap(c, 10);
    replyHead(c, s);
    replyNumber(c, "groups", nameCount(groupsOf(s)));
    replyBulkText(c, "first-entry");
    replyEdge(c, s, false);
    replyBulkText(c, "last-entry");
    replyEdge(c, s, true);
    return;
  }
  if ((end != 4 && end != 6) || !argIs(3, "FULL") || (end == 6 && !argIs(4, "COUNT"))) {
    replySubcommandSyntax(c, "XINFO");
    return;
  }
  let count = COUNT_DEFAULT;
  if (end == 6) {
    if (!argI64(c, 5)) return;
    if (root().number >= 0) count = root().number;
  }
  replyFull(c, s, count);
}

// --- XINFO GROUPS, CONSUMERS, HELP ---

/** XINFO GROUPS key */
export function xinfoGroupsCommand(c: Client): void {
  const e = lookup(c);
  if (e == 0) return;
  const s = streamOf(e);
  const groups = groupsOf(s);
  replyArray(c, nameCount(groups));
  for (let i = 0; i < nameCount(groups); i++) {
    const block = nameAt(groups, i);
    const g = changetype<Group>(block);
    replyMap(c, 6);
    replyName(c, block);
    replyNumber(c, "consumers", nameCount(consumersOf(g)));
    replyNumber(c, "pending", idSize(groupPending(g)));
    replyNamedId(c, "last-delivered-id", g.lastMs, g.lastSeq);
    replyReadAndLag(c, s, g);
  }
}

/** XINFO CONSUMERS key group */
export function xinfoConsumersCommand(c: Client): void {
  const e = lookup(c);
  if (e == 0) return;
  const g = groupFind(streamOf(e), argPtr(3), argLen(3));
  if (g == 0) {
    replyNoGroupOfKey(c, 2, 3);
    return;
  }
  const now = root().nowMs;
  const list = consumersOf(changetype<Group>(g));
  replyArray(c, nameCount(list));
  for (let i = 0; i < nameCount(list); i++) {
    const block = nameAt(list, i);
    const consumer = changetype<Consumer>(block);
    const idle = now - consumer.seenMs;
    replyMap(c, 4);
    replyName(c, block);
    replyNumber(c, "pending", idSize(consumerPending(consumer)));
    replyNumber(c, "idle", idle < 0 ? 0 : idle);
    replyNumber(c, "inactive", consumer.activeMs == -1 ? -1 : now - consumer.activeMs);
  }
}

/** XINFO HELP */
export function xinfoHelpCommand(c: Client): void {
  replyArray(c, 9);
  replySimple(c, "XINFO <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
  replySimple(c, "CONSUMERS <key> <groupname>");
  replySimple(c, "    Tell about each consumer of a group.");
  replySimple(c, "GROUPS <key>");
  replySimple(c, "    Tell about each group of a stream.");
  replySimple(c, "STREAM <key> [FULL [COUNT <count>]");
  replySimple(c, "    Tell about a stream; FULL adds entries, groups and what is pending.");
  replySimple(c, "HELP");
  replySimple(c, "    Print this help.");
}
