/**
 * What is dropped in large pieces is freed a slice at a time, and in the end as much is free as before.
 */
import { describe, it } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { ROOT } from "../../server/generated/layout.ts";
import { type CoreClient, CoreDriver } from "../support/core.ts";
import { setting } from "../support/keyspace.ts";
import { OOM } from "../support/resp.ts";

/** Places of two policies in the configuration's list. */
const ALLKEYS_LRU = 4;
const NOEVICTION = 7;

/** A core with a small key and a set of 50,000 members, some 5 MB, that was unlinked and waits to be freed. */
function withWaitingSet(policy: number): { core: CoreDriver; client: CoreClient } {
  const core = new CoreDriver();
  const client = core.connect();
  setting(core, "maxmemoryPolicy", policy);
  client.command("SET", "kept", "v");
  for (let n = 0; n < 50_000; n += 100) {
    client.command("SADD", "set", ...Array.from({ length: 100 }, (_, i) => `${"m".repeat(80)}${n + i}`));
  }
  assertEquals(client.command("UNLINK", "set"), ":1\r\n");
  return { core, client };
}

describe("freeing a slice at a time", () => {
  it("FLUSHALL of many keys leaves them to later slices, which give everything back", () => {
    const core = new CoreDriver();
    const client = core.connect();
    client.command("SET", "k", "v");
    client.command("FLUSHALL", "SYNC");
    const start = core.usedBytes;
    for (let n = 0; n < 20_000; n++) client.command("SET", `key:${n}`, "x".repeat(100));
    const full = core.usedBytes;
    assertEquals(client.command("FLUSHALL"), "+OK\r\n");
    assertEquals(client.command("DBSIZE"), ":0\r\n");
    assert(core.usedBytes > full - 100_000, "nothing was freed at once");
    client.command("SET", "key:1", "new");
    let slices = 0;
    while (core.exports.lazyFree(1000) === 1) slices++;
    assert(slices >= 19, `${slices} slices`);
    assertEquals(client.command("GET", "key:1"), "$3\r\nnew\r\n");
    client.command("FLUSHALL", "SYNC");
    assertEquals(core.usedBytes, start);
  });

  it("memory that ends is taken from what waits to be freed", () => {
    const core = new CoreDriver({ maximumPages: 1024 });
    const client = core.connect();
    for (let round = 0; round < 3; round++) {
      for (let n = 0; n < 9000; n++) {
        assertEquals(client.command("SET", `key:${n}`, "x".repeat(3000)), "+OK\r\n", `round ${round}, key ${n}`);
      }
      client.command("FLUSHALL");
    }
  });

  it("commands above maxmemory evict nothing while a value waits, and free as much as they add", () => {
    const { core, client } = withWaitingSet(ALLKEYS_LRU);
    const evicted = core.core.root64(ROOT.statEvicted);
    setting(core, "maxmemory", core.usedBytes - 1_000_000);
    client.command("PING");
    const start = core.usedBytes;
    for (let n = 0; n < 1000; n++) client.command("PING");
    assertEquals(core.usedBytes, start, "commands that add nothing pay nothing");
    for (let n = 0; n < 1000; n++) {
      core.advance(1);
      assertEquals(client.command("SET", `new:${n}`, "x".repeat(300)), "+OK\r\n");
      assert(core.usedBytes < start + 1000, `${core.usedBytes - start} bytes more`);
    }
    assertEquals(core.core.root64(ROOT.statEvicted), evicted);
    while (core.exports.lazyFree(1000) === 1);
    assertEquals(client.command("EXISTS", "kept", "new:0", "new:999"), ":3\r\n");
  });

  it("the commands of one turn free no more than a share of time allows", () => {
    const { core, client } = withWaitingSet(NOEVICTION);
    setting(core, "maxmemory", core.usedBytes - 3_000_000);
    let before = core.usedBytes;
    const replies = client.pipeline(Array.from({ length: 30 }, (_, n) => ["SET", `k${n}`, "v"]));
    assertEquals(new Set(replies), new Set([OOM]));
    const freed = before - core.usedBytes;
    assert(freed > 50_000 && freed < 1_000_000, `${freed} bytes`);
    for (let turns = 0; ; turns++) {
      core.advance(1);
      before = core.usedBytes;
      if (client.command("SET", "k", "v") === "+OK\r\n") break;
      assert(core.usedBytes < before && turns < 100, "each turn frees some");
    }
  });
});
