/**
 * Publish and subscribe: who listens to which channel, pattern or shard channel, and sending them messages.
 *
 *   name           element of the table of its kind; payload >0 u32 first subscription · 4 u32 how many
 *                  a pattern's place in the array of patterns stands where a key has its expiry
 *   subscription   element of one table for all, its key the pair (name, client); 32 bytes:
 *                  >0 header · 8 u32 next, 12 u32 previous of the name (the first one's previous is the last)
 *                  16 u32 name · 20 u32 client · 24 u32 next, 28 u32 previous of the client
 *   Subscriptions  one a client while it has any: its first and last subscription and their count for each kind
 *
 * A message is framed once and copied to each subscriber; RESP2 and RESP3 differ in the first byte only. A large one is
 * one block that everybody's output refers to (memory/pins.ts). What the running client gets of its own doing is
 * collected in root.laterOutput, a client without a connection, and follows its reply; root.lastOutput follows that.
 *
 * Not for the commands' replies (commands/pubsub.ts). Costs: docs/pubsub.md.
 */
import { globMatch } from "../bytes/glob";
import { formatU64 } from "../bytes/integer";
import {
  entryExpire, entryNew, entryPointer, entrySetExpireInPlace, entrySetPointer, entryType, NO_EXPIRE, payloadAddress,
} from "../keyspace/entry";
import { alloc, free, realloc, usableSize } from "../memory/allocator";
import { freePinned } from "../memory/pins";
import { root, Root, ROOT_ADDRESS } from "../memory/root";
import { FLAGS, HAS_PAYLOAD, KEY_LENGTH, keyAddress, keyLength } from "../structures/element";
import {
  hashKey, Table, tableFind, tableInit, tableInsert, tableRemove, tableSize,
} from "../structures/hashtable";
import { mayUseChannel } from "./access";
import {
  addReference, appendOutput, CHUNK_SIZE, Client, CLIENT_INTERNAL, CLIENT_LATER_OUTPUT, CLIENT_PENDING_WRITE,
  CLIENT_REPLY_OFF, CLIENT_REPLY_SKIP, CLIENT_SUBSCRIBED, clearOutput,
} from "./client";
import { replyRaw, reserveSmall } from "./reply";

// Kinds of names: the tables' order.
export const KIND_CHANNEL: i32 = 0;
export const KIND_PATTERN: i32 = 1;
export const KIND_SHARD: i32 = 2;
const KINDS: i32 = 3;

// @layout
@unmanaged
export class Subscriptions {
  channels: u32;
  patterns: u32;
  shards: u32;
  heads: usize; // one a kind from here on
  heads1: usize;
  heads2: usize;
  tails: usize;
  tails1: usize;
  tails2: usize;
}

@unmanaged
class PubSub {
  names: usize; // KINDS tables, and the table of all subscriptions
  patterns: usize; // array of the patterns' elements
  patternCount: i32;
  patternCapacity: i32;
  frame: usize; // buffer for the message under way
  event: usize; // buffer for the name of a keyspace event's channel
  channel: usize; // the message under way
  channelLength: i32;
  text: usize;
  length: i32;
  block: usize; // the text's own block, when it is sent without copies
}

const SPACE: usize = (offsetof<PubSub>() + 7) & ~7;
const TABLE_SPACE: usize = (offsetof<Table>() + 7) & ~7;
const OWN_SPACE: usize = (offsetof<Subscriptions>() + 7) & ~7;
const PAIR: usize = ROOT_ADDRESS + offsetof<Root>("pair");

const NEXT: usize = 8;
const PREVIOUS: usize = 12;
const NAME: usize = 16;
const CLIENT: usize = 20;
const OWN_NEXT: usize = 24;
const OWN_PREVIOUS: usize = 28;
const SUBSCRIPTION_SIZE: usize = 32;
const PAIR_SIZE: i32 = 8;

