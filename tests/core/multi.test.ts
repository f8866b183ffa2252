/** Transactions in the core: queueing, refusing, running, watching, and what they leave behind. */
import { describe, it } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { ROOT } from "../../server/generated/layout.ts";
import { CoreDriver } from "../support/core.ts";

const QUEUED = "+QUEUED\r\n";
const OK = "+OK\r\n";
const NULL = "*-1\r\n";

/** Runs lines of words on one client; answers with all replies. */
function run(client: { command(...words: string[]): string }, ...lines: string[]): string[] {
  return lines.map((line) => client.command(...line.split(" ")));
}

describe("MULTI and EXEC", () => {
  it("queue commands and run them in order", () => {
    const client = new CoreDriver().connect();
    assertEquals(run(client, "MULTI", "SET a 1", "INCR a", "GET a", "NOPE"), [
      OK, QUEUED, QUEUED, QUEUED, "-ERR unknown command 'NOPE', with args beginning with: \r\n",
    ]);
    assertEquals(run(client, "EXEC", "GET a"), [
      "-EXECABORT Transaction discarded because of previous errors.\r\n", "$-1\r\n",
    ]);
    assertEquals(run(client, "MULTI", "SET a 1", "INCR a", "LCS a", "EXEC").at(-1),
      "-EXECABORT Transaction discarded because of previous errors.\r\n");
    assertEquals(run(client, "MULTI", "SET a 1", "INCR a", "APPEND a x", "INCR a", "EXEC").at(-1),
      "*4\r\n+OK\r\n:2\r\n:2\r\n-ERR value is not an integer or out of range\r\n");
    assertEquals(run(client, "MULTI", "EXEC", "EXEC", "DISCARD", "UNWATCH"), [
      OK, "*0\r\n", "-ERR EXEC without MULTI\r\n", "-ERR DISCARD without MULTI\r\n", OK,
    ]);
  });

  it("refuse what may not stand in a transaction, and EXEC itself with a reason", () => {
    const client = new CoreDriver().connect();
    assertEquals(run(client, "MULTI", "MULTI", "WATCH a", "EXEC"), [
      OK, "-ERR Command 'multi' not allowed inside a transaction\r\n",
      "-ERR Command 'watch' not allowed inside a transaction\r\n",
      "-EXECABORT Transaction discarded because of previous errors.\r\n",
    ]);
    const because = "-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command\r\n";
    assertEquals(run(client, "EXEC x", "MULTI", "SET a 1", "EXEC x", "EXEC"), [
      because, OK, QUEUED, because, "-ERR EXEC without MULTI\r\n",
    ]);
  });

  it("keep large queues and large arguments as they were", () => {
    const client = new CoreDriver().connect();
    const large = "x".repeat(200_000);
    client.command("MULTI");
    for (let i = 0; i < 2000; i++) assertEquals(client.command("SET", `k${i}`, `v${i}`), QUEUED);
    assertEquals(client.command("SET", "large", large), QUEUED);
    assertEquals(client.command("EXEC").length, "*2001\r\n".length + 2001 * 5);
    assertEquals(client.command("GET", "k1999"), "$5\r\nv1999\r\n");
    assertEquals(client.command("GET", "large"), `$${large.length}\r\n${large}\r\n`);
  });

  it("run in one piece from a pipeline, slow commands and all", () => {
    const core = new CoreDriver();
    const [client, other] = [core.connect(), core.connect()];
    const reply = client.send("MULTI\r\nSET a 1\r\nKEYS *\r\nFLUSHALL\r\nSET b 2\r\nKEYS *\r\nEXEC\r\nGET b\r\n");
    const queued = OK + QUEUED.repeat(5);
    assertEquals(reply, `${queued}*5\r\n+OK\r\n*1\r\n$1\r\na\r\n+OK\r\n+OK\r\n*1\r\n$1\r\nb\r\n$1\r\n2\r\n`);
    assertEquals(other.command("GET", "b"), "$1\r\n2\r\n");
  });

  it("give all their memory back", () => {
    const core = new CoreDriver();
    const client = core.connect();
    run(client, "MULTI", "SET a 1", "DISCARD", "WATCH a", "UNWATCH", "SET b 1", "FLUSHALL");
    const before = core.usedBytes;
    for (let i = 0; i < 100; i++) {
      client.command("WATCH", `w${i}`, "w", "w");
      client.command("MULTI");
      for (let j = 0; j < 50; j++) client.command("SET", `k${j}`, "x".repeat(j * 40));
      client.command(i % 2 ? "EXEC" : "DISCARD");
      client.command("FLUSHALL");
    }
    assertEquals(core.usedBytes, before);
    assertEquals(core.core.root32(ROOT.watchCount), 0);
    const other = core.connect();
    run(other, "WATCH a b c", "MULTI", "SET a 1");
    other.close();
    assertEquals(core.core.root32(ROOT.watchCount), 0);
    assertEquals(core.core.root32(ROOT.observers), 0);
  });
});

