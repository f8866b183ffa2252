/**
 * Client libraries: ioredis, iovalkey and redis, each with plain commands, pipelines, transactions, messages,
 * client-side caching, ACL users and TLS.
 *
 * iovalkey is a fork of ioredis' version 5 and shares its tests; it speaks RESP2 alone, so its messages come in RESP2.
 * Neither has a cache: the tests keep a Map by CLIENT TRACKING ... REDIRECT, as a program would. redis has its own.
 */
import { after, before, describe, it } from "node:test";
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { readFileSync } from "node:fs";
import { Redis, type RedisOptions } from "ioredis";
import { Redis as Valkey } from "iovalkey";
import { createClient, WatchError } from "redis";
import { freePort, type RunningServer, startServer } from "./support/server.ts";
import { until } from "./support/wait.ts";

const file = (name: string): string => new URL(`support/tls/${name}`, import.meta.url).pathname;

/** What a TLS client shows and trusts: alice's certificate, or none. */
function identity(who?: "alice") {
  const ca = readFileSync(file("ca.crt"));
  return who === undefined ? { ca }
    : { ca, cert: readFileSync(file(`${who}.crt`)), key: readFileSync(file(`${who}.key`)) };
}

let server: RunningServer;
let tlsPort: number;
let closing: (() => void)[] = [];

/** Runs a test's body and closes what it opened, however it ends. */
async function closingAll(body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } finally {
    for (const close of closing) close();
    closing = [];
  }
}
const test = (name: string, body: () => Promise<void>) => it(name, () => closingAll(body));

before(async () => {
  tlsPort = await freePort();
  server = await startServer({
    args: ["--tls-port", `${tlsPort}`, "--tls-cert-file", file("server.crt"), "--tls-key-file", file("server.key"),
      "--tls-ca-cert-file", file("ca.crt"), "--tls-auth-clients", "yes", "--tls-auth-clients-user", "CN"],
  });
  const admin = await server.connect();
  for (const user of [
    ["few", "reset", "on", ">pw", "~few:*", "&few:*", "+get", "+set", "+publish", "+acl|whoami", "+client", "+info"],
    ["alice", "reset", "on", "nopass", "~*", "&*", "+@all"],
  ]) assertEquals(await admin.command("ACL", "SETUSER", ...user), "+OK\r\n");
  admin.close();
});
after(() => server?.stop());

// --- ioredis and iovalkey ---