/** A frame buffer of more is given back after use. */
const BUFFER_KEPT: usize = 65536;
const CRLF: u16 = 0x0a0d;

function get(at: usize, offset: usize): usize {
  return <usize>load<u32>(at + offset);
}

function set(at: usize, offset: usize, value: usize): void {
  store<u32>(at + offset, <u32>value);
}

// --- Tables ---

function pubsub(): PubSub {
  return changetype<PubSub>(root().pubsub);
}

function names(kind: i32): Table {
  return changetype<Table>(pubsub().names + TABLE_SPACE * <usize>kind);
}

function subscriptions(): Table {
  return names(KINDS);
}

/** Makes the tables, at the first subscription; false when memory is exhausted. */
function ensure(): bool {
  const r = root();
  if (r.pubsub != 0) return true;
  const address = alloc(SPACE + TABLE_SPACE * <usize>(KINDS + 1));
  if (address == 0) return false;
  memory.fill(address, 0, SPACE);
  r.pubsub = address;
  pubsub().names = address + SPACE;
  for (let kind = 0; kind <= KINDS; kind++) tableInit(names(kind));
  return true;
}

/** How many names of a kind have subscribers. */
export function namesOf(kind: i32): u32 {
  return root().pubsub == 0 ? 0 : tableSize(names(kind));
}

/** The table of a kind, for walking over it; only while namesOf() is not 0. */
export function tableOfNames(kind: i32): Table {
  return names(kind);
}

function findName(kind: i32, name: usize, len: i32): usize {
  return namesOf(kind) == 0 ? 0 : tableFind(names(kind), hashKey(name, len), name, len);
}

function subscribersOf(name: usize): u32 {
  return load<u32>(payloadAddress(name), 4);
}

function addSubscribers(name: usize, n: i32): void {
  const at = payloadAddress(name);
  store<u32>(at, load<u32>(at, 4) + n, 4);
}

/** How many clients subscribed to a name. */
export function countSubscribers(kind: i32, name: usize, len: i32): u32 {
  const e = findName(kind, name, len);
  return e == 0 ? 0 : subscribersOf(e);
}

// --- Patterns, in an array beside their table: PUBLISH walks all of them ---

function addPattern(e: usize): bool {
  const p = pubsub();
  if (p.patternCount == p.patternCapacity) {
    const capacity = p.patternCapacity == 0 ? 16 : p.patternCapacity << 1;
    const moved = realloc(p.patterns, <usize>capacity << 2);
    if (moved == 0) return false;
    p.patterns = moved;
    p.patternCapacity = capacity;
  }
  putPattern(p.patternCount++, e);
  return true;
}

function putPattern(place: i32, e: usize): void {
  store<u32>(pubsub().patterns + (<usize>place << 2), <u32>e);
  entrySetExpireInPlace(e, <i64>place);
}

/** Takes a pattern out of the array: the last one gets its place. */
function removePattern(e: usize): void {
  const p = pubsub();
  p.patternCount--;
  putPattern(<i32>entryExpire(e), get(p.patterns, <usize>p.patternCount << 2));
}

// --- Names ---

/** The element of a name, made when there is none; 0 when memory is exhausted. */
function ensureName(kind: i32, name: usize, len: i32): usize {
  const hash = hashKey(name, len);
  const found = tableFind(names(kind), hash, name, len);
  if (found != 0) return found;
  const e = entryNew(name, len, <u32>kind, 0, kind == KIND_PATTERN ? 0 : NO_EXPIRE, -1);
  if (e == 0) return 0;
  if (kind == KIND_PATTERN && !addPattern(e)) {
    free(e);
    return 0;
  }
  if (tableInsert(names(kind), hash, e)) return e;
  if (kind == KIND_PATTERN) removePattern(e);
  free(e);
  return 0;
}

