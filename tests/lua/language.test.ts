/**
 * The language: scripts and what the real server replied to each (support/lua-facts.json), results and messages of
 * errors alike. tests/lua/differential.test.ts has them played to it again, where it's installed.
 */
import { describe, it } from "node:test";
import { assertEquals } from "@std/assert";
import { readFileSync } from "node:fs";
import { evaluate, withoutPlace } from "../support/lua.ts";

const facts = JSON.parse(readFileSync(new URL("../support/lua-facts.json", import.meta.url), "utf8")) as [string, string][];

describe("Lua scripts give what the real server's do", () => {
  it("for each known script", () => {
    const differences = facts
      .map(([script, reply]) => ({ script, reply, ours: withoutPlace(evaluate(script)) }))
      .filter(({ reply, ours }) => reply !== ours);
    assertEquals(differences, []);
  });
});
