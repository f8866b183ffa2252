/**
 * Many mixed commands on one core: it never makes a managed object, and keeps no memory.
 *
 * The core is built with a runtime that traps when an object of AssemblyScript's own heap is asked for
 * (core-wasm/memory/runtime.ts). That heap would begin at the end of the static data: those bytes, up to the first that
 * the core's own allocator has, must still be zero. Used memory after FLUSHALL may only differ by buffers that all
 * clients share, which are as large as the largest command needed.
 *
 *   SEED=1 WAKEY_MIXED_COMMANDS=10000000 node --import tsx --test tests/endurance.test.ts
 */
import { describe, it } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { STATUS } from "../server/bridge/core.ts";
import { ROOT } from "../server/generated/layout.ts";
import { CommandGenerator } from "./support/commands.ts";
import { CoreDriver } from "./support/core.ts";
import { seeded } from "./support/random.ts";
import { encode } from "./support/resp.ts";

const COUNT = Number(process.env.WAKEY_MIXED_COMMANDS ?? 50_000);
const PIPELINE = 20;
const ROUND = 10_000;
const SHARED_GROWTH_MOST = 256 << 10;
const PAGE_BYTES = 65536;
/** Page descriptors follow the static data at the next page (core-wasm/memory/allocator.ts). */
const descriptorsAt = (core: CoreDriver): number =>
  Math.ceil((core.exports.snapshotStaticEnd() >>> 0) / PAGE_BYTES) * PAGE_BYTES;

describe("a core that runs for long", () => {
  it("makes no managed object and keeps no memory", { timeout: 36_000_000 }, () => {
    const random = seeded(`endurance, ${COUNT} commands`);
    const core = new CoreDriver({ seed: random.seed });
    const generator = new CommandGenerator(random, Math.floor(core.nowMs / 1000));
    let first = 0;
    let worst = 0;
    for (let done = 0; done < COUNT; done += ROUND) {
      let client = core.connect();
      for (let sent = 0; sent < ROUND; sent += PIPELINE) {
        const commands = Array.from({ length: PIPELINE }, () => generator.next());
        client.send(Buffer.concat(commands.map(encode)));
        if (client.closing || client.status & STATUS.blocked) {
          client.close();
          client = core.connect();
        }
        core.advance(random.below(3));
      }
      client.close();
      const cleaner = core.connect();
      assertEquals(cleaner.command("FLUSHALL", "SYNC"), "+OK\r\n");
      cleaner.close();
      while (core.exports.lazyFree(1_000_000) === 1);
      if (first === 0) first = core.usedBytes;
      worst = Math.max(worst, core.usedBytes - first);
      assert(worst < SHARED_GROWTH_MOST, `${worst} bytes more in use after ${done + ROUND} commands`);
    }
    const ran = core.core.root64(ROOT.statCommands);
    assert(ran > COUNT * 0.8, `${ran} commands ran`);
    console.log(`${ran} commands ran, ${worst} bytes more than after the first ${ROUND}`);
    core.core.refresh();
    const heap = core.core.bytes.subarray(core.exports.snapshotStaticEnd() >>> 0, descriptorsAt(core));
    assertEquals(heap.findIndex((byte) => byte !== 0), -1, "the first byte of the managed heap that was written");
  });
});
