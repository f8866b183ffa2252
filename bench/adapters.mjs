// What each adapter costs by itself: CPU microseconds a request with a fixed reply, beside the real Valkey.
//   node bench/adapters.mjs [--requests N] [--rounds N] [--connections N] [--only node,bun-epoll,...]
//
// Servers and clients run as in support/servers.mjs, with 50 connections unless said otherwise. Rounds go A B C A B C;
// medians are printed, then every round. Linux only.
import { spawn } from "node:child_process";
import { commandLine, root } from "../tools/support.mjs";
import { peer } from "../tools/peers.mjs";
import { load, median, onServerCore, pinClients, preload, realServers, runtimes, start } from "./support/servers.mjs";

const { options } = commandLine(import.meta.url, { values: ["requests", "rounds", "connections", "only"] });
const requests = Number(options.requests ?? 200_000);
const rounds = Number(options.rounds ?? 3);
const connections = Number(options.connections ?? 50);
const only = options.only?.split(",");
const DEPTHS = [1, 16];
const KEYS = 100_000;
const FLAGS = { node: ["--import", "tsx"], node26: ["--no-warnings"], deno: ["run", "-A", "--no-check"], bun: [] };

/** Name and a function that starts it, of the real Valkey and of each adapter in each runtime. */
function contestants() {
  const [valkey] = realServers().filter(({ name }) => name === "valkey");
  const list = [{ name: "valkey", begin: () => startValkey(valkey) }];
  for (const [runtime, program] of Object.entries(runtimes())) {
    const own = runtime === "node26" ? "node" : runtime;
    const command = [program, ...FLAGS[runtime], `${root}bench/support/fixed-reply.ts`];
    list.push({ name: runtime, begin: () => startFixed([...command, own]) });
    if (runtime !== "node") list.push({ name: `${runtime}-epoll`, begin: () => startFixed([...command, "epoll"]) });
  }
  return only === undefined ? list : list.filter(({ name }) => only.includes(name));
}

async function startValkey(contestant) {
  const server = await start(contestant, ["--maxclients", `${connections + 100}`]);
  await preload(server.port, KEYS, 32);
  return server;
}

/** Starts a server that prints its port as its first line. */
function startFixed(command) {
  const [program, ...args] = [...onServerCore, ...command];
  const child = spawn(program, args, { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
  return new Promise((resolve, reject) => {
    let text = "";
    child.stdout.on("data", (chunk) => {
      text += chunk;
      if (!text.includes("\n")) return;
      resolve({ port: Number.parseInt(text, 10), pid: child.pid, stop: () => child.kill("SIGKILL") });
    });
    child.on("exit", (code) => reject(new Error(`ended with ${code} before it listened`)));
  });
}

/** CPU microseconds a request at each pipelining depth. */
async function measure({ begin }) {
  const server = await begin();
  const sent = { test: "get", connections, size: 32, keys: KEYS };
  try {
    await load(server, { ...sent, pipeline: 1, requests: Math.min(30_000, requests) });
    const costs = [];
    for (const pipeline of DEPTHS) {
      const { cpu } = await load(server, { ...sent, pipeline, requests: pipeline === 1 ? requests : requests * 5 });
      costs.push(cpu);
    }
    return costs;
  } finally {
    await server.stop();
  }
}

if (!peer("valkey-benchmark")) {
  console.log("skipped: valkey-benchmark is not installed (node tools/peers.mjs install)");
  process.exit(0);
}
pinClients();
const list = contestants();
const results = new Map(list.map(({ name }) => [name, []]));
for (let round = 0; round < rounds; round++) {
  for (const one of list) {
    try {
      results.get(one.name).push(await measure(one));
    } catch (error) {
      console.log(`${one.name}: ${error.message}`);
    }
  }
}
const medians = (taken) => DEPTHS.map((_, i) => median(taken.map((round) => round[i])));
const reference = results.get("valkey")?.length > 0 ? medians(results.get("valkey")) : undefined;
console.log(`adapter        ${DEPTHS.map((depth) => `P=${depth} µs  (÷ Valkey)`.padEnd(22)).join("")}rounds`);
for (const [name, taken] of results) {
  if (taken.length === 0) continue;
  const cells = medians(taken).map((middle, i) => {
    const ratio = reference === undefined ? "" : `(${(middle / reference[i]).toFixed(2)})`;
    return `${middle.toFixed(2)} ${ratio}`.padEnd(22);
  });
  console.log(name.padEnd(15) + cells.join("") + taken.map((r) => r.map((x) => x.toFixed(2)).join("/")).join("  "));
}
