/** no-memory: a command whose allocations fail, one after the other, until there are enough. */
import { assert, assertEquals } from "@std/assert";
import type { CoreClient, CoreDriver } from "./core.ts";
import { OOM } from "./resp.ts";

/**
 * Runs a command until it succeeds; each time before, at most so many, it replies -OOM and leaves what `state` tells as
 * it was. Returns how many times that were.
 */
export function failsWhole(
  core: CoreDriver, client: CoreClient, command: readonly (string | number)[], state: () => unknown, most = 12,
): number {
  const before = state();
  let failures = 0;
  let reply = core.failing(0, () => client.command(...command));
  while (reply === OOM && failures < most) {
    failures++;
    assertEquals(state(), before, `${command.slice(0, 2)} after ${failures - 1}`);
    reply = core.failing(failures, () => client.command(...command));
  }
  // A reply that finds no memory closes the connection, which may be behind the change.
  assert(client.closing || !reply.startsWith("-"), `${command.slice(0, 2)} in the end: ${reply}`);
  return failures;
}
