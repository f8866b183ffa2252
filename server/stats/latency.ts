// latency.ts - the latency monitor: the last spikes of each kind of event, and what LATENCY tells about them.
//
//   event ──► 160 samples of (second, longest milliseconds in it) in a ring · all-time worst · sum · count
//
// Events are kept while latency-monitor-threshold is above 0 and they took at least as long. Not for the histograms of
// command times (histogram.ts).

import type { Config } from "../config/config.ts";

const SAMPLES = 160;
const GRAPH_COLUMNS = 80;
const GRAPH_ROWS = 4;
/** The top of a column, from empty to full; a full cell below the top is a bar. */
const TOPS = "_o#";

interface Sample {
  /** Seconds since 1970. */
  time: number;
  /** Milliseconds. */
  latency: number;
}

interface Series {
  samples: Sample[];
  worst: number;
  sum: number;
  count: number;
}

export class LatencyMonitor {
  readonly #events = new Map<string, Series>();
  readonly #config: Config;
  readonly #nowUs: () => number;

  constructor(config: Config, nowUs: () => number) {
    this.#config = config;
    this.#nowUs = nowUs;
  }

  /** Records an event unless it was shorter than the threshold, or the monitor is off. */
  add(event: string, elapsedUs: number): void {
    if (elapsedUs < 1000) return; // the least threshold
    const threshold = this.#config.number("latency-monitor-threshold");
    if (threshold <= 0 || elapsedUs < threshold * 1000) return;
    const latency = Math.floor(elapsedUs / 1000);
    let series = this.#events.get(event);
    if (series === undefined) this.#events.set(event, series = { samples: [], worst: 0, sum: 0, count: 0 });
    series.worst = Math.max(series.worst, latency);
    series.sum += latency;
    series.count++;
    const time = this.#now();
    const last = series.samples.at(-1);
    if (last?.time === time) {
      last.latency = Math.max(last.latency, latency);
      return;
    }
    series.samples.push({ time, latency });
    if (series.samples.length > SAMPLES) series.samples.shift();
  }

  #now(): number {
    return Math.floor(this.#nowUs() / 1e6);
  }

  get(event: string): Series | undefined {
    return this.#events.get(event);
  }

  all(): [event: string, series: Series][] {
    return [...this.#events];
  }

  /** Forgets one event, in any case of letters, or all. Returns how many there were. */
  reset(event?: string): number {
    let count = 0;
    for (const name of [...this.#events.keys()]) {
      if (event !== undefined && name.toLowerCase() !== event.toLowerCase()) continue;
      this.#events.delete(name);
      count++;
    }
    return count;
  }

  // --- LATENCY GRAPH ---

  /** A drawing of an event's samples, oldest first, each with its age below. */
  graph(event: string, series: Series): string {
    const values = series.samples.map((sample) => sample.latency);
    const high = Math.max(...values);
    const low = Math.min(...values);
    let text = `${event} - high ${high} ms, low ${low} ms (all time high ${series.worst} ms)\n`;
    text += "-".repeat(GRAPH_COLUMNS) + "\n";
    for (let from = 0; from < series.samples.length; from += GRAPH_COLUMNS) {
      if (from > 0) text += "\n";
      text += this.#columns(series.samples.slice(from, from + GRAPH_COLUMNS), low, high);
    }
    return text;
  }

  #columns(samples: readonly Sample[], low: number, high: number): string {
    const levels = TOPS.length * GRAPH_ROWS;
    const spread = high - low === 0 ? 1 : high - low;
    const heights = samples.map(({ latency }) => Math.min(levels - 1, Math.floor((latency - low) * levels / spread)));
    const lines: string[] = [];
    for (let row = GRAPH_ROWS - 1; row >= 0; row--) {
      lines.push(heights.map((height) => {
        const within = height - row * TOPS.length;
        return within < 0 ? " " : TOPS[within] ?? "|";
      }).join(""));
    }
    const ages = samples.map(({ time }) => age(this.#now() - time));
    lines.push(" ".repeat(samples.length));
    const longest = Math.max(...ages.map((label) => label.length));
    for (let i = 0; i < longest; i++) lines.push(ages.map((label) => label[i] ?? " ").join(""));
    return lines.join("\n") + "\n";
  }

  // --- LATENCY DOCTOR ---

  /** What the recorded events suggest, in plain words. */
  doctor(): string {
    if (this.#events.size === 0) {
      return this.#config.number("latency-monitor-threshold") === 0
        ? "Latency monitoring is off in this server: there is nothing to look at. " +
          "Turn it on with \"CONFIG SET latency-monitor-threshold <milliseconds>\".\n"
        : "Not a single latency spike was seen since the monitor was last reset. All is well.\n";
    }
    let text = "Latency spikes were seen in this server.\n\n";
    let number = 0;
    for (const [event, series] of this.#events) text += this.#describe(++number, event, series);
    const advice = this.#advice();
    text += advice.length === 0
      ? "\nNone of these events has a simple remedy. Please ask the community for help and show it this report.\n"
      : "\nSome advice:\n\n" + advice.map((line) => `- ${line}\n`).join("");
    return text;
  }

  #describe(number: number, event: string, series: Series): string {
    const { samples } = series;
    const mean = Math.floor(samples.reduce((sum, { latency }) => sum + latency, 0) / samples.length);
    const off = samples.reduce((sum, { latency }) => sum + Math.abs(latency - mean), 0);
    const deviation = Math.floor(off / samples.length);
    const period = Math.max(1, this.#now() - samples[0].time) / samples.length;
    return `${number}. ${event}: ${samples.length} latency spikes (average ${mean}ms, mean deviation ${deviation}ms, ` +
      `period ${period.toFixed(2)} sec). Worst all time event ${series.worst}ms.\n`;
  }

  #advice(): string[] {
    const has = (event: string) => this.#events.has(event);
    const config = this.#config;
    const threshold = config.number("latency-monitor-threshold") * 1000;
    const slow = config.number("commandlog-execution-slower-than");
    const lines: string[] = [];
    if (has("command")) {
      if (slow < 0 || config.number("commandlog-slow-execution-max-len") === 0) {
        lines.push(`The slow log is off: turn it on with 'CONFIG SET slowlog-log-slower-than ${threshold}'.`);
      } else if (slow > threshold) {
        lines.push("The slow log leaves out commands that the latency monitor records: " +
          `use 'CONFIG SET slowlog-log-slower-than ${threshold}'.`);
      }
      lines.push("Look into the slow log (SLOWLOG GET) to see which commands take so long.");
    }
    if (has("fast-command")) {
      lines.push("Commands that need little time were slow: the machine did not give the server enough of its " +
        "processors. Lower the load, move other programs elsewhere, or look for busy neighbours of a virtual machine.");
    }
    if (has("expire-cycle") && config.number("hz") < 100) {
      lines.push("Keys expire in large portions: 'CONFIG SET hz 100' makes the portions smaller.");
    }
    if (has("command") || has("expire-cycle") || has("eviction-del")) {
      lines.push("Removing a large value takes long: split values that are often deleted, expired or evicted.");
    }
    if (has("eviction-cycle")) {
      lines.push("Many keys were evicted at once: lower 'maxmemory' in small steps and avoid sudden large values.");
    }
    return lines;
  }
}

/** How long ago, in the largest unit that fits. */
function age(seconds: number): string {
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  return seconds < 86400 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86400)}d`;
}
