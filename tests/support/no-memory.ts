/** no-memory: a command whose allocations fail, one after the other, until there are enough. */
import { assert, assertEquals } from "@std/assert";
import type { CoreClient, CoreDriver } from "./core.ts";
import { OOM } from "./resp.ts";

/** Runs a command until it succeeds; each time before, it replies -OOM and leaves what `state` tells as it was. */
export function failsWhole(
  core: CoreDriver, client: CoreClient, command: readonly string[], state: () => unknown,
): void {
  const before = state();
  let reply = OOM;
  for (let successes = 0; successes < 12 && reply === OOM; successes++) {
    core.failAfter(successes);
    reply = client.command(...command);
    core.failAfter(-1);
    if (reply === OOM) assertEquals(state(), before, `${command.slice(0, 2)} after ${successes}`);
  }
  // A reply that finds no memory closes the connection, which may be behind the change.
  assert(client.closing || !reply.startsWith("-"), `${command.slice(0, 2)} in the end: ${reply}`);
}
