/**
 * MIGRATE: between two servers of ours, between ours and the real one both ways, and in a simulated world, where the
 * target answers what a test wants and time passes by hand.
 */
import { after, before, describe, it } from "node:test";
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { type AddressInfo, connect, createServer, type Server as NetServer, type Socket } from "node:net";
import { Wakey } from "wakey";
import { createBrowserPort } from "../runtime-adapters/browser.ts";
import { MIGRATE_HANDLERS } from "../server/commands/migrate.ts";
import { Config } from "../server/config/config.ts";
import { Connection } from "../server/connection/connection.ts";
import { ReplyWriter } from "../server/connection/reply-writer.ts";
import { CMD } from "../server/generated/commands.ts";
import { Server } from "../server/server.ts";
import { realProgram, type RunningServer, skipWithoutReal, startServer } from "./support/server.ts";
import { bulk, encode, field, NIL, RespConnection } from "./support/resp.ts";
import { simulatedServer } from "./support/simulated.ts";
import { until } from "./support/wait.ts";

const OK = "+OK\r\n";
const HOST = "127.0.0.1";
const READING = "-IOERR error or timeout reading to target instance\r\n";
const WRITING = "-IOERR error or timeout writing to target instance\r\n";
const CONNECTING = "-IOERR error or timeout connecting to the client\r\n";

/** A value of every type, by its key. */
const VALUES: readonly string[][] = [
  ["SET", "string", "a\r\nb\0c"], ["SET", "number", "12345"], ["RPUSH", "list", "a", "b", "c"],
  ["SADD", "set", "1", "2", "x"], ["ZADD", "zset", "1.5", "a", "2", "b"], ["HSET", "hash", "f", "v", "g", "w"],
  ["HSETEX", "timed", "EX", "1000", "FIELDS", "1", "f", "v"], ["XADD", "stream", "1-1", "f", "v"],
  ["SET", "large", "x".repeat(300_000)],
];
const KEYS = VALUES.map((command) => command[1]);

const isIoError = (text: string) => text.startsWith("-IOERR");

/** A way to a server that takes connections at once, and passes on what they say only when it is opened. */
class Gate {
  port = 0;
  /** Settles with the first words. */
  readonly said: Promise<void>;
  #open!: () => void;
  readonly #server: NetServer;
  readonly #sockets: Socket[] = [];

