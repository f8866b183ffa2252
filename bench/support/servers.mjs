// Starts the servers that the benches compare, puts keys into them and reads what they cost.
//
// Server and clients run on a core each where there are two: this process and the valkey-benchmark that it starts keep
// to CLIENT_CORE, servers to SERVER_CORE. CPU time is user + system of the whole server process with all its threads,
// from /proc/PID/stat (ticks of 10 ms), so Linux only. Nothing here judges a number.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { availableParallelism, tmpdir } from "node:os";
import { peer } from "../../tools/peers.mjs";
import { root } from "../../tools/support.mjs";

const SERVER_CORE = 0;
const CLIENT_CORE = 1;
const TICK_US = 10_000;
const START_LIMIT_MS = 30_000;
const PRELOAD_BATCH = 5000;
const pinned = availableParallelism() > 1 && spawnSync("taskset", ["-V"]).status === 0;

/** What a server's command begins with, to keep it on its core. */
export const onServerCore = pinned ? ["taskset", "-c", `${SERVER_CORE}`] : [];

/** Keeps this process, and so the clients that it starts, on their core. */
export function pinClients() {
  if (pinned) spawnSync("taskset", ["-cp", `${CLIENT_CORE}`, `${process.pid}`]);
  return pinned;
}

// --- Contestants ---

/** Runtimes that Wakey can be measured in: name → what WAKEY_RUNTIME is set to. */
export function runtimes() {
  const found = { node: process.execPath };
  if (process.env.WAKEY_NODE26) found.node26 = process.env.WAKEY_NODE26;
  for (const name of ["deno", "bun"]) {
    const path = `${root}node_modules/.bin/${name}`;
    if (existsSync(path)) found[name] = path;
  }
  return found;
}

/** One contestant: name, program, arguments, environment, and for ours the runtime and the adapter. */
export function wakey(runtime, adapter) {
  return {
    name: `wakey-${runtime}-${adapter}`, runtime, adapter, program: `${root}bin/valkey-server`,
    args: ["--io-adapter", adapter], env: { WAKEY_RUNTIME: runtimes()[runtime] },
  };
}

/** The real servers that are installed. */
export function realServers() {
  return ["valkey", "redis"].filter((name) => peer(`${name}-server`))
    .map((name) => ({ name, program: peer(`${name}-server`), args: [], env: {} }));
}

// --- Starting and asking ---

/** A port that nobody listens on, below those that the system hands out to outgoing connections. */
function freePort() {
  const port = 10_000 + Math.floor(Math.random() * 10_000);
  return new Promise((resolve) => {
    const probe = createServer().once("error", () => resolve(freePort()));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(port)));
  });
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Sends an inline command on a connection of its own and gives the raw reply, once `complete` says so. */
function ask(port, line, complete = (reply) => reply.endsWith("\r\n")) {
  return new Promise((resolve, reject) => {
    let reply = "";
    const socket = connect({ port, host: "127.0.0.1" }, () => socket.write(`${line}\r\n`));
    socket.setTimeout(START_LIMIT_MS, () => socket.destroy(new Error(`no reply to ${line}`)));
    socket.on("data", (part) => {
      reply += part.toString("latin1");
      if (!complete(reply)) return;
      socket.destroy();
      resolve(reply);
    });
    socket.on("error", reject);
    socket.on("close", () => reject(new Error(`connection closed after ${line}`)));
  });
}

/** A bulk reply is whole when as many bytes came as its header says. */
function bulkComplete(reply) {
  const end = reply.indexOf("\r\n");
  return end > 0 && (!reply.startsWith("$") || reply.length >= end + 4 + Number(reply.slice(1, end)));
}

/** One number of INFO. */
export async function info(port, section, field) {
  const text = await ask(port, `INFO ${section}`, bulkComplete);
  return Number(new RegExp(`^${field}:([\\d.]+)`, "m").exec(text)?.[1]);
}

/** This process's environment and `extra`, without what has Node load things before it starts (certificates: 36 ms). */
function environment(extra) {
  const all = { ...process.env, ...extra };
  delete all.NODE_EXTRA_CA_CERTS;
  delete all.NODE_OPTIONS;
  return all;
}

/** Starts a contestant; gives { port, pid, startMs (until the first reply), stop() }. */
export async function start(contestant, extra = []) {
  const port = await freePort();
  const folder = mkdtempSync(`${tmpdir()}/wakey-bench-`);
  const common = ["--port", `${port}`, "--dir", folder, "--save", "", "--appendonly", "no"];
  const options = [...common, ...contestant.args, ...extra];
  const command = ["-c", 'ulimit -n "$(ulimit -Hn)"; exec "$@"', "sh", ...onServerCore, contestant.program, ...options];
  const begun = process.hrtime.bigint();
  const child = spawn("sh", command, { env: environment(contestant.env), stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.on("data", (part) => (output += part));
  child.stderr.on("data", (part) => (output += part));
  let exited = false;
  const ended = new Promise((resolve) => child.once("exit", () => resolve((exited = true))));
  const stop = async () => {
    if (!exited) {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), 5000);
      await ended;
      clearTimeout(timer);
    }
    rmSync(folder, { recursive: true, force: true });
  };
  for (;;) {
    const elapsed = Number(process.hrtime.bigint() - begun) / 1e6;
    if (exited || elapsed > START_LIMIT_MS) {
      await stop();
      throw new Error(`${contestant.name} does not start:\n${output.slice(-2000)}`);
    }
    try {
      await ask(port, "PING");
      return { contestant, port, pid: child.pid, startMs: Number(process.hrtime.bigint() - begun) / 1e6, stop };
    } catch {
      await sleep(1); // it does not listen yet
    }
  }
}

