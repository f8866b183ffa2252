/**
 * info: what a running server tells about itself: INFO, MEMORY, DEBUG, LATENCY, COMMANDLOG and SLOWLOG.
 *
 * Where the real server is installed, the names and order of INFO's fields and the digests are compared with it.
 * SHUTDOWN, signals and the log's first and last lines are in life.test.ts.
 */
import { after, before, describe, it } from "node:test";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { realProgram, type RunningServer, skipWithoutReal, startServer } from "./support/server.ts";
import type { RespConnection } from "./support/resp.ts";

const ARGS = ["--enable-debug-command", "yes"];
/** Fields that belong to the Lua engine, which the real server always has. */
const ENGINE = /^(module|engine_)/;
/** Fields whose names depend on what ran before. */
const DEPENDS = /^(cmdstat_|latency_percentiles_|errorstat_|db[0-9])/;

let server: RunningServer;
let connection: RespConnection;
const call = (...args: (string | number)[]): Promise<string> => connection.command(...args);

before(async () => {
  server = await startServer({ args: ARGS });
  connection = await server.connect();
});
after(async () => {
  connection?.close();
  await server?.stop();
});

/** The text inside a bulk or verbatim reply. */
function body(reply: string): string {
  return reply.slice(reply.indexOf("\r\n") + 2, -2);
}

/** The fields of an INFO reply by name. */
function fields(reply: string): Map<string, string> {
  const rows = body(reply).split("\r\n").filter((line) => line.includes(":") && !line.startsWith("#"));
  return new Map(rows.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]));
}

const info = async (...sections: string[]): Promise<Map<string, string>> => fields(await call("INFO", ...sections));
const titles = async (...sections: string[]): Promise<string[]> =>
  body(await call("INFO", ...sections)).split("\r\n").filter((line) => line.startsWith("# "));