describe("WATCH", () => {
  /** What happens between WATCH and EXEC, by another client, and whether the transaction then runs. */
  const cases: [name: string, before: string[], change: string[], runs: boolean][] = [
    ["nothing", ["SET k 1"], [], true],
    ["another key", ["SET k 1"], ["SET l 1"], true],
    ["a read", ["SET k 1"], ["GET k", "TTL k", "TYPE k"], true],
    ["SET", ["SET k 1"], ["SET k 1"], false],
    ["a new key", [], ["SET k 1"], false],
    ["APPEND", ["SET k 1"], ["APPEND k x"], false],
    ["DEL", ["SET k 1"], ["DEL k"], false],
    ["DEL of nothing", [], ["DEL k"], true],
    ["RENAME away", ["SET k 1"], ["RENAME k l"], false],
    ["RENAME here", ["SET l 1"], ["RENAME l k"], false],
    ["MOVE", ["SET k 1"], ["MOVE k 1"], false],
    ["COPY here", ["SET l 1"], ["COPY l k"], false],
    ["EXPIRE", ["SET k 1"], ["EXPIRE k 100"], false],
    ["PERSIST", ["SET k 1 EX 100"], ["PERSIST k"], false],
    ["PERSIST of nothing", ["SET k 1"], ["PERSIST k"], true],
    ["GETEX", ["SET k 1"], ["GETEX k EX 5"], false],
    ["SETBIT", [], ["SETBIT k 1 1"], false],
    ["another database", ["SET k 1"], ["SELECT 1", "SET k 1"], true],
    ["FLUSHALL with the key", ["SET k 1"], ["FLUSHALL"], false],
    ["FLUSHALL without the key", ["SET l 1"], ["FLUSHALL"], true],
    ["FLUSHDB with the key", ["SET k 1"], ["FLUSHDB"], false],
    ["FLUSHDB elsewhere", ["SET k 1"], ["SELECT 1", "FLUSHDB"], true],
    ["SWAPDB of the key", ["SET k 1"], ["SWAPDB 0 1"], false],
    ["SWAPDB that brings the key", ["SELECT 1", "SET k 1", "SELECT 0"], ["SWAPDB 0 1"], false],
    ["SWAPDB of other keys", ["SET l 1"], ["SWAPDB 0 1"], true],
  ];
  for (const [name, before, change, runs] of cases) {
    it(`${name}: EXEC ${runs ? "runs" : "replies null"}`, () => {
      const core = new CoreDriver();
      const [client, other] = [core.connect(), core.connect()];
      run(client, ...before, "WATCH k x", "WATCH k y");
      run(other, ...change);
      assertEquals(run(client, "MULTI", "PING", "EXEC").at(-1), runs ? "*1\r\n+PONG\r\n" : NULL);
      assertEquals(run(client, "MULTI", "PING", "EXEC").at(-1), "*1\r\n+PONG\r\n", "the next one runs");
    });
  }

  it("sees the key's end, whether somebody noticed or not", () => {
    const core = new CoreDriver();
    const [client, other] = [core.connect(), core.connect()];
    run(client, "SET k 1 PX 100", "WATCH k");
    core.advance(101);
    assertEquals(run(client, "MULTI", "PING", "EXEC").at(-1), NULL);
    run(client, "SET k 1 PX 100", "WATCH k");
    core.advance(101);
    other.command("GET", "k");
    assertEquals(run(client, "MULTI", "PING", "EXEC").at(-1), NULL);
  });

  it("of a key whose time is over does not see it go", () => {
    const core = new CoreDriver();
    const [client, other] = [core.connect(), core.connect()];
    core.core.setSetting("activeExpire", 0);
    for (const change of [[], ["GET k"], ["DEL k"], ["FLUSHDB"], ["FLUSHALL"]]) {
      run(client, "SET k 1 PX 100");
      core.advance(101);
      client.command("WATCH", "k");
      run(other, ...change);
      assertEquals(run(client, "MULTI", "PING", "EXEC").at(-1), "*1\r\n+PONG\r\n", change.join());
    }
    run(client, "SET k 1 PX 100");
    core.advance(101);
    client.command("WATCH", "k");
    other.command("SET", "k", "2");
    assertEquals(run(client, "MULTI", "PING", "EXEC").at(-1), NULL);
  });

  it("costs nothing when nobody watches", () => {
    const core = new CoreDriver();
    const client = core.connect();
    assertEquals(core.core.root32(ROOT.observers), 0);
    client.command("WATCH", "k");
    assert(core.core.root32(ROOT.observers) !== 0);
    client.command("UNWATCH");
    assertEquals(core.core.root32(ROOT.observers), 0);
  });
});

describe("transactions without memory", () => {
  it("refuse the command that finds no room, and the whole then", () => {
    for (let n = 0; n < 6; n++) {
      const core = new CoreDriver();
      const client = core.connect();
      const replies = core.failing(n, () => run(client, "WATCH a b", "MULTI", "SET a 1", "SET b 2", "EXEC"));
      assert(replies.every((reply) => /^([+:*]|-OOM|-EXECABORT|-ERR EXEC)/.test(reply)), replies.join(""));
      assertEquals(run(client, "RESET", "MULTI", "SET a 1", "EXEC").at(-1), "*1\r\n+OK\r\n");
      client.close();
      assertEquals(core.core.root32(ROOT.watchCount), 0);
    }
  });
});
