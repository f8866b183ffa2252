/**
 * soak: two hundred connections do everything at once for some seconds and are killed in the middle of it. No reply may
 * be wrong, nothing may stay behind. `node bench/run.mjs soak` is the same in large. SEED repeats a run.
 */
import { describe, it } from "node:test";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { seedOfRun } from "./support/random.ts";
import { currentRuntime, startServer } from "./support/server.ts";
import { checkOpenFiles, complaints, soak } from "./soak/soak.ts";

const seed = seedOfRun();
// Node 20 has one way to its sockets.
const ADAPTERS = currentRuntime() === "node" ? ["auto"] : ["auto", "portable"];

describe(`soak (SEED=${seed})`, () => {
  for (const adapter of ADAPTERS) {
    it(`200 connections that die at every state, io-adapter ${adapter}`, async () => {
      const server = await startServer({ args: ["--io-adapter", adapter] });
      try {
        const size = { connections: 200, seconds: adapter === "auto" ? 5 : 3, cycles: 2 };
        const report = await soak({ port: server.port, pid: server.pid, seed, ...size });
        assertEquals(complaints(report), []);
        assert(report.lives > 200 && report.replies > 2000 && report.pushes > 100, JSON.stringify(report));
      } finally {
        await server.stop();
      }
    });
  }

  it("complains of wrong replies, of what stays, and of growth", () => {
    const start = { used: 200_000, active: 2_000_000, rss: 50_000_000, host: 50_000_000 };
    const report = {
      commands: 1, replies: 1, pushes: 1, faults: [] as string[], faultCount: 0, lives: 1, deaths: {},
      holdings: [start, start, start], remains: [] as string[],
    };
    assertEquals(complaints(report), []);
    assertEquals(complaints({ ...report, faultCount: 1, faults: ["k1.2: x"] }), ["1 faults", "k1.2: x"]);
    assertEquals(complaints({ ...report, remains: ["blocked_clients is 1"] }).length, 1);
    for (const what of ["used", "active", "host"] as const) {
      const grown = { ...start, [what]: start[what] * 2 };
      assertEquals(complaints({ ...report, holdings: [start, start, grown] }).length, 1, what);
    }
  });

  it("says plainly what it lacks where too few files may be open", { skip: noLimits() }, () => {
    assertThrows(() => checkOpenFiles(1e9), Error, "1000000000 connections need 1000000100 open files");
  });
});

/** Why the limit of open files can't be told here. */
function noLimits(): string | false {
  return process.platform !== "linux" && "only Linux tells its limit of open files";
}
