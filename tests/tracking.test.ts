/**
 * Client-side caching over sockets: every mode as the real server does it, byte by byte where it is installed; what
 * INFO and CLIENT LIST show; the table's limit; many clients that cache the same keys.
 */
import { after, before, describe, it } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { bothServers, changesAlike, playsAlike } from "./support/beside.ts";
import { runAll } from "./support/changes.ts";
import { encode, field } from "./support/resp.ts";
import { type RunningServer, skipWithoutReal, startServer } from "./support/server.ts";
import { until } from "./support/wait.ts";

const SCRIPTS: Record<string, string> = {
  "options that contradict each other": `
    a CLIENT TRACKING
    a CLIENT TRACKING ON OFF
    a CLIENT TRACKING MAYBE
    a CLIENT TRACKING ON REDIRECT
    a CLIENT TRACKING ON REDIRECT x
    a CLIENT TRACKING ON REDIRECT 999999
    a CLIENT TRACKING ON PREFIX a
    a CLIENT TRACKING ON BCAST OPTIN
    a CLIENT TRACKING ON OPTIN OPTOUT
    a CLIENT CACHING YES
    a CLIENT TRACKING ON OPTIN
    a CLIENT TRACKING ON OPTOUT
    a CLIENT TRACKING ON BCAST
    a CLIENT TRACKINGINFO
    a CLIENT CACHING MAYBE
    a CLIENT CACHING NO
    a CLIENT CACHING YES
    a CLIENT TRACKINGINFO
    a GET k
    a CLIENT TRACKINGINFO
    a CLIENT TRACKING ON NOLOOP
    a CLIENT CACHING YES
    a CLIENT TRACKINGINFO
    a CLIENT GETREDIR
    a CLIENT TRACKING OFF
    a CLIENT GETREDIR
    a CLIENT TRACKINGINFO
    a CLIENT TRACKING ON BCAST PREFIX ab PREFIX abc
    a CLIENT TRACKING ON BCAST PREFIX abc PREFIX x PREFIX ab
    a CLIENT TRACKING ON BCAST PREFIX ab PREFIX x
    a CLIENT TRACKING ON BCAST PREFIX abc
    a CLIENT TRACKING ON BCAST PREFIX ab
    a CLIENT TRACKING ON BCAST PREFIX a
    a CLIENT TRACKING ON BCAST
    a RESET
    a CLIENT TRACKINGINFO
  `,
  "keys that were read": `
    a> HELLO 3
    a> CLIENT TRACKING ON
    a> MGET k l
    a> STRLEN m
    b SET k 1
    b SET k 2
    b SET other 1
    b SELECT 3
    b SET l 1
    a> SET m 1
    a> GET m
    a> SET m 2
    a> MULTI
    a> GET m
    a> SET m 3
    a> GET k
    a> EXEC
    b SELECT 0
    b EXPIRE m 100
    a> GET k
    b FLUSHDB
    b SET k 1
    a> GET k
    a> FLUSHALL
    a> GET k
    a> CLIENT TRACKING OFF
    b SET k 2
  `,
  "NOLOOP": `
    a> HELLO 3
    a> CLIENT TRACKING ON NOLOOP
    a> GET k
    a> SET k 1
    a> GET k
    b SET k 2
    a> GET k
    a> FLUSHALL
  `,
  "OPTIN and OPTOUT": `
    a> HELLO 3
    a> CLIENT TRACKING ON OPTIN
    a> GET k
    b SET k 1
    a> CLIENT CACHING YES
    a> GET k
    a> GET l
    b MSET k 2 l 2
    a> CLIENT CACHING YES
    a> MULTI
    a> GET k
    a> GET l
    a> EXEC
    a> GET m
    b MSET k 3 l 3 m 3
    a> CLIENT TRACKING OFF
    a> CLIENT TRACKING ON OPTOUT
    a> CLIENT CACHING NO
    a> GET k
    a> GET l
    b MSET k 4 l 4
  `,
  "BCAST": `
    a> HELLO 3
    a> CLIENT TRACKING ON BCAST PREFIX ab PREFIX x
    c> HELLO 3
    c> CLIENT TRACKING ON BCAST NOLOOP
    b SET ab:1 1
    b SET xyz 1
    b SET other 1
    a> SET x1 1
    c> SET x2 1
    b DEL ab:1 nothing
    c> CLIENT TRACKING OFF
    b SET ab:1 1
    b FLUSHALL
    b SET x 1
  `,
  "replies switched off": `
    a> HELLO 3
    a> CLIENT TRACKING ON
    a> CLIENT REPLY OFF
    a> GET k
    b SET k 1
    a> GET k
    a> SET k 2
  `,
};

describe("client-side caching beside the real server", { skip: skipWithoutReal("valkey-server") }, () => {
  const servers = bothServers();
  for (const [name, script] of Object.entries(SCRIPTS)) it(name, () => playsAlike(servers, script));

  it("every change of a key that was read is told, or is not", () =>
    changesAlike(servers, [["HELLO", "3"], ["CLIENT", "TRACKING", "ON"]], async (writer, watcher, change) => {
      watcher.send(encode(["TYPE", "k"]));
      while ((await watcher.reply()).startsWith(">"));
      await runAll(writer, change);
      await writer.command("CLIENT", "NO-TOUCH", "ON");
      watcher.send(encode(["PING", "end"]));
      const told: string[] = [];
      for (let reply = ""; !reply.endsWith("end\r\n"); told.push(reply)) reply = await watcher.reply();
      return told.join("");
    }));
});

