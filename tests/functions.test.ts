/**
 * Functions: loading libraries, listing, calling, dumping and restoring them, byte by byte as the real server where it
 * is installed; payloads and first lines that are damaged; functions that are busy.
 */
import process from "node:process";
import { after, before, describe, it } from "node:test";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Wakey, WakeyError } from "wakey";
import { bothServers } from "./support/beside.ts";
import { bulk, encode, field, type RespConnection } from "./support/resp.ts";
import { Random } from "./support/random.ts";
import { type RunningServer, skipWithoutReal, startServer } from "./support/server.ts";
import { until } from "./support/wait.ts";

/** Bodies of a library, each loaded alone. */
const BODIES = [
  "", "return 1", "return {", "error('x')", "nosuch = 1", "return nosuch", "redis.call('ping')",
  "redis.pcall('ping')",
  "redis.setresp(3)", "redis.register_function()", "redis.register_function('x')", "redis.register_function(1, 2)",
  "redis.register_function('x', 2)", "redis.register_function('x-y', function() end)",
  "redis.register_function('', function() end)", "redis.register_function('x', function() end, {})",
  "redis.register_function{}", "redis.register_function{function_name = 'x'}",
  "redis.register_function{callback = function() end}", "redis.register_function(1)",
  "redis.register_function{callback = function() end, function_name = 'x', flags = 1}",
  "redis.register_function{callback = function() end, function_name = 'x', flags = {'a'}}",
  "redis.register_function{callback = function() end, function_name = 'x', flags = {1}}",
  "redis.register_function{callback = function() end, function_name = 'x', more = 1}",
  "redis.register_function{callback = function() end, function_name = {}}", "redis.register_function{[1] = 2}",
  "redis.register_function{callback = 1, function_name = 'x'}", "math.random()", "redis.x = 1", "redis.call = 1",
  "redis.register_function('x', function() end) redis.register_function('x', function() end)", "string.x = 1",
  "redis.register_function{callback = function() end, function_name = 'x', description = 1}", "server.nosuch()",
  "redis.register_function{callback = function() end, function_name = 'x', flags = {'no-writes', 'allow-OOM'}}",
  "redis.register_function('x', function() return {math.random ~= nil, redis.call ~= nil, redis.nosuch} end)",
  "redis.register_function('x', function() redis.register_function('y', function() end) end)",
  "local n = 0 redis.register_function('x', function() n = n + 1 return n end)",
  "redis.register_function('x', function(k, a) return {k[1], a[1], KEYS} end)",
];

const HEADS = [
  "", "#!lua", "#!lua name=a", "#!lua name=a-b", "#!lua name=", "#!lua name=a name=b", "#!foo name=a",
  "#!lua name=a more=b",
  "#!LUA name=a",
  "#!lua name=a flags=no-writes", "#!lua NAME=a", "#! lua name=a", "#!lua name=\"a\"", "#!lua \"name=a", "#!",
  "# !lua name=a",
];

const REGISTER = "redis.register_function";
const LIBRARY = `#!lua name=lib\n${REGISTER}('f', function(k, a) return {#k, #a, a[1]} end)`;
const READER = `#!lua name=reader\n${REGISTER}{function_name = 'r', ` +
  `callback = function(k) return redis.call('get', k[1]) end, flags = {'no-writes'}}`;

const COMMANDS: string[][] = [
  ["FUNCTION", "LOAD", LIBRARY], ["FUNCTION", "LOAD", LIBRARY], ["FUNCTION", "LOAD", "REPLACE", LIBRARY],
  ["FUNCTION", "LOAD", LIBRARY.replace("lib", "lib2")], ["FUNCTION", "DUMP"],
  ["FUNCTION", "LOAD", READER], ["FUNCTION", "LIST", "LIBRARYNAME", "READ*"], ["FUNCTION", "LOAD", "x", "y"],
  ["FUNCTION", "LOAD", "x", "y", "z"],
  ["FUNCTION", "LIST", "LIBRARYNAME"], ["FUNCTION", "LIST", "LIBRARYNAME", "l*", "LIBRARYNAME", "l*"],
  ["FUNCTION", "LIST", "FOO"], ["FUNCTION", "LIST", "WITHCODE", "WITHCODE"], ["FUNCTION", "LIST",
  "LIBRARYNAME", "L?B"],
  ["FUNCTION", "DELETE", "nosuch"], ["FUNCTION", "DELETE", "LIB"], ["FUNCTION", "STATS"],
  ["FUNCTION", "FLUSH", "x"], ["FUNCTION", "FLUSH", "sync", "x"], ["FUNCTION", "KILL"], ["FUNCTION", "RESTORE",
  "abc"],
  ["FUNCTION", "RESTORE", "abc", "x"], ["FUNCTION", "RESTORE", "abc", "flush", "append"], ["FUNCTION", "FOO"],
  ["FCALL", "f", "0"], ["FCALL", "f", "1", "a", "b"], ["FCALL", "F", "0"], ["FCALL", "nosuch", "0"], ["FCALL",
  "f", "x"],
  ["FCALL", "f", "-1"], ["FCALL", "f", "3"], ["FCALL_RO", "f", "0"], ["FCALL_RO", "f", "x"], ["FCALL_RO", "r",
  "1", "k"],
  ["FCALL", "r", "0"], ["FUNCTION", "DELETE", "lib"], ["FCALL", "f", "0"], ["FUNCTION", "LIST"],
];

