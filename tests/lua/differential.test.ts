/**
 * The same Lua in our machine and by EVAL of the real server: known scripts, random programs, broken ones, and texts at
 * the limits of the compiler. Results and messages must be the same bytes.
 *
 *   SEED=1 WAKEY_LUA_PROGRAMS=100000 node --import tsx --test tests/lua/differential.test.ts
 */
import { after, before, describe, it } from "node:test";
import { assertEquals } from "@std/assert";
import { evaluate, knownScripts, withoutPlace } from "../support/lua.ts";
import { limitScripts } from "../support/lua-limits.ts";
import { ProgramGenerator } from "../support/lua-programs.ts";
import { seeded } from "../support/random.ts";
import type { RespConnection } from "../support/resp.ts";
import { realProgram, type RunningServer, skipWithoutReal, startServer } from "../support/server.ts";

const COUNT = Number(process.env.WAKEY_LUA_PROGRAMS ?? 2000);
const MOST_REPORTED = 5;
const skip = skipWithoutReal("valkey-server");

/** Hides what differs by its nature: addresses, the sign of what is no number. */
const comparable = (reply: string): string =>
  withoutPlace(reply).replace(/0x[0-9a-f]{6,}/g, "0x").replaceAll("-nan", "nan");

describe("Lua beside the real server", { skip }, () => {
  let server: RunningServer;
  let real: RespConnection;

  before(async () => {
    server = await startServer({ program: realProgram("valkey-server") });
    real = await server.connect();
  });
  after(async () => {
    await server.stop();
  });

  async function agree(scripts: Iterable<string>): Promise<void> {
    const differences: object[] = [];
    for (const script of scripts) {
      const theirs = comparable(await real.command("EVAL", script, 0));
      const ours = comparable(evaluate(script));
      if (ours !== theirs) differences.push({ script, ours, theirs });
      if (differences.length === MOST_REPORTED) break;
    }
    assertEquals(differences, []);
  }

  it("known scripts", async () => {
    await agree(knownScripts().map(([script]) => script));
  });

  it("texts at the compiler's limits", async () => {
    await agree(limitScripts());
  });

  for (const kind of ["soup", "broken", "program", "order"] as const) {
    it(`random: ${kind}`, async () => {
      const generator = new ProgramGenerator(seeded(`lua ${kind}`));
      const scripts = Array.from({ length: COUNT }, () => generator[kind]());
      await agree(scripts.filter((script) => !script.startsWith("#!")));
    });
  }
});
