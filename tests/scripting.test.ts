/**
 * Scripts over sockets: what server.call() and the other functions answer, byte by byte as the real server where it is
 * installed; rights, statistics and what others see of a script; scripts that are busy.
 */
import { after, before, describe, it } from "node:test";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Wakey } from "wakey";
import { bothServers } from "./support/beside.ts";
import { bulk, encode, field, type RespConnection } from "./support/resp.ts";
import { currentRuntime, type RunningServer, skipWithoutReal, startServer } from "./support/server.ts";
import { simulatedServer } from "./support/simulated.ts";
import { until } from "./support/wait.ts";

/** Scripts without keys, by what they are about. */
const SCRIPTS: Record<string, string[]> = {
  "errors of calls": [
    "return redis.call('nosuch')", "return redis.call('get')", "return redis.call('eval', 'return 1', '0')",
    "return redis.pcall('nosuch')", "return redis.call()", "return redis.call({})", "return redis.call('get', true)",
    "redis.call('set', 'text', 'abc') return redis.call('incr', 'text')", "return redis.pcall('incr', 'text')",
    "local a, b = pcall(function() return redis.call('incr', 'text') end) return {type(b), b}",
    "local a, b = pcall(redis.call, 'incr', 'text') return b",
    "local a, b = xpcall(function() redis.call('incr', 'text') end, function(e) return e.err end) return b",
    "redis.call('lpush', 'list', 'a') return redis.call('get', 'list')", "return redis.call('set', 'a', 1.5, 2)",
    "return redis.call('multi')", "return redis.call('subscribe', 'a')", "return redis.call('script', 'kill')",
    "return redis.call('config', 'get', 'hz')", "return redis.call('client', 'id')", "return redis.call('hello', 3)",
    "return redis.call('blpop', 'nolist', 0)", "return redis.call('select', 99)",
  ],
  "errors of scripts": [
    "error('x')", "error({err = 'hello'})", "error({err = 'hello', more = 'x'})", "error({more = 'x'})", "error()",
    "error(12)", "return {err = 'x'}", "return {err = '-x y'}", "return {err = ''}", "return {err = 12}",
    "return {err = 'x\\r\\ny\\r\\n'}", "\n\nreturn nosuch", "\n\nreturn {", "return print", "nosuch = 1",
    "redis.x = 1", "redis.call = 1", "KEYS = 1", "KEYS[1] = 1 return KEYS", "setmetatable(_G, {})", "string.x = 1",
    "local a, b = pcall(error, {err = 'zz'}) return {type(b), b}", "return getmetatable(_G)",
    "local a, b = pcall(error, {x = 1}) return {type(b), b.x}",
  ],
  "the functions of server": [
    "return redis.error_reply('x')", "return redis.error_reply('-x')", "return redis.error_reply('MY ERR')",
    "return redis.error_reply('a\\r\\nb')", "return redis.status_reply('a\\r\\nb')", "return redis.error_reply()",
    "return redis.status_reply({})", "return redis.setresp(4)", "return redis.setresp()", "return redis.setresp('x')",
    "return redis.log(1)", "return redis.log('a', 'b')", "return redis.log(9, 'b')", "return redis.sha1hex()",
    "return redis.sha1hex('')", "return redis.sha1hex({})", "return redis.set_repl()", "return redis.set_repl(10)",
    "return redis.set_repl(redis.REPL_ALL)", "return redis.breakpoint()", "return redis.debug('x')",
    "return {redis.REDIS_VERSION, redis.REDIS_VERSION_NUM, server.SERVER_NAME, server.VALKEY_VERSION_NUM}",
    "return redis.register_function", "return redis.acl_check_cmd('set', 'a', 'b')", "return {redis == server}",
    "return redis.acl_check_cmd('nosuch')", "return redis.acl_check_cmd()", "return redis.acl_check_cmd('get')",
    "local r = {} for k, v in pairs(redis) do r[#r + 1] = k end table.sort(r) return r",
    "local r = {} for k, v in pairs(_G) do r[#r + 1] = k end table.sort(r) return r",
    "return redis.replicate_commands()",
  ],
  "values that are returned": [
    "return {double = 3.5}", "return {double = 1e100}", "return {big_number = '123\\r\\n4'}", "return 3.99",
    "return {verbatim_string = {format = 'txt', string = 'abc'}}", "return {map = {a = 1}}", "return -3.99",
    "return {verbatim_string = {format = 't', string = 'abc'}}", "return {set = {a = true}}", "return 1e20",
    "return {map = {a = 1}, ok = 1, set = {}}", "return 0/0", "return 9007199254740993", "return 2^63",
    "return {1, nil, 3}", "return {false, true}", "return {[1] = 1, [3] = 3, x = 2}", "return function() end",
    "return {ok = 'a\\0b'}", "return 'a\\0b'", "return {1, {err = 'MYERR x'}, {ok = 'fine'}}", "return", "return {}",
    "local t = {} for i = 1, 100 do t = {t} end return t", "return '\\255\\128'",
  ],
  "replies of commands": [
    "return redis.call('set', 'k', 'v')", "return redis.call('get', 'k')", "return redis.call('get', 'nokey')",
    "return type(redis.call('get', 'nokey'))", "return redis.call('set', 'k', 'v').ok",
    "redis.call('hset', 'h', 'f', 'v') return redis.call('hgetall', 'h')",
    "redis.setresp(3) return redis.call('hgetall', 'h').map.f", "redis.setresp(3) return redis.call('hgetall', 'h')",
    "redis.call('sadd', 's', 'm') redis.setresp(3) return {redis.call('smembers', 's'), true, false}",
    "redis.setresp(3) redis.call('zadd', 'z', 1.5, 'm') return {redis.call('zscore', 'z', 'm')}",
    "redis.setresp(3) return redis.call('zscore', 'z', 'm').double",
    "redis.setresp(3) return {redis.call('get', 'no')}",
    "redis.call('select', 1) redis.call('set', 'one', 'x') return redis.call('dbsize')", "return redis.call('dbsize')",
    "return {redis.call('mset', 'a', 1e15, 'b', 0.1, 'c', 1e300, 'd', -0, 'e', 0/0), " +
      "redis.call('mget', 'a', 'b', 'c', 'd', 'e')}",
    "return redis.call('info', 'server'):sub(1, 8)", "return redis.call('command', 'count') > 10",
    "return redis.call('publish', 'a', 'b')", "return redis.call('lpos', 'list', 'zz')",
    "return redis.call('echo', '\\0\\255')",
    "redis.call('set', 'big', string.rep('x', 100000)) return #redis.call('get', 'big')",
    "local t = {} for i = 1, 5000 do t[i] = i end redis.call('rpush', 'long', unpack(t)) " +
      "return redis.call('lrange', 'long', 4990, -1)",
    "return redis.call('time')[1] == redis.call('time')[1]",
  ],
  "first lines": [
    "#!lua\nreturn 1", "#!lua", "#!foo\nreturn 1", "#!lua flags=xx\nreturn 1", "#!lua name=x\nreturn 1", "#!\nreturn 1",
    "#!lua flags=no-writes,allow-stale\nreturn redis.call('set', 'a', 'b')", "#! lua\nreturn 1", "#!LUA\nreturn 1",
    "#!lua flags\nreturn 1", "#!lua flags=\nreturn 1", "#!lua flags=no-writes,\nreturn 1", "#!foo x=xx\nreturn 1",
    "#!lua \"flags=no-writes\"\nreturn 1", "#!lua \"flags=no-writes\nreturn 1", "#!lua\nreturn {", "#!lua\nreturn x",
    "#!lua flags=no-writes flags=allow-oom\nreturn 1", "#!lua flags=no-writes\nreturn redis.call('publish', 'a', 'b')",
  ],
};

