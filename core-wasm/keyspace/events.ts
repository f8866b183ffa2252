/**
 * Keyspace events and propagation: the seams through which a change of the dataset is told to others.
 *
 * Each command that changes something calls `changed`; each event that Valkey documents calls `notify`. What hangs
 * behind them (publish/subscribe, client-side caching, the replication stream) reads these calls and nothing else.
 */
import { root } from "../memory/root";

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

/** Counts `n` changes of the dataset made by the running command. */
export function changed(n: u64): void {
  root().dirty += n;
}

/**
 * Tells that `event` happened to a key of database `db`. Costs one load and a branch while no class is switched on.
 * True when the class is switched on.
 */
export function notify(kind: u32, event: string, key: usize, keyLen: i32, db: i32): bool {
  return (root().notifyFlags & kind) != 0;
}
