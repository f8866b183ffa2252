// startup: from the command line to a configuration, or to what to print before leaving.
//
//     wakey-server [/path/to/valkey.conf] [--directive value ...] [-]      ─► Config
//     -v --version -h --help --test-memory N --check-system               ─► text and exit code
//     a bad file or option                                                ─► Valkey's error text, exit code 1
//
// Not for listening, loading data or logging: the server does that with the Config it gets.

import { Config } from "./config.ts";
import type { LogLevel } from "./config.ts";
import type { ConfigHost } from "./host.ts";
import { errorCode } from "./host.ts";
import { ConfigError, loadCommandLine } from "./load.ts";
import type { LoadHooks } from "./load.ts";
import { parseLeadingInteger } from "./syntax.ts";
import { versionLine } from "./version.ts";

/** What to print, and the exit code. A `log` line is to be logged as a warning before anything else. */
interface Exit {
  code: number;
  stdout: string;
  stderr: string;
  log: string;
}

/** A configuration, and what was said while it was made (to be logged as soon as there is a log). */
interface Started {
  config: Config;
  messages: [level: LogLevel, message: string][];
}

const NAME = "./valkey-server";
const USAGE = `Usage: ${NAME} [/path/to/valkey.conf] [options] [-]
       ${NAME} - (read config from stdin)
       ${NAME} -v or --version
       ${NAME} -h or --help
       ${NAME} --test-memory <megabytes>
       ${NAME} --check-system

Examples:
       ${NAME} (run the server with default conf)
       echo 'maxmemory 128mb' | ${NAME} -
       ${NAME} /etc/valkey/6379.conf
       ${NAME} --port 7777
       ${NAME} --port 7777 --replicaof 127.0.0.1 8888
       ${NAME} /etc/myvalkey.conf --loglevel verbose -
       ${NAME} /etc/myvalkey.conf --loglevel verbose

Environment:
       WAKEY_RUNTIME=node|deno|bun (what runs the server)
`;

/** Reads the command line (without the program's own name). */
export function startUp(host: ConfigHost, args: readonly string[], hooks: LoadHooks = {}): Started | Exit {
  const special = specialOption(host, args);
  if (special !== undefined) return special;
  const config = new Config(host);
  const messages: [LogLevel, string][] = [];
  config.log = (level, message) => void messages.push([level, message]);
  try {
    loadCommandLine(config, args, hooks);
    return { config, messages };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const isLog = error.kind === "log";
    return { code: 1, stdout: "", stderr: isLog ? "" : error.message, log: isLog ? error.message : "" };
  }
}

/** The answer to an option that doesn't start a server. */
function specialOption(host: ConfigHost, args: readonly string[]): Exit | undefined {
  const done = (stdout: string, code = 0, stderr = ""): Exit => ({ code, stdout, stderr, log: "" });
  switch (args[0]) {
    case "-v":
    case "--version":
      return done(versionLine() + "\n");
    case "-h":
    case "--help":
      return done(USAGE);
    case "--check-system":
      return checkSystem(host);
    case "--test-memory": {
      if (args.length !== 2) {
        const example = `Example: ${NAME} --test-memory 4096`;
        return done("", 1, `Please specify the amount of memory to test in megabytes.\n${example}\n\n`);
      }
      const bad = testMemory(Number(parseLeadingInteger(args[1], 10).value));
      if (bad === 0) return done("Your memory passed this test.\n");
      return done(`*** MEMORY ERROR DETECTED: ${bad} words differ from what was written ***\n`, 1);
    }
    default:
      return undefined;
  }
}

// --- --test-memory ---

const MEGABYTE_WORDS = 1024 * 1024 / 4;
/** Memory is tested in pieces of this size, so that no runtime's limit of one buffer is met. */
const PIECE_MEGABYTES = 64;

/** The word that belongs at a place: neighbours differ in about half of their bits. */
function testWord(index: number, round: number): number {
  const mixed = Math.imul(index + 1, 0x9e3779b1) ^ (round % 2 === 0 ? 0 : -1);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}

/** Fills memory with two complementary patterns and reads them back. Returns the number of wrong words. */
function testMemory(megabytes: number): number {
  const pieces: Uint32Array[] = [];
  for (let left = megabytes; left > 0; left -= PIECE_MEGABYTES) {
    pieces.push(new Uint32Array(Math.min(left, PIECE_MEGABYTES) * MEGABYTE_WORDS));
  }
  let bad = 0;
  for (let round = 0; round < 2; round++) {
    for (const piece of pieces) for (let i = 0; i < piece.length; i++) piece[i] = testWord(i, round);
    for (const piece of pieces) for (let i = 0; i < piece.length; i++) if (piece[i] !== testWord(i, round)) bad++;
  }
  return bad;
}

// --- --check-system ---

const CLOCK_FILE = "/sys/devices/system/clocksource/clocksource0/current_clocksource";

/** Text of a system's file; "" where there is none. */
function systemFile(host: ConfigHost, path: string): string {
  try {
    return new TextDecoder().decode(host.files.read(path)).trim();
  } catch (error) {
    if (errorCode(error) === "") throw error;
    return "";
  }
}

/** Files that 10000 clients and the server itself need open. */
const FILES_NEEDED = 10032;

/** Looks for what is known to get in the way. Settings that matter for fork() only don't concern this server. */
function checkSystem(host: ConfigHost): Exit {
  const clock = systemFile(host, CLOCK_FILE);
  const slowClock = "The clock source is xen, which is slow to read. To fix this issue run the command " +
    `'echo tsc > ${CLOCK_FILE}' as root.`;
  const files = host.openFilesLimit?.() ?? Infinity;
  const fewFiles = `Only ${files} files may be open at once, too few for 10000 clients. To fix this issue raise the ` +
    "limit with 'ulimit -n'.";
  const checks: [name: string, problem: string | undefined][] = [
    ["xen-clocksource", clock === "" ? undefined : clock === "xen" ? slowClock : ""],
    ["open-files", files < FILES_NEEDED ? fewFiles : ""],
  ];
  let stdout = "";
  for (const [name, problem] of checks) {
    const verdict = problem === undefined ? "skipped" : problem === "" ? "OK" : `WARNING:\n${problem}`;
    stdout += `[${name}]...${verdict}\n`;
  }
  return { code: checks.some(([, problem]) => problem) ? 1 : 0, stdout, stderr: "", log: "" };
}
