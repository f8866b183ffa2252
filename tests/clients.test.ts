/**
 * Clients: the tools that people use with Valkey work against our server: valkey-cli in its modes and the default run
 * of valkey-benchmark.
 *
 * valkey-benchmark's default run ends with functions. As long as FUNCTION is to come (commands/function-load.json says
 * so), the run has to reach that point and stop there.
 */
import { after, before, describe, it } from "node:test";
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { spawn, spawnSync } from "node:child_process";
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

  it("--bigkeys and --memkeys find the biggest of each type", async () => {
    const members = Array.from({ length: 50 }, (_, i) => `${i}`);
    await cli(["SET", "big:string", "x".repeat(5000)]);
    await cli(["RPUSH", "big:list", ...members]);
    await cli(["SADD", "big:set", ...members]);
    await cli(["HSET", "big:hash", ...members]);
    await cli(["ZADD", "big:zset", ...members]);
    await cli([], "XADD big:stream * f v\nXADD big:stream * f v\n");
    const [counted, weighed] = [(await cli(["--bigkeys"])).output, (await cli(["--memkeys"])).output];
    for (const [type, size] of [
      ["string", "5000 bytes"], ["list", "50 items"], ["set", "50 members"], ["hash", "25 fields"],
      ["zset", "25 members"], ["stream", "2 entries"],
    ]) {
      assertMatch(counted, new RegExp(`Biggest +${type} found '"big:${type}"' has ${size}`));
      assertMatch(weighed, new RegExp(`Biggest +${type} found '"big:${type}"' has \\d+ bytes`));
    }
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

/** What its default run prints, in this order. */
const BENCHMARKS = [
  "PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "LPUSH", "RPUSH", "LPOP", "RPOP", "SADD", "HSET", "SPOP", "ZADD",
  "ZPOPMIN", "LPUSH (needed to benchmark LRANGE)", "LRANGE_100 (first 100 elements)", "LRANGE_300 (first 300 elements)",
  "LRANGE_500 (first 500 elements)", "LRANGE_600 (first 600 elements)", "MSET (10 keys)", "MGET (10 keys)", "XADD",
  "FUNCTION LOAD", "FCALL",
];

describe("valkey-benchmark", { skip: skipWithoutReal("valkey-benchmark") }, () => {
  let server: RunningServer;
  before(async () => {
    server = await startServer();
  });
  after(() => server?.stop());

  for (const [name, more] of [
    ["with its own connections", []], ["pipelined in RESP3 with random keys", ["-P", "16", "-3", "-r", "1000"]],
  ] as const) {
    it(`goes through its default run, ${name}`, async () => {
      const args = ["-p", `${server.port}`, "-n", "1000", "-q", ...more];
      const { output, code } = await run(realProgram("valkey-benchmark")!, args, "", 60_000);
      const lines = output.split(/[\r\n]+/);
      const done = lines.map((line) => /^(.+): [\d.]+ requests per second/.exec(line)?.[1]).filter(Boolean);
      const errors = lines.filter((line) => /error/i.test(line)).map((line) => line.slice(0, 55));
      assertEquals({ done, errors, code }, { done: BENCHMARKS, errors: [], code: 0 });
    });
  }
});