function trimName(e: usize): void {
  if (subscribersOf(e) != 0) return;
  const kind = <i32>entryType(e);
  const key = keyAddress(e);
  const len = keyLength(e);
  tableRemove(names(kind), hashKey(key, len), key, len);
  if (kind == KIND_PATTERN) removePattern(e);
  free(e);
}

// --- A client's subscriptions ---

function own(c: Client): Subscriptions {
  return changetype<Subscriptions>(c.subscriptions);
}

function countAt(c: Client, kind: i32): usize {
  return c.subscriptions + (<usize>kind << 2);
}

function headAt(c: Client, kind: i32): usize {
  return c.subscriptions + offsetof<Subscriptions>("heads") + (<usize>kind << 2);
}

function tailAt(c: Client, kind: i32): usize {
  return c.subscriptions + offsetof<Subscriptions>("tails") + (<usize>kind << 2);
}

/** How many subscriptions of a kind the client has. */
export function countOf(c: Client, kind: i32): u32 {
  return c.subscriptions == 0 ? 0 : load<u32>(countAt(c, kind));
}

/** What replies to SUBSCRIBE and its like count: channels and patterns together, shard channels by themselves. */
export function countShown(c: Client, kind: i32): u32 {
  return kind == KIND_SHARD ? countOf(c, kind) : countOf(c, KIND_CHANNEL) + countOf(c, KIND_PATTERN);
}

function ensureOwn(c: Client): bool {
  if (c.subscriptions != 0) return true;
  const address = alloc(OWN_SPACE);
  if (address == 0) return false;
  memory.fill(address, 0, OWN_SPACE);
  c.subscriptions = address;
  root().clientsMemory += usableSize(address);
  return true;
}

function trimOwn(c: Client): void {
  const s = own(c);
  if (s.channels + s.patterns + s.shards != 0) return;
  root().clientsMemory -= usableSize(c.subscriptions);
  free(c.subscriptions);
  c.subscriptions = 0;
  if (c.flags & CLIENT_SUBSCRIBED) root().pubsubClients--;
  c.flags &= ~CLIENT_SUBSCRIBED;
}

/** The client's subscription to a name, or 0. */
function findPair(name: usize, c: Client): usize {
  set(PAIR, 0, name);
  set(PAIR, 4, changetype<usize>(c));
  return tableFind(subscriptions(), hashKey(PAIR, PAIR_SIZE), PAIR, PAIR_SIZE);
}

/** Links a new subscription into its name's list and its client's. */
function link(s: usize, e: usize, c: Client, kind: i32): void {
  const head = entryPointer(e);
  if (head == 0) {
    entrySetPointer(e, s);
    set(s, PREVIOUS, s);
  } else {
    const last = get(head, PREVIOUS);
    set(last, NEXT, s);
    set(s, PREVIOUS, last);
    set(head, PREVIOUS, s);
  }
  addSubscribers(e, 1);
  const tail = <usize>load<u32>(tailAt(c, kind));
  set(s, OWN_PREVIOUS, tail);
  if (tail != 0) set(tail, OWN_NEXT, s);
  else store<u32>(headAt(c, kind), <u32>s);
  store<u32>(tailAt(c, kind), <u32>s);
  store<u32>(countAt(c, kind), load<u32>(countAt(c, kind)) + 1);
}

/** Subscribes the client to a name; again is no different. False when memory is exhausted. */
export function subscribe(c: Client, kind: i32, name: usize, len: i32): bool {
  if (!ensure() || !ensureOwn(c)) return false;
  const e = ensureName(kind, name, len);
  if (e == 0) {
    trimOwn(c);
    return false;
  }
  if (findPair(e, c) != 0) return true;
  const s = alloc(SUBSCRIPTION_SIZE);
  if (s != 0) {
    memory.fill(s, 0, SUBSCRIPTION_SIZE);
    store<u8>(s, <u8>HAS_PAYLOAD, FLAGS);
    store<u8>(s, <u8>PAIR_SIZE, KEY_LENGTH);
    set(s, NAME, e);
    set(s, CLIENT, changetype<usize>(c));
  }
  if (s == 0 || !tableInsert(subscriptions(), hashKey(PAIR, PAIR_SIZE), s)) {
    free(s);
    trimName(e);
    trimOwn(c);
    return false;
  }
  link(s, e, c, kind);
  const r = root();
  r.clientsMemory += usableSize(s);
  if (!(c.flags & CLIENT_SUBSCRIBED)) r.pubsubClients++;
  c.flags |= CLIENT_SUBSCRIBED;
  return true;
}

