/**
 * beside: what tests that hold our server against the real one have in common: both servers of a describe() block,
 * scripts that are played to both, small changes whose outcome is compared.
 */
import { after, before } from "node:test";
import { assertEquals } from "@std/assert";
import { knownChanges, runAll } from "./changes.ts";
import type { RespConnection } from "./resp.ts";
import { realProgram, type RunningServer, startServer } from "./server.ts";
import { play } from "./transcript.ts";

/** Running while the tests of a describe() block do. */
interface BothServers {
  readonly ours: RunningServer;
  readonly real: RunningServer;
}

/** Has both servers started before the tests of a describe() block, and ended after them. */
export function bothServers(...args: string[]): BothServers {
  const servers: RunningServer[] = [];
  before(async () => {
    for (const program of [undefined, realProgram("valkey-server")]) servers.push(await startServer({ program, args }));
  });
  after(async () => {
    for (const server of servers) await server.stop();
  });
  return {
    get ours() {
      return servers[0];
    },
    get real() {
      return servers[1];
    },
  };
}

/** Every client of a script gets the same bytes from both servers. */
export async function playsAlike({ ours, real }: BothServers, script: string): Promise<void> {
  assertEquals(await play(ours.port, script), await play(real.port, script));
}

/**
 * Each known change has the same outcome on both servers. `begin` is what the watchers, a connection to each, send at
 * first; `outcome` makes the change over another connection and gives what the watcher got to know.
 */
export async function changesAlike(
  { ours, real }: BothServers,
  begin: readonly string[][],
  outcome: (writer: RespConnection, watcher: RespConnection, change: readonly string[][]) => Promise<string>,
): Promise<void> {
  const writers = [await ours.connect(), await real.connect()];
  const watchers = [await ours.connect(), await real.connect()];
  for (const watcher of watchers) await runAll(watcher, begin);
  const differences: object[] = [];
  for (const { name, before: first, change } of await knownChanges(writers[0])) {
    const outcomes = await Promise.all(writers.map(async (writer, i) => {
      await runAll(writer, [["SELECT", "0"], ["FLUSHALL"], ...first]);
      return outcome(writer, watchers[i], change);
    }));
    if (outcomes[0] !== outcomes[1]) differences.push({ name, ours: outcomes[0], real: outcomes[1] });
  }
  for (const connection of [...writers, ...watchers]) connection.close();
  assertEquals(differences, []);
}
