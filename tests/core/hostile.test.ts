/**
 * Requests that are meant to hurt: sizes that sum to more than 32 bits, and orders that make work grow with its square.
 * (Damaged payloads: dump.test.ts. Random bytes: ../fuzz-socket.test.ts. Full memory: ../memory.test.ts.)
 */
import { describe, it } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { ROOT } from "../../server/generated/layout.ts";
import { bytesOf, type CoreClient, CoreDriver } from "../support/core.ts";
import { encode } from "../support/resp.ts";

describe("sizes beyond 32 bits", () => {
  it("are no memory to the allocator", () => {
    const { exports } = new CoreDriver();
    for (const size of [2n ** 32n - 1n, 2n ** 32n, 2n ** 32n + 8n, 2n ** 63n]) assertEquals(exports.allocWide(size), 0);
    // A block of a size class, and one of whole pages.
    for (const least of [100_000, 300_000]) {
      const block = exports.alloc(least);
      const usable = exports.usableSize(block);
      for (const size of [2 ** 32 - 1, 2 ** 32 - 65_000]) assertEquals(exports.realloc(block, size), 0);
      assertEquals(exports.usableSize(block), usable);
      exports.free(block);
    }
  });

  it("leave a command out of what MONITOR shows", () => {
    const core = new CoreDriver();
    const [monitor, client] = [core.connect(), core.connect()];
    core.exports.monitorStart(monitor.handle);
    // As many arguments of a megabyte as an escaped line of 4 GiB and 1 MiB has; all are the same bytes.
    const length = 2 ** 20;
    const count = 1025;
    core.core.withBytes(new Uint8Array(length), (at) => {
      const name = core.core.keepBytes(bytesOf("PING"));
      assert(core.exports.callRoom(count, 0) !== 0);
      const vector = core.core.root32(ROOT.sharedArgv);
      for (let i = 0; i < count; i++) {
        core.core.setU32(vector + i * 8, i === 0 ? name : at);
        core.core.setU32(vector + i * 8 + 4, i === 0 ? 4 : length);
      }
      core.exports.callRun(client.handle, count);
    });
    assertEquals(client.take(), "-ERR wrong number of arguments for 'ping' command\r\n");
    assertEquals(monitor.take(), "");
    client.command("GET", "k");
    assert(monitor.take().endsWith('"GET" "k"\r\n'));
  });
});

// What `timed` runs takes some 50 ms; with work that grows with the square of the names it was more than five seconds.
const MOST_MS = 3000;
const namesOf = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

function timed(client: CoreClient, args: (string | number)[]): string {
  const request = encode(args);
  const before = performance.now();
  const reply = client.send(request);
  const ms = performance.now() - before;
  assert(ms < MOST_MS, `${args[0]} of ${args.length} words: ${ms} ms`);
  return reply;
}

describe("many patterns", () => {
  it("are left in a time that grows with their number, the newest first", () => {
    const client = new CoreDriver().connect();
    const patterns = namesOf("p", 240_000);
    timed(client, ["PSUBSCRIBE", ...patterns]);
    assert(timed(client, ["PUNSUBSCRIBE", ...patterns.reverse()]).endsWith("$2\r\np0\r\n:0\r\n"));
  });
});

describe("many keys", () => {
  const count = 60_000;
  const names = (prefix: string) => namesOf(prefix, count);

  it("are waited for in a time that grows with their number", () => {
    const core = new CoreDriver();
    const client = core.connect();
    assertEquals(timed(client, ["BLPOP", ...names("k"), ...names("k"), 0]), "");
    assertEquals(core.connect().command("RPUSH", "k59999", "v"), ":1\r\n");
    assertEquals(client.take(), "*2\r\n$6\r\nk59999\r\n$1\r\nv\r\n");
  });

  it("are combined in a time that grows with their number, the largest first", () => {
    const client = new CoreDriver().connect();
    const [sets, zsets] = [names("s"), names("z")];
    for (let i = 0; i < count; i++) {
      const isLarge = i < count / 2;
      client.command("SADD", sets[i], "a", ...isLarge ? ["b"] : []);
      client.command("ZADD", zsets[i], 1, "a", ...isLarge ? [1, "b"] : []);
    }
    assertEquals(timed(client, ["SINTER", ...sets]), "*1\r\n$1\r\na\r\n");
    assertEquals(timed(client, ["SDIFF", ...[...sets].reverse()]), "*0\r\n");
    assertEquals(timed(client, ["ZINTER", count, ...zsets]), "*1\r\n$1\r\na\r\n");
    assertEquals(
      timed(client, ["ZUNION", count, ...zsets, "WITHSCORES"]),
      `*4\r\n$1\r\nb\r\n$5\r\n${count / 2}\r\n$1\r\na\r\n$5\r\n${count}\r\n`,
    );
  });
});
