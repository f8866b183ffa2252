/**
 * Statistics per command: calls, time, rejections, failures, and a histogram of times.
 *
 * Time is measured by the host around a call into the core; `settle` shares it among the commands that ran, which are
 * chained through their records. Commands that can be slow end the slice (resp/process.ts), so their time is their own.
 */
import { Cmd } from "../generated/commands";
import { alloc, free } from "../memory/allocator";
import { root } from "../memory/root";

/** Buckets of a histogram: [2^i, 2^(i+1)) microseconds, the first also holding what is shorter. */
const HISTOGRAM_BUCKETS: i32 = 32;

// @layout
@unmanaged
export class CommandStat {
  calls: u64;
  microseconds: f64;
  rejected: u64;
  failed: u64;
  pending: u32; // runs since the last settle
  nextPending: i32; // command id, -1 at the end of the chain
  isHeavy: u32; // its last run was heavy: the next one has a slice, and so a time, of its own
  histogram: usize; // HISTOGRAM_BUCKETS of u64, 0 until the command ran
}

const STAT_SIZE: usize = (offsetof<CommandStat>() + 7) & ~7;

/** Size of the record array for `count` commands. */
export function statsBytes(count: i32): usize {
  return STAT_SIZE * <usize>count;
}

export function statOf(id: i32): CommandStat {
  return changetype<CommandStat>(root().commandStats + STAT_SIZE * <usize>id);
}

/** Counts `n` runs of command `id` whose time is settled later. */
export function countRun(id: i32, n: i32 = 1): void {
  const r = root();
  const s = statOf(id);
  if (s.pending == 0) {
    s.nextPending = r.settleHead;
    r.settleHead = id;
  }
  s.pending += n;
  r.settleCount += n;
  r.statCommands += n;
}

/** Takes a record out of the chain: the first one, unless a script has run commands since. */
function unchain(s: CommandStat, id: i32): void {
  const r = root();
  if (r.settleHead == id) {
    r.settleHead = s.nextPending;
    return;
  }
  let before = statOf(r.settleHead);
  while (before.nextPending != id) before = statOf(before.nextPending);
  before.nextPending = s.nextPending;
}

/** Takes the last countRun() back: the command waits, and counts when it is served. */
export function uncountRun(id: i32): void {
  const r = root();
  const s = statOf(id);
  if (--s.pending == 0) unchain(s, id);
  r.settleCount--;
  r.statCommands--;
}

/**
 * Shares `microseconds` among the commands that ran since the last call; returns how many those were. EXEC's time
 * includes that of the commands of its transaction, a script's that of the commands that it called, as in Valkey.
 */
export function settle(microseconds: f64, histograms: bool): i32 {
  const r = root();
  const count = r.settleCount;
  if (count == 0) return 0;
  const each = microseconds / <f64>r.settleCount;
  let id = r.settleHead;
  while (id >= 0) {
    const s = statOf(id);
    const runs = s.pending;
    s.calls += <u64>runs;
    s.pending = 0;
    // One script a slice: its command ends the slice and the one before.
    const more = r.settleScripted != 0 && id == r.scriptCommand ? r.settleScripted : 0;
    const whole = each * <f64>(runs + more);
    s.microseconds += whole;
    if (histograms) addToHistogram(s, whole / <f64>runs, runs);
    id = s.nextPending;
  }
  if (r.settleExecuted != 0) {
    statOf(Cmd.EXEC).microseconds += each * <f64>r.settleExecuted;
    r.settleExecuted = 0;
  }
  r.settleScripted = 0;
  r.settleHead = -1;
  r.settleCount = 0;
  return count;
}

function addToHistogram(s: CommandStat, each: f64, runs: u32): void {
  if (s.histogram == 0) {
    const size = <usize>HISTOGRAM_BUCKETS << 3;
    s.histogram = alloc(size);
    if (s.histogram == 0) return;
    memory.fill(s.histogram, 0, size);
  }
  const whole = <u32>(each < 1 ? 1 : each > 2e9 ? 2000000000 : each);
  const slot = s.histogram + (<usize>(31 - clz<u32>(whole)) << 3);
  store<u64>(slot, load<u64>(slot) + <u64>runs);
}

/** Zeroes the records of `count` commands and the server's counters; the running command counts again. */
export function resetStats(count: i32): void {
  const running = root().settleCount > 0 ? root().currentCommand : 0;
  settle(0, false);
  for (let id = 0; id < count; id++) {
    const s = statOf(id);
    free(s.histogram);
    memory.fill(changetype<usize>(s), 0, STAT_SIZE);
  }
  const r = root();
  r.statCommands = 0;
  r.statHits = 0;
  r.statMisses = 0;
  r.statExpired = 0;
  r.statExpiredFields = 0;
  r.statExpiredStalePercent = 0;
  r.statExpiredTimeCapReached = 0;
  r.statEvicted = 0;
  r.lazyFreed = 0;
  r.statEvictionExceededUs = 0;
  r.evictionExceededSinceUs = 0;
  r.statNetIn = 0;
  r.statNetOut = 0;
  r.statReadsProcessed = 0;
  r.statWritesProcessed = 0;
  r.statQueryBufferLimitDisconnections = 0;
  r.statOutputBufferLimitDisconnections = 0;
  r.peakBytes = r.usedBytes;
  if (running > 0) countRun(running);
}
