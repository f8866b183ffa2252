// histogram.ts - the core's histograms of run times: read, and turned into percentiles and cumulative counts.
//
//   bucket i counts runs of [2^i, 2^(i+1)) microseconds, bucket 0 also what is shorter
//
// A percentile is the longest time of the bucket that it falls in, rounded up as Valkey's histograms do, which count
// nanoseconds with two exact digits: 1.003, 3.007, 7.007, 15.039 ... Not for measuring: server.ts measures, the core
// counts.

import type { Core } from "../bridge/core.ts";

/** Buckets of a histogram, HISTOGRAM_BUCKETS of core-wasm/resp/stats.ts. */
const BUCKETS = 32;
/** Values up to 2^7 steps apart from a power of two are kept apart. */
const STEP_BITS = 7;

/** The counts of each bucket. */
export function readHistogram(core: Core, address: number): number[] {
  return Array.from({ length: BUCKETS }, (_, i) => core.u64(address + i * 8));
}

/** The longest time in nanoseconds that is not told apart from `ns`. */
function roundedUp(ns: number): number {
  const step = 2 ** Math.max(0, Math.floor(Math.log2(ns)) - STEP_BITS);
  return Math.floor(ns / step) * step + step - 1;
}

/** The longest time, in microseconds, that bucket i counts. */
function upperEnd(i: number): number {
  return roundedUp((2 ** (i + 1) - 1) * 1000) / 1000;
}

/** The limit in microseconds that LATENCY HISTOGRAM gives bucket i. */
function limitOf(i: number): number {
  return Math.floor(roundedUp(1024 * 2 ** (i === 0 ? 0 : i + 1)) / 1000);
}

/** The value in microseconds below which `percent` of the runs are; 0 of an empty histogram. */
export function percentile(counts: readonly number[], percent: number): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return 0;
  const wanted = Math.max(1, Math.ceil(total * Math.min(100, percent) / 100));
  let seen = 0;
  for (const [i, count] of counts.entries()) {
    seen += count;
    if (seen >= wanted) return upperEnd(i);
  }
  return upperEnd(BUCKETS - 1);
}

/** Pairs of an upper limit in microseconds and how many runs were no longer, as LATENCY HISTOGRAM shows them. */
export function cumulative(counts: readonly number[]): { total: number; rows: [limit: number, count: number][] } {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const rows: [number, number][] = [];
  let seen = 0;
  for (const [i, count] of counts.entries()) {
    if (count === 0) continue;
    seen += count;
    rows.push([limitOf(i), seen]);
  }
  return { total, rows };
}
