/**
 * Clients: the tools that people use with Valkey work against our server: valkey-cli in its modes, valkey-benchmark's
 * default run, and the client libraries ioredis and redis in RESP2 and RESP3.
 *
 * valkey-benchmark's tests need commands of every type; each is run once its command is implemented (commands/*.json
 * say so), and the last test here says which are still left out.
 */
import { after, before, describe, it } from "node:test";
import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { realProgram, type RunningServer, skipWithoutReal, startServer } from "./support/server.ts";

/** What a program printed, and its exit code (null: it was ended). */
interface Finished {
  output: string;
  code: number | null;
}

/** Runs a program with some input; ends it after `ms`. */
function run(program: string, args: string[], input = "", ms = 20_000): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
    const parts: Buffer[] = [];
    child.stdout.on("data", (part: Buffer) => parts.push(part));
    child.stderr.on("data", (part: Buffer) => parts.push(part));
    child.on("error", reject);
    child.stdin.on("error", () => parts.push(Buffer.from("(it took no input)")));
    child.stdin.end(Buffer.from(input, "latin1"));
    const timer = setTimeout(() => child.kill("SIGKILL"), ms);
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ output: Buffer.concat(parts).toString("utf8"), code });
    });
  });
}

const withTerminal = spawnSync("script", ["--version"]).status === 0;

describe("valkey-cli", { skip: skipWithoutReal("valkey-cli") }, () => {
  let server: RunningServer;
  before(async () => {
    server = await startServer();
  });
  after(() => server?.stop());

  const cli = (args: string[], input = "", ms = 20_000): Promise<Finished> =>
    run(realProgram("valkey-cli")!, ["-p", `${server.port}`, ...args], input, ms);

  it("runs one command from its arguments, in RESP2 and RESP3", async () => {
    assertEquals((await cli(["SET", "cli:one", "hello"])).output, "OK\n");
    assertEquals((await cli(["-3", "GET", "cli:one"])).output, "hello\n");
    assertEquals((await cli(["--json", "GET", "cli:one"])).output, "\"hello\"\n");
    const failed = await cli(["-e", "INCR", "cli:one"]);
    assertStringIncludes(failed.output, "ERR value is not an integer or out of range");
    assertEquals(failed.code, 1);
  });

  it("runs commands from standard input", async () => {
    const { output } = await cli([], "SET counter 41\nINCR counter\nGET \"counter\"\nNOSUCH\n");
    assertEquals(output.split("\n").slice(0, 3), ["OK", "42", "42"]);
    assertStringIncludes(output, "ERR unknown command 'NOSUCH'");
  });

  it("takes commands at its prompt", { skip: !withTerminal && "script(1) is missing" }, async () => {
    // A terminal that can't move its cursor: the prompt reads whole lines and throws no early input away.
    const command = `TERM=dumb ${realProgram("valkey-cli")} -p ${server.port}`;
    const { output } = await run("script", ["-qec", command, "/dev/null"], "SET typed yes\nGET typed\nquit\n");
    assertStringIncludes(output, `127.0.0.1:${server.port}>`);
    assertStringIncludes(output, "\"yes\"");
  });

  it("--pipe sends a file of requests", async () => {
    const request = "*3\r\n$3\r\nSET\r\n$4\r\npipe\r\n$3\r\nyes\r\n";
    const { output, code } = await cli(["--pipe"], request.repeat(1000));
    assertStringIncludes(output, "errors: 0, replies: 1000");
    assertEquals(code, 0);
  });

  it("--scan lists keys", async () => {
    await cli([], Array.from({ length: 300 }, (_, i) => `SET scan:${i} x\n`).join(""));
    const { output } = await cli(["--scan", "--pattern", "scan:*"]);
    assertEquals(new Set(output.trim().split("\n")).size, 300);
  });

  it("--bigkeys and --memkeys find the biggest string", async () => {
    await cli(["SET", "big", "x".repeat(5000)]);
    assertMatch((await cli(["--bigkeys"])).output, /Biggest string found '"big"' has 5000 bytes/);
    assertMatch((await cli(["--memkeys"])).output, /Biggest string found '"big"' has \d+ bytes/);
  });

  it("--latency measures", async () => {
    assertMatch((await cli(["--latency", "-i", "1"])).output, /^\d+ \d+ \d+\.\d+ \d+/);
  });

  it("--stat shows a line a moment", { skip: !withTerminal && "script(1) is missing" }, async () => {
    const command = `${realProgram("valkey-cli")} -p ${server.port} --stat -i 0.1`;
    const { output } = await run("script", ["-qefc", command, "/dev/null"], "", 1500);
    assertMatch(output, /keys\s+mem\s+clients\s+blocked\s+requests\s+connections/);
    assertMatch(output, /\d+\s+\d+\.\d+[KM]\s+\d+\s+\d+\s+\d+ \(\+\d+\)\s+\d+/);
  });
});

