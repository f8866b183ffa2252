/** A pipeline's commands reply and count as the same commands sent one by one, whatever the look-ahead did for them. */
import { describe, it } from "node:test";
import { assertEquals } from "@std/assert";
import { CMD } from "../../server/generated/commands.ts";
import { COMMAND_STAT, ROOT } from "../../server/generated/layout.ts";
import { type CoreClient, CoreDriver } from "../support/core.ts";
import { seeded } from "../support/random.ts";

type Command = (string | number)[];

const random = seeded("pipelines");

/** Keys of all lengths that the header of an entry knows, few enough that a pipeline meets one twice. */
const KEYS = ["", "a", "b", "key:1", "key:000000000002", "k".repeat(255), "k".repeat(256), "l".repeat(300), "list"];
/** Around what stands inline, and the lengths that take one digit more. */
const LENGTHS = [0, 1, 9, 10, 32, 99, 100, 511, 512, 513, 5000];

/** Mostly reads: those are what may run ahead of the usual way. */
function command(): Command {
  // Of many keys in few buckets, some have the tag of another.
  const key = random.chance(50) ? random.pick(KEYS) : `filler:${100 + random.below(900)}`;
  if (random.chance(75)) return [random.pick(["GET", "GET", "GET", "get"]), key];
  const value = random.chance(20) ? random.below(1000) : "v".repeat(random.pick(LENGTHS));
  return random.pick<() => Command>([
    () => ["SET", key, value], () => ["SET", key, value], () => ["SET", key, value, "PX", 1 + random.below(30)],
    () => ["DEL", key],
    () => ["APPEND", key, "x"], () => ["PEXPIRE", key, random.below(30)], () => ["PERSIST", key],
    () => ["RPUSH", "list", "x"], () => ["GET"], () => ["GET", key, key], () => ["MGET", ...KEYS],
    () => ["OBJECT", "IDLETIME", key], () => ["OBJECT", "FREQ", key], () => ["STRLEN", key],
    () => ["SELECT", random.below(2)], () => ["MULTI"], () => ["EXEC"], () => ["HELLO", random.pick([2, 3])],
    () => (random.chance(2) ? ["FLUSHALL"] : ["PING"]),
  ])();
}

/** The settings' numbers of these policies. */
const POLICIES = { "allkeys-lru": 4, "allkeys-lfu": 5 };

/** What INFO tells of the commands that ran. */
function counts({ driver, handle }: CoreClient): number[] {
  const { core } = driver;
  const get = core.root32(ROOT.commandStats) + CMD.GET * COMMAND_STAT.SIZE + COMMAND_STAT.calls;
  const fields = [ROOT.statCommands, ROOT.statHits, ROOT.statMisses, ROOT.statExpired, ROOT.dirty];
  return [...fields.map((field) => core.root64(field)), core.client64(handle, "commands"), core.u64(get)];
}

describe("pipelines", () => {
  for (const [policy, number] of Object.entries(POLICIES)) {
    it(`reply and count as their commands one by one do, with ${policy}`, () => {
      const [ahead, alone] = [new CoreDriver().connect(), new CoreDriver().connect()];
      for (const { driver } of [ahead, alone]) driver.core.setSetting("maxmemoryPolicy", number);
      for (let round = 0; round < 3000; round++) {
        const commands = Array.from({ length: 1 + random.below(40) }, command);
        const wanted = commands.flatMap((one) => alone.pipeline([one]));
        assertEquals(ahead.pipeline(commands), wanted, `round ${round}: ${JSON.stringify(commands)}`);
        assertEquals(counts(ahead), counts(alone), `round ${round}: ${JSON.stringify(commands)}`);
        const ms = random.below(10);
        for (const { driver } of [ahead, alone]) driver.advance(ms);
      }
    });
  }
});
