/**
 * in-process: what Wakey costs inside a program. `call("GET", key)` over random keys, and how long restore() and
 * clone() of a server with 10,000 keys take.
 *
 *   node --import tsx bench/in-process.ts [--keys 10000] [--calls 2000000] [--rounds 5]
 *   deno run -A --no-check bench/in-process.ts        bun bench/in-process.ts
 *
 * Keys are `key:` and twelve digits, values 32 bytes. Medians of the rounds; the last line printed is JSON, for
 * bench/run.mjs. Not for sockets.
 */
import { parseArgs } from "node:util";
import { Wakey } from "../server/wakey.ts";
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

const wakey = new Wakey();
const names = Array.from({ length: keys }, (_, i) => `key:${String(i).padStart(12, "0")}`);
for (const name of names) wakey.call("SET", name, name.padStart(32, "v"));
const random = new Random(1);
const chosen = Array.from({ length: CHOSEN }, () => names[random.below(keys)]);

/** Calls of GET a second. */
function callRate(): number {
  let found = 0;
  const begun = performance.now();
  for (let i = 0; i < calls; i++) {
    if (wakey.call("GET", chosen[i & (CHOSEN - 1)]) !== null) found++;
  }
  const elapsed = performance.now() - begun;
  if (found !== calls) throw new Error(`in-process bench: call: ${calls - found} keys are missing`);
  return calls * 1000 / elapsed;
}

/** Milliseconds of one run of something, from many. */
function milliseconds(run: () => void): number {
  const begun = performance.now();
  for (let i = 0; i < RESTORES; i++) run();
  return (performance.now() - begun) / RESTORES;
}

const middle = (numbers: number[]): number => numbers.sort((a, b) => a - b)[numbers.length >> 1];
const rounds = Array.from({ length: Number(options.rounds) });
const rates = rounds.map(callRate);
const snapshot = wakey.snapshot();
const restores = rounds.map(() => milliseconds(() => wakey.restore(snapshot)));
const clones = rounds.map(() => milliseconds(() => wakey.clone().close()));
if (wakey.call("DBSIZE") !== keys) throw new Error("in-process bench: restore: keys are missing");
wakey.close();
console.log(`calls/s: ${rates.map((rate) => rate.toFixed(0)).join(" ")}`);
console.log(`snapshot: ${snapshot.length} bytes; restore ms: ${restores.map((ms) => ms.toFixed(3)).join(" ")}`);
console.log(JSON.stringify({
  callsPerSecond: middle(rates), restoreMs: middle(restores), cloneMs: middle(clones), snapshotBytes: snapshot.length,
}));
