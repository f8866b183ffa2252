/**
 * server: starts servers for black-box tests, ours through its launcher and the real ones where they are installed.
 *
 * A started server has a free port and a folder of its own, is ready (it answered a PING) and is ended by stop().
 * Ours runs in the runtime that runs the tests (WAKEY_RUNTIME, else the one this code finds itself in).
 * WAKEY_TEST_SERVER=/path/to/valkey-server points the same tests at another server, to try the tests themselves.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { homedir, tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { RespConnection } from "./resp.ts";
import { sleep } from "./wait.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const peersBin = `${process.env.PEERS_HOME ?? `${homedir()}/.cache/peers`}/bin`;
const START_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 5_000;
const LOWEST_PORT = 10_000;
const PORTS = 10_000;

/** Path of our launcher (or of what WAKEY_TEST_SERVER names). */
export const wakeyServer: string = process.env.WAKEY_TEST_SERVER ?? `${root}bin/valkey-server`;

/** A program of the real Valkey, or undefined where it isn't installed (`node tools/peers.mjs install`). */
export function realProgram(name: string): string | undefined {
  const path = `${peersBin}/${name}`;
  return existsSync(path) ? path : undefined;
}

/** Reason to skip a test that needs the real server's programs, or false. */
export function skipWithoutReal(...names: string[]): string | false {
  const missing = names.filter((name) => realProgram(name) === undefined);
  return missing.length > 0 && `${missing.join(", ")} not installed: node tools/peers.mjs install`;
}

/** The runtime that runs this code, by the launcher's names. */
export function currentRuntime(): "node" | "deno" | "bun" {
  if ("Deno" in globalThis) return "deno";
  return "Bun" in globalThis ? "bun" : "node";
}

/** A port that nobody listens on right now; below those that the system hands out to outgoing connections. */
export function freePort(): Promise<number> {
  const port = LOWEST_PORT + Math.floor(Math.random() * PORTS);
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(freePort()));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(port)));
  });
}

/** How to start a server. */
export interface StartOptions {
  /** The program; default ours. */
  program?: string;
  /** Arguments after the port and the folder: "--maxmemory", "1gb", ... */
  args?: string[];
  env?: Record<string, string>;
}

/** A server that answers. */
export interface RunningServer {
  readonly port: number;
  readonly pid: number;
  /** Its working folder, removed by stop(). */
  readonly folder: string;
  /** What it wrote to standard output and error so far. */
  output(): string;
  /** Exit code once it has ended. */
  exitCode(): number | null;
  /** A new connection to it. */
  connect(): Promise<RespConnection>;
  /** Ends it: SIGTERM, and SIGKILL when that takes too long. */
  stop(): Promise<void>;
}

/** Waits until the server on the port answers a PING; throws with its output when it ends or takes too long. */
async function untilReady(port: number, child: ChildProcess, output: () => string): Promise<void> {
  const limit = Date.now() + START_LIMIT_MS;
  while (Date.now() < limit) {
    if (child.exitCode !== null) throw new Error(`server ended with code ${child.exitCode}:\n${output()}`);
    try {
      const connection = await RespConnection.open({ port });
      const reply = await connection.command("PING");
      connection.close();
      if (reply.length > 0) return;
    } catch {
      await sleep(20); // it does not listen yet
    }
  }
  throw new Error(`server on port ${port} did not answer within ${START_LIMIT_MS} ms:\n${output()}`);
}

/** Starts a server and waits until it answers. */
export async function startServer(options: StartOptions = {}): Promise<RunningServer> {
  const folder = mkdtempSync(`${tmpdir()}/wakey-test-`);
  const port = await freePort();
  const args = ["--port", `${port}`, "--dir", folder, "--save", "", "--appendonly", "no", ...options.args ?? []];
  const child = spawn(options.program ?? wakeyServer, args, {
    cwd: folder,
    env: { ...process.env, WAKEY_RUNTIME: process.env.WAKEY_RUNTIME ?? currentRuntime(), ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const parts: Buffer[] = [];
  child.stdout.on("data", (part: Buffer) => parts.push(part));
  child.stderr.on("data", (part: Buffer) => parts.push(part));
  const output = (): string => Buffer.concat(parts).toString("utf8");
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const spawnFailed = new Promise<never>((_, reject) => child.once("error", reject));
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), STOP_LIMIT_MS);
      await ended;
      clearTimeout(timer);
    }
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await Promise.race([untilReady(port, child, output), spawnFailed]);
  } catch (error) {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  return {
    port, pid: child.pid!, folder, output, stop,
    exitCode: () => child.exitCode,
    connect: () => RespConnection.open({ port }),
  };
}