async function answers(connection: RespConnection, commands: readonly string[][]): Promise<object[]> {
  const rows: object[] = [];
  for (const command of commands) rows.push({ command, reply: await connection.command(...command) });
  return rows;
}

describe("functions beside the real server", { skip: skipWithoutReal("valkey-server") }, () => {
  const both = bothServers();

  const alike = async (commands: readonly string[][], resp = "2"): Promise<void> => {
    const [ours, real] = [await both.ours.connect(), await both.real.connect()];
    for (const connection of [ours, real]) await answers(connection, [["HELLO", resp], ["FUNCTION", "FLUSH"]]);
    assertEquals(await answers(ours, commands), await answers(real, commands));
    for (const connection of [ours, real]) connection.close();
  };

  it("loads and refuses the same libraries", () => alike(BODIES.flatMap((body) => [
    ["FUNCTION", "LOAD", "REPLACE", `#!lua name=a\n${body}`], ["FUNCTION", "LIST"], ["FCALL", "x", "1", "k", "v"],
    ["FCALL", "x", "0"],
  ])));

  it("reads the same first lines", () => alike(HEADS.map((head) =>
    ["FUNCTION", "LOAD", "REPLACE", `${head}\n${REGISTER}('x', function() return 1 end)`])));

  for (const resp of ["2", "3"]) it(`answers alike in RESP${resp}`, () => alike(COMMANDS, resp));

  it("dumps the same bytes, and restores those of the other", async () => {
    const connections = [await both.ours.connect(), await both.real.connect()];
    const comment = `-- ${"again and again ".repeat(200)}`;
    const long = `#!lua name=long\n${comment}\n${REGISTER}('l', function() return 'long' end)`;
    for (const library of [LIBRARY, long]) {
      const dumps: string[] = [];
      for (const connection of connections) {
        await answers(connection, [["FUNCTION", "FLUSH"], ["FUNCTION", "LOAD", library]]);
        dumps.push(await connection.command("FUNCTION", "DUMP"));
      }
      assertEquals(dumps[0], dumps[1]);
      const payload = Buffer.from(dumps[1].slice(dumps[1].indexOf("\n") + 1, -2), "latin1");
      for (const connection of connections) {
        assertEquals(await connection.command("FUNCTION", "FLUSH"), "+OK\r\n");
        for (const [policy, reply] of [["APPEND", /^\+OK/], ["APPEND", /^-ERR Library \w+ already exists/],
          ["REPLACE", /^\+OK/],
          ["FLUSH", /^\+OK/]] as const) {
          connection.send(restore(payload, policy));
          assertMatch(await connection.reply(), reply);
        }
      }
      assertEquals(await connections[0].command("FUNCTION", "LIST", "WITHCODE"),
        await connections[1].command("FUNCTION", "LIST", "WITHCODE"));
    }
    for (const connection of connections) connection.close();
  });
});

/** FUNCTION RESTORE of bytes. */
function restore(payload: Uint8Array, policy: string): Uint8Array {
  const head = Buffer.from(`*4\r\n$8\r\nFUNCTION\r\n$7\r\nRESTORE\r\n$${payload.length}\r\n`);
  return Buffer.concat([head, payload, Buffer.from(`\r\n${bulk(policy)}`)]);
}