  private constructor(target: number, ready: () => void) {
    const opened = new Promise<void>((resolve) => {
      this.#open = resolve;
    });
    let hear!: () => void;
    this.said = new Promise((resolve) => {
      hear = resolve;
    });
    this.#server = createServer((near) => {
      this.#sockets.push(near);
      near.on("error", () => near.destroy());
      near.once("readable", hear);
      void opened.then(() => {
        const far = connect(target, HOST);
        this.#sockets.push(far);
        near.pipe(far).pipe(near);
      });
    });
    this.#server.listen(0, HOST, ready);
  }

  static to(target: number): Promise<Gate> {
    return new Promise((resolve) => {
      const gate: Gate = new Gate(target, () => {
        gate.port = (gate.#server.address() as AddressInfo).port;
        resolve(gate);
      });
    });
  }

  open(): void {
    this.#open();
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}

/** Two servers, a connection to each, and what both know how to do. */
class Pair {
  source!: RunningServer;
  target!: RunningServer;
  a!: RespConnection;
  b!: RespConnection;

  constructor(source?: string, target?: string) {
    const args = ["--enable-debug-command", "yes"];
    before(async () => {
      this.source = await startServer({ program: source === undefined ? undefined : realProgram(source), args });
      this.target = await startServer({ program: target === undefined ? undefined : realProgram(target), args });
      this.a = await this.source.connect();
      this.b = await this.target.connect();
    });
    after(async () => {
      for (const connection of [this.a, this.b]) connection.close();
      for (const server of [this.source, this.target]) await server.stop();
    });
  }

  /** MIGRATE of one key ("" with KEYS) into database 0. */
  migrate(key: string, ...options: string[]): Promise<string> {
    return this.a.command("MIGRATE", HOST, `${this.target.port}`, key, "0", "5000", ...options);
  }

  async empty(): Promise<void> {
    for (const connection of [this.a, this.b]) assertEquals(await connection.command("FLUSHALL"), OK);
  }
}

/** What holds between any two servers. */
function movesEverything(pair: Pair): void {
  it("moves values of every type with their lifetimes, and copies them", async () => {
    await pair.empty();
    for (const command of VALUES) assert(!(await pair.a.command(...command)).startsWith("-"), command.join(" "));
    await pair.a.command("EXPIRE", "string", "1000");
    const digests = await pair.a.command("DEBUG", "DIGEST-VALUE", ...KEYS);
    assertEquals(await pair.migrate("", "COPY", "KEYS", ...KEYS), OK);
    assertEquals(await pair.b.command("DEBUG", "DIGEST-VALUE", ...KEYS), digests);
    assertEquals(await pair.a.command("DBSIZE"), `:${KEYS.length}\r\n`);
    assertEquals(await pair.migrate("", "REPLACE", "KEYS", ...KEYS), OK);
    assertEquals(await pair.a.command("DBSIZE"), ":0\r\n");
    assertEquals(await pair.b.command("DEBUG", "DIGEST-VALUE", ...KEYS), digests);
    assertMatch(await pair.b.command("TTL", "string"), /^:(999|1000|998)\r\n$/);
    assertEquals(await pair.b.command("TTL", "list"), ":-1\r\n");
  });

  it("moves thousands of keys at once", async () => {
    await pair.empty();
    const names = Array.from({ length: 5000 }, (_, i) => `key:${i}`);
    await pair.a.command("MSET", ...names.flatMap((name) => [name, `value of ${name}`]));
    assertEquals(await pair.migrate("", "KEYS", ...names), OK);
    assertEquals([await pair.a.command("DBSIZE"), await pair.b.command("DBSIZE")], [":0\r\n", ":5000\r\n"]);
    assertEquals(await pair.b.command("GET", "key:4321"), bulk("value of key:4321"));
  });

  it("leaves keys that the target refuses", async () => {
    await pair.empty();
    await pair.a.command("MSET", "a", "1", "b", "2", "c", "3");
    await pair.b.command("SET", "b", "old");
    assertEquals(await pair.migrate("", "KEYS", "a", "b", "nokey", "c"),
      "-ERR Target instance replied with error: BUSYKEY Target key name already exists.\r\n");
    assertEquals(await pair.a.command("KEYS", "*"), `*1\r\n${bulk("b")}`);
    assertEquals(await pair.migrate("b", "REPLACE"), OK);
    assertEquals(await pair.b.command("MGET", "a", "b", "c"), `*3\r\n${bulk("1")}${bulk("2")}${bulk("3")}`);
  });
}

describe("MIGRATE between two servers of ours", () => {
  const pair = new Pair();
  movesEverything(pair);

  it("says no as Valkey does", async () => {
    await pair.empty();
    await pair.a.command("SET", "a", "1");
    const { port } = pair.target;
    const lines: [string, string][] = [
      [`${port} a x 100`, "-ERR value is not an integer or out of range\r\n"],
      [`${port} a 0 x`, "-ERR value is not an integer or out of range\r\n"],
      [`${port} a 0 100 foo`, "-ERR syntax error\r\n"],
      [`${port} a 0 100 auth`, "-ERR syntax error\r\n"],
      [`${port} a 0 100 auth2 x`, "-ERR syntax error\r\n"],
      [`${port} a 0 100 keys a`,
        "-ERR When using MIGRATE KEYS option, the key argument must be set to the empty string\r\n"],
      [`${port} nokey 0 100`, "+NOKEY\r\n"],
      [`${port} a 99 100`, "-ERR Target instance replied with error: ERR DB index is out of range\r\n"],
      [`${port} a 0 100 auth2 no body`, "-ERR Target instance replied with error: WRONGPASS invalid " +
        "username-password pair or user is disabled.\r\n"],
      ["-1 a 0 100", CONNECTING],
      ["1 a 0 1000", WRITING],
      ["x a 0 1000", WRITING],
    ];
    for (const [line, reply] of lines) {
      assertEquals(await pair.a.command("MIGRATE", HOST, ...line.split(" ")), reply, line);
    }
    assertEquals(await pair.a.command("MIGRATE", "nosuch.invalid", "6379", "a", "0", "5000"), CONNECTING);
    assertEquals(await pair.a.command("GET", "a"), bulk("1"));
  });

  it("holds every other client back, not itself longer than its limit", async () => {
    await pair.empty();
    await pair.a.command("MSET", "a", "1", "b", "2");
    const [other, gate] = [await pair.source.connect(), await Gate.to(pair.target.port)];
    const kept = async () => field(await other.command("INFO", "stats"), "migrate_cached_sockets");
    const before = await kept();
    const start = performance.now();
    const failed = pair.a.command("MIGRATE", HOST, `${gate.port}`, "a", "0", "300", "REPLACE");
    await gate.said;
    assertEquals(await other.command("GET", "b"), bulk("2"));
    assert(performance.now() - start > 250, "it was held back");
    assertEquals(await failed, READING);
    gate.close();
    assertEquals(await kept(), before, "the connection that failed is not kept");
    other.close();
  });

  it("runs inside EXEC, whose other commands see its outcome", async () => {
    await pair.empty();
    const { a } = pair;
    await a.command("MULTI");
    await a.command("SET", "k", "1");
    await pair.migrate("k");
    await a.command("GET", "k");
    assertEquals(await a.command("EXEC"), `*3\r\n${OK}${OK}${NIL}`);
    assertEquals(await pair.b.command("GET", "k"), bulk("1"));
  });

  it("ends also when its client has gone, and tells those who watch the keys", async () => {
    await pair.empty();
    await pair.a.command("CONFIG", "SET", "notify-keyspace-events", "KEA");
    const [leaver, watcher] = [await pair.source.connect(), await pair.source.connect()];
    const gate = await Gate.to(pair.target.port);
    await pair.a.command("SET", "k", "1");
    await watcher.command("WATCH", "k");
    await watcher.command("MULTI");
    leaver.send(encode(["MIGRATE", HOST, gate.port, "k", 0, 5000]));
    await gate.said;
    leaver.socket.end();
    await until(() => leaver.closed, "the end of the connection");
    gate.open();
    assertEquals(await pair.a.command("EXISTS", "k"), ":0\r\n");
    assertEquals(await watcher.command("EXEC"), "*-1\r\n");
    assertEquals(await pair.b.command("GET", "k"), bulk("1"));
    watcher.close();
    gate.close();
  });

  it("logs in, and asks whether its own user may", async () => {
    await pair.empty();
    const { a, b } = pair;
    await b.command("ACL", "SETUSER", "mover", "on", ">secret", "+@all", "~*");
    await a.command("SET", "k", "1");
    assertEquals(await pair.migrate("k", "AUTH2", "mover", "secret"), OK);
    await a.command("ACL", "SETUSER", "limited", "on", ">pass", "+@all", "%R~read", "~all");
    const limited = await pair.source.connect();
    await limited.command("AUTH", "limited", "pass");
    const run = (key: string) => limited.command("MIGRATE", HOST, "1", key, "0", "100");
    assertMatch(await run("read"), /^-NOPERM/);
    assertEquals(await run("all"), "+NOKEY\r\n");
    limited.close();
  });
});

for (const [source, target] of [[undefined, "valkey-server"], ["valkey-server", undefined]] as const) {
  const title = source === undefined ? "MIGRATE from ours to the real one" : "MIGRATE from the real one to ours";
  describe(title, { skip: skipWithoutReal("valkey-server") }, () => movesEverything(new Pair(source, target)));
}

describe("MIGRATE in a simulated world", () => {
  /** A server whose client sends lines, and what a target at port 7000 got. */
  async function world(answer: (text: string) => string | undefined) {
    const { port, server } = await simulatedServer(1);
    const got: string[] = [];
    port.target(7000, (text) => {
      got.push(text);
      return answer(text);
    });
    const [client, other] = [port.connect(), port.connect()];
    const run = async (line: string, from = client): Promise<string> => {
      from.send(`${line}\r\n`);
      await port.settleAsync();
      return from.receiveText();
    };
    const pass = async (ms: number): Promise<void> => {
      port.advance(ms);
      await port.settleAsync();
    };
    return { port, server, got, client, other, run, pass };
  }
  const MIGRATE = "MIGRATE h 7000 k 0 1000";

  it("keeps the connection for ten seconds, with its database", async () => {
    const { server, got, run, pass } = await world((text) => OK.repeat(text.split("\r\n*").length));
    const sizes = [];
    for (let i = 0; i < 2; i++) {
      await run("SET k v");
      assertEquals(await run(MIGRATE), OK);
      sizes.push(got.at(-1)!.includes("SELECT"));
    }
    assertEquals(sizes, [true, false]);
    assertEquals(server.targets.count, 1);
    await pass(9_900);
    assertEquals(server.targets.count, 1);
    await pass(400);
    assertEquals(server.targets.count, 0);
    server.close();
  });

  it("times out to the millisecond, and holds others back until then", async () => {
    const { server, run, pass, client, other } = await world(() => "");
    await run("SET k v PX 500");
    assertEquals(await run(MIGRATE), "");
    assertEquals(await run("GET k", other), "");
    await pass(999);
    assertEquals(other.receiveText(), "");
    assertEquals(server.core.databaseFacts(0).keys, 1, "nothing expires meanwhile");
    await pass(1);
    assertEquals(client.receiveText(), READING);
    assertEquals(other.receiveText(), NIL, "its time has come since");
    server.close();
  });

  it("leaves CLIENT PAUSE alone", async () => {
    const { server, run, pass, client, other } = await world(() => "");
    await run("SET k v");
    await run(MIGRATE);
    server.pause.start(1, server.core.nowMs + 5000);
    await pass(1000);
    assert(isIoError(client.receiveText()));
    assertEquals(await run("GET k", other), bulk("v"));
    assertEquals(await run("SET k w", other), "");
    await pass(4000);
    assertEquals(other.receiveText(), OK);
    server.close();
  });

  it("tries again over a new connection when the first one fails, once", async () => {
    let fails = 1;
    const { server, run, got } = await world(() => (fails-- > 0 ? undefined : OK + OK));
    await run("SET k v");
    assertEquals(await run(MIGRATE), OK);
    assertEquals([got.length, got[0] === got[1]], [2, true]);
    await run("SET k v");
    server.targets.drop("h:7000");
    fails = 2;
    assertEquals(await run(MIGRATE), READING);
    assertEquals([got.length, await run("EXISTS k")], [4, ":1\r\n"]);
    server.close();
  });

  it("does not try again what was answered in part", async () => {
    let tries = 0;
    const { server, run, pass, client, got } = await world(() => (tries++ === 0 ? OK + OK : undefined));
    await run("MSET k v j w");
    assertEquals(await run('MIGRATE h 7000 "" 0 1000 KEYS k j'), "");
    await pass(1000);
    assertEquals(client.receiveText(), READING);
    assertEquals([got.length, await run("EXISTS k"), await run("EXISTS j")], [1, ":0\r\n", ":1\r\n"]);
    server.close();
  });

  it("is never answered by a server that is closed meanwhile", async () => {
    const { server, run, pass, client } = await world(() => "");
    await run("SET k v");
    await run(MIGRATE);
    server.close();
    await pass(2000);
    assertEquals(client.receiveText(), "");
  });
});

describe("MIGRATE in a program", () => {
  it("goes over a connection, and is too slow for a call", async () => {
    const [from, to] = [await Wakey.open(), await Wakey.open()];
    const { port } = await to.listen();
    const client = await RespConnection.open(await from.listen());
    from.call("SET", "k", "1");
    assertEquals(await client.command("MIGRATE", HOST, port, "k", 0, 1000), OK);
    assertEquals([from.call("EXISTS", "k"), to.call("GET", "k")], [0, "1"]);
    from.call("SET", "k", "2");
    assertThrows(() => from.call("MIGRATE", HOST, port, "k", 0, 1000, "REPLACE"), Error, "takes its time");
    assertThrows(() => from.call("MIGRATE", HOST, port, "k", 0, 1000), Error, "being moved already");
    await until(() => to.call("GET", "k") === "2", "the key");
    await until(() => from.call("EXISTS", "k") === 0, "its end here");
    client.close();
    from.close();
    to.close();
  });

  it("can't be had where there are no sockets", async () => {
    const { server } = await simulatedServer(1);
    const bare = new Server({ port: createBrowserPort(), config: new Config(createBrowserPort()), core: server.core });
    const connection = new Connection(bare, server.core.openInternalClient(2));
    const reply = new ReplyWriter(2);
    const word = (text: string) => new TextEncoder().encode(text);
    server.core.withBytes(word("k"), (at, length) => server.core.exports.populate(0, 0, 1, at, length, 0));
    const args = ["MIGRATE", "h", "1", "k:0", "0", "1"].map(word);
    assertEquals(MIGRATE_HANDLERS[CMD.MIGRATE](bare, connection, args, reply), undefined);
    assertMatch(new TextDecoder().decode(reply.take()), /^-IOERR there are no sockets here/);
    bare.close();
    server.close();
  });
});

describe("MIGRATE's connections", () => {
  const pair = new Pair();

  it("are counted, and closed by the target without harm", async () => {
    await pair.a.command("SET", "k", "1");
    assertEquals(await pair.migrate("k"), OK);
    const cached = async () => field(await pair.a.command("INFO", "stats"), "migrate_cached_sockets");
    assertEquals(await cached(), "1");
    await pair.b.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    await pair.a.command("SET", "k", "2");
    assertEquals(await pair.migrate("k", "REPLACE"), OK);
    await until(async () => (await pair.b.command("GET", "k")) === bulk("2"), "the key");
  });
});