const COMMANDS: string[][] = [
  ["EVAL", "return 1", "a"], ["EVAL", "return 1", "-1"], ["EVAL", "return 1", "1"], ["EVAL", "return 1"],
  ["EVALSHA", "abc", "0"], ["EVALSHA", "f".repeat(40), "0"], ["SCRIPT", "LOAD", "return 1"],
  ["EVALSHA", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", "0"],
  ["EVALSHA", "E0E1F9FABFC9D4800C877A703B823AC0578FF8DB", "0"], ["SCRIPT", "LOAD", "return {"],
  ["SCRIPT", "EXISTS", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", "x"], ["SCRIPT", "SHOW", "x"],
  ["SCRIPT", "SHOW", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db"], ["SCRIPT", "FLUSH", "x"], ["SCRIPT", "FLUSH",
  "sync", "x"],
  ["SCRIPT", "KILL"], ["SCRIPT", "KILL", "x"], ["SCRIPT", "DEBUG", "x"], ["SCRIPT", "DEBUG", "NO"], ["SCRIPT", "FOO"],
  ["EVAL_RO", "return redis.call('get', 'nokey')", "0"], ["EVAL_RO", "return redis.call('set', 'a', 'b')", "0"],
  ["EVAL_RO", "return redis.call('publish', 'a', 'b')", "0"], ["EVAL_RO", "#!lua\nreturn 1", "0"],
  ["EVALSHA_RO", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", "0"], ["SCRIPT", "FLUSH"],
  ["EVAL", "return {KEYS[1], KEYS[2], ARGV[1], #KEYS, #ARGV}", "2", "a", "b", "c", "d"],
  ["COMMAND", "GETKEYS", "EVAL", "return 1", "2", "a", "b", "c"], ["COMMAND", "GETKEYS", "FCALL", "f", "1", "a"],
];

/** What a list of commands answers. */
async function answers(connection: RespConnection, commands: readonly string[][]): Promise<object[]> {
  const rows: object[] = [];
  for (const command of commands) rows.push({ command, reply: await connection.command(...command) });
  return rows;
}

describe("scripts beside the real server", { skip: skipWithoutReal("valkey-server") }, () => {
  const both = bothServers();

  for (const [name, scripts] of Object.entries(SCRIPTS)) {
    for (const resp of ["2", "3"]) {
      it(`${name}, RESP${resp}`, async () => {
        const [ours, real] = [await both.ours.connect(), await both.real.connect()];
        const commands = [["FLUSHALL"], ...scripts.map((script) => ["EVAL", script, "0"])];
        for (const connection of [ours, real]) await connection.command("HELLO", resp);
        assertEquals(await answers(ours, commands), await answers(real, commands));
        for (const connection of [ours, real]) connection.close();
      });
    }
  }

  it("commands about scripts", async () => {
    const [ours, real] = [await both.ours.connect(), await both.real.connect()];
    assertEquals(await answers(ours, COMMANDS), await answers(real, COMMANDS));
    for (const connection of [ours, real]) connection.close();
  });

  it("counts errors and calls alike", async () => {
    const scripts = [
      "return redis.pcall('nosuch')", "return redis.call('get')", "return {err = 'MYERR x'}", "return 1", "error('x')",
      "return redis.call('incr', 'text')", "redis.pcall('incr', 'text') return 1", "return {1, {err = 'IN x'}}",
    ];
    const commands = [
      ["SET", "text", "abc"], ["CONFIG", "RESETSTAT"], ...scripts.map((script) => ["EVAL", script, "0"]),
      ["EVAL_RO", "return redis.call('set', 'a', 'b')", "0"], ["EVALSHA", "x", "0"],
    ];
    const seen: string[] = [];
    for (const server of [both.ours, both.real]) {
      const connection = await server.connect();
      await answers(connection, commands);
      const lines = (await connection.command("INFO", "commandstats", "errorstats")).split("\r\n");
      seen.push(lines.map((line) => line.replace(/usec[^=]*=[\d.]+,/g, "")).filter((line) => /stat_/.test(line))
        .sort().join("\n"));
      connection.close();
    }
    assertEquals(seen[0], seen[1]);
  });

  it("shows monitors the script and, behind it, what it calls", async () => {
    const seen: string[] = [];
    for (const server of [both.ours, both.real]) {
      const [monitor, writer] = [await server.connect(), await server.connect()];
      await monitor.command("MONITOR");
      await writer.command("EVAL", "redis.call('set', 'k', 'v') redis.pcall('nosuch') return redis.call('get', 'k')",
        "0");
      await writer.command("PING");
      const lines: string[] = [];
      while (!lines.at(-1)?.includes("PING")) lines.push(await monitor.reply());
      seen.push(lines.join("").replace(/\+[\d.]+ /g, "").replace(/127.0.0.1:\d+/g, "ADDRESS"));
      for (const connection of [monitor, writer]) connection.close();
    }
    assertEquals(seen[0], seen[1]);
  });
});

const LOOP = "while true do end";
const BUSY = "-BUSY Valkey is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.\r\n";

describe("scripts", () => {
  let server: RunningServer;
  let client: RespConnection;
  before(async () => {
    server = await startServer({ args: ["--busy-reply-threshold", "20"] });
    client = await server.connect();
  });
  after(async () => {
    client?.close();
    await server?.stop();
  });

  it("are allowed what their caller is", async () => {
    await client.command("ACL", "SETUSER", "reader", "on", "nopass", "~a*", "+eval", "+get", "+script|load");
    const reader = await server.connect();
    await reader.command("AUTH", "reader", "x");
    assertEquals(await reader.command("EVAL", "return redis.call('get', 'a')", "0"), "$-1\r\n");
    assertMatch(await reader.command("EVAL", "return redis.call('get', 'b')", "0"),
      /^-ERR ACL failure in script: No permissions to access a key script: on @user_script:1\.\r\n$/);
    assertMatch(await reader.command("EVAL", "return redis.call('set', 'a', 1)", "0"),
      /^-ERR ACL failure in script: User reader has no permissions to run the 'set' command script: on/);
    assertEquals(await reader.command("EVAL",
      "return {redis.acl_check_cmd('set', 'a', 1), redis.acl_check_cmd('get', 'a')}",
      "0"), "*2\r\n$-1\r\n:1\r\n");
    const log = await client.command("ACL", "LOG", "1");
    for (const text of [bulk("lua"), bulk("reader"), bulk("set")]) assertStringIncludes(log, text);
    reader.close();
  });

  it("make transactions fail, wake those who wait, and tell who caches", async () => {
    const [other, waiting] = [await server.connect(), await server.connect()];
    await other.command("WATCH", "watched");
    await client.command("EVAL", "return redis.call('set', 'watched', 1)", "0");
    assertEquals(await other.pipeline([["MULTI"], ["PING"], ["EXEC"]]), ["+OK\r\n", "+QUEUED\r\n", "*-1\r\n"]);
    waiting.send(encode(["BLPOP", "queue", "0"]));
    await until(async () => field(await client.command("INFO", "clients"), "blocked_clients") === "1");
    assertEquals(await client.command("EVAL", "redis.call('rpush', 'queue', 'a') return redis.call('llen', 'queue')",
      "0"),
      ":1\r\n");
    assertEquals(await waiting.reply(), `*2\r\n${bulk("queue")}${bulk("a")}`);
    await other.command("HELLO", "3");
    await other.command("CLIENT", "TRACKING", "ON");
    await other.command("EVAL", "return redis.call('get', 'cached')", "0");
    await client.command("SET", "cached", "2");
    assertStringIncludes(await other.command("PING"), "invalidate");
    for (const connection of [other, waiting]) connection.close();
  });

  it("answer others with -BUSY and can be killed, unless they have written", async () => {
    await client.command("CONFIG", "RESETSTAT");
    const caller = await server.connect();
    caller.send(encode(["EVAL", LOOP, "0"]));
    await until(async () => (await client.command("PING")) === BUSY);
    assertEquals(await client.command("FUNCTION", "KILL"), BUSY);
    assertEquals(await client.command("FUNCTION", "STATS"), BUSY);
    assertEquals(await client.command("SHUTDOWN"), BUSY);
    assertEquals(await client.command("MULTI"), "+OK\r\n");
    assertEquals(await client.command("PING"), BUSY);
    assertMatch(await client.command("EXEC"), /^-EXECABORT Transaction discarded because of: BUSY/);
    assertEquals(await client.command("SCRIPT", "KILL"), "+OK\r\n");
    assertEquals(await caller.reply(), "-ERR Script killed by user with SCRIPT KILL. script: on @user_script:1.\r\n");
    assertEquals(await client.command("PING"), "+PONG\r\n");
    caller.send(encode(["EVAL", "redis.call('set', 'k', 1) for i = 1, 3e7 do end return redis.call('incr', 'k')",
      "0"]));
    await until(async () => (await client.command("PING")) === BUSY);
    assertMatch(await client.command("SCRIPT", "KILL"), /^-UNKILLABLE /);
    assertEquals(await caller.reply(), ":2\r\n");
    const stats = await client.command("INFO", "commandstats");
    assertMatch(stats, /cmdstat_eval:calls=2,usec=\d{5,},.*failed_calls=1\r\n/);
    assertMatch(stats, /cmdstat_set:calls=1,/);
    assertMatch(stats, /cmdstat_incr:calls=1,/);
    caller.close();
  });

  it("can't be kept from ending by pcall", async () => {
    const caller = await server.connect();
    caller.send(encode(["EVAL", "local f = function() while true do pcall(function() while true do end end) end end " +
      "while true do pcall(f) end", "0"]));
    await until(async () => (await client.command("PING")) === BUSY);
    assertEquals(await client.command("SCRIPT", "KILL"), "+OK\r\n");
    assertEquals(await caller.reply(), "-ERR Script killed by user with SCRIPT KILL. script: on @user_script:1.\r\n");
    caller.close();
  });

  const noLimit = currentRuntime() !== "node" && "the heap's limit is V8's, set by Node's option";
  it("end when they fill the runtime's heap, and the server goes on", { skip: noLimit }, async () => {
    const small = await startServer({ env: { NODE_OPTIONS: "--max-old-space-size=320" } });
    try {
      const client = await small.connect();
      const hogs = [
        "local t = {} for i = 1, 1e8 do t[i] = {i} end",
        "local t = {} for i = 1, 1e4 do t[i] = cjson.decode('[' .. string.rep('[],', 1e5) .. '1]') end",
      ];
      for (const hog of hogs) {
        const reply = await client.command("EVAL", `${hog} return 1`, 0);
        assertMatch(reply, /^-ERR not enough memory script: on @user_script:1\.\r\n$/);
        const next = await client.command("EVAL", "local n = 0 for i = 1, 3e5 do n = n + #{i} end return n", 0);
        assertEquals(next, ":300000\r\n");
      }
      const keeper = "local kept = {} server.register_function('keep', function(_, args) " +
        "for i = 1, 1000 do kept[#kept + 1] = {args[1] .. i} end return #kept end)";
      await client.command("FUNCTION", "LOAD", `#!lua name=keeper\n${keeper}`);
      let kept = "";
      for (let i = 0; i < 20_000 && !kept.startsWith("-"); i++) kept = await client.command("FCALL", "keep", 0, "x");
      assertEquals(kept, "-ERR not enough memory\r\n");
      assertEquals(await client.command("FUNCTION", "FLUSH"), "+OK\r\n");
      await client.command("FUNCTION", "LOAD", `#!lua name=keeper\n${keeper}`);
      assertEquals(await client.command("FCALL", "keep", 0, "x"), ":1000\r\n");
    } finally {
      await small.stop();
    }
  });

  it("go on when their caller is gone", async () => {
    const caller = await server.connect();
    caller.send(encode(["EVAL", "for i = 1, 2e7 do end redis.call('set', 'after', 'x')", "0"]));
    await until(async () => (await client.command("PING")) === BUSY);
    caller.close();
    await until(async () => (await client.command("GET", "after")) === bulk("x"));
    assertEquals(await client.command("EVAL", "return 1", "0"), ":1\r\n");
  });

  it("stay alone when a transaction has one that is busy", async () => {
    const caller = await server.connect();
    caller.send(Buffer.concat([["MULTI"], ["EVAL", "for i = 1, 2e7 do end return 7", "0"], ["INCR", "n"],
      ["EXEC"]].map(encode)));
    await until(async () => (await client.command("PING")) === BUSY);
    assertEquals([await caller.reply(), await caller.reply(), await caller.reply()],
      ["+OK\r\n", "+QUEUED\r\n", "+QUEUED\r\n"]);
    assertEquals(await caller.reply(), "*2\r\n:7\r\n:1\r\n");
    caller.close();
  });

  it("get their keys when the first of them has memory grow", async () => {
    const fresh = await startServer();
    const connection = await fresh.connect();
    assertEquals(await connection.command("EVAL", "return KEYS[1] .. ARGV[1]", "1", "key", "value"), bulk("keyvalue"));
    connection.close();
    await fresh.stop();
  });

  it("are 500 at most that came with EVAL", async () => {
    await client.command("SCRIPT", "FLUSH");
    await client.command("SCRIPT", "LOAD", "return 'kept'");
    for (let i = 0; i < 520; i++) await client.command("EVAL", `return ${i}`, "0");
    const info = await client.command("INFO");
    assertEquals(field(info, "number_of_cached_scripts"), "501");
    assertEquals(field(info, "evicted_scripts"), "20");
    assert(Number(field(info, "used_memory_scripts_eval")) > 5000);
  });
});

describe("busy scripts with every io-adapter", () => {
  for (const adapter of ["auto", "portable"]) {
    it(`let others be served with ${adapter}`, async () => {
      const server = await startServer({ args: ["--busy-reply-threshold", "5", "--io-adapter", adapter] });
      const [caller, other] = [await server.connect(), await server.connect()];
      caller.send(encode(["EVAL", LOOP, "0"]));
      await until(async () => (await other.command("PING")) === BUSY);
      assertEquals(await other.command("SCRIPT", "KILL"), "+OK\r\n");
      assertMatch(await caller.reply(), /^-ERR Script killed/);
      caller.send(encode(["EVAL", LOOP, "0"]));
      await until(async () => (await other.command("PING")) === BUSY);
      other.send(encode(["SHUTDOWN", "NOSAVE"]));
      await until(() => other.closed);
      for (const connection of [caller, other]) connection.close();
      await server.stop();
    });
  }

  it("are the same each time in a simulated world", async () => {
    const run = async (): Promise<string> => {
      const { port, server, config } = await simulatedServer(7);
      config.replace("busy-reply-threshold", 3n);
      const [caller, other] = [port.connect(), port.connect()];
      const seen: string[] = [];
      const step = async (client: typeof caller, ...command: string[]): Promise<void> => {
        client.send(encode(command));
        await port.settleAsync();
        seen.push(`${caller.receiveText()}|${other.receiveText()}`);
      };
      await step(caller, "EVAL", "for i = 1, 2e6 do end return redis.call('incr', 'n')", "0");
      for (let i = 0; i < 40; i++) {
        await step(other, "PING");
        port.advance(1);
      }
      await step(caller, "EVAL", LOOP, "0");
      await step(other, "SCRIPT", "KILL");
      port.advance(5);
      await step(other, "GET", "n");
      server.close();
      return seen.join("\n");
    };
    const first = await run();
    assertStringIncludes(first, BUSY);
    assertStringIncludes(first, ":1\r\n|");
    assertStringIncludes(first, "-ERR Script killed by user with SCRIPT KILL.");
    assertEquals(await run(), first);
  });
});

describe("scripts in process", () => {
  it("run to their end, and come along in snapshots and clones", () => {
    const wakey = new Wakey({ config: { "busy-reply-threshold": "1" } });
    assertEquals(wakey.call("EVAL", "for i = 1, 1e6 do end return {KEYS[1], ARGV[1]}", 1, "k", "v"), ["k", "v"]);
    wakey.call("FUNCTION", "LOAD",
      "#!lua name=lib\nredis.register_function('f', function(k, a) return redis.call('incr', k[1]) end)");
    const sha = wakey.call<string>("SCRIPT", "LOAD", "return 'kept'");
    assertEquals(wakey.call("FCALL", "f", 1, "n"), 1);
    const other = wakey.clone();
    assertEquals(other.call("FCALL", "f", 1, "n"), 2);
    assertEquals(other.call("EVALSHA", sha, 0), "kept");
    const snapshot = other.snapshot();
    wakey.restore(snapshot);
    assertEquals(wakey.call("FCALL", "f", 1, "n"), 3);
    other.call("FUNCTION", "FLUSH");
    other.restore(snapshot);
    assertEquals(other.call("FCALL", "f", 1, "n"), 3);
    for (const each of [wakey, other]) each.close();
  });

  it("get an error for a reply that is too long or has no end", () => {
    const wakey = new Wakey({});
    const replyTo = (script: string) => new TextDecoder().decode(wakey.callRaw("EVAL", script, 0));
    const long = "-ERR the script's reply is too long\r\n";
    assertEquals(replyTo("local s = string.rep('x', 6e7) return {s, s, s, s, s, s, s, s, s, s}"), long);
    assertMatch(replyTo("local t = {} t[1] = t return t"), /^(\*1\r\n){7000,8000}-ERR reached lua stack limit\r\n$/);
    assertEquals(replyTo("return 1"), ":1\r\n");
    wakey.close();
  });

  it("run inside transactions", () => {
    const wakey = new Wakey({});
    wakey.call("MULTI");
    wakey.call("EVAL", "return redis.call('set', 'k', 'v')", 0);
    wakey.call("GET", "k");
    assertEquals(wakey.call("EXEC"), ["OK", "v"]);
    wakey.close();
  });
});