/** Ends one subscription, and frees its name when it was the last one. */
function remove(s: usize, c: Client, kind: i32): void {
  const e = get(s, NAME);
  tableRemove(subscriptions(), hashKey(s + NAME, PAIR_SIZE), s + NAME, PAIR_SIZE);
  const next = get(s, NEXT);
  const previous = get(s, PREVIOUS);
  const head = entryPointer(e);
  if (head == s) {
    entrySetPointer(e, next);
    if (next != 0) set(next, PREVIOUS, previous);
  } else {
    set(previous, NEXT, next);
    set(next != 0 ? next : head, PREVIOUS, previous);
  }
  addSubscribers(e, -1);
  const after = get(s, OWN_NEXT);
  const before = get(s, OWN_PREVIOUS);
  if (before != 0) set(before, OWN_NEXT, after);
  else store<u32>(headAt(c, kind), <u32>after);
  if (after != 0) set(after, OWN_PREVIOUS, before);
  else store<u32>(tailAt(c, kind), <u32>before);
  store<u32>(countAt(c, kind), load<u32>(countAt(c, kind)) - 1);
  root().clientsMemory -= usableSize(s);
  free(s);
  trimName(e);
  trimOwn(c);
}

/** Ends the client's subscription to a name, if there is one. */
export function unsubscribe(c: Client, kind: i32, name: usize, len: i32): void {
  const e = findName(kind, name, len);
  const s: usize = e == 0 ? 0 : findPair(e, c);
  if (s != 0) remove(s, c, kind);
}

/** The name of the client's first subscription of a kind, 0 when there is none. */
export function firstName(c: Client, kind: i32): usize {
  if (countOf(c, kind) == 0) return 0;
  return get(<usize>load<u32>(headAt(c, kind)), NAME);
}

/** Ends the client's first subscription of a kind. */
export function dropFirst(c: Client, kind: i32): void {
  remove(<usize>load<u32>(headAt(c, kind)), c, kind);
}

/** Ends all subscriptions of a client without a word. */
export function unsubscribeAll(c: Client): void {
  for (let kind = 0; kind < KINDS; kind++) while (countOf(c, kind) > 0) dropFirst(c, kind);
}

/** Whether the client's user allows everything that the client is subscribed to. */
export function mayKeepSubscriptions(c: Client): bool {
  if (c.subscriptions == 0) return true;
  for (let kind = 0; kind < KINDS; kind++) {
    for (let s = <usize>load<u32>(headAt(c, kind)); s != 0; s = get(s, OWN_NEXT)) {
      const name = get(s, NAME);
      if (!mayUseChannel(c, keyAddress(name), keyLength(name), kind == KIND_PATTERN)) return false;
    }
  }
  return true;
}

/** Bytes that a client's subscriptions take. */
export function subscriptionBytes(c: Client): usize {
  if (c.subscriptions == 0) return 0;
  const s = own(c);
  return usableSize(c.subscriptions) + <usize>(s.channels + s.patterns + s.shards) * SUBSCRIPTION_SIZE;
}

// --- Output that follows a reply ---