// --- valkey-benchmark ---

/** The default run: what a test is called with -t, what it prints, and the command that it needs. */
const BENCHMARKS: [test: string, title: RegExp, command: string][] = [
  ["ping_inline", /^PING_INLINE: /m, "ping"], ["ping_mbulk", /^PING_MBULK: /m, "ping"], ["set", /^SET: /m, "set"],
  ["get", /^GET: /m, "get"], ["incr", /^INCR: /m, "incr"], ["lpush", /^LPUSH: /m, "lpush"],
  ["rpush", /^RPUSH: /m, "rpush"], ["lpop", /^LPOP: /m, "lpop"], ["rpop", /^RPOP: /m, "rpop"],
  ["sadd", /^SADD: /m, "sadd"], ["hset", /^HSET: /m, "hset"], ["spop", /^SPOP: /m, "spop"],
  ["zadd", /^ZADD: /m, "zadd"], ["zpopmin", /^ZPOPMIN: /m, "zpopmin"], ["lrange", /^LRANGE_600 /m, "lrange"],
  ["mset", /^MSET \(10 keys\): /m, "mset"], ["mget", /^MGET \(10 keys\): /m, "mget"], ["xadd", /^XADD: /m, "xadd"],
  ["function_load", /^FUNCTION LOAD: /m, "function-load"], ["fcall", /^FCALL: /m, "fcall"],
];

/** Whether commands/NAME.json says that the command is implemented. */
function isImplemented(command: string): boolean {
  const spec = readFileSync(new URL(`../commands/${command}.json`, import.meta.url), "utf8");
  return JSON.parse(spec).status === "implemented";
}

describe("valkey-benchmark", { skip: skipWithoutReal("valkey-benchmark") }, () => {
  let server: RunningServer;
  before(async () => {
    server = await startServer();
  });
  after(() => server?.stop());
  const runnable = BENCHMARKS.filter(([, , command]) => isImplemented(command));

  for (const [name, more] of [["one request at a time", []], ["pipelined in RESP3", ["-P", "16", "-3"]]] as const) {
    it(`runs its default tests, ${name}`, async () => {
      const everything = runnable.length === BENCHMARKS.length;
      const chosen = everything ? [] : ["-t", runnable.map(([test]) => test).join(",")];
      const args = ["-p", `${server.port}`, "-n", "1000", "-c", "10", "-q", "-r", "1000", ...chosen, ...more];
      const { output, code } = await run(realProgram("valkey-benchmark")!, args, "", 60_000);
      const lines = output.replaceAll("\r", "\n");
      assertEquals(code, 0, lines.slice(-1000));
      for (const [, title] of runnable) assertMatch(lines, title);
      assert(!/error/i.test(lines), lines.slice(-1000));
    });
  }

  const left = BENCHMARKS.filter((one) => !runnable.includes(one)).map(([test]) => test).join(", ");
  it("runs every test of its default run", { skip: left !== "" && `commands still to come: ${left}` }, () => {
    assertEquals(left, "");
  });
});

// --- Libraries ---