describe("INFO", () => {
  it("has the real server's fields in its order", { skip: skipWithoutReal("valkey-server") }, async () => {
    const real = await startServer({ program: realProgram("valkey-server"), args: ARGS });
    try {
      const peer = await real.connect();
      const shape = (reply: string): string[] =>
        body(reply).split("\r\n").map((line) => line.replace(/:.*/, "")).filter((name) =>
          !ENGINE.test(name) && !DEPENDS.test(name));
      assertEquals(shape(await call("INFO", "everything")), shape(await peer.command("INFO", "everything")));
      assertEquals(shape(await call("INFO", "debug")), shape(await peer.command("INFO", "debug")));
      peer.close();
    } finally {
      await real.stop();
    }
  });

  it("shows the default sections, all of them, or those that are named in any case", async () => {
    assertEquals(await titles(), await titles("default"));
    assertEquals(await titles("CPU", "server"), ["# Server", "# CPU"]);
    assertEquals(await titles("nothing"), []);
    assert((await titles("all")).includes("# Commandstats"));
    assert(!(await titles()).includes("# Commandstats"));
    assert((await titles("default", "commandstats")).includes("# Commandstats"));
    assert(!(await titles("everything")).includes("# Debug"));
  });

  it("tells versions, process, port and memory", async () => {
    const facts = await info("server", "memory", "clients");
    assertEquals(facts.get("server_name"), "valkey");
    assertEquals(facts.get("redis_version"), "7.2.4");
    assertEquals(facts.get("tcp_port"), `${server.port}`);
    assertEquals(facts.get("process_id"), `${server.pid}`);
    assertMatch(facts.get("run_id")!, /^[0-9a-f]{40}$/);
    assertEquals(facts.get("connected_clients"), "1");
    assert(Number(facts.get("used_memory")) > 0);
    assert(Number(facts.get("used_memory_peak")) >= Number(facts.get("used_memory")));
    assert(Number(facts.get("used_memory_rss")) > Number(facts.get("used_memory")));
  });

  it("counts keys by database, hits and misses", async () => {
    await call("FLUSHALL");
    await call("CONFIG", "RESETSTAT");
    await call("SET", "a", 1);
    await call("SET", "b", 1, "EX", 1000);
    await call("GET", "a");
    await call("GET", "missing");
    const facts = await info("stats", "keyspace");
    assertMatch(facts.get("db0")!, /^keys=2,expires=1,avg_ttl=\d+,keys_with_volatile_items=0$/);
    assertEquals(facts.get("keyspace_hits"), "1");
    assertEquals(facts.get("keyspace_misses"), "1");
    assertEquals(facts.get("total_commands_processed"), "5");
  });

  it("gives back what a command of many arguments needed; RESETSTAT forgets what was freed later", async () => {
    await call("FLUSHALL");
    const used = async () => Number((await info("memory")).get("used_memory"));
    const before = await used();
    await call("SADD", "many", ...Array.from({ length: 50_000 }, (_, i) => i));
    await call("UNLINK", "many");
    for (let i = 0; i < 100 && (await used()) > before + 10_000; i++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert((await used()) <= before + 10_000);
    assertEquals((await info("memory")).get("lazyfreed_objects"), "1");
    await call("CONFIG", "RESETSTAT");
    assertEquals((await info("memory")).get("lazyfreed_objects"), "0");
  });

  it("has no instantaneous value of what was before RESETSTAT", async () => {
    const rate = async () => Number((await info("stats")).get("instantaneous_eventloop_cycles_per_sec"));
    for (let i = 0; i < 50_000 && (await rate()) < 20; i++) await call("PING");
    assert((await rate()) >= 20);
    await call("CONFIG", "RESETSTAT");
    assertEquals(await rate(), 0);
  });

  it("counts calls, refusals and failures of commands, and errors by their first word", async () => {
    await call("CONFIG", "RESETSTAT");
    await call("SET", "s", "x");
    await call("INCR", "s");
    await call("GET");
    await call("NOSUCHCOMMAND");
    const facts = await info("commandstats", "errorstats", "stats");
    assertMatch(facts.get("cmdstat_set")!, /^calls=1,usec=\d+,usec_per_call=[\d.]+,rejected_calls=0,failed_calls=0$/);
    assertMatch(facts.get("cmdstat_incr")!, /^calls=1,.*rejected_calls=0,failed_calls=1$/);
    assertMatch(facts.get("cmdstat_get")!, /^calls=0,usec=0,usec_per_call=0.00,rejected_calls=1,failed_calls=0$/);
    assertMatch(facts.get("cmdstat_config|resetstat")!, /^calls=1,/);
    assertEquals(facts.get("errorstat_ERR"), "count=3");
    assertEquals(facts.get("total_error_replies"), "3");
  });

  it("shows percentiles as configured, and none while tracking is off", async () => {
    await call("SET", "a", 1);
    const ofSet = async (): Promise<string> => (await info("latencystats")).get("latency_percentiles_usec_set")!;
    assertMatch(await ofSet(), /^p50=[\d.]+,p99=[\d.]+,p99.9=[\d.]+$/);
    await call("CONFIG", "SET", "latency-tracking-info-percentiles", "50.0 100.0");
    assertMatch(await ofSet(), /^p50=[\d.]+,p100=[\d.]+$/);
    await call("CONFIG", "SET", "latency-tracking", "no");
    assertEquals((await info("latencystats")).size, 0);
    await call("CONFIG", "SET", "latency-tracking", "yes", "latency-tracking-info-percentiles", "50 99 99.9");
  });

  it("gives a slow command its own time, also behind fast ones in a pipeline", async () => {
    await call("CONFIG", "RESETSTAT");
    await connection.pipeline([["SET", "a", 1], ["SET", "b", 1], ["DEBUG", "SLEEP", "0.05"], ["GET", "a"]]);
    const facts = await info("commandstats");
    const microseconds = (name: string): number => Number(/usec=(\d+)/.exec(facts.get(`cmdstat_${name}`)!)![1]);
    assert(microseconds("debug") >= 50_000);
    assert(microseconds("set") < 10_000);
  });

  it("counts what a transaction took as EXEC's time, too", async () => {
    await call("CONFIG", "RESETSTAT");
    const nap = ["DEBUG", "SLEEP", "0.02"];
    await connection.pipeline([["MULTI"], nap, ["SET", "a", 1], nap, ["EXEC"]]);
    const facts = await info("commandstats");
    const microseconds = (name: string): number => Number(/usec=(\d+)/.exec(facts.get(`cmdstat_${name}`)!)![1]);
    assert(microseconds("exec") >= 40_000);
    assert(microseconds("multi") < 10_000);
  });
});

describe("COMMANDLOG and SLOWLOG", () => {
  it("log what exceeds a threshold, with trimmed arguments, and forget on RESET", async () => {
    await call("CONFIG", "SET", "commandlog-execution-slower-than", "20000");
    await call("COMMANDLOG", "RESET", "slow");
    await call("PING");
    assertEquals(await call("COMMANDLOG", "LEN", "slow"), ":0\r\n");
    await call("DEBUG", "SLEEP", "0.03");
    assertEquals(await call("SLOWLOG", "LEN"), ":1\r\n");
    const entry = await call("SLOWLOG", "GET", "-1");
    assertStringIncludes(entry, "*3\r\n$5\r\nDEBUG\r\n$5\r\nSLEEP\r\n$4\r\n0.03\r\n");
    assertStringIncludes(entry, "127.0.0.1:");
    assertEquals(await call("SLOWLOG", "RESET"), "+OK\r\n");
    assertEquals(await call("SLOWLOG", "LEN"), ":0\r\n");
  });

  it("log each command of a pipeline when the threshold is 0, and hide secrets", async () => {
    await call("CONFIG", "SET", "commandlog-execution-slower-than", "0");
    await call("SLOWLOG", "RESET");
    await connection.pipeline([["SET", "a", 1], ["GET", "a"], ["MGET", ...Array.from({ length: 40 }, (_, i) => i)]]);
    await call("CONFIG", "SET", "requirepass", "");
    await call("CONFIG", "SET", "commandlog-execution-slower-than", "-1");
    const log = await call("SLOWLOG", "GET", "10");
    assertStringIncludes(log, "$3\r\nGET\r\n$1\r\na\r\n");
    assertStringIncludes(log, "... (10 more arguments)");
    assertStringIncludes(log, "requirepass\r\n$10\r\n(redacted)\r\n");
    assertEquals(await call("SLOWLOG", "LEN"), ":5\r\n");
    await call("CONFIG", "SET", "commandlog-execution-slower-than", "10000");
  });

  it("log a command that waited when it ends: served, or unblocked", async () => {
    const waiting = await server.connect();
    const id = (await waiting.command("CLIENT", "ID")).slice(1, -2);
    await call("CONFIG", "SET", "commandlog-execution-slower-than", 0);
    for (const [end, told, counts] of [
      [["LPUSH", "waited", "x"], "*2\r\n$6\r\nwaited\r\n$1\r\nx\r\n", "rejected_calls=0,failed_calls=0"],
      [["CLIENT", "UNBLOCK", id, "ERROR"], "-UNBLOCKED", "rejected_calls=1,failed_calls=0"],
    ] as const) {
      await call("CONFIG", "RESETSTAT");
      const reply = waiting.command("BLPOP", "waited", "0");
      while ((await info("clients")).get("blocked_clients") !== "1");
      await call("SLOWLOG", "RESET");
      await call(...end);
      assertStringIncludes(await reply, told);
      assertStringIncludes(await call("SLOWLOG", "GET", 1), "*3\r\n$5\r\nBLPOP\r\n$6\r\nwaited\r\n$1\r\n0\r\n");
      assertMatch((await info("commandstats")).get("cmdstat_blpop")!, new RegExp(`^calls=1,.*${counts}`));
    }
    await call("CONFIG", "SET", "commandlog-execution-slower-than", 10000);
    waiting.close();
  });

  it("log requests and replies of a size, small thresholds and the default of 1 MiB alike", async () => {
    for (const [threshold, size] of [[1000, 2000], [100_000, 150_000], [1048576, 1100000]]) {
      await call("CONFIG", "SET", "commandlog-request-larger-than", threshold);
      await call("CONFIG", "SET", "commandlog-reply-larger-than", threshold);
      await call("COMMANDLOG", "RESET", "large-request");
      await call("COMMANDLOG", "RESET", "large-reply");
      const set = ["SET", "big", "v".repeat(size)];
      await connection.pipeline([["GET", "a"], set, ["GET", "a"], ["GET", "big"], ["PING"]]);
      assertEquals(await call("COMMANDLOG", "LEN", "large-request"), ":1\r\n", `requests over ${threshold}`);
      assertEquals(await call("COMMANDLOG", "LEN", "large-reply"), ":1\r\n", `replies over ${threshold}`);
      const reply = await call("COMMANDLOG", "GET", "-1", "large-reply");
      assertStringIncludes(reply, `:${`$${size}\r\n`.length + size + 2}\r\n*2\r\n$3\r\nGET\r\n$3\r\nbig\r\n`);
      const request = await call("COMMANDLOG", "GET", "-1", "large-request");
      assertStringIncludes(request, `... (${size - 128} more bytes)`);
    }
    await call("CONFIG", "SET", "commandlog-request-larger-than", 1048576, "commandlog-reply-larger-than", 1048576);
  });

  it("refuse wrong counts and types", async () => {
    assertEquals(await call("COMMANDLOG", "GET", "-2", "slow"), "-ERR count should be greater than or equal to -1\r\n");
    assertEquals(await call("SLOWLOG", "GET", "x"), "-ERR count should be greater than or equal to -1\r\n");
    assertEquals(await call("COMMANDLOG", "LEN", "fast"),
      "-ERR type should be one of the following: slow, large-request, large-reply\r\n");
  });
});

describe("LATENCY", () => {
  it("keeps spikes, and tells and draws them", async () => {
    assertStringIncludes(await call("LATENCY", "DOCTOR"), "off");
    await call("CONFIG", "SET", "latency-monitor-threshold", "20");
    assertEquals(await call("LATENCY", "LATEST"), "*0\r\n");
    await call("DEBUG", "SLEEP", "0.03");
    assertMatch(await call("LATENCY", "LATEST"),
      /^\*1\r\n\*6\r\n\$7\r\ncommand\r\n:\d+\r\n:(\d+)\r\n:\1\r\n:\1\r\n:1\r\n$/);
    assertMatch(await call("LATENCY", "HISTORY", "command"), /^\*1\r\n\*2\r\n:\d+\r\n:\d+\r\n$/);
    assertMatch(body(await call("LATENCY", "GRAPH", "command")),
      /^command - high (\d+) ms, low \1 ms \(all time high \1 ms\)/);
    assertStringIncludes(await call("LATENCY", "DOCTOR"), "1. command: 1 latency spikes");
    assertEquals(await call("LATENCY", "RESET", "other"), ":0\r\n");
    assertEquals(await call("LATENCY", "RESET"), ":1\r\n");
    assertEquals(await call("LATENCY", "GRAPH", "command"), "-ERR No samples available for event 'command'\r\n");
    await call("CONFIG", "SET", "latency-monitor-threshold", "0");
  });

  it("shows histograms of all commands, of some, and of a container's subcommands", async () => {
    await call("CONFIG", "RESETSTAT");
    await call("SET", "a", 1);
    await call("SET", "a", 1);
    assertMatch(await call("LATENCY", "HISTOGRAM", "set", "nothing", "get"),
      /^\*2\r\n\$3\r\nset\r\n\*4\r\n\$5\r\ncalls\r\n:2\r\n\$14\r\nhistogram_usec\r\n\*\d\r\n:\d+\r\n:\d\r\n/);
    assertMatch(await call("LATENCY", "HISTOGRAM", "config"), /^\*2\r\n\$16\r\nconfig\|resetstat\r\n/);
    assertMatch(await call("LATENCY", "HISTOGRAM"), /^\*6\r\n/);
  });
});

describe("MEMORY", () => {
  it("tells where memory goes", async () => {
    await call("FLUSHALL");
    await call("DEBUG", "POPULATE", "1000");
    const reply = await call("MEMORY", "STATS");
    assertMatch(reply, /^\*70\r\n\$14\r\npeak.allocated\r\n/);
    assertStringIncludes(reply, "$4\r\ndb.0\r\n*4\r\n$23\r\noverhead.hashtable.main\r\n");
    assertStringIncludes(reply, "$10\r\nkeys.count\r\n:1000\r\n");
    assertStringIncludes(await call("MEMORY", "DOCTOR"), "very little data");
    assertStringIncludes(await call("MEMORY", "MALLOC-STATS"), "bytes in live blocks");
  });

  it("PURGE gives back the pages that size classes keep, and buffers", async () => {
    const active = async () => Number(/allocator_active:(\d+)/.exec(await call("INFO", "memory"))?.[1]);
    await call("FLUSHALL");
    assertEquals(await call("MEMORY", "PURGE"), "+OK\r\n");
    const before = await active();
    for (let size = 16; size < 30_000; size = Math.ceil(size * 1.3)) {
      await call("SET", `key:${size}`, "x".repeat(size));
    }
    await call("FLUSHALL");
    const kept = await active();
    assert(kept > before + 1e6, `${before} bytes before, ${kept} kept`);
    assertEquals(await call("MEMORY", "PURGE"), "+OK\r\n");
    const after = await active();
    assert(after <= before + 131_072, `${before} bytes before, ${after} after`);
  });
});

describe("DEBUG", () => {
  it("digests like the real server", { skip: skipWithoutReal("valkey-server") }, async () => {
    const real = await startServer({ program: realProgram("valkey-server"), args: ARGS });
    try {
      const peer = await real.connect();
      const both = async (...args: (string | number)[]): Promise<void> =>
        assertEquals(await call(...args), await peer.command(...args), args.join(" "));
      await both("FLUSHALL");
      await both("DEBUG", "DIGEST");
      await both("SET", "number", 12345);
      await both("SET", "text", "x".repeat(5000), "EX", 1000);
      await both("SELECT", 3);
      await both("SET", "", "");
      await both("DEBUG", "POPULATE", 3000, "p", 60);
      await both("DEBUG", "DIGEST");
      await both("DEBUG", "DIGEST-VALUE", "", "p:1", "p:2999", "p:3000");
      await both("SELECT", 0);
      await both("DEBUG", "DIGEST-VALUE", "number", "text");
      peer.close();
    } finally {
      await real.stop();
    }
  });

  it("digests a known dataset as Valkey does, whatever order its keys came in", async () => {
    await call("FLUSHALL");
    assertEquals(await call("DEBUG", "DIGEST"), `+${"0".repeat(40)}\r\n`);
    await call("SET", "a", 1);
    assertEquals(await call("DEBUG", "DIGEST"), "+943d800368fb9c0e951138f1bc0e313ac769d91f\r\n");
    await call("SET", "b", "x".repeat(64));
    const digest = await call("DEBUG", "DIGEST");
    await call("FLUSHALL");
    await call("SET", "b", "x".repeat(64));
    await call("SET", "a", 1);
    assertEquals(await call("DEBUG", "DIGEST"), digest);
  });

  it("populates, sleeps, looks at values and replies every type", async () => {
    await call("FLUSHALL");
    await call("SET", "k:1", "mine");
    assertEquals(await call("DEBUG", "POPULATE", 10, "k", 3), "+OK\r\n");
    assertEquals(await call("MGET", "k:0", "k:1"), "*2\r\n$3\r\nval\r\n$4\r\nmine\r\n");
    assertMatch(await call("DEBUG", "OBJECT", "k:0"),
      /^\+Value at:0x[0-9a-f]+ refcount:1 encoding:embstr serializedlength:4 lru:\d+ lru_seconds_idle:0\r\n$/);
    const clock = async (): Promise<string> => / lru:(\d+) /.exec(await call("DEBUG", "OBJECT", "k:0"))![1];
    assertEquals(await clock(), await clock(), "looking changes nothing");
    assertEquals(await call("DEBUG", "OBJECT", "missing"), "-ERR no such key\r\n");
    assertMatch(await call("DEBUG", "HTSTATS", 0, "full"), /number of entries: 10\n/);
    assertEquals(await call("DEBUG", "PROTOCOL", "array"), "*3\r\n:0\r\n:1\r\n:2\r\n");
    assertEquals(await call("DEBUG", "ERROR", "WRONG this"), "-WRONG this\r\n");
    assertMatch(await call("DEBUG", "NONSENSE"),
      /^-ERR unknown subcommand or wrong number of arguments for 'NONSENSE'/);
  });

  it("needs permission", async () => {
    const closed = await startServer();
    try {
      const peer = await closed.connect();
      assertMatch(await peer.command("DEBUG", "SLEEP", 0), /^-ERR DEBUG command not allowed\./);
      peer.close();
    } finally {
      await closed.stop();
    }
  });
});
