/**
 * Publish/subscribe and keyspace events over sockets: every byte as the real server sends it where it is installed;
 * fan-out, slow readers, and what CLIENT LIST, CLIENT KILL and INFO know of subscribers.
 */
import { after, before, describe, it } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { bothServers, changesAlike, playsAlike } from "./support/beside.ts";
import { runAll } from "./support/changes.ts";
import { encode, field, type RespConnection } from "./support/resp.ts";
import { type RunningServer, skipWithoutReal, startServer } from "./support/server.ts";
import { sleep, until } from "./support/wait.ts";

const EVENTS_ON = [["CONFIG", "SET", "notify-keyspace-events", "AKEnm"], ["PSUBSCRIBE", "__key*@*"]];

const SCRIPTS: Record<string, string> = {
  "RESP2": `
    a> SUBSCRIBE x y x
    a> PSUBSCRIBE x* z*
    b PUBLISH x one
    b PUBLISH z two
    a> GET k
    a> PING
    a> PING word
    a> HELLO 3
    a> SSUBSCRIBE s
    b SPUBLISH s three
    a> UNSUBSCRIBE nope
    a> UNSUBSCRIBE x y
    b PUBLISH x four
    a> PUNSUBSCRIBE x* z*
    a> GET k
    a> SUNSUBSCRIBE
    a> SUNSUBSCRIBE
    a> GET k
  `,
  "RESP3, with commands in between": `
    a> HELLO 3
    a> SUBSCRIBE x
    b PUBLISH x one
    a> GET k
    a> PING
    a> PUBLISH x two
    a> MULTI
    a> PUBLISH x three
    a> SUBSCRIBE y
    a> PING
    a> EXEC
    a> UNSUBSCRIBE
    a> PUNSUBSCRIBE
  `,
  "replies switched off": `
    a> CLIENT REPLY OFF
    a> SUBSCRIBE x
    b PUBLISH x one
    a> PING
    c> HELLO 3
    c> CLIENT REPLY SKIP
    c> SUBSCRIBE x
    b PUBLISH x two
    c> CLIENT REPLY OFF
    c> PUBLISH x three
    c> UNSUBSCRIBE x
    c> GET k
  `,
  "PUBSUB": `
    b PUBSUB CHANNELS
    b PUBSUB NUMPAT
    a> SUBSCRIBE one
    a> SSUBSCRIBE two
    a> PSUBSCRIBE p*
    b PUBSUB CHANNELS
    b PUBSUB CHANNELS t*
    b PUBSUB SHARDCHANNELS *
    b PUBSUB NUMSUB
    b PUBSUB NUMSUB one two
    b PUBSUB SHARDNUMSUB one two
    b PUBSUB NUMPAT
    b PUBSUB
    b PUBSUB NUMPAT x
    b PUBSUB CHANNELS x y
    b PUBSUB SHARDCHANNELS x y
    b PUBSUB NOSUCH
    b PUBLISH one
    b SUBSCRIBE
    a> RESET
    b PUBSUB NUMSUB one
    a> GET k
  `,
};

describe("publish/subscribe beside the real server", { skip: skipWithoutReal("valkey-server") }, () => {
  const servers = bothServers();
  for (const [name, script] of Object.entries(SCRIPTS)) it(name, () => playsAlike(servers, script));

  it("every command tells the same keyspace events", () =>
    changesAlike(servers, EVENTS_ON, async (writer, watcher, change) => {
      await runAll(writer, [["PUBLISH", "__key__@mark", "begin"], ...change]);
      await writer.command("PUBLISH", "__key__@mark", "end");
      const events: string[] = [];
      for (let reply = ""; !reply.includes("\r\nend\r\n");) {
        reply = await watcher.reply();
        if (reply.includes("\r\nbegin\r\n")) events.length = 0;
        const [, , , , , , channel, , event] = reply.split("\r\n");
        events.push(`${channel} ${event}`);
      }
      return events.join("\n");
    }));
});

