/**
 * Keyspace events and propagation: the seams through which a change of the dataset is told to others.
 *
 * Each command that changes something calls `changed`; each event that Valkey documents calls `notify`. What hangs
 * behind them (watched keys, publish/subscribe, client-side caching, the replication stream) reads these calls and
 * nothing else. A change without an event, which Valkey knows a few of, calls `touched`.
 *
 *   notify ─► root.observers ─► touchKey() (WATCH), trackingInvalidate() (CLIENT TRACKING)
 *                            └► publishEvent() (notify-keyspace-events)
 */
import { formatU64 } from "../bytes/integer";
import { writeText } from "../bytes/compare";
import { root } from "../memory/root";
import { eventRoom, KIND_CHANNEL, publish } from "../resp/pubsub";
import { trackingInvalidate } from "../resp/tracking";
import { touchKey } from "./watch";

export const NOTIFY_KEYSPACE: u32 = 1;
export const NOTIFY_KEYEVENT: u32 = 2;
export const NOTIFY_GENERIC: u32 = 4;
export const NOTIFY_STRING: u32 = 8;
export const NOTIFY_LIST: u32 = 16;
export const NOTIFY_SET: u32 = 32;
export const NOTIFY_HASH: u32 = 64;
export const NOTIFY_ZSET: u32 = 128;
export const NOTIFY_EXPIRED: u32 = 256;
export const NOTIFY_EVICTED: u32 = 512;
export const NOTIFY_STREAM: u32 = 1024;
export const NOTIFY_KEY_MISS: u32 = 2048;
export const NOTIFY_NEW: u32 = 16384;

/** Bits of root.observers beside the classes: somebody watches a key. */
export const OBSERVE_WATCH: u32 = 1 << 24;
/** Somebody caches what it has read. */
export const OBSERVE_TRACKING: u32 = 1 << 25;
const OBSERVE_CHANGES: u32 = OBSERVE_WATCH | OBSERVE_TRACKING;
/** Events of keys that are gone or about to go, and events that change nothing. */
const REMOVALS: u32 = NOTIFY_EXPIRED | NOTIFY_EVICTED;
const CLASSES: u32 = 0x7ffc; // all but NOTIFY_KEYSPACE and NOTIFY_KEYEVENT

/** Switches bits of root.observers. */
export function observe(bits: u32, on: bool): void {
  const r = root();
  r.observers = on ? r.observers | bits : r.observers & ~bits;
}

/** notify-keyspace-events was set: classes count only when there is a channel to tell them on. */
export function observeEvents(): void {
  const r = root();
  const isOn = (r.notifyFlags & (NOTIFY_KEYSPACE | NOTIFY_KEYEVENT)) != 0;
  observe(CLASSES, false);
  if (isOn) observe(r.notifyFlags & CLASSES, true);
}

/** Counts `n` changes of the dataset made by the running command. */
export function changed(n: u64): void {
  root().dirty += n;
}

/**
 * Tells that `event` happened to a key of database `db`. Costs one load and a branch while nobody wants to know.
 */
export function notify(kind: u32, event: string, key: usize, keyLen: i32, db: i32): void {
  if (root().observers & (kind | OBSERVE_CHANGES)) tell(kind, event, key, keyLen, db);
}

/** Tells of an event that changes nothing, for Valkey's sake: who watches the key is not told. */
export function announce(kind: u32, event: string, key: usize, keyLen: i32, db: i32): void {
  if (root().observers & kind) publishBoth(event, key, keyLen, db);
}

/** Tells that a key was changed where there is no event for it. */
export function touched(key: usize, keyLen: i32, db: i32): void {
  if (root().observers & OBSERVE_CHANGES) change(0, key, keyLen, db);
}

/** Tells those who wait for changes of keys. */
function change(kind: u32, key: usize, keyLen: i32, db: i32): void {
  const r = root();
  const isRemoval = (kind & REMOVALS) != 0;
  if (r.observers & OBSERVE_WATCH) touchKey(db, key, keyLen, isRemoval);
  if (r.observers & OBSERVE_TRACKING) trackingInvalidate(key, keyLen, isRemoval);
}

function tell(kind: u32, event: string, key: usize, keyLen: i32, db: i32): void {
  const r = root();
  // What is evicted goes before the command runs, and so does what is told of it.
  if (kind & NOTIFY_EVICTED) r.pushNow = 1;
  // A key's coming is told before the change that it is.
  if (kind & NOTIFY_NEW && r.observers & kind) publishBoth(event, key, keyLen, db);
  if (r.observers & OBSERVE_CHANGES && isChange(kind, event)) change(kind, key, keyLen, db);
  if (r.observers & kind && !(kind & NOTIFY_NEW)) publishBoth(event, key, keyLen, db);
  r.pushNow = 0;
}

/** Publishes an event on the channels that notify-keyspace-events asks for. */
function publishBoth(event: string, key: usize, keyLen: i32, db: i32): void {
  const r = root();
  if (r.notifyFlags & NOTIFY_KEYSPACE) publishEvent("__keyspace@", db, key, keyLen, event, false);
  if (r.notifyFlags & NOTIFY_KEYEVENT) publishEvent("__keyevent@", db, key, keyLen, event, true);
}

/** True when an event tells of a change: groups of a stream, and its last id, are none for those who watch it. */
function isChange(kind: u32, event: string): bool {
  if (kind & NOTIFY_STREAM) return !event.startsWith("xgroup-") && event != "xsetid";
  return kind != NOTIFY_KEY_MISS;
}

/** Publishes the event on "<prefix><db>__:<key>", or, `byEvent`, the key on "<prefix><db>__:<event>". */
function publishEvent(prefix: string, db: i32, key: usize, keyLen: i32, event: string, byEvent: bool): void {
  const n = event.length;
  const channel = eventRoom(<usize>(prefix.length + 16 + keyLen + n));
  if (channel == 0) return;
  let at = channel + <usize>writeText(channel, prefix);
  at += <usize>formatU64(at, <u64>db);
  at += <usize>writeText(at, "__:");
  // The event's own text stands behind the channel's name, or at its end.
  if (byEvent) {
    at += <usize>writeText(at, event);
    publish(KIND_CHANNEL, channel, <i32>(at - channel), key, keyLen);
    return;
  }
  memory.copy(at, key, <usize>keyLen);
  at += <usize>keyLen;
  writeText(at, event);
  publish(KIND_CHANNEL, channel, <i32>(at - channel), at, n);
}
