/**
 * Differential test: the same random commands go to our server and to the real Valkey, and the replies must be the
 * same bytes, in RESP2 and in RESP3.
 *
 *   SEED=1 WAKEY_DIFF_COMMANDS=1000000 node --import tsx --test tests/differential.test.ts
 *
 * Replies that may differ, because they depend on the moment or on a random choice, are compared like this:
 *   KEYS, SCAN      the same keys in any order; a SCAN that didn't ask for all keys at once: both are arrays
 *   DUMP            of tables and of values with times in them: payloads of one type and length
 *   RANDOMKEY       both a key or both nil
 *   TTL, PTTL, EXPIRETIME, PEXPIRETIME, OBJECT IDLETIME and FREQ    numbers within 2 seconds of each other
 *   CLIENT ID       both numbers
 *   DBSIZE          both numbers: a key that was given a time in the past counts until upkeep finds it
 *   EXPIRE, PEXPIRE with GT or LT    both numbers: the time that is there may be the same but for a millisecond
 *   OBJECT REFCOUNT    also 2: the real server counts a reply on its way
 *   hash commands   see support/commands-hash.ts
 *   XPENDING, XINFO    all but how long ago things were: support/commands-stream.ts
 *   HELLO           all but the connection's id
 *   COMMAND INFO    all but the notes about keys, which each server words itself
 *   COMMAND, COMMAND INFO, LIST, SLOWLOG GET    both arrays
 *   commands on sets    the same members in any order; support/commands-set.ts says more
 * After a difference both servers are emptied, so that one cause is reported once and not by every later command.
 */
import { describe, it } from "node:test";
import { assertEquals } from "@std/assert";
import { existsSync } from "node:fs";
import { bothServers } from "./support/beside.ts";
import { agreeOnHash } from "./support/commands-hash.ts";
import { CommandGenerator } from "./support/commands.ts";
import { agreeOnStream } from "./support/commands-stream.ts";
import { SET_LIMITS, setRepliesAgree } from "./support/commands-set.ts";
import { Random, seedOfRun } from "./support/random.ts";
import { items } from "./support/resp.ts";
import { type RunningServer, skipWithoutReal, wakeyServer } from "./support/server.ts";

const COUNT = Number(process.env.WAKEY_DIFF_COMMANDS ?? 20_000);
const BATCH = 50;
const MOST_REPORTED = 12;
const MOST_PER_COMMAND = 2;
const CLOSE_SECONDS = 2;

const skip = skipWithoutReal("valkey-server") || (!existsSync(wakeyServer) && "our launcher is missing");

// --- Comparing ---

function sameItems(a: string, b: string): boolean {
  if (!/^[*~]/.test(a) || a[0] !== b[0]) return a === b;
  return items(a).sort().join("\n") === items(b).sort().join("\n");
}

function sameScan(command: string[], a: string, b: string): boolean {
  if (!a.startsWith("*2") || !b.startsWith("*2")) return a === b;
  const allAsked = command.some((word, i) => /^count$/i.test(word) && command[i + 1] === "100000");
  if (!allAsked || command[1] !== "0") return true;
  const finished = "*2\r\n$1\r\n0\r\n";
  if (!a.startsWith(finished) || !b.startsWith(finished)) return false;
  return sameItems(a.slice(finished.length), b.slice(finished.length));
}

/** Numbers of seconds (or milliseconds) that two servers, asked one after the other, may give. */
function closeNumbers(a: string, b: string, perSecond: number): boolean {
  if (a === b) return true;
  const [first, second] = [/^:(-?\d+)\r\n$/.exec(a), /^:(-?\d+)\r\n$/.exec(b)].map((match) => Number(match?.[1]));
  return first >= 0 && second >= 0 && Math.abs(first - second) <= CLOSE_SECONDS * perSecond;
}

const withoutId = (reply: string): string => reply.replace(/\$2\r\nid\r\n:\d+\r\n/, "");

const withoutNotes = (reply: string): string => reply.replace(/([$+][^\r]*\r\n)notes\r\n\$\d+\r\n[^\r]*\r\n/g, "$1");

/** True when both have the same lines in any order: a scan whose elements are several lines each. */
function sameLines(a: string, b: string): boolean {
  return a.split("\r\n").sort().join("\n") === b.split("\r\n").sort().join("\n");
}

/** True when both are arrays of the same length, or both strings and neither is null. */
function sameShape(a: string, b: string): boolean {
  if (a[0] !== b[0]) return false;
  return a[0] === "$" ? a[1] !== "-" && b[1] !== "-" : a.split("\r\n")[0] === b.split("\r\n")[0];
}

/** Payloads of a type in which something depends on the moment (times) or has no order (tables): of one length. */
function sameDump(a: string, b: string): boolean {
  const type = (reply: string): number => reply.charCodeAt(reply.indexOf("\r\n") + 2);
  const isLoose = [2, 4, 21, 22].includes(type(a));
  return isLoose && type(a) === type(b) && a.length === b.length;
}

