/**
 * The language: scripts and what the real server replied to each (support/lua-facts.json), results and messages of
 * errors alike. tests/lua/differential.test.ts has them played to it again, where it's installed.
 */
import { describe, it } from "node:test";
import { assertEquals } from "@std/assert";
import { evaluate, knownScripts, withoutPlace } from "../support/lua.ts";

describe("Lua scripts give what the real server's do", () => {
  it("for each known script", () => {
    const differences = knownScripts()
      .map(([script, reply]) => ({ script, reply, ours: withoutPlace(evaluate(script)) }))
      .filter(({ reply, ours }) => reply !== ours);
    assertEquals(differences, []);
  });
});