/** A client on no list and without limits, for output only; 0 when memory is exhausted. */
function newCollector(): usize {
  const address = alloc(offsetof<Client>());
  if (address == 0) return 0;
  memory.fill(address, 0, offsetof<Client>());
  changetype<Client>(address).replySize = <i32>CHUNK_SIZE;
  // The flag keeps it off the list of those with output.
  changetype<Client>(address).flags = CLIENT_INTERNAL | CLIENT_PENDING_WRITE;
  return address;
}

/** The client that collects what `c` gets behind its reply, `last`: behind everything else; `c` without memory. */
function collector(c: Client, last: bool): Client {
  const r = root();
  if (r.laterOutput == 0) r.laterOutput = newCollector();
  if (r.lastOutput == 0) r.lastOutput = newCollector();
  if (r.laterOutput == 0 || r.lastOutput == 0) return c;
  c.flags |= CLIENT_LATER_OUTPUT;
  const target = changetype<Client>(last ? r.lastOutput : r.laterOutput);
  target.resp = c.resp;
  return target;
}

/**
 * Where a push to the client goes now: to itself, or behind the reply of its running command, `last` behind the
 * messages that follow it, too.
 */
export function pushTarget(c: Client, last: bool = false): Client {
  const r = root();
  return changetype<usize>(c) != r.current || r.pushNow != 0 ? c : collector(c, last);
}

/** The same for pushes that are replies: they come at once, unless the reply will be taken back. */
export function replyTarget(c: Client): Client {
  return c.flags & (CLIENT_REPLY_OFF | CLIENT_REPLY_SKIP) ? collector(c, false) : c;
}

/** Appends what was collected to the client's output: its command has ended. */
export function takeLater(c: Client): void {
  c.flags &= ~CLIENT_LATER_OUTPUT;
  takeFrom(c, changetype<Client>(root().laterOutput));
  takeFrom(c, changetype<Client>(root().lastOutput));
}

function takeFrom(c: Client, collected: Client): void {
  appendOutput(c, collected);
  clearOutput(collected);
}

// --- Publishing ---

/** Makes a buffer hold `size` bytes; its address, 0 when memory is exhausted. */
function grow(buffer: usize, size: usize): usize {
  return buffer != 0 && usableSize(buffer) >= size ? buffer : realloc(buffer, size);
}

/** Writes "$<len>\r\n<bytes>\r\n"; returns the address behind it. */
function putBulk(p: usize, ptr: usize, len: i32): usize {
  p = putHead(p, 0x24, len);
  memory.copy(p, ptr, <usize>len);
  store<u16>(p + <usize>len, CRLF);
  return p + <usize>len + 2;
}

function putHead(p: usize, mark: u8, n: i32): usize {
  store<u8>(p, mark);
  const digits = <usize>formatU64(p + 1, <u64>n);
  store<u16>(p + 1 + digits, CRLF);
  return p + digits + 3;
}

const MESSAGE: usize = memory.data<u8>([109, 101, 115, 115, 97, 103, 101]);
const PMESSAGE: usize = memory.data<u8>([112, 109, 101, 115, 115, 97, 103, 101]);
const SMESSAGE: usize = memory.data<u8>([115, 109, 101, 115, 115, 97, 103, 101]);

/** Frames the message for the subscribers of `e`, without the text when that has a block. Length of the frame, or 0. */
function frameFor(m: PubSub, kind: i32, e: usize): i32 {
  const isPattern = kind == KIND_PATTERN;
  const patternLength = isPattern ? keyLength(e) : 0;
  const text = m.block == 0 ? m.length : 0;
  const frame = grow(m.frame, <usize>(patternLength + m.channelLength + text + 128));
  if (frame == 0) return 0;
  m.frame = frame;
  let at = putHead(frame, 0x2a, isPattern ? 4 : 3);
  if (kind == KIND_CHANNEL) at = putBulk(at, MESSAGE, 7);
  else at = putBulk(at, isPattern ? PMESSAGE : SMESSAGE, 8);
  if (isPattern) at = putBulk(at, keyAddress(e), patternLength);
  at = putBulk(at, m.channel, m.channelLength);
  if (m.block == 0) at = putBulk(at, m.text, m.length);
  else at = putHead(at, 0x24, m.length);
  return <i32>(at - frame);
}

