/**
 * soak-client: many connections that do everything at once and are killed in the middle of it (tests/soak/), against a
 * server that runs. `node bench/run.mjs soak` starts the servers; by itself:
 *
 *   node --import tsx bench/soak-client.ts --port 6379 --pid PID
 *     [--connections 10000] [--seconds 600] [--cycles 5] [--seed 1]
 *
 * What goes on is told on standard error; the last line printed is the report as JSON.
 */
import { parseArgs } from "node:util";
import { complaints, soak } from "../tests/soak/soak.ts";

const { values: options } = parseArgs({
  options: {
    port: { type: "string", default: "6379" },
    pid: { type: "string", default: "0" },
    connections: { type: "string", default: "10000" },
    seconds: { type: "string", default: "600" },
    cycles: { type: "string", default: "5" },
    seed: { type: "string", default: "1" },
  },
});
const numbers = Object.fromEntries(Object.entries(options).map(([name, value]) => [name, Number(value)]));
const report = await soak({ ...numbers as Record<keyof typeof options, number>, log: (line) => console.error(line) });
console.log(JSON.stringify({ ...report, complaints: complaints(report) }));
