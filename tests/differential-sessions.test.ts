/**
 * Differential sessions: three clients at a time play the same random commands to our server and to the real Valkey:
 * transactions, watched keys, subscriptions, keyspace events, client-side caching, replies switched off and on. After
 * each command every client must have got the same bytes from both.
 *
 *   SEED=7 WAKEY_DIFF_SESSIONS=5000 node --import tsx --test tests/differential-sessions.test.ts
 *
 * Commands come one at a time, so that order is the servers' and not chance. Nothing depends on when a key expires.
 */
import { describe, it } from "node:test";
import { assertEquals } from "@std/assert";
import { connect, type Socket } from "node:net";
import { Random, seedOfRun } from "./support/random.ts";
import { encode } from "./support/resp.ts";
import { realProgram, skipWithoutReal, startServer } from "./support/server.ts";
import { sleep } from "./support/wait.ts";

const COUNT = Number(process.env.WAKEY_DIFF_SESSIONS ?? 400);
const CLIENTS = 3;
/** How long the servers have for a command, and for one more look when they seem to differ. */
const WAIT_MS = 8;
const LAST_LOOK_MS = 500;
const TOLD = 30;

/** A connection that keeps what came. */
class Ear {
  got = "";
  readonly socket: Socket;

  constructor(port: number) {
    this.socket = connect(port, "127.0.0.1");
    this.socket.setNoDelay(true);
    this.socket.on("data", (part: Buffer) => (this.got += part.toString("latin1")));
    this.socket.on("error", () => {});
  }

  /** What came, without the numbers that each server gives its clients. */
  get heard(): string {
    return this.got.replace(/\$2\r\nid\r\n:\d+/g, "id");
  }
}

const KEYS = ["a", "b", "c"];
const CHANNELS = ["x", "y"];
/** Templates of commands: K a key, C a channel, N a small number. Some stand here more than once to come more often. */
const TEMPLATES = [
  "SET K N", "GET K", "GET K", "MGET K K", "DEL K", "INCR K", "APPEND K z", "GETDEL K", "RENAME K K",
  "COPY K K REPLACE", "MOVE K 1", "EXPIRE K 100", "PERSIST K", "RPUSH l v", "LPOP l", "BLPOP l 0.001", "SADD st 1 2",
  "HSET h f v", "MULTI", "MULTI", "EXEC", "EXEC", "EXEC", "DISCARD", "WATCH K K", "UNWATCH",
  "SUBSCRIBE C", "UNSUBSCRIBE C", "PSUBSCRIBE x*", "PSUBSCRIBE _*", "PUNSUBSCRIBE", "SSUBSCRIBE C", "SUNSUBSCRIBE",
  "UNSUBSCRIBE", "PUBLISH C mN", "PUBLISH C mN", "SPUBLISH C s", "PUBSUB NUMSUB x y", "PUBSUB NUMPAT",
  "CLIENT TRACKING ON", "CLIENT TRACKING ON NOLOOP", "CLIENT TRACKING ON OPTIN", "CLIENT TRACKING ON OPTOUT",
  "CLIENT TRACKING ON BCAST", "CLIENT TRACKING ON BCAST NOLOOP PREFIX a", "CLIENT TRACKING OFF", "CLIENT CACHING YES",
  "CLIENT CACHING NO", "CLIENT TRACKINGINFO", "CLIENT GETREDIR",
  "CLIENT REPLY OFF", "CLIENT REPLY SKIP", "CLIENT REPLY ON", "CLIENT REPLY ON", "CLIENT REPLY ON",
  "RESET", "SELECT N", "SELECT 0", "FLUSHDB", "FLUSHALL", "SWAPDB 0 1", "PING", "PING q", "ECHO e", "HELLO 2",
  "HELLO 3", "HELLO 3", "CONFIG GET maxmemory", "CONFIG SET lfu-log-factor 10", "NOSUCH", "GET",
];

function command(random: Random): string[] {
  return random.pick(TEMPLATES).split(" ").map((word) => {
    if (word === "K") return random.pick(KEYS);
    if (word === "C") return random.pick(CHANNELS);
    return word.replace("N", () => String(random.below(3)));
  });
}

describe("random sessions of several clients", { skip: skipWithoutReal("valkey-server") }, () => {
  it("hear the same from us and from the real server", async () => {
    const seed = seedOfRun();
    const random = new Random(seed);
    const servers = [await startServer(), await startServer({ program: realProgram("valkey-server")! })];
    const ears = servers.map(({ port }) => Array.from({ length: CLIENTS }, () => new Ear(port)));
    const send = (i: number, words: string[]) => ears.forEach((own) => own[i].socket.write(encode(words)));
    const heard = (who: number) => ears[who].map((ear) => ear.heard).join("\n--\n");
    const log: string[] = [];
    try {
      send(0, ["CONFIG", "SET", "notify-keyspace-events", random.pick(["", "KEA", "KEAnm"])]);
      for (let i = 0; i < CLIENTS; i++) send(i, ["HELLO", "3"]);
      await sleep(WAIT_MS * 5);
      for (let step = 0; step < COUNT; step++) {
        const i = random.below(CLIENTS);
        const words = command(random);
        log.push(`${i} ${words.join(" ")}`);
        send(i, words);
        await sleep(WAIT_MS);
        if (heard(0) !== heard(1)) await sleep(LAST_LOOK_MS);
        assertEquals(heard(0), heard(1), `SEED=${seed}, the last commands:\n${log.slice(-TOLD).join("\n")}`);
        for (const ear of ears.flat()) ear.got = "";
      }
    } finally {
      for (const ear of ears.flat()) ear.socket.destroy();
      for (const server of servers) await server.stop();
    }
  });
});
