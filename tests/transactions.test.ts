/**
 * Transactions over sockets: replies and effects as the real server's, byte by byte where it is installed; commands
 * that the host runs inside EXEC; what CLIENT LIST and INFO show; limits and pauses.
 */
import { after, before, describe, it } from "node:test";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { bothServers, changesAlike, playsAlike } from "./support/beside.ts";
import { runAll } from "./support/changes.ts";
import { encode, field, type RespConnection } from "./support/resp.ts";
import { type RunningServer, skipWithoutReal, startServer } from "./support/server.ts";
import { sleep, until } from "./support/wait.ts";

const SCRIPTS: Record<string, string> = {
  "errors while queueing": `
    a MULTI
    a MULTI
    a WATCH k
    a CLIENT REPLY OFF
    a SET k
    a NOSUCH x y
    a CONFIG NOSUCH
    a SET k 1
    a EXEC
    a GET k
    a EXEC
    a DISCARD
    a MULTI x
    a EXEC x
    a MULTI
    a EXEC x
    a EXEC
    a UNWATCH
    a MULTI
    a DISCARD x
    a DISCARD
    a EXEC
  `,
  "errors while executing": `
    a SET k text
    a MULTI
    a INCR k
    a SET k 2
    a INCR k
    a SELECT 99
    a CONFIG SET maxmemory-policy nonsense
    a CONFIG GET maxmemory-policy
    a OBJECT ENCODING k
    a DEBUG NOSUCH
    a EXEC
    a GET k
  `,
  "databases and protocols inside": `
    a MULTI
    a SELECT 3
    a SET k three
    a SELECT 0
    a SET k zero
    a CONFIG GET maxmemory
    a EXEC
    a SELECT 3
    a GET k
    a MULTI
    a RESET
    a EXEC
    a GET k
    a HELLO 3
    a MULTI
    a GET nokey
    a CONFIG GET maxmemory
    a EXEC
    a WATCH k
    b SET k other
    a MULTI
    a PING
    a EXEC
  `,
  "WATCH, DISCARD, UNWATCH": `
    a WATCH k l
    b SET k 1
    a MULTI
    a PING
    a EXEC
    a WATCH k
    b SET k 2
    a UNWATCH
    a MULTI
    a PING
    a EXEC
    a WATCH k
    b SET k 3
    a MULTI
    a DISCARD
    a MULTI
    a UNWATCH
    a PING
    a EXEC
    a WATCH k
    a SET k mine
    a MULTI
    a PING
    a EXEC
  `,
  "replies switched off": `
    a> CLIENT REPLY OFF
    a> MULTI
    a> SET k 1
    a> EXEC
    a CLIENT REPLY ON
    a GET k
    a> CLIENT REPLY SKIP
    a> MULTI
    a SET k 2
    a EXEC
    a MULTI
    a SET k 3
    a GET k
  `,
  "out of memory": `
    a SET k 1
    a MULTI
    a SET k 2
    b CONFIG SET maxmemory 1
    a GET k
    a EXEC
    a MULTI
    b CONFIG SET maxmemory 0
    a GET k
    b CONFIG SET maxmemory 1
    a EXEC
    a MULTI
    a DISCARD
    b CONFIG SET maxmemory 0
    a MULTI
    a SET k 3
    b CONFIG SET maxmemory 1
    a EXEC
    b CONFIG SET maxmemory 0
    a GET k
  `,
  "too few replicas": `
    a SET k 1
    a MULTI
    a INCR k
    b CONFIG SET min-replicas-to-write 1
    a EXEC
    a SET k 2
    a GET k
    a PUBLISH c m
    a MULTI
    a DEL k
    a EXEC
    b CONFIG SET min-replicas-max-lag 0
    a SET k 2
    b CONFIG SET min-replicas-max-lag 10
    a SET k 3
    b CONFIG SET min-replicas-to-write 0
    a SET k 3
  `,
  "subscriptions inside": `
    a HELLO 2
    a MULTI
    a SUBSCRIBE x
    a PUBLISH x one
    a GET k
    a> EXEC
    a> GET k
    a> MULTI
    a> EXEC
    a> UNSUBSCRIBE
    a> PING
  `,
};

describe("transactions beside the real server", { skip: skipWithoutReal("valkey-server") }, () => {
  const servers = bothServers("--enable-debug-command", "yes");
  for (const [name, script] of Object.entries(SCRIPTS)) it(name, () => playsAlike(servers, script));

  it("every change of a key that is watched is seen, or is not", () =>
    changesAlike(servers, [], async (writer, watcher, change) => {
      await runAll(watcher, [["WATCH", "k"]]);
      await runAll(writer, change);
      return (await runAll(watcher, [["MULTI"], ["PING"], ["EXEC"]]))[2];
    }));
});

