/**
 * core: what the core costs by itself. Pipelined SET and GET over random keys go through its process call; no sockets.
 *
 *   node --import tsx bench/core.ts [--keys 1000000] [--commands 2000000] [--batch 64] [--rounds 3]
 *   deno run -A --no-check bench/core.ts        bun bench/core.ts
 *
 * Batches of commands lie ready in JavaScript; a timed step copies one in, runs it, settles its statistics and drops
 * the output, as a connection does. Keys are `key:` and twelve digits (16 bytes), values 32 bytes. Replies are hashed
 * in a pass of their own, so the hash is the same in every runtime. The last line printed is JSON, for bench/run.mjs.
 */
import { parseArgs } from "node:util";
import { Random } from "../tests/support/random.ts";
import { CoreRunner } from "./support/core-runner.ts";

const { values: options } = parseArgs({
  options: {
    keys: { type: "string", default: "1000000" },
    commands: { type: "string", default: "2000000" },
    batch: { type: "string", default: "64" },
    rounds: { type: "string", default: "3" },
    seed: { type: "string", default: "1" },
  },
});
const keys = Number(options.keys);
const commands = Number(options.commands);
const batch = Number(options.batch);
const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

const runner = new CoreRunner();
const { core, client } = runner;
core.setNow(1_700_000_000_000_000);

// --- Input ---

const encoder = new TextEncoder();

function setCommand(key: number): string {
  const value = String(key).padStart(32, "v");
  return `*3\r\n$3\r\nSET\r\n$16\r\nkey:${String(key).padStart(12, "0")}\r\n$32\r\n${value}\r\n`;
}

function getCommand(key: number): string {
  return `*2\r\n$3\r\nGET\r\n$16\r\nkey:${String(key).padStart(12, "0")}\r\n`;
}

/** Batches of commands as bytes, `next` choosing the keys. */
function batches(count: number, command: (key: number) => string, next: (index: number) => number): Uint8Array[] {
  const made: Uint8Array[] = [];
  for (let done = 0; done < count; done += batch) {
    let text = "";
    for (let i = done; i < Math.min(done + batch, count); i++) text += command(next(i));
    made.push(encoder.encode(text));
  }
  return made;
}

// --- Running ---

/** Folds the waiting output into a hash and drops it. */
function hashOutput(hash: number): number {
  let folded = hash;
  let length = core.exports.outputLength(client);
  core.refresh();
  while (length > 0) {
    const from = core.exports.outputPtr(client) >>> 0;
    for (let at = from; at < from + length; at++) folded = Math.imul(folded ^ core.bytes[at], FNV_PRIME);
    length = core.exports.outputConsume(client, length);
  }
  return folded >>> 0;
}

/** Nanoseconds a command for a list of batches. */
function time(input: Uint8Array[], count: number): number {
  const begun = performance.now();
  for (const bytes of input) {
    runner.run(bytes);
    runner.dropOutput();
  }
  return (performance.now() - begun) * 1e6 / count;
}

const random = new Random(Number(options.seed));
for (const bytes of batches(keys, setCommand, (index) => index)) {
  runner.run(bytes);
  runner.dropOutput();
}
const sets = batches(commands, setCommand, () => random.below(keys));
const gets = batches(commands, getCommand, () => random.below(keys));
const rounds: { setNs: number; getNs: number }[] = [];
for (let round = 0; round < Number(options.rounds); round++) {
  rounds.push({ setNs: time(sets, commands), getNs: time(gets, commands) });
}
let hash = FNV_OFFSET;
for (const bytes of [...sets.slice(0, 2000), ...gets.slice(0, 2000)]) {
  runner.run(bytes);
  hash = hashOutput(hash);
}
const middle = (numbers: number[]): number => numbers.sort((a, b) => a - b)[numbers.length >> 1];
for (const { setNs, getNs } of rounds) console.log(`SET ${setNs.toFixed(0)} ns, GET ${getNs.toFixed(0)} ns`);
console.log(JSON.stringify({
  setNs: middle(rounds.map(({ setNs }) => setNs)), getNs: middle(rounds.map(({ getNs }) => getNs)),
  hash: hash.toString(16).padStart(8, "0"), keys, commands,
}));