describe("publish/subscribe over sockets", () => {
  let server: RunningServer;
  before(async () => {
    server = await startServer();
  });
  after(() => server?.stop());

  const open = (count: number): Promise<RespConnection[]> =>
    Promise.all(Array.from({ length: count }, () => server.connect()));

  it("a message reaches hundreds of subscribers, small or large", async () => {
    const [sender] = await open(1);
    const readers = await open(300);
    await Promise.all(readers.map((reader) => reader.command("SUBSCRIBE", "all")));
    for (const text of ["small", "x".repeat(200_000)]) {
      assertEquals(await sender.command("PUBLISH", "all", text), ":300\r\n");
      const frame = `*3\r\n$7\r\nmessage\r\n$3\r\nall\r\n$${text.length}\r\n${text}\r\n`;
      for (const reader of readers) assertEquals(await reader.reply(), frame);
    }
    for (const reader of readers) reader.close();
    await until(async () => (await sender.command("PUBSUB", "NUMSUB", "all")).endsWith(":0\r\n"));
    assertEquals(await sender.command("PUBLISH", "all", "x"), ":0\r\n");
    sender.close();
  });

  it("messages of a pipeline come in order", async () => {
    const [sender, reader] = await open(2);
    await reader.command("PSUBSCRIBE", "n:*");
    await sender.pipeline(Array.from({ length: 500 }, (_, i) => ["PUBLISH", `n:${i}`, `${i}`]));
    for (let i = 0; i < 500; i++) assert((await reader.reply()).endsWith(`\r\n${i}\r\n`));
    sender.close();
    reader.close();
  });

  it("CLIENT LIST, CLIENT KILL and INFO know subscribers", async () => {
    const [a, b] = await open(2);
    const id = (await a.command("CLIENT", "ID")).slice(1, -2);
    a.send(encode(["SUBSCRIBE", "x", "y"]));
    await a.reply();
    await a.reply();
    await a.command("PSUBSCRIBE", "p*");
    await a.command("SSUBSCRIBE", "s");
    const line = await b.command("CLIENT", "LIST", "ID", id);
    assertEquals(["flags", "sub", "psub", "ssub"].map((name) => field(line, name)), ["P", "2", "1", "1"]);
    assertEquals(field(await b.command("INFO", "clients"), "pubsub_clients"), "1");
    const stats = await b.command("INFO", "stats");
    assertEquals(["pubsub_channels", "pubsub_patterns", "pubsubshard_channels"].map((name) => field(stats, name)),
      ["2", "1", "1"]);
    assertEquals((await b.command("CLIENT", "LIST", "TYPE", "pubsub")).includes(`id=${id} `), true);
    assertEquals((await b.command("CLIENT", "LIST", "TYPE", "normal")).includes(`id=${id} `), false);
    assertEquals(await b.command("CLIENT", "KILL", "TYPE", "pubsub"), ":1\r\n");
    await until(() => a.closed);
    assertEquals(field(await b.command("INFO", "clients"), "pubsub_clients"), "0");
    b.close();
  });

  it("a reader that does not read is closed at its class's limits, hard or soft", async () => {
    for (const limit of ["pubsub 1mb 0 0", "pubsub 0 300kb 1"]) {
      const [sender, reader] = await open(2);
      await sender.command("CONFIG", "SET", "client-output-buffer-limit", limit);
      await reader.command("SUBSCRIBE", "slow");
      reader.socket.pause();
      const text = "x".repeat(500_000);
      let receivers = ":1\r\n";
      for (let i = 0; i < 300 && receivers === ":1\r\n"; i++) {
        receivers = await sender.command("PUBLISH", "slow", text);
        if (i > 20) await sleep(20);
      }
      assertEquals(receivers, ":0\r\n", limit);
      await sender.command("CONFIG", "SET", "client-output-buffer-limit", "pubsub 32mb 8mb 60");
      sender.close();
      reader.close();
    }
  });

  it("subscribers with much unread go when clients take too much memory", async () => {
    const [sender, reader] = await open(2);
    await sender.command("CONFIG", "SET", "maxmemory-clients", "1mb");
    await reader.command("SUBSCRIBE", "slow");
    reader.socket.pause();
    let receivers = ":1\r\n";
    for (let i = 0; i < 500 && receivers === ":1\r\n"; i++) {
      receivers = await sender.command("PUBLISH", "slow", "x".repeat(40_000 + i));
    }
    assertEquals(receivers, ":0\r\n");
    await sender.command("CONFIG", "SET", "maxmemory-clients", "0");
    sender.close();
    reader.close();
  });
});