for (const [name, Library, protocol] of [
  ["ioredis in RESP3", Redis, 3], ["ioredis in RESP2", Redis, 2],
  ["iovalkey (RESP2 is all it speaks)", Valkey as unknown as typeof Redis, 2],
] as const) {
  describe(name, () => {
    /** A connected client. */
    const open = async (options: RedisOptions = {}): Promise<Redis> => {
      const client = new Library({
        host: "127.0.0.1", port: server.port, protocol, lazyConnect: true, retryStrategy: () => null, ...options,
      });
      client.on("error", () => undefined);
      closing.push(() => client.disconnect());
      await client.connect();
      return client;
    };

    test("plain commands, binary values, errors, scanning", async () => {
      const client = await open();
      await client.flushall();
      assertEquals(await client.mset({ "io:a": "x", "io:b": "y" }), "OK");
      assertEquals(await client.mget("io:a", "io:b", "io:c"), ["x", "y", null]);
      const binary = Buffer.from([0, 255, 13, 10, 42]);
      await client.set("io:binary", binary);
      assertEquals(Buffer.compare((await client.getBuffer("io:binary"))!, binary), 0);
      assertEquals(await client.hset("io:hash", { f: "1", g: "2" }), 2);
      assertEquals({ ...await client.hgetall("io:hash") }, { f: "1", g: "2" });
      assertEquals(await client.zadd("io:z", "1.5", "m"), 1);
      assertEquals(await client.zrange("io:z", "0", "-1", "WITHSCORES"), ["m", "1.5"]);
      await assertRejects(() => client.incr("io:a"), Error, "not an integer");
      const found: string[] = [];
      for await (const keys of client.scanStream({ match: "io:*" })) found.push(...keys as string[]);
      assertEquals(found.sort(), ["io:a", "io:b", "io:binary", "io:hash", "io:z"]);
      assertMatch(await client.info(), /redis_version:/);
      assertMatch(String(await client.client("INFO")), new RegExp(`resp=${protocol}`));
    });

    test("pipelines: replies in order, an error among them, and what is sent by itself", async () => {
      const client = await open();
      const piped = await client.pipeline().set("io:p", "5").incrby("io:p", "5").hget("io:p", "f").get("io:p").exec();
      assertEquals(piped!.map(([error, value]) => error ? error.message.split(" ")[0] : value),
        ["OK", 10, "WRONGTYPE", "10"]);
      const many = client.pipeline();
      for (let i = 0; i < 5000; i++) many.echo(String(i));
      assertEquals((await many.exec())!.map(([, value]) => Number(value)), Array.from({ length: 5000 }, (_, i) => i));
      const auto = await open({ enableAutoPipelining: true });
      const keys = Array.from({ length: 200 }, (_, i) => `io:auto:${i}`);
      await Promise.all(keys.map((key) => auto.set(key, key)));
      assertEquals(await Promise.all(keys.map((key) => auto.get(key))), keys);
    });

    test("transactions: MULTI with its pipeline, WATCH, errors inside", async () => {
      const [one, two] = [await open(), await open()];
      assertEquals(await one.multi().set("t:a", "1").incr("t:a").config("GET", "maxmemory-samples").exec(),
        [[null, "OK"], [null, 2], [null, ["maxmemory-samples", "5"]]]);
      await one.watch("t:a");
      await two.set("t:a", "10");
      assertEquals(await one.multi().incr("t:a").exec(), null);
      const [[error], second] = (await one.multi().append("t:a", "x").incr("t:a").exec())!.reverse();
      assert(/not an integer/.test(error!.message));
      assertEquals(second, [null, 3]);
      await assertRejects(() => one.multi().call("SET", "t:a").exec(), Error, "EXECABORT");
    });

    test(`messages in RESP${protocol}: channels, patterns, shard channels, large ones`, async () => {
      const [reader, writer] = [await open(), await open()];
      const got: string[] = [];
      reader.on("message", (channel, text) => got.push(`${channel} ${text}`));
      reader.on("pmessage", (pattern, channel, text) => got.push(`${pattern} ${channel} ${text}`));
      reader.on("smessage", (channel, text) => got.push(`shard ${channel} ${text}`));
      assertEquals(await reader.subscribe("c1", "c2"), 2);
      assertEquals(await reader.psubscribe("p*"), 3);
      assertEquals(await reader.ssubscribe("s"), 1);
      assertEquals(await writer.publish("c1", "one"), 1);
      assertEquals(await writer.publish("p1", "two"), 1);
      assertEquals(await writer.spublish("s", "three"), 1);
      const large = "x".repeat(100_000);
      assertEquals(await writer.publish("c2", large), 1);
      await until(() => got.length === 4);
      assertEquals(got, ["c1 one", "p* p1 two", "shard s three", `c2 ${large}`]);
      // In RESP3 a connection with subscriptions goes on with its commands; in RESP2 the library refuses them.
      if (protocol === 3) assertEquals(await reader.echo("still here"), "still here");
      assertEquals(await reader.unsubscribe("c1"), 2);
      assertEquals(await writer.publish("c1", "gone"), 0);
    });

    test("client-side caching by CLIENT TRACKING ... REDIRECT (it has no cache of its own)", async () => {
      const [client, listener, other] = [await open(), await open({ protocol: 2 }), await open()];
      const cache = new Map<string, string | null>();
      let reads = 0;
      const get = async (key: string) => {
        if (!cache.has(key)) {
          reads += 1;
          cache.set(key, await client.get(key));
        }
        return cache.get(key);
      };
      listener.on("messageBuffer", (_channel: Buffer, keys: unknown) => {
        if (keys === null) cache.clear();
        else for (const key of keys as Buffer[]) cache.delete(String(key));
      });
      const id = await listener.client("ID");
      await listener.subscribe("__redis__:invalidate");
      assertEquals(await client.call("CLIENT", "TRACKING", "ON", "REDIRECT", id), "OK");
      await other.mset("cache:a", "1", "cache:b", "2");
      for (let i = 0; i < 3; i++) assertEquals([await get("cache:a"), await get("cache:b")], ["1", "2"]);
      assertEquals(reads, 2);
      await other.set("cache:a", "3");
      await until(() => !cache.has("cache:a"));
      assertEquals([await get("cache:a"), await get("cache:b"), reads], ["3", "2", 3]);
      await other.flushall();
      await until(() => cache.size === 0);
      assertEquals(await get("cache:b"), null);
    });

    if (protocol === 3) {
      test("invalidations that it has no use for leave its replies in step", async () => {
        const [client, other] = [await open(), await open()];
        assertEquals(await client.call("CLIENT", "TRACKING", "ON", "BCAST"), "OK");
        const [seen] = await Promise.all([
          Promise.all(Array.from({ length: 500 }, (_, i) => client.echo(`${i}`))),
          Promise.all(Array.from({ length: 500 }, (_, i) => other.set(`push:${i}`, "x"))),
        ]);
        assertEquals(seen.map(Number), Array.from({ length: 500 }, (_, i) => i));
        assertEquals(await client.get("push:499"), "x");
      });
    }

    test("ACL users: who may do little, and who gives the wrong password", async () => {
      const few = await open({ username: "few", password: "pw" });
      assertEquals(await few.set("few:a", "1"), "OK");
      assertEquals(await few.get("few:a"), "1");
      assertEquals(await few.call("ACL", "WHOAMI"), "few");
      assertEquals(await few.publish("few:c", "x"), 0);
      await assertRejects(() => few.get("other"), Error, "NOPERM No permissions to access a key");
      await assertRejects(() => few.publish("other", "x"), Error, "NOPERM No permissions to access a channel");
      await assertRejects(() => few.del("few:a"), Error, "User few has no permissions to run the 'del' command");
      await assertRejects(() => few.multi().set("few:b", "1").exec(), Error, "discarded because of: NOPERM");
      const wrong = new Library({
        host: "127.0.0.1", port: server.port, protocol, username: "few", password: "no", lazyConnect: true,
        retryStrategy: () => null,
      });
      closing.push(() => wrong.disconnect());
      const errors: string[] = [];
      wrong.on("error", (error) => errors.push(error.message));
      await wrong.connect().catch((error: Error) => errors.push(error.message));
      await until(() => errors.some((text) => text.includes("WRONGPASS")));
    });

    test("TLS with a client certificate: its user, large values, messages; none gets in without", async () => {
      const client = await open({ port: tlsPort, tls: identity("alice") });
      assertEquals(await client.call("ACL", "WHOAMI"), "alice");
      const large = "tls".repeat(200_000);
      assertEquals(await client.set("tls:large", large), "OK");
      assert(await client.get("tls:large") === large);
      const piped = await client.pipeline().set("tls:a", "1").incr("tls:a").exec();
      assertEquals(piped, [[null, "OK"], [null, 2]]);
      const reader = await open({ port: tlsPort, tls: identity("alice") });
      const got: string[] = [];
      reader.on("message", (channel, text) => got.push(`${channel} ${text}`));
      await reader.subscribe("tls:c");
      await client.publish("tls:c", "hello");
      await until(() => got.length === 1);
      assertEquals(got, ["tls:c hello"]);
      await assertRejects(() => open({ port: tlsPort, tls: identity() }));
    });
  });
}

