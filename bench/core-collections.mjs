// What the commands of bench/collections.mjs cost in the core alone, without sockets and runtime.
//   node --import tsx bench/core-collections.mjs [--only HGET,XADD] [--commands 100000] [--rounds 5] [--batch 16]
//
// Each case runs on a fresh core; batches of commands lie ready, as in bench/core.ts. Counted is the CPU time of this
// process, the least of the rounds: other programs on the machine make it longer, nothing makes it shorter.
import { commandLine } from "../tools/support.mjs";
import { Random } from "../tests/support/random.ts";
import { BIG, CASES, digits, loaded, RANDOM, SMALL_KEYS } from "./collections.mjs";
import { CoreRunner } from "./support/core-runner.ts";
import { encode } from "./support/servers.mjs";

const { options } = commandLine(import.meta.url, { values: ["only", "commands", "rounds", "batch"] });
const commands = Number(options.commands ?? 100_000);
const rounds = Number(options.rounds ?? 5);
const batch = Number(options.batch ?? 16);
const only = options.only?.toUpperCase().split(",");

/** Runs a batch, 0.1 ms after the one before, and drops the output. */
class Runner extends CoreRunner {
  #nowUs = 1_700_000_000_000_000;

  run(bytes) {
    this.core.setNow(this.#nowUs += 100);
    super.run(bytes);
    this.dropOutput();
  }
}

/** Batches of one command, its placeholders filled with random numbers. */
function batches(words, keys, random) {
  return Array.from({ length: Math.ceil(commands / batch) }, () => {
    let text = "";
    for (let i = 0; i < batch; i++) {
      text += encode(words.map((word) => word.replaceAll(RANDOM, () => digits(random.below(keys)))));
    }
    return Buffer.from(text, "latin1");
  });
}

/** The least CPU nanoseconds a command of some rounds. */
function measure(one, isBig) {
  const [, , small, big] = one;
  let least = Infinity;
  for (let round = 0; round < rounds; round++) {
    const runner = new Runner();
    for (const command of loaded(one, isBig, commands * 1.5)) runner.run(Buffer.from(encode(command), "latin1"));
    const input = batches(isBig ? big : small, isBig ? BIG : SMALL_KEYS, new Random(1));
    for (const bytes of input.slice(0, input.length >> 2)) runner.run(bytes);
    const { user, system } = process.cpuUsage();
    for (const bytes of input) runner.run(bytes);
    const used = process.cpuUsage({ user, system });
    least = Math.min(least, (used.user + used.system) * 1000 / (input.length * batch));
  }
  return least;
}

const column = (ns) => ns.toFixed(0).padStart(6);
for (const one of CASES) {
  const [name] = one;
  if (only !== undefined && !only.includes(name)) continue;
  console.log(`${name.padEnd(12)} small ${column(measure(one, false))} ns   big ${column(measure(one, true))} ns`);
}
