// adapters.ts - what each adapter costs by itself: CPU microseconds a request with a fixed reply, beside real Valkey.
//
// usage: node --import tsx bench/adapters.ts [--requests N] [--rounds N] [--only node20,bun-epoll,...]
//
// Server and valkey-benchmark run on a core each; the server's user and system time is read from /proc/PID/stat (all
// threads). Rounds go A B C A B C; medians are printed, then every round. Linux only.

import { execFileSync, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const peers = (await import(new URL("../tools/peers.mjs", import.meta.url).href)) as { peer(name: string): string };
const { peer } = peers;
const root = new URL("..", import.meta.url).pathname;
const server = join(root, "bench/support/fixed-reply.ts");
const options = process.argv.slice(2);
const option = (name: string, otherwise: string) =>
  options.includes(name) ? options[options.indexOf(name) + 1] : otherwise;
const requests = Number(option("--requests", "200000"));
const rounds = Number(option("--rounds", "3"));
const only = option("--only", "").split(",").filter((name) => name !== "");
const TICK_US = 10_000;

interface Contestant {
  name: string;
  command: string[];
}

function contestants(): Contestant[] {
  const bin = (name: string) => join(root, "node_modules/.bin", name);
  const tsx = createRequire(import.meta.url).resolve("tsx");
  const own = process.versions.node.split(".")[0];
  const nodes: [string, string, string[]][] = [[`node${own}`, process.execPath, ["--import", tsx]]];
  const newer = process.env.WAKEY_NODE26;
  if (newer !== undefined) nodes.push(["node26", newer, ["--no-warnings"]]);
  const list: Contestant[] = [];
  const valkey = peer("valkey-server");
  if (valkey) {
    list.push({ name: "valkey", command: [valkey, "--port", "0", "--save", "", "--bind", "127.0.0.1"] });
  }
  for (const [name, path, flags] of nodes) {
    list.push({ name, command: [path, ...flags, server, "node"] });
    if (name !== "node20") list.push({ name: `${name}-epoll`, command: [path, ...flags, server, "epoll"] });
  }
  for (const name of ["deno", "bun"]) {
    const flags = name === "deno" ? ["run", "-A", "--no-check"] : [];
    list.push({ name, command: [bin(name), ...flags, server, name] });
    list.push({ name: `${name}-epoll`, command: [bin(name), ...flags, server, "epoll"] });
  }
  return only.length === 0 ? list : list.filter((one) => only.includes(one.name));
}

function cpuTicks(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    child.stdout?.on("data", (chunk) => {
      text += chunk;
      if (text.includes("\n")) resolve(text.slice(0, text.indexOf("\n")));
    });
    child.on("exit", (code) => reject(new Error(`ended with ${code} before it listened`)));
  });
}

const VALKEY_PORT = 17370;

async function startServer(one: Contestant): Promise<{ child: ChildProcess; port: number }> {
  const isValkey = one.name === "valkey";
  const command = isValkey ? one.command.map((word) => (word === "0" ? String(VALKEY_PORT) : word)) : one.command;
  const child = spawn("taskset", ["-c", "0", ...command], { stdio: ["ignore", "pipe", "inherit"] });
  if (!isValkey) return { child, port: Number(await firstLine(child)) };
  await firstLine(child);
  await new Promise((resolve) => setTimeout(resolve, 300));
  return { child, port: VALKEY_PORT };
}

function load(port: number, pipeline: number, count: number, test = "get"): void {
  const words = ["-h", "127.0.0.1", "-p", String(port), "-t", test, "-c", "50", "-r", "100000", "-d", "32", "-q"];
  words.push("-n", String(count), "-P", String(pipeline));
  execFileSync("taskset", ["-c", "1", peer("valkey-benchmark"), ...words], { stdio: ["ignore", "ignore", "ignore"] });
}

/** CPU microseconds a request at each pipelining depth. */
async function measure(one: Contestant, depths: number[]): Promise<number[]> {
  const { child, port } = await startServer(one);
  const pid = child.pid as number;
  try {
    if (one.name === "valkey") load(port, 16, 400000, "set");
    load(port, 1, Math.min(30000, requests));
    return depths.map((pipeline) => {
      const count = pipeline === 1 ? requests : requests * 5;
      const before = cpuTicks(pid);
      load(port, pipeline, count);
      return ((cpuTicks(pid) - before) * TICK_US) / count;
    });
  } finally {
    child.kill("SIGKILL");
  }
}

const median = (list: number[]) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

if (!peer("valkey-benchmark")) {
  console.log("skipped: valkey-benchmark isn't installed");
} else {
  const depths = [1, 16];
  const list = contestants();
  const results = new Map<string, number[][]>(list.map((one) => [one.name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const one of list) {
      try {
        results.get(one.name)?.push(await measure(one, depths));
      } catch (error) {
        console.log(`${one.name}: ${(error as Error).message}`);
      }
    }
  }
  const ofValkey = results.get("valkey") ?? [];
  const base = ofValkey.length > 0 ? depths.map((_, i) => median(ofValkey.map((round) => round[i]))) : [];
  console.log("adapter        " + depths.map((depth) => `P=${depth} µs  (÷ Valkey)`.padEnd(22)).join("") + "rounds");
  for (const [name, taken] of results) {
    if (taken.length === 0) continue;
    const cells = depths.map((_, i) => {
      const middle = median(taken.map((round) => round[i]));
      const ratio = base.length > 0 ? `(${(middle / base[i]).toFixed(2)})` : "";
      return `${middle.toFixed(2)} ${ratio}`.padEnd(22);
    });
    console.log(name.padEnd(15) + cells.join("") + taken.map((r) => r.map((x) => x.toFixed(2)).join("/")).join("  "));
  }
}
