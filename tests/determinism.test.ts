// determinism.test.ts - the same seed, calls and times give the same replies and the same bytes of memory, in every
// runtime; a whole server over the simulated network does, too, however its bytes are cut.
//
// The hash of the replies is committed: it changes only when a reply changes. The hash of memory changes with every
// build of the core, so the other runtimes, where they are installed, run the same now and are compared.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import process from "node:process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import { assertEquals, assertNotEquals } from "@std/assert";

import type { SimulatedOptions } from "../runtime-adapters/simulated.ts";
import { runInProcess, runSimulated } from "./support/determinism.ts";
import type { RunHashes } from "./support/determinism.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const script = `${root}tests/support/determinism.ts`;
const SEED = 20261121;
const COMMANDS = 20_000;
/** Hash of the replies to the commands of SEED. */
const REPLIES = "5619b0024d831737";

const seed = Number(process.env.SEED ?? SEED);
console.log(`SEED=${seed}`);

/** How each runtime runs a script, or undefined where it isn't installed. */
function runner(runtime: string): string[] | undefined {
  if (runtime === "node") return ["node", "--import", "tsx"];
  const path = `${root}node_modules/.bin/${runtime}`;
  if (!existsSync(path)) return undefined;
  return runtime === "deno" ? [path, "run", "-A", "--no-check"] : [path];
}

function runIn(command: string[]): RunHashes {
  const [program, ...args] = command;
  const done = spawnSync(program, [...args, script, `${seed}`, `${COMMANDS}`], { cwd: root, encoding: "utf8" });
  if (done.status !== 0) throw new Error(`${command.join(" ")}: ${done.stderr}`);
  return JSON.parse(done.stdout) as RunHashes;
}

describe("determinism: in process", () => {
  const here = runInProcess(seed, COMMANDS);

  it("gives the committed replies", { skip: seed !== SEED && "another seed was given" }, () => {
    assertEquals(here.replies, REPLIES);
  });

  it("gives the same replies and memory again, also in recycled memory", () => {
    for (let i = 0; i < 3; i++) assertEquals(runInProcess(seed, COMMANDS), here);
  });

  it("gives others for another seed", () => {
    const other = runInProcess(seed + 1, COMMANDS);
    assertNotEquals(other.replies, here.replies);
    assertNotEquals(other.snapshot, here.snapshot);
  });

  for (const runtime of ["node", "deno", "bun"]) {
    const command = runner(runtime);
    const skip = command === undefined && "it is not installed";
    it(`gives the same in a process of ${runtime}`, { skip }, () => {
      assertEquals(runIn(command!), here);
    });
  }
});

describe("determinism: a server over the simulated network", () => {
  const run = (world: SimulatedOptions) => runSimulated(seed, 2000, world);

  it("gives the same conversation again", async () => {
    assertEquals(await run({}), await run({}));
  });

  it("gives the same conversation however bytes are delivered", async () => {
    const plain = await run({});
    assertEquals(await run({ delivery: "data" }), plain);
    assertEquals(await run({ chop: true }), plain);
    assertEquals(await run({ chop: true, delivery: "data" }), plain);
    assertEquals(await run({ inFlight: true }), plain);
    assertEquals(await run({ inFlight: true, chop: true }), plain);
  });
});
