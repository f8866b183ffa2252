// statistics.ts - the counters and samples of one server that its core does not keep.
//
//   upkeep ── sample() as often as it runs ──► rings of 16 samples ──► rate(), mean(): the instantaneous_* of INFO
//   process(), accept() ... ── plain increments ──► fields
//
// Not for counts of commands and keys, which the core keeps in its root, and not for the logs of slow and large
// commands (command-log.ts) or latency (latency.ts).

/** Samples that an instantaneous value is made of. */
const SAMPLES = 16;
/** Time that a sample stands for: one after less is put off, one after more stands for several. */
const PERIOD_MS = 100;
/** Seconds for which the largest buffers of clients are remembered. */
const BUFFER_SLOTS = 8;

/** What is sampled: growing counters, from which rates or means are made. */
interface Counters {
  commands: number;
  netIn: number;
  netOut: number;
  cycles: number;
  cyclesUs: number;
}

/** A ring of the last samples of one value. */
class Ring {
  readonly #values = new Float64Array(SAMPLES);
  #next = 0;

  add(value: number, count: number): void {
    for (let i = 0; i < count; i++) {
      this.#values[this.#next] = value;
      this.#next = (this.#next + 1) % SAMPLES;
    }
  }

  clear(): void {
    this.#values.fill(0);
  }

  mean(): number {
    let sum = 0;
    for (const value of this.#values) sum += value;
    return Math.floor(sum / SAMPLES);
  }
}

export class Statistics {
  connectionsReceived = 0;
  connectionsRejected = 0;
  timedOut = 0;
  evictedClients = 0;
  accessDeniedAuth = 0;
  accessDeniedCertificate = 0;
  /** When the log last told of an HTTP request. */
  lastAttackUs = 0;
  /** Slices of input that were run, the time in them, and the longest. */
  cycles = 0;
  cyclesUs = 0;
  longestCycleUs = 0;
  commandsPerCycleMax = 0;
  /** Time in upkeep (part of cyclesUs), and of that in active expiry. */
  cronUs = 0;
  expireUs = 0;
  readonly #rates = { commands: new Ring(), netIn: new Ring(), netOut: new Ring(), cycles: new Ring() };
  readonly #cycleTime = new Ring();
  #last: Counters | undefined;
  #lastMs = 0;
  readonly #inputPeaks = new Float64Array(BUFFER_SLOTS);
  readonly #outputPeaks = new Float64Array(BUFFER_SLOTS);
  #bufferSecond = -1;

  /** Takes one sample, unless the last is too young. */
  sample(nowMs: number, counters: Counters): void {
    const before = this.#last;
    const passed = nowMs - this.#lastMs;
    if (before !== undefined && passed < PERIOD_MS * 0.9) return;
    this.#last = counters;
    this.#lastMs = nowMs;
    if (before === undefined) return;
    const count = Math.min(Math.round(passed / PERIOD_MS), SAMPLES);
    for (const name of ["commands", "netIn", "netOut", "cycles"] as const) {
      // A counter that was reset starts anew.
      const grown = Math.max(0, counters[name] - before[name]);
      this.#rates[name].add(grown * 1000 / passed, count);
    }
    const cycles = counters.cycles - before.cycles;
    this.#cycleTime.add(cycles > 0 ? (counters.cyclesUs - before.cyclesUs) / cycles : 0, count);
  }

  /** Growth of a counter a second, over the last samples. */
  rate(name: "commands" | "netIn" | "netOut" | "cycles"): number {
    return this.#rates[name].mean();
  }

  /** Mean microseconds of a slice, over the last samples. */
  meanCycleUs(): number {
    return this.#cycleTime.mean();
  }

  /** Counts a slice of input, or a run of the upkeep. */
  countSlice(elapsedUs: number, commands: number): void {
    this.cycles++;
    this.cyclesUs += elapsedUs;
    if (elapsedUs > this.longestCycleUs) this.longestCycleUs = elapsedUs;
    if (commands > this.commandsPerCycleMax) this.commandsPerCycleMax = commands;
  }

  // --- Buffers of clients ---

  /** Notes the buffers of the largest client in this second; the last eight seconds count. */
  noteBuffers(second: number, input: number, output: number): void {
    const slot = second % BUFFER_SLOTS;
    if (second !== this.#bufferSecond) {
      this.#inputPeaks[slot] = 0;
      this.#outputPeaks[slot] = 0;
      this.#bufferSecond = second;
    }
    this.#inputPeaks[slot] = Math.max(this.#inputPeaks[slot], input);
    this.#outputPeaks[slot] = Math.max(this.#outputPeaks[slot], output);
  }

  /** The largest buffers of the last seconds. */
  bufferPeaks(): { input: number; output: number } {
    return { input: Math.max(...this.#inputPeaks), output: Math.max(...this.#outputPeaks) };
  }

  /** CONFIG RESETSTAT. */
  reset(): void {
    this.connectionsReceived = 0;
    this.connectionsRejected = 0;
    this.timedOut = 0;
    this.evictedClients = 0;
    this.cycles = 0;
    this.cyclesUs = 0;
    this.longestCycleUs = 0;
    this.commandsPerCycleMax = 0;
    this.cronUs = 0;
    this.expireUs = 0;
    this.#last = undefined;
    for (const ring of Object.values(this.#rates)) ring.clear();
    this.#cycleTime.clear();
  }
}
