/**
 * hotkeys: HOTKEYS finds the keys with the most requests and the most bytes by samples, forgets on RESET and in time.
 */
import { after, before, describe, it } from "node:test";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { TopKeys } from "../server/stats/hot-keys.ts";
import { seeded } from "./support/random.ts";
import type { RespConnection } from "./support/resp.ts";
import { type RunningServer, startServer } from "./support/server.ts";

describe("top keys", () => {
  it("hold every key with more than its part, among any number of others", () => {
    const random = seeded("hotkeys");
    const top = new TopKeys();
    for (let i = 0; i < 100_000; i++) {
      const n = random.below(100);
      top.add(n < 10 ? "hot" : n < 15 ? "warm" : `cold ${random.below(1_000_000)}`, 1);
    }
    const [first, second] = top.largest(2);
    assertEquals([first[0], second[0]], ["hot", "warm"]);
    assert(first[1] >= 9000 && first[1] < 11_500, `${first[1]}`);
    assertEquals(top.total, 100_000);
    assertEquals(top.largest(1000).length, 256);
  });

  it("fade to half in a minute, and to nothing", () => {
    const top = new TopKeys();
    top.add("a", 1000);
    for (let i = 0; i < 6; i++) top.fade();
    assert(Math.abs(top.largest(1)[0][1] - 500) < 1e-6);
    for (let i = 0; i < 100; i++) top.fade();
    assertEquals(top.largest(1), []);
  });
});

describe("HOTKEYS", () => {
  let server: RunningServer;
  let connection: RespConnection;
  before(async () => {
    server = await startServer();
    connection = await server.connect();
  });
  after(() => server.stop());

  /** The replies' keys, the hottest first. */
  const hottest = async (...args: string[]): Promise<string[]> => {
    const reply = await connection.command("HOTKEYS", ...args);
    return [...reply.matchAll(/\$3\r\nkey\r\n\$\d+\r\n([^]*?)\r\n\$\d+\r\n(?:requests|bytes)_per_second/g)]
      .map(([, key]) => key);
  };

  it("shows the keys with the most requests and those with the most bytes", async () => {
    await connection.command("SELECT", "3");
    await connection.command("SET", "large", "x".repeat(20_000));
    for (let i = 0; i < 4000; i++) {
      // Every command is a read of its own, and so a slice.
      await connection.command("GET", i % 4 === 0 ? "large" : i % 2 === 0 ? `cold:${i}` : "busy");
    }
    const busy = await hottest("REQUESTS", "COUNT", "1");
    assertEquals(busy, ["busy"]);
    assertEquals((await hottest("BYTES"))[0], "large");
    assertEquals((await hottest("COUNT", "2")).length, 2);
    const first = /^\*\d+\r\n\*8\r\n\$2\r\ndb\r\n:3\r\n\$3\r\nkey\r\n\$4\r\nbusy\r\n/;
    assertMatch(await connection.command("HOTKEYS"), first);
  });

  it("RESET forgets, and wrong options are told", async () => {
    assertEquals(await connection.command("HOTKEYS", "RESET"), "+OK\r\n");
    assertEquals(await hottest(), []);
    for (const words of ["NOPE", "RESET COUNT 1", "COUNT", "BYTES COUNT 1 2", "BYTES x 1"]) {
      assertEquals(await connection.command("HOTKEYS", ...words.split(" ")), "-ERR syntax error\r\n", words);
    }
    for (const count of ["0", "-1", "x"]) {
      assertMatch(await connection.command("HOTKEYS", "COUNT", count), /^-ERR value is out of range, must be positive/);
    }
  });
});
