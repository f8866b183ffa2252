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

/** The POLICY_ bits of a policy by its place in the configuration's list (server/config/directives/memory.ts). */
export function policyBits(index: i32): i32 {
  switch (index) {
    case 0: return POLICY_LRU | POLICY_VOLATILE;
    case 1: return POLICY_LFU | POLICY_VOLATILE;
    case 2: return POLICY_RANDOM | POLICY_VOLATILE;
    case 3: return POLICY_TTL | POLICY_VOLATILE;
    case 4: return POLICY_LRU;
    case 5: return POLICY_LFU;
    case 6: return POLICY_RANDOM;
    default: return POLICY_NONE;
  }
}

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

/** Takes from the counter what passed since it was last looked at, and stamps the entry with now. */
function decay(e: usize): u32 {
  const r = root();
  const clock = entryClock(e);
  const elapsed = (r.lruClock - (clock >> 8)) & 0xffff;
  if (elapsed == 0) return clock & 0xff;
  const periods = r.lfuDecayTime != 0 ? elapsed / <u32>r.lfuDecayTime : 0;
  const counter = clock & 0xff;
  const left = periods > counter ? 0 : counter - periods;
  entrySetClock(e, (r.lruClock << 8) | left);
  return left;
}

function touchLfu(e: usize): void {
  const r = root();
  const counter = decay(e);
  if (counter == 255) return;
  const base = counter > LFU_INITIAL ? <f64>(counter - LFU_INITIAL) : 0;
  const chance = 1.0 / (base * <f64>r.lfuLogFactor + 1.0);
  const random = <f64>(random64() >> 11) * (1.0 / 9007199254740992.0);
  if (random < chance) entrySetClock(e, (r.lruClock << 8) | (counter + 1));
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
  return decay(e);
}

/** How ready an entry is to go: larger is readier. */
export function entryIdleness(e: usize): u64 {
  return isLfu() ? <u64>(255 - decay(e)) : <u64>entryIdleSeconds(e);
}