// --- redis ---

for (const protocol of [3, 2] as const) {
  describe(`redis in RESP${protocol}`, () => {
    /** A client that is connected; `more` are options of the library's. */
    const open = async (more: Parameters<typeof createClient>[0] = {}) => {
      const socket = { host: "127.0.0.1", port: server.port, reconnectStrategy: false as const, ...more.socket };
      const client = createClient({ ...more, socket: socket as { host: string }, RESP: protocol });
      client.on("error", () => {});
      closing.push(() => {
        if (client.isOpen) client.destroy();
      });
      await client.connect();
      return client;
    };

    test("plain commands, errors, scanning", async () => {
      const client = await open();
      await client.flushAll();
      assertEquals(await client.set("nr", "1", { expiration: { type: "EX", value: 100 } }), "OK");
      assertEquals(await client.incrBy("nr", 41), 42);
      assert((await client.ttl("nr")) > 90);
      assertEquals(await client.mGet(["nr", "missing"]), ["42", null]);
      assertEquals(await client.hSet("nr:h", { f: "1", g: "2" }), 2);
      assertEquals({ ...await client.hGetAll("nr:h") }, { f: "1", g: "2" });
      assertEquals(await client.zAdd("nr:z", { score: 1.5, value: "m" }), 1);
      assertEquals(await client.zScore("nr:z", "m"), 1.5);
      await assertRejects(() => client.incr("nr:h"), Error, "WRONGTYPE");
      const found: string[] = [];
      for await (const keys of client.scanIterator({ MATCH: "nr*" })) found.push(...keys);
      assertEquals(found.sort(), ["nr", "nr:h", "nr:z"]);
      assertEquals({ ...await client.configGet("maxmemory-samples") }, { "maxmemory-samples": "5" });
    });

    test("pipelines: what is sent in one turn, and by execAsPipeline", async () => {
      const client = await open();
      await client.del("nr:s");
      assertEquals(await Promise.all([client.append("nr:s", "ab"), client.append("nr:s", "cd")]), [2, 4]);
      const many = await Promise.all(Array.from({ length: 5000 }, (_, i) => client.echo(`${i}`)));
      assertEquals(many.map(Number), Array.from({ length: 5000 }, (_, i) => i));
      const piped: unknown = await client.multi().set("nr:p", "5").incrBy("nr:p", 5).get("nr:p").execAsPipeline();
      assertEquals(piped, ["OK", 10, "10"]);
    });

    test("transactions: MULTI and WATCH", async () => {
      const [one, two] = [await open(), await open()];
      const replies: unknown = await one.multi().set("r:a", "1").incrBy("r:a", 4).get("r:a").exec();
      assertEquals(replies, ["OK", 5, "5"]);
      await one.watch("r:a");
      await two.set("r:a", "7");
      await assertRejects(() => one.multi().incr("r:a").exec(), WatchError);
      const last: unknown = await one.multi().incr("r:a").exec();
      assertEquals(last, [8]);
    });

    test("messages: channels, patterns, shard channels", async () => {
      const [reader, writer] = [await open(), await open()];
      const got: string[] = [];
      const listen = (text: string, channel: string) => void got.push(`${channel} ${text}`);
      await reader.subscribe("c", listen);
      await reader.pSubscribe("p*", listen);
      await reader.sSubscribe("s", listen);
      // In RESP3 a connection with subscriptions goes on with its commands.
      if (protocol === 3) assertEquals(await reader.set("r:b", "1"), "OK");
      assertEquals([await writer.publish("c", "1"), await writer.publish("p", "2"), await writer.sPublish("s", "3")],
        [1, 1, 1]);
      await until(() => got.length === 3);
      assertEquals(got, ["c 1", "p 2", "s 3"]);
      await reader.unsubscribe();
      await reader.pUnsubscribe();
      await reader.sUnsubscribe();
      assertEquals(await writer.publish("c", "4"), 0);
      assertEquals(await reader.get("nothing"), null);
    });

    // The library takes a cache in RESP3 alone.
    if (protocol === 3) {
      test("client-side caching: its cache forgets what others change", async () => {
        const cached = await open({ clientSideCache: { ttl: 0, maxEntries: 100 } });
        const other = await open();
        const reads = async () => Number(/cmdstat_get:calls=(\d+)/.exec(await other.info("commandstats"))?.[1] ?? 0);
        await other.set("cache:a", "1");
        const begin = await reads();
        for (let i = 0; i < 5; i++) assertEquals(await cached.get("cache:a"), "1");
        assertEquals(await reads() - begin, 1);
        await other.set("cache:a", "2");
        await until(async () => await cached.get("cache:a") === "2");
        await other.flushAll();
        await until(async () => await cached.get("cache:a") === null);
      });
    }

    test("ACL users: who may do little, and who gives the wrong password", async () => {
      const few = await open({ username: "few", password: "pw" });
      assertEquals(await few.set("few:a", "1"), "OK");
      assertEquals(await few.get("few:a"), "1");
      assertEquals(await few.aclWhoAmI(), "few");
      await assertRejects(() => few.get("other"), Error, "NOPERM No permissions to access a key");
      await assertRejects(() => few.publish("other", "x"), Error, "NOPERM No permissions to access a channel");
      await assertRejects(() => few.del("few:a"), Error, "User few has no permissions to run the 'del' command");
      await assertRejects(() => open({ username: "few", password: "no" }), Error, "WRONGPASS");
    });

    test("TLS with a client certificate: its user, large values, messages; none gets in without", async () => {
      const socket = { port: tlsPort, tls: true as const, ...identity("alice") };
      const [client, reader] = [await open({ socket }), await open({ socket })];
      assertEquals(await client.aclWhoAmI(), "alice");
      const large = "tls".repeat(200_000);
      assertEquals(await client.set("tls:large", large), "OK");
      assert(await client.get("tls:large") === large);
      const replies: unknown = await client.multi().set("tls:a", "1").incr("tls:a").exec();
      assertEquals(replies, ["OK", 2]);
      const got: string[] = [];
      await reader.subscribe("tls:c", (text, channel) => void got.push(`${channel} ${text}`));
      await client.publish("tls:c", "hello");
      await until(() => got.length === 1);
      assertEquals(got, ["tls:c hello"]);
      await assertRejects(() => open({ socket: { port: tlsPort, tls: true as const, ...identity() } }));
    });
  });
}
