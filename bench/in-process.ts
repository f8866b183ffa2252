/**
 * in-process: what Wakey costs inside a program. `call("GET", key)` over random keys, how long restore() and clone()
 * of a server with 10,000 keys take, and opening and closing one.
 *
 *   node --import tsx bench/in-process.ts [--keys 10000] [--calls 2000000] [--rounds 5]
 *   deno run -A --no-check bench/in-process.ts        bun bench/in-process.ts
 *
 * Keys are `key:` and twelve digits, values 32 bytes. Medians of the rounds; the last line printed is JSON, for
 * bench/run.mjs. It takes the built package, as a program would (`npm run build` first). Rates are also given per
 * second of CPU, which a busy machine does not change. Not for sockets.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { Wakey } from "wakey";
import { Random } from "../tests/support/random.ts";

const { values: options } = parseArgs({
  options: {
    keys: { type: "string", default: "10000" },
    calls: { type: "string", default: "2000000" },
    rounds: { type: "string", default: "5" },
  },
});
const keys = Number(options.keys);
const calls = Number(options.calls);
const CHOSEN = 65536; // random keys that the timed loop goes through again and again; a power of two
const RESTORES = 200;
const OPENS = 2000;
/** What the project asks of itself. */
const LEAST_CALLS = 1.5e6;
const MOST_RESTORE_MS = 1;

const wakey = new Wakey();
const names = Array.from({ length: keys }, (_, i) => `key:${String(i).padStart(12, "0")}`);
for (const name of names) wakey.call("SET", name, name.padStart(32, "v"));
const random = new Random(1);
const chosen = Array.from({ length: CHOSEN }, () => names[random.below(keys)]);

/** Calls of GET a second, and a second of CPU. */
function callRate(): { wall: number; cpu: number } {
  let found = 0;
  const used = process.cpuUsage();
  const begun = performance.now();
  for (let i = 0; i < calls; i++) {
    if (wakey.call("GET", chosen[i & (CHOSEN - 1)]) !== null) found++;
  }
  const elapsed = performance.now() - begun;
  if (found !== calls) throw new Error(`in-process bench: call: ${calls - found} keys are missing`);
  const { user, system } = process.cpuUsage(used);
  return { wall: calls * 1000 / elapsed, cpu: calls * 1e6 / (user + system) };
}

/** Milliseconds of one run of something: the middle of many. */
function milliseconds(run: () => void, times: number): number {
  const taken: number[] = [];
  for (let i = 0; i < times; i++) {
    const begun = performance.now();
    run();
    taken.push(performance.now() - begun);
  }
  return middle(taken);
}

const middle = (numbers: number[]): number => numbers.sort((a, b) => a - b)[numbers.length >> 1];
const rounds = Array.from({ length: Number(options.rounds) });
const rates = rounds.map(callRate);
const snapshot = wakey.snapshot();
const restores = rounds.map(() => milliseconds(() => wakey.restore(snapshot), RESTORES));
const clones = rounds.map(() => milliseconds(() => wakey.clone().close(), RESTORES));
const opens = rounds.map(() => milliseconds(() => new Wakey().close(), OPENS) * 1000);
if (wakey.call("DBSIZE") !== keys) throw new Error("in-process bench: restore: keys are missing");
wakey.close();

const list = (numbers: number[], digits: number): string => numbers.map((n) => n.toFixed(digits)).join(" ");
const callsPerSecond = middle(rates.map(({ wall }) => wall));
const callsPerCpuSecond = middle(rates.map(({ cpu }) => cpu));
const restoreMs = middle(restores);
const verdict = (isMet: boolean): string => (isMet ? "PASS" : "short");
console.log(`calls/s: ${list(rates.map(({ wall }) => wall), 0)}`);
console.log(`calls/s of CPU: ${list(rates.map(({ cpu }) => cpu), 0)}`);
console.log(`snapshot: ${snapshot.length} bytes; restore ms: ${list(restores, 3)}; clone ms: ${list(clones, 3)}`);
console.log(`open and close us: ${list(opens, 1)}`);
const millions = (rate: number): string => (rate / 1e6).toFixed(2);
console.log(`${verdict(callsPerSecond >= LEAST_CALLS)}: GET ${millions(callsPerSecond)} M calls/s, limit 1.5 M`);
console.log(`${verdict(restoreMs <= MOST_RESTORE_MS)}: restore of ${keys} keys ${restoreMs.toFixed(3)} ms, limit 1 ms`);
console.log(JSON.stringify({
  callsPerSecond, callsPerCpuSecond, restoreMs, cloneMs: middle(clones), openCloseUs: middle(opens),
  snapshotBytes: snapshot.length,
}));
