/**
 * Access clocks of entries: LRU (seconds of the last access) and LFU (minutes << 8 | logarithmic counter).
 *
 * The policy decides which of the two the 24 bits are; root.lruClock holds the current time in the fitting unit.
 * Not for choosing what to evict: keyspace/eviction.ts. LFU after Valkey's documentation of maxmemory policies.
 */
import { random64, root } from "../memory/root";
import { entryClock, entrySetClock } from "./entry";

export const POLICY_LRU: i32 = 1;
export const POLICY_LFU: i32 = 2;
export const POLICY_TTL: i32 = 4;
export const POLICY_RANDOM: i32 = 8;
export const POLICY_VOLATILE: i32 = 16;
export const POLICY_NONE: i32 = 32;

const CLOCK_MASK: u32 = 0xffffff;
const LFU_INITIAL: u32 = 5;

export function isLfu(): bool {
  return (root().maxmemoryPolicy & POLICY_LFU) != 0;
}

/** Derives milliseconds and the access clock from root.nowUs; called once when the host calls in. */
export function clockUpdate(): void {
  const r = root();
  r.nowMs = <i64>(r.nowUs / 1000);
  r.lruClock = <u32>(isLfu() ? (r.nowMs / 60000) & 0xffff : (r.nowMs / 1000) & <i64>CLOCK_MASK);
}

/** The clock of a fresh entry. */
export function clockInitial(): u32 {
  const now = root().lruClock;
  return isLfu() ? (now << 8) | LFU_INITIAL : now;
}

function decayed(clock: u32): u32 {
  const r = root();
  const elapsed = (r.lruClock - (clock >> 8)) & 0xffff;
  const periods = r.lfuDecayTime != 0 ? elapsed / <u32>r.lfuDecayTime : 0;
  const counter = clock & 0xff;
  return periods > counter ? 0 : counter - periods;
}

function touchLfu(e: usize): void {
  const r = root();
  let counter = decayed(entryClock(e));
  if (counter < 255) {
    const base = counter > LFU_INITIAL ? <f64>(counter - LFU_INITIAL) : 0;
    const chance = 1.0 / (base * <f64>r.lfuLogFactor + 1.0);
    if (<f64>(random64() >> 11) * (1.0 / 9007199254740992.0) < chance) counter++;
  }
  entrySetClock(e, (r.lruClock << 8) | counter);
}

/** Marks an access. The store is skipped when the clock is the same, so that hot reads don't dirty cache lines. */
export function entryTouch(e: usize): void {
  const r = root();
  if (r.maxmemoryPolicy & POLICY_LFU) touchLfu(e);
  else if (entryClock(e) != r.lruClock) entrySetClock(e, r.lruClock);
}

/** Seconds since the last access (LRU); under LFU the minutes since, in seconds. */
export function entryIdleSeconds(e: usize): u32 {
  if (isLfu()) return ((root().lruClock - (entryClock(e) >> 8)) & 0xffff) * 60;
  return (root().lruClock - entryClock(e)) & CLOCK_MASK;
}

/** The access counter as it is now (LFU). */
export function entryFrequency(e: usize): u32 {
  return decayed(entryClock(e));
}

/** How ready an entry is to go: larger is readier. */
export function entryIdleness(e: usize): u64 {
  return isLfu() ? <u64>(255 - decayed(entryClock(e))) : <u64>entryIdleSeconds(e);
}
