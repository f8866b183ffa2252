/** Command lines of tools and benches: each tells how it is called, and refuses a word that it does not know. */
import { describe, it } from "node:test";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const node = process.versions.bun ?? process.versions.deno ? "node" : process.execPath;
const PROGRAMS = [
  "tools/build.mjs", "tools/build-test-core.mjs", "tools/check.mjs", "tools/compatibility.mjs", "tools/conformance.mjs",
  "tools/generate.mjs", "tools/test.mjs", "bench/adapters.mjs", "bench/run.mjs",
];
const WRONG = [
  ["tools/test.mjs", "--runtime", "none"], ["tools/check.mjs", "nothing"], ["tools/build-test-core.mjs", "nothing"],
  ["bench/run.mjs", "nothing"], ["bench/run.mjs", "--rounds"], ["tools/conformance.mjs", "--bin", "/nowhere"],
];

function run(...words: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(node, words, { cwd: root, encoding: "utf8" });
}

describe("command lines", () => {
  for (const program of PROGRAMS) {
    it(`${program} tells how it is called`, () => {
      const asked = run(program, "--help");
      assertEquals([asked.status, asked.stderr], [0, ""]);
      assertStringIncludes(asked.stdout, `node ${program}`);
      const wrong = run(program, "--no-such-option");
      assertEquals([wrong.status, wrong.stdout], [2, ""]);
      assertEquals(wrong.stderr, `Unknown option '--no-such-option'\n\n${asked.stdout}`);
    });
  }

  for (const words of WRONG) {
    it(`${words.join(" ")} is refused in a line, without a stack`, () => {
      const { status, stderr } = run(...words);
      assertEquals(status, 2, stderr);
      assert(!/^ +at /m.test(stderr), stderr);
      assertStringIncludes(stderr, `node ${words[0]}`);
    });
  }
});