describe("client libraries", () => {
  let server: RunningServer;
  before(async () => {
    server = await startServer();
  });
  after(() => server?.stop());

  for (const protocol of [2, 3] as const) {
    it(`users with few rights: ioredis and redis in RESP${protocol}`, async () => {
      const address = { port: server.port, host: "127.0.0.1" };
      const io = new Redis({
        ...address, protocol, username: "few", password: "pw", lazyConnect: true, retryStrategy: () => null,
        enableReadyCheck: false,
      });
      const admin = new Redis({ ...address, lazyConnect: true, retryStrategy: () => null });
      const redis = createClient({ socket: { ...address, reconnectStrategy: false }, username: "few", password: "pw",
        RESP: protocol });
      const wrong = createClient({ socket: { ...address, reconnectStrategy: false }, username: "few", password: "no" });
      for (const client of [redis, wrong]) client.on("error", () => undefined);
      try {
        await admin.connect();
        await admin.call("ACL", "SETUSER", "few", "on", ">pw", "~few:*", "+get", "+set", "+acl|whoami", "+client");
        await io.connect();
        await redis.connect();
        assertEquals(await io.set("few:a", "1"), "OK");
        assertEquals(await redis.get("few:a"), "1");
        assertEquals(await io.call("ACL", "WHOAMI"), "few");
        assertEquals(await redis.aclWhoAmI(), "few");
        await assertRejects(() => io.get("other"), Error, "NOPERM No permissions to access a key");
        await assertRejects(() => redis.del("few:a"), Error, "User few has no permissions to run the 'del' command");
        await assertRejects(() => wrong.connect(), Error, "WRONGPASS");
        const user = await admin.call("ACL", "GETUSER", "few") as unknown[];
        assertEquals(user[user.indexOf("keys") + 1], "~few:*");
      } finally {
        io.disconnect();
        admin.disconnect();
        if (redis.isOpen) redis.destroy();
        if (wrong.isOpen) wrong.destroy();
      }
    });

    it(`ioredis in RESP${protocol}`, async () => {
      const address = { port: server.port, host: "127.0.0.1" };
      const client = new Redis({ ...address, protocol, lazyConnect: true, retryStrategy: () => null });
      await client.connect();
      try {
        assertEquals(await client.set("io", "1"), "OK");
        assertEquals(await client.incr("io"), 2);
        assertEquals(await client.get("missing"), null);
        assertEquals(await client.mset({ "io:a": "x", "io:b": "y" }), "OK");
        assertEquals(await client.mget("io:a", "io:b", "io:c"), ["x", "y", null]);
        const binary = Buffer.from([0, 255, 13, 10, 42]);
        await client.set("io:binary", binary);
        assertEquals(Buffer.compare((await client.getBuffer("io:binary"))!, binary), 0);
        const piped = await client.pipeline().set("io:p", "5").incrby("io:p", 5).get("io:p").exec();
        assertEquals(piped?.map(([error, value]) => [error, value]), [[null, "OK"], [null, 10], [null, "10"]]);
        await assertRejects(() => client.incr("io:a"), Error, "not an integer");
        const found: string[] = [];
        for await (const keys of client.scanStream({ match: "io:*" })) found.push(...keys as string[]);
        assertEquals(found.sort(), ["io:a", "io:b", "io:binary", "io:p"]);
        assertMatch(await client.info(), /redis_version:/);
      } finally {
        client.disconnect();
      }
    });

    it(`redis in RESP${protocol}`, async () => {
      const socket = { host: "127.0.0.1", port: server.port, reconnectStrategy: false as const };
      const client = createClient({ socket, RESP: protocol });
      const errors: unknown[] = [];
      client.on("error", (error) => errors.push(error));
      await client.connect();
      try {
        await client.flushAll();
        assertEquals(await client.set("nr", "1", { expiration: { type: "EX", value: 100 } }), "OK");
        assertEquals(await client.incrBy("nr", 41), 42);
        assert((await client.ttl("nr")) > 90);
        assertEquals(await client.get("missing"), null);
        assertEquals(await client.mGet(["nr", "missing"]), ["42", null]);
        assertEquals(await Promise.all([client.append("nr:s", "ab"), client.append("nr:s", "cd")]), [2, 4]);
        assertEquals(await client.getRange("nr:s", 1, 2), "bc");
        await assertRejects(() => client.incr("nr:s"), Error, "not an integer");
        const found: string[] = [];
        for await (const keys of client.scanIterator({ MATCH: "nr*" })) found.push(...keys);
        assertEquals(found.sort(), ["nr", "nr:s"]);
        assertEquals({ ...await client.configGet("maxmemory-samples") }, { "maxmemory-samples": "5" });
        assertEquals(errors, []);
      } finally {
        if (client.isOpen) client.destroy();
      }
    });
  }
});