describe("transactions over sockets", () => {
  let server: RunningServer;
  before(async () => {
    server = await startServer({ args: ["--enable-debug-command", "yes"] });
  });
  after(() => server?.stop());

  const open = (count: number): Promise<RespConnection[]> =>
    Promise.all(Array.from({ length: count }, () => server.connect()));

  it("commands of the host are part of EXEC, in their order", async () => {
    const [a] = await open(1);
    const replies = await a.pipeline([
      ["MULTI"], ["SET", "k", "1"], ["CONFIG", "SET", "lfu-log-factor", "11"], ["INCR", "k"],
      ["CONFIG", "GET", "lfu-log-factor"], ["INFO", "clients"], ["CLIENT", "ID"], ["INCR", "k"], ["EXEC"], ["GET", "k"],
    ]);
    assert(replies[8].startsWith("*7\r\n+OK\r\n+OK\r\n:2\r\n*2\r\n$14\r\nlfu-log-factor\r\n$2\r\n11\r\n$"));
    assert(replies[8].endsWith(":3\r\n"));
    assertEquals(replies[9], "$1\r\n3\r\n");
    a.close();
  });

  it("nothing comes between the commands of a transaction, even while the host takes its time", async () => {
    const [a, b] = await open(2);
    await a.pipeline([["MULTI"], ["SET", "k", "a"], ["CONFIG", "SET", "port", `${server.port}`], ["GET", "k"]]);
    a.send(encode(["EXEC"]));
    const others = b.pipeline(Array.from({ length: 50 }, () => ["SET", "k", "b"]));
    assertEquals(await a.reply(), "*3\r\n+OK\r\n+OK\r\n$1\r\na\r\n");
    assertEquals((await others).length, 50);
    assertEquals(await b.command("GET", "k"), "$1\r\nb\r\n");
    a.close();
    b.close();
  });

  it("transactions of many clients at once leave no trace of each other", async () => {
    const clients = await open(20);
    await clients[0].command("SET", "sum", "0");
    await Promise.all(clients.map(async (client, i) => {
      for (let n = 0; n < 20; n++) {
        const own = [
          ["MULTI"], ["INCRBY", "sum", "1"], ["SET", "who", `${i}`], ["CONFIG", "GET", "port"], ["GET", "who"],
          ["INCRBY", "sum", "-1"], ["GET", "sum"], ["EXEC"],
        ];
        const replies = await client.pipeline(own);
        assertMatch(replies[7], new RegExp(`^\\*6\r\n:1\r\n\\+OK\r\n\\*2[^]*\r\n${i}\r\n:0\r\n\\$1\r\n0\r\n$`));
      }
    }));
    for (const client of clients) client.close();
  });

  it("CLIENT LIST and INFO show queue and watches", async () => {
    const [a, b] = await open(2);
    const id = (await a.command("CLIENT", "ID")).slice(1, -2);
    const info = () => b.command("CLIENT", "LIST", "ID", id);
    const first = await info();
    assertEquals(["multi", "watch", "flags"].map((name) => field(first, name)), ["-1", "0", "N"]);
    await a.command("WATCH", "w1", "w2");
    assertEquals([field(await info(), "multi"), field(await info(), "watch")], ["0", "2"]);
    assertEquals(field(await b.command("INFO", "clients"), "watching_clients"), "1");
    assertEquals(field(await b.command("INFO", "clients"), "total_watched_keys"), "2");
    await a.pipeline([["MULTI"], ["SET", "k", "x".repeat(1000)], ["GET", "k"]]);
    assertEquals([field(await info(), "multi"), field(await info(), "flags")], ["2", "x"]);
    assert(Number(field(await info(), "multi-mem")) >= 1000);
    await b.command("SET", "w1", "1");
    assertEquals(field(await info(), "flags"), "xd");
    assertEquals(await a.command("EXEC"), "*-1\r\n");
    assertEquals(field(await b.command("INFO", "clients"), "total_watched_keys"), "0");
    a.close();
    b.close();
  });

  it("a transaction that writes waits for the end of a pause", async () => {
    const [a, b] = await open(2);
    await a.pipeline([["MULTI"], ["SET", "k", "1"]]);
    await b.command("CLIENT", "PAUSE", "100000", "WRITE");
    a.send(encode(["EXEC"]));
    await sleep(50);
    assertEquals(a.leftover, "");
    await b.command("CLIENT", "UNPAUSE");
    assertEquals(await a.reply(), "*1\r\n+OK\r\n");
    await a.pipeline([["MULTI"], ["GET", "k"]]);
    await b.command("CLIENT", "PAUSE", "100000", "WRITE");
    assertEquals(await a.command("EXEC"), "*1\r\n$1\r\n1\r\n");
    await b.command("CLIENT", "UNPAUSE");
    a.close();
    b.close();
  });

  it("slow commands inside are logged one by one, EXEC is not", async () => {
    const [a] = await open(1);
    await a.pipeline([["CONFIG", "SET", "slowlog-log-slower-than", "0"], ["SLOWLOG", "RESET"]]);
    await a.pipeline([["MULTI"], ["SET", "logged", "1"], ["CONFIG", "GET", "port"], ["EXEC"]]);
    const log = await a.command("SLOWLOG", "GET", "10");
    await a.command("CONFIG", "SET", "slowlog-log-slower-than", "10000");
    for (const word of ["MULTI", "logged", "port"]) assert(log.includes(`\r\n${word}\r\n`), `${word} in ${log}`);
    assert(!log.includes("\r\nEXEC\r\n"));
    a.close();
  });

  it("a client that goes in the middle takes its queue and watches along", async () => {
    const [a, b] = await open(2);
    await a.pipeline([["WATCH", "x"], ["MULTI"], ["SET", "gone", "1"]]);
    a.close();
    await until(async () => field(await b.command("INFO", "clients"), "watching_clients") === "0", "no watches");
    assertEquals(await b.command("EXISTS", "gone"), ":0\r\n");
    b.close();
  });
});