/** Appends pushed bytes; the first ones that wait go into a small chunk, since subscribers are many. */
export function pushRaw(c: Client, ptr: usize, len: i32): void {
  if (c.outTail == 0 && !reserveSmall(c, <usize>len)) return;
  replyRaw(c, ptr, len);
}

/** Sends the framed message to every subscriber of a name; returns how many there are. */
function deliver(m: PubSub, kind: i32, e: usize): u32 {
  const length = frameFor(m, kind, e);
  if (length == 0) return 0;
  const frame = m.frame;
  const current = root().current;
  for (let s = entryPointer(e); s != 0; s = get(s, NEXT)) {
    const address = get(s, CLIENT);
    const c = address == current ? pushTarget(changetype<Client>(address)) : changetype<Client>(address);
    store<u8>(frame, c.resp == 3 ? 0x3e : 0x2a);
    pushRaw(c, frame, length);
    if (m.block == 0 || !addReference(c, m.block, m.length)) continue;
    store<u16>(PAIR, CRLF);
    replyRaw(c, PAIR, 2);
  }
  return subscribersOf(e);
}

/** Gives a large message a block of its own; the argument's own block, when there is one that may be taken over. */
function giveBlock(m: PubSub): void {
  const r = root();
  if (m.length < r.referenceMin) return;
  if (r.adoptable == m.text) {
    r.adoptable = 0;
    m.block = m.text;
    return;
  }
  const block = alloc(<usize>m.length);
  if (block == 0) return;
  memory.copy(block, m.text, <usize>m.length);
  m.block = block;
}

/** Sends a message to a channel's subscribers and those of fitting patterns; returns how many they were. */
export function publish(kind: i32, channel: usize, channelLen: i32, text: usize, len: i32): u32 {
  const r = root();
  const e = findName(kind, channel, channelLen);
  const patterns = kind == KIND_CHANNEL && r.pubsub != 0 ? pubsub().patternCount : 0;
  if (e == 0 && patterns == 0) return 0;
  const m = pubsub();
  m.channel = channel;
  m.channelLength = channelLen;
  m.text = text;
  m.length = len;
  m.block = 0;
  if (e != 0) giveBlock(m);
  let receivers: u32 = e == 0 ? 0 : deliver(m, kind, e);
  for (let i = 0; i < patterns; i++) {
    const p = get(m.patterns, <usize>i << 2);
    if (!globMatch(keyAddress(p), keyLength(p), channel, channelLen, false)) continue;
    if (m.block == 0) giveBlock(m);
    receivers += deliver(m, KIND_PATTERN, p);
  }
  if (m.block != 0) freePinned(m.block);
  if (m.frame != 0 && usableSize(m.frame) > BUFFER_KEPT) {
    free(m.frame);
    m.frame = 0;
  }
  return receivers;
}

/** Frees the buffers that messages and names of events are written to. */
export function freeMessageBuffers(): void {
  if (root().pubsub == 0) return;
  const p = pubsub();
  free(p.frame);
  free(p.event);
  p.frame = 0;
  p.event = 0;
}

/** Room for the name of a keyspace event's channel; 0 when nobody listens to anything, or memory is exhausted. */
export function eventRoom(size: usize): usize {
  if (root().pubsub == 0 || (namesOf(KIND_CHANNEL) == 0 && namesOf(KIND_PATTERN) == 0)) return 0;
  const p = pubsub();
  // The buffer of a very long name is not kept for the short ones that follow.
  if (p.event != 0 && size <= BUFFER_KEPT && usableSize(p.event) > BUFFER_KEPT) {
    free(p.event);
    p.event = 0;
  }
  const event = grow(p.event, size);
  if (event != 0) p.event = event;
  return event;
}
