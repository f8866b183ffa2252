/**
 * The same Lua by EVAL of our server and of the real one: known scripts, random programs, broken ones, tables in the
 * order of pairs, and texts at the limits of the compiler. Results and messages must be the same bytes.
 *
 *   SEED=1 WAKEY_LUA_PROGRAMS=100000 node --import tsx --test tests/lua/differential.test.ts
 */
import { describe, it } from "node:test";
import { assertEquals } from "@std/assert";
import { existsSync } from "node:fs";
import { bothServers } from "../support/beside.ts";
import { knownScripts } from "../support/lua.ts";
import { limitScripts } from "../support/lua-limits.ts";
import { ProgramGenerator } from "../support/lua-programs.ts";
import { seeded } from "../support/random.ts";
import { skipWithoutReal, wakeyServer } from "../support/server.ts";

const COUNT = Number(process.env.WAKEY_LUA_PROGRAMS ?? 1000);
const MOST_REPORTED = 5;
/** A program that was broken may run on and on: it is then killed on both sides, and has to end so on both. */
const PATIENCE_MS = 3000;
const skip = skipWithoutReal("valkey-server") || (!existsSync(wakeyServer) && "our launcher is missing");

/** Hides what differs by its nature: addresses, the sign of what is no number, the line where a program was killed. */
const comparable = (reply: string): string =>
  /^-ERR .*killed by user/.test(reply) ? "killed" : reply.replace(/0x[0-9a-f]{6,}/g, "0x").replaceAll("-nan", "nan");

describe("Lua beside the real server", { skip }, () => {
  const servers = bothServers();

  const connections = () => Promise.all([servers.ours.connect(), servers.real.connect()]);

  async function agree(scripts: Iterable<string>): Promise<void> {
    const [both, killers] = [await connections(), await connections()];
    const differences: object[] = [];
    for (const script of scripts) {
      const kill = setTimeout(() => {
        for (const killer of killers) void killer.command("SCRIPT", "KILL");
      }, PATIENCE_MS);
      const replies = await Promise.all(both.map((server) => server.command("EVAL", script, 0)));
      clearTimeout(kill);
      const [mine, theirs] = replies.map(comparable);
      if (mine !== theirs) differences.push({ script, mine, theirs });
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
      await agree(Array.from({ length: COUNT }, () => generator[kind]()));
    });
  }
});
