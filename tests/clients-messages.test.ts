/**
 * Client libraries with what goes beside plain commands: transactions, publish/subscribe, client-side caching; ioredis
 * and redis, in RESP2 and RESP3.
 */
import { after, before, describe, it } from "node:test";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Redis } from "ioredis";
import { createClient, WatchError } from "redis";
import { type RunningServer, startServer } from "./support/server.ts";

/** Waits until `isDone`; throws after some seconds. */
async function until(isDone: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !isDone(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  assert(isDone(), "it did not happen in time");
}

describe("client libraries: transactions, messages, caching", () => {
  let server: RunningServer;
  before(async () => {
    server = await startServer();
  });
  after(() => server?.stop());

  /** A connected client of the redis library; errors of its connection fail the test that uses it. */
  async function open(protocol: 2 | 3) {
    const socket = { host: "127.0.0.1", port: server.port, reconnectStrategy: false as const };
    const client = createClient({ socket, RESP: protocol });
    client.on("error", () => {});
    await client.connect();
    return client;
  }

  it("ioredis: MULTI with its pipeline, WATCH, errors inside", async () => {
    const [one, two] = [new Redis(server.port), new Redis(server.port)];
    try {
      assertEquals(await one.multi().set("t:a", "1").incr("t:a").config("GET", "maxmemory-samples").exec(),
        [[null, "OK"], [null, 2], [null, ["maxmemory-samples", "5"]]]);
      await one.watch("t:a");
      await two.set("t:a", "10");
      assertEquals(await one.multi().incr("t:a").exec(), null);
      const [[error], second] = (await one.multi().append("t:a", "x").incr("t:a").exec())!.reverse();
      assert(/not an integer/.test(error!.message));
      assertEquals(second, [null, 3]);
      await assertRejects(() => one.multi().call("SET", "t:a").exec(), Error, "EXECABORT");
    } finally {
      one.disconnect();
      two.disconnect();
    }
  });

  it("ioredis: channels, patterns, shard channels, binary messages", async () => {
    const [reader, writer] = [new Redis(server.port), new Redis(server.port)];
    const got: string[] = [];
    reader.on("message", (channel, text) => got.push(`${channel} ${text}`));
    reader.on("pmessage", (pattern, channel, text) => got.push(`${pattern} ${channel} ${text}`));
    reader.on("smessage", (channel, text) => got.push(`shard ${channel} ${text}`));
    try {
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
      assertEquals(await reader.unsubscribe("c1"), 2);
      assertEquals(await writer.publish("c1", "gone"), 0);
    } finally {
      reader.disconnect();
      writer.disconnect();
    }
  });

  for (const protocol of [2, 3] as const) {
    it(`redis: MULTI and WATCH, RESP${protocol}`, async () => {
      const [one, two] = [await open(protocol), await open(protocol)];
      try {
        const replies: unknown = await one.multi().set("r:a", "1").incrBy("r:a", 4).get("r:a").exec();
        assertEquals(replies, ["OK", 5, "5"]);
        await one.watch("r:a");
        await two.set("r:a", "7");
        await assertRejects(() => one.multi().incr("r:a").exec(), WatchError);
        const last: unknown = await one.multi().incr("r:a").exec();
        assertEquals(last, [8]);
      } finally {
        one.destroy();
        two.destroy();
      }
    });

    it(`redis: publish/subscribe, RESP${protocol}`, async () => {
      const [reader, writer] = [await open(protocol), await open(protocol)];
      const got: string[] = [];
      const listen = (text: string, channel: string) => void got.push(`${channel} ${text}`);
      try {
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
      } finally {
        reader.destroy();
        writer.destroy();
      }
    });
  }

  it("redis: its client-side cache forgets what others change", async () => {
    const socket = { host: "127.0.0.1", port: server.port, reconnectStrategy: false as const };
    const cached = createClient({ socket, RESP: 3, clientSideCache: { ttl: 0, maxEntries: 100 } });
    cached.on("error", () => {});
    await cached.connect();
    const other = await open(2);
    const reads = async () => Number(/cmdstat_get:calls=(\d+)/.exec(await other.info("commandstats"))?.[1] ?? 0);
    try {
      await other.set("cache:a", "1");
      const begin = await reads();
      for (let i = 0; i < 5; i++) assertEquals(await cached.get("cache:a"), "1");
      assertEquals(await reads() - begin, 1);
      await other.set("cache:a", "2");
      let seen: string | null = "1";
      for (let i = 0; i < 100 && seen === "1"; i++) {
        await new Promise((resolve) => setTimeout(resolve, 10));
        seen = await cached.get("cache:a");
      }
      assertEquals(seen, "2");
    } finally {
      cached.destroy();
      other.destroy();
    }
  });
});