// --- Costs ---

/** CPU microseconds that a process has used so far, all threads. */
export function cpuUs(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /s, "").split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_US;
}

/** The same by the scheduler, to the nanosecond, without threads that have ended: for a server that does little. */
export function scheduledUs(pid) {
  const tasks = readdirSync(`/proc/${pid}/task`).map((task) => `/proc/${pid}/task/${task}/schedstat`);
  return tasks.reduce((sum, file) => sum + Number(readFileSync(file, "utf8").split(" ")[0]) / 1000, 0);
}

/** Resident memory of a process in bytes. */
export function rssBytes(pid) {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
}

// --- Load ---

/** Sets keys key:000000000000 ... in order, with values of `size` bytes, pipelined. */
export function preload(port, keys, size, prefix = "key:") {
  return new Promise((resolve, reject) => {
    const value = "x".repeat(size);
    const batch = Math.max(1, Math.min(PRELOAD_BATCH, Math.floor(4e6 / (size + 60))));
    let sent = 0;
    let confirmed = 0;
    const socket = connect({ port, host: "127.0.0.1" });
    const send = () => {
      const parts = [];
      for (const end = Math.min(sent + batch, keys); sent < end; sent++) {
        const key = prefix + String(sent).padStart(12, "0");
        parts.push(`*3\r\n$3\r\nSET\r\n$${key.length}\r\n${key}\r\n$${size}\r\n${value}\r\n`);
      }
      if (parts.length > 0) socket.write(parts.join(""), "latin1");
    };
    socket.on("connect", () => {
      send();
      send();
    });
    let batchBytes = 0;
    socket.on("data", (part) => {
      if (part[0] === 45) reject(new Error(part.toString("latin1")));
      confirmed += part.length;
      batchBytes += part.length;
      if (confirmed >= keys * 5) {
        socket.destroy();
        resolve();
      }
      while (batchBytes >= batch * 5) {
        batchBytes -= batch * 5;
        send();
      }
    });
    socket.on("error", reject);
  });
}

/** One command as RESP bytes. */
export function encode(words) {
  return `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join("")}`;
}

/** Sends commands (an iterable of arrays of latin-1 words) in pipelines; resolves when the last one was answered. */
export function feed(port, commands) {
  const iterator = commands[Symbol.iterator]();
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1" });
    const marker = "end-of-batch";
    const tail = encode(["ECHO", marker]);
    const send = () => {
      const parts = [];
      let bytes = 0;
      let next = iterator.next();
      for (; !next.done; next = iterator.next()) {
        const command = encode(next.value);
        parts.push(command);
        bytes += command.length;
        if (bytes > 1e6) break;
      }
      if (parts.length === 0) {
        socket.destroy();
        return resolve();
      }
      socket.write(parts.join("") + tail, "latin1");
    };
    let seen = "";
    socket.on("connect", send);
    socket.on("data", (part) => {
      const text = part.toString("latin1");
      if (/^-/m.test(text)) return reject(new Error(text.slice(0, 200)));
      seen = (seen + text).slice(-marker.length - 20);
      if (!seen.includes(marker)) return;
      seen = "";
      send();
    });
    socket.on("error", reject);
  });
}

/** Opens connections that stay idle; gives a function that closes them. */
export async function idleConnections(port, number) {
  const sockets = await Promise.all(Array.from({ length: number }, () => new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1" }, () => resolve(socket));
    socket.on("error", reject);
  })));
  return () => sockets.forEach((socket) => socket.destroy());
}

/**
 * Runs valkey-benchmark once and gives its numbers and the server's CPU microseconds a request. What it sends is one of
 * its own tests, or a command as `words` with its placeholders.
 */
export async function load(server, { test, words, requests, pipeline, connections, size, keys, user }) {
  if (user !== undefined) await ask(server.port, `ACL SETUSER ${user} reset on >password ~key:* +get +config|get`);
  const args = [
    ...(user === undefined ? [] : ["--user", user, "-a", "password"]),
    "-p", `${server.port}`, ...(words ? [] : ["-t", test]), "-n", `${requests}`, "-P", `${pipeline}`,
    "-c", `${connections}`, "-d", `${size}`, "-r", `${keys}`, "--csv", ...(words ?? []),
  ];
  const before = cpuUs(server.pid);
  const { code, output } = await runProgram(peer("valkey-benchmark"), args);
  const after = cpuUs(server.pid);
  const row = output.trim().split("\n").at(-1).replaceAll('"', "").split(",");
  const [, rps, , , p50, , p99] = row;
  if (code !== 0 || !(Number(rps) > 0)) throw new Error(`valkey-benchmark ${args.join(" ")}:\n${output.slice(-1000)}`);
  return { cpu: (after - before) / requests, rps: Number(rps), p50: Number(p50), p99: Number(p99) };
}

function runProgram(program, args) {
  return new Promise((resolve) => {
    const command = ["-c", 'ulimit -n "$(ulimit -Hn)"; exec "$@"', "sh", program, ...args];
    const child = spawn("sh", command, { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (part) => (output += part));
    child.stderr.on("data", (part) => (output += part));
    child.on("exit", (code) => resolve({ code, output }));
  });
}

/** The middle one of some numbers. */
export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export { sleep };