describe("client-side caching over sockets", () => {
  let server: RunningServer;
  before(async () => {
    server = await startServer();
  });
  after(() => server?.stop());

  it("messages go to the connection that REDIRECT names, in its protocol, as long as it is there", async () => {
    const [a, b, two, three] = await Promise.all([1, 2, 3, 4].map(() => server.connect()));
    const idOf = async (client: typeof a) => (await client.command("CLIENT", "ID")).slice(1, -2);
    await three.command("HELLO", "3");
    const [idTwo, idThree] = [await idOf(two), await idOf(three)];
    await two.command("SUBSCRIBE", "__redis__:invalidate");
    assertEquals(await a.command("CLIENT", "TRACKING", "ON", "REDIRECT", idTwo), "+OK\r\n");
    await a.command("GET", "k");
    await b.command("SET", "k", "1");
    assertEquals(await two.reply(), "*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n*1\r\n$1\r\nk\r\n");
    await a.command("CLIENT", "TRACKING", "ON", "REDIRECT", idThree);
    await a.command("GET", "k");
    await b.command("SET", "k", "2");
    assertEquals(await three.reply(), ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n");
    await b.command("FLUSHALL");
    // The null is the tracking client's, whatever protocol the other one speaks.
    assertEquals(await three.drain(100), ">2\r\n$10\r\ninvalidate\r\n$-1\r\n");
    three.close();
    await a.command("HELLO", "3");
    await until(async () => !(await b.command("CLIENT", "LIST")).includes(`id=${idThree} `));
    await a.command("GET", "k");
    await b.command("SET", "k", "3");
    assertEquals(await a.reply(), `>2\r\n$21\r\ntracking-redir-broken\r\n:${idThree}\r\n`);
    assertEquals(field(await b.command("CLIENT", "LIST", "ID", await idOf(a)), "flags"), "tR");
    for (const client of [a, b, two]) client.close();
  });

  it("hundreds of clients that cache one key are all told, once", async () => {
    const clients = await Promise.all(Array.from({ length: 200 }, () => server.connect()));
    await Promise.all(clients.map((client) =>
      client.pipeline([["HELLO", "3"], ["CLIENT", "TRACKING", "ON"], ["GET", "shared"], ["GET", "shared"]])));
    const writer = await server.connect();
    const stats = await writer.command("INFO", "everything");
    assertEquals([field(stats, "tracking_clients"), field(stats, "tracking_total_keys")], ["200", "1"]);
    assertEquals(field(stats, "tracking_total_items"), "200");
    await writer.pipeline([["SET", "shared", "1"], ["SET", "shared", "2"]]);
    const told = ">2\r\n$10\r\ninvalidate\r\n*1\r\n$6\r\nshared\r\n";
    for (const client of clients) assertEquals(await client.reply(), told);
    assertEquals(field(await writer.command("INFO", "stats"), "tracking_total_items"), "0");
    for (const client of clients) {
      assertEquals(client.leftover, "");
      client.close();
    }
    writer.close();
  });

  it("a client's prefixes count as its memory until it stops", async () => {
    const [client, other] = [await server.connect(), await server.connect()];
    const memory = async () => {
      const line = (await other.command("CLIENT", "LIST")).split("\n").find((one) => one.includes("name=prefixes "))!;
      const all = field(await other.command("INFO", "memory"), "mem_clients_normal");
      return [Number(field(line, "tot-mem")), Number(all)];
    };
    await client.command("CLIENT", "SETNAME", "prefixes");
    const [ownBefore, allBefore] = await memory();
    const prefixes = Array.from({ length: 500 }, (_, i) => ["PREFIX", `${i}-`.padEnd(100, "x")]).flat();
    assertEquals(await client.command("CLIENT", "TRACKING", "ON", "BCAST", ...prefixes), "+OK\r\n");
    const [own, all] = await memory();
    assert(own - ownBefore > 500 * 20 && own - ownBefore < 500 * 30, `${own - ownBefore}`);
    assertEquals(all - allBefore, own - ownBefore);
    await client.command("CLIENT", "TRACKING", "OFF");
    assertEquals(await memory(), [ownBefore, allBefore]);
    client.close();
    other.close();
  });

  it("above tracking-table-max-keys random keys are told as if they had changed", async () => {
    const [reader, other] = [await server.connect(), await server.connect()];
    await reader.pipeline([["HELLO", "3"], ["CLIENT", "TRACKING", "ON"]]);
    await reader.pipeline(Array.from({ length: 300 }, (_, i) => ["GET", `limit:${i}`]));
    await other.command("CONFIG", "SET", "tracking-table-max-keys", "10");
    const told = new Set<string>();
    while (told.size < 290) told.add((await reader.reply()).split("\r\n").at(-2)!);
    assertEquals(field(await other.command("INFO", "stats"), "tracking_total_keys"), "10");
    assert([...told].every((key) => key.startsWith("limit:")));
    await other.command("CONFIG", "SET", "tracking-table-max-keys", "1000000");
    reader.close();
    other.close();
  });
});