describe("functions", () => {
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

  it("show while they are busy, and can be killed", async () => {
    await client.command("FUNCTION",
      "LOAD", `#!lua name=busy\n${REGISTER}('loop', function() while true do end end)`);
    const caller = await server.connect();
    caller.send(encode(["FCALL", "loop", "1", "key", "arg"]));
    const busy = "-BUSY Valkey is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.\r\n";
    await until(async () => (await client.command("PING")) === busy);
    assertEquals(await client.command("SCRIPT", "KILL"), busy);
    const stats = await client.command("FUNCTION", "STATS");
    for (const text of ["loop", "FCALL", "key", "arg"]) assertStringIncludes(stats, bulk(text));
    assertEquals(await client.command("FUNCTION", "KILL"), "+OK\r\n");
    assertEquals(await caller.reply(),
      "-ERR Script killed by user with FUNCTION KILL. script: on @user_function:2.\r\n");
    caller.close();
  });

  it("have half a second to load", async () => {
    assertMatch(await client.command("FUNCTION", "LOAD", "#!lua name=slow\nwhile true do end"),
      /^-ERR Error registering functions: .*FUNCTION LOAD timeout/);
    assertEquals(await client.command("PING"), "+PONG\r\n");
  });

  it("count in INFO", async () => {
    await client.command("FUNCTION", "FLUSH");
    for (const library of [LIBRARY, READER]) await client.command("FUNCTION", "LOAD", library);
    const info = await client.command("INFO", "memory");
    assertEquals([field(info, "number_of_libraries"), field(info, "number_of_functions")], ["2", "2"]);
    assert(Number(field(info, "used_memory_functions")) > LIBRARY.length);
  });

  it("obey a pause and a lack of memory by their flags", async () => {
    const other = await server.connect();
    await client.command("CLIENT", "PAUSE", "100000", "WRITE");
    assertEquals(await other.command("FCALL_RO", "r", "1", "k"), "$-1\r\n");
    assertEquals(await other.command("EVAL", "#!lua flags=no-writes\nreturn 1", "0"), ":1\r\n");
    for (const command of [["FCALL", "f", "0"], ["EVAL", "#!lua\nreturn 1", "0"], ["EVAL", "return 1",
      "0"]]) other.send(encode(command));
    assertEquals(await other.drain(50), "");
    await client.command("CLIENT", "UNPAUSE");
    for (const reply of ["*2\r\n:0\r\n:0\r\n", ":1\r\n", ":1\r\n"]) assertEquals(await other.reply(), reply);
    await client.command("CONFIG", "SET", "maxmemory", "1");
    const out = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";
    assertEquals(await other.command("FCALL", "f", "0"), out);
    assertEquals(await other.command("EVAL", "#!lua\nreturn 1", "0"), out);
    assertEquals(await other.command("FCALL", "r", "1", "k"), "$-1\r\n");
    assertEquals(await other.command("EVAL", "#!lua flags=allow-oom\nreturn redis.call('set', 'k', 1)", "0"),
      "+OK\r\n");
    assertMatch(await other.command("EVAL", "return redis.call('set', 'k', 1)",
      "0"), /^-OOM .*script: on @user_script:1/);
    assertEquals(await other.command("EVAL", "redis.call('del', 'k') return redis.call('set', 'k', 1)", "0"),
      "+OK\r\n");
    await client.command("CONFIG", "SET", "maxmemory", "0");
    other.close();
  });
});

describe("damaged payloads of functions", () => {
  it("are refused, and change nothing", () => {
    const random = new Random(Number(process.env.SEED ?? 20261121));
    const wakey = new Wakey({ config: { "enable-debug-command": "yes" } });
    wakey.call("FUNCTION", "LOAD", LIBRARY);
    const good = wakey.callBytes<Uint8Array>("FUNCTION", "DUMP");
    const list = () => JSON.stringify([wakey.call("FUNCTION", "STATS"), wakey.callRaw("FUNCTION", "LIST",
      "WITHCODE")]);
    const before = list();
    // Without the checksum what is behind it is read.
    for (const skips of ["0", "1"]) {
      wakey.call("DEBUG", "SET-SKIP-CHECKSUM-VALIDATION", skips);
      for (let i = 0; i < 500; i++) {
        const bytes = good.slice(0, random.below(2) === 0 ? good.length : random.below(good.length + 1));
        for (let n = random.below(3) + 1; n > 0 && bytes.length > 0; n--) {
          bytes[random.below(bytes.length)] = random.below(256);
        }
        try {
          wakey.call("FUNCTION", "RESTORE", bytes, "APPEND");
          // A change of a comment, of a name or of nothing that matters.
          wakey.call("FUNCTION", "FLUSH");
          wakey.call("FUNCTION", "LOAD", LIBRARY);
        } catch (error) {
          assert(error instanceof WakeyError, `${error}`);
        }
        assertEquals(list(), before);
      }
    }
    wakey.close();
  });

  it("and damaged first lines are errors", () => {
    const random = new Random(Number(process.env.SEED ?? 20261121));
    const wakey = new Wakey({});
    const parts = ["#!", "lua", " ", "name=", "a", "flags=", "no-writes", ",", "\"", "'", "\\x", "\n", "\0",
      "\xff", "x"];
    for (let i = 0; i < 2000; i++) {
      let text = random.below(4) === 0 ? "" : "#!";
      for (let n = random.below(8); n > 0; n--) text += parts[random.below(parts.length)];
      for (const command of [["FUNCTION", "LOAD", text], ["EVAL", text, "0"]]) {
        assertMatch(new TextDecoder("latin1").decode(wakey.callRaw(...command)), /^([-$:*+_]).*\r\n/s);
      }
    }
    wakey.close();
  });
});
