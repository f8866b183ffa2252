/**
 * What is dropped in large pieces is freed a slice at a time, and in the end as much is free as before.
 */
import { describe, it } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { CoreDriver } from "../support/core.ts";

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
});
