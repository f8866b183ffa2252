/**
 * What isn't a program, and programs with every mistake: the machine answers with a result or a Lua error, never with
 * an error of JavaScript. WAKEY_LUA_PROGRAMS sets how many, SEED repeats a run.
 */
import { describe, it } from "node:test";
import { assert } from "@std/assert";
import { runScript } from "../support/lua.ts";
import { ProgramGenerator } from "../support/lua-programs.ts";
import { seeded } from "../support/random.ts";

const COUNT = Number(process.env.WAKEY_LUA_PROGRAMS ?? 2000);

describe("no text crashes the machine", () => {
  for (const kind of ["soup", "broken", "program"] as const) {
    it(kind, () => {
      const generator = new ProgramGenerator(seeded(`lua ${kind}`));
      let failed = 0;
      for (let count = 0; count < COUNT; count += 1) {
        const script = generator[kind]();
        try {
          if (runScript(script).error !== undefined) failed += 1;
        } catch (error) {
          throw new Error(`this script crashed the machine:\n${script}`, { cause: error });
        }
      }
      assert(kind === "program" ? failed < COUNT / 2 : failed > COUNT / 2, `${failed} of ${COUNT} failed`);
    });
  }
});