/** Whether both replies to the command say the same. */
function agree(command: string[], a: string, b: string): boolean {
  if (a === b) return true;
  const name = command[0].toUpperCase();
  const subcommand = command[1]?.toUpperCase();
  const bothArrays = /^[*~]/.test(a) && a[0] === b[0];
  const bothNumbers = a[0] === ":" && b[0] === ":";
  const inAnyOrder = command.length < 3 || subcommand === "LIST";
  switch (name) {
    case "KEYS": return sameItems(a, b);
    case "SCAN": return sameScan(command, a, b);
    case "ZSCAN": return sameLines(a, b);
    case "ZRANDMEMBER": return sameShape(a, b);
    case "XPENDING": case "XINFO": return agreeOnStream(command, a, b);
    case "DUMP": return sameDump(a, b);
    case "RANDOMKEY": return a[0] === "$" && b[0] === "$" && (a[1] === "-") === (b[1] === "-");
    case "TTL": case "EXPIRETIME": return closeNumbers(a, b, 1);
    case "PTTL": case "PEXPIRETIME": return closeNumbers(a, b, 1000);
    case "OBJECT": return /^(IDLETIME|FREQ|REFCOUNT)$/.test(subcommand) && closeNumbers(a, b, 1);
    case "DBSIZE": return bothNumbers;
    case "EXPIRE": case "PEXPIRE": return bothNumbers && /^[gl]t$/im.test(command.slice(3).join("\n"));
    case "HELLO": return withoutId(a) === withoutId(b);
    case "COMMAND": return (inAnyOrder && bothArrays) || withoutNotes(a) === withoutNotes(b);
    case "SLOWLOG": return bothArrays;
    case "CLIENT": return subcommand === "ID" && bothNumbers;
    default: return setRepliesAgree(command, a, b) ?? agreeOnHash(command, a, b);
  }
}

// --- The run ---

function shown(text: string): string {
  return JSON.stringify(text.length > 300 ? `${text.slice(0, 300)}... (${text.length} bytes)` : text);
}

const listed = (command: string[]): string => command.map(shown).join(" ");

/** Sends `count` random commands to both and gives a description of each difference (at most MOST_REPORTED). */
async function differences(ours: RunningServer, real: RunningServer, seed: number, protocol: string, count: number) {
  const generator = new CommandGenerator(new Random(seed), Math.floor(Date.now() / 1000));
  const [mine, theirs] = [await ours.connect(), await real.connect()];
  const found: string[] = [];
  const reported = new Map<string, number>();
  const both = (commands: string[][]): Promise<[string[], string[]]> =>
    Promise.all([mine.pipeline(commands), theirs.pipeline(commands)]);
  await both([["FLUSHALL"], ["HELLO", protocol], ["CONFIG", "SET", ...SET_LIMITS]]);
  for (let sent = 0; sent < count && found.length < MOST_REPORTED; sent += BATCH) {
    const commands = Array.from({ length: BATCH }, () => generator.next());
    const [a, b] = await both(commands).catch((error: Error) => {
      throw new Error(`SEED=${seed}, after ${sent}: ${error.message}; sent:\n${commands.map(listed).join("\n")}`);
    });
    const at = commands.findIndex((command, i) => !agree(command, a[i], b[i]));
    const name = at >= 0 ? commands[at][0].toUpperCase() : "";
    if (at >= 0) reported.set(name, (reported.get(name) ?? 0) + 1);
    if (at >= 0 && reported.get(name)! <= MOST_PER_COMMAND) {
      const before = commands.slice(0, at).filter((command) => command.some((arg) => commands[at].includes(arg)));
      found.push([
        `command ${sent + at}: ${listed(commands[at])}`, `  ours: ${shown(a[at])}`, `  real: ${shown(b[at])}`,
        ...before.slice(-6).map((command) => `  after ${listed(command)}`),
      ].join("\n"));
    }
    if (at >= 0 || sent % 2000 === 0) await both([["FLUSHALL"], ["SELECT", "0"], ["HELLO", protocol]]);
  }
  mine.close();
  theirs.close();
  return found;
}

describe("random commands get the real server's replies", { skip }, () => {
  const servers = bothServers();

  for (const protocol of ["2", "3"]) {
    it(`in RESP${protocol}`, { timeout: 3_600_000 }, async () => {
      const seed = seedOfRun();
      console.log(`differential RESP${protocol}: SEED=${seed}, ${COUNT / 2} commands`);
      const found = await differences(servers.ours, servers.real, seed, protocol, COUNT / 2);
      assertEquals(found.length, 0, `SEED=${seed}\n${found.join("\n")}\n`);
    });
  }
});
