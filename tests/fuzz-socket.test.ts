/**
 * Socket fuzz: random, mutated and cut byte strings on the socket. The server must stay alive, answer a PING on a new
 * connection after each round, and, where the real server is installed, write the same bytes as it and close when it
 * closes.
 *
 *   SEED=1 WAKEY_FUZZ_STRINGS=1000000 node --import tsx --test tests/fuzz-socket.test.ts
 */
import { after, before, describe, it } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { CommandGenerator } from "./support/commands.ts";
import { Random, seeded, seedOfRun } from "./support/random.ts";
import type { RespConnection } from "./support/resp.ts";
import { realProgram, type RunningServer, skipWithoutReal, startServer } from "./support/server.ts";
import { cut, GARBAGE, PROTOCOL_CASES, randomString } from "./support/strings.ts";

const COUNT = Number(process.env.WAKEY_FUZZ_STRINGS ?? 3000);
const MARK = "end-of-fuzz";
const MARK_COMMAND = `*2\r\n$4\r\nECHO\r\n$${MARK.length}\r\n${MARK}\r\n`;
const MARK_REPLY = `$${MARK.length}\r\n${MARK}\r\n`;
const SETTLE_MS = 60;
const LONG_SETTLE_MS = 1500;
const LINE_LIMIT = 65536;

/** What a server did with some bytes: all that it wrote, and whether it closed the connection. */
interface Outcome {
  written: string;
  closed: boolean;
}

/**
 * Sends the pieces and then a command that echoes a mark; gives what came up to the mark's echo or the close. A string
 * that leaves the parser waiting inside an argument swallows the mark: then nothing comes for `settleMs`.
 */
async function outcome(server: RunningServer, pieces: string[], settleMs = SETTLE_MS): Promise<Outcome> {
  const connection = await server.connect();
  let written = "";
  const settled = new Promise<boolean>((resolve) => {
    let timer = setTimeout(() => resolve(false), settleMs);
    connection.socket.on("data", () => {
      written = connection.leftover;
      clearTimeout(timer);
      if (written.includes(MARK_REPLY)) resolve(false);
      else timer = setTimeout(() => resolve(false), settleMs);
    });
    connection.socket.once("close", () => {
      clearTimeout(timer);
      resolve(true);
    });
  });
  for (const piece of pieces) {
    if (connection.closed) break;
    connection.send(piece);
    if (pieces.length > 1) await new Promise<void>((resolve) => setImmediate(resolve));
  }
  // Where a limit on a line's length ends the connection, more bytes would change when it is seen.
  const reachesLimit = pieces.join("").length > LINE_LIMIT;
  if (!connection.closed && !reachesLimit) connection.send(MARK_COMMAND);
  const closed = await settled;
  written = connection.leftover;
  connection.close();
  return { written, closed };
}

/** The parts of replies that don't depend on the moment: connection ids and times blanked out. */
function comparable({ written, closed }: Outcome): string {
  const text = written.replace(/\$2\r\nid\r\n:\d+/g, "id").replace(/^:\d{9,}\r\n/gm, ":time\r\n");
  return `${closed ? "closed" : "open"} ${text}`;
}

/** What two servers do differently with some bytes, or undefined. A difference is looked at again with more time. */
async function difference(ours: RunningServer, real: RunningServer, text: string): Promise<string | undefined> {
  for (const settleMs of [SETTLE_MS, LONG_SETTLE_MS]) {
    const both = await Promise.all([outcome(ours, [text], settleMs), outcome(real, [text], settleMs)]);
    const [mine, theirs] = both.map(comparable);
    if (mine === theirs) return undefined;
    if (settleMs === LONG_SETTLE_MS) return `${shown(text)}\n  ours: ${shown(mine)}\n  real: ${shown(theirs)}`;
  }
  return undefined;
}

/** The differences of many strings, some of them at a time. */
async function differences(ours: RunningServer, real: RunningServer, texts: string[]): Promise<string[]> {
  const found: string[] = [];
  for (let at = 0; at < texts.length && found.length < 8; at += 25) {
    const some = await Promise.all(texts.slice(at, at + 25).map((text) => difference(ours, real, text)));
    found.push(...some.filter((one) => one !== undefined));
  }
  return found;
}

describe("bytes that are no good requests", () => {
  let ours: RunningServer;
  let real: RunningServer | undefined;
  before(async () => {
    ours = await startServer();
    if (realProgram("valkey-server")) real = await startServer({ program: realProgram("valkey-server") });
  });
  after(async () => {
    await ours?.stop();
    await real?.stop();
  });

  async function answersPing(what: string): Promise<void> {
    assertEquals(ours.exitCode(), null, `the server ended: ${what}\n${ours.output().slice(-3000)}`);
    const connection: RespConnection = await ours.connect();
    assertEquals(await connection.command("PING"), "+PONG\r\n", what);
    connection.close();
  }

  it("protocol errors have the real server's texts", { skip: skipWithoutReal("valkey-server") }, async () => {
    const different = await differences(ours, real!, PROTOCOL_CASES);
    await answersPing("after protocol errors");
    assertEquals(different.length, 0, different.join("\n"));
  });

  it("a request cut at every boundary is the same request", async () => {
    const text = "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nva\r\nl\r\n*2\r\n$3\r\nGET\r\n$3\r\nkey\r\nECHO \"a b\"\r\n";
    const whole = comparable(await outcome(ours, [text]));
    assert(whole.includes("+OK\r\n$5\r\nva\r\nl\r\n$3\r\na b\r\n"), whole);
    for (let at = 1; at < text.length; at++) {
      assertEquals(comparable(await outcome(ours, cut(text, at))), whole, `cut at ${at}`);
    }
    assertEquals(comparable(await outcome(ours, [...text])), whole, "byte by byte");
  });

  it("random and mutated strings leave the server alive", { timeout: 3_600_000 }, async () => {
    const random = seeded(`socket fuzz, ${COUNT} strings`);
    const generator = new CommandGenerator(random, Math.floor(Date.now() / 1000));
    const width = 50;
    for (let done = 0; done < COUNT; done += width) {
      const texts = Array.from({ length: width }, () => randomString(random, generator));
      await Promise.all(texts.map(async (text) => {
        const connection = await ours.connect().catch(() => undefined); // answersPing() tells why it can't be had
        if (connection === undefined) return;
        const at = random.below(text.length + 1);
        for (const piece of cut(text, at)) {
          connection.send(piece);
          await new Promise<void>((resolve) => setImmediate(resolve));
        }
        if (random.chance(30)) await connection.drain(2);
        connection.close();
      }));
      await answersPing(`SEED=${random.seed}, within ${width} strings from ${done}:\n${texts.map(shown).join("\n")}`);
    }
  });

  it("random strings get the real server's bytes", { skip: skipWithoutReal("valkey-server") }, async () => {
    const seed = seedOfRun();
    const random = new Random(seed + 1);
    const texts = Array.from({ length: COUNT / 10 }, () =>
      Array.from({ length: 1 + random.below(12) }, () => random.pick(GARBAGE)).join("")
    );
    const different = await differences(ours, real!, texts);
    assertEquals(different.length, 0, `SEED=${seed}\n${different.join("\n")}`);
  });
});

function shown(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}... (${text.length} bytes)` : text);
}
