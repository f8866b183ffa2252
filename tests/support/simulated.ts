/**
 * simulated: a whole server over the simulated network, for tests that drive it byte by byte in virtual time.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createSimulatedPort } from "../../runtime-adapters/simulated.ts";
import type { SimulatedOptions, SimulatedPort } from "../../runtime-adapters/simulated.ts";
import { Config } from "../../server/config/config.ts";
import { Server } from "../../server/server.ts";

const START_US = 1_700_000_000_000_000;

/** A server that listens on port 6379 of a world of its own. The seed decides all that is random in both. */
export async function simulatedServer(
  seed: number,
  world: SimulatedOptions = {},
): Promise<{ port: SimulatedPort; server: Server; config: Config }> {
  const port = createSimulatedPort({ ...world, seed, startUs: START_US });
  const core = fileURLToPath(new URL("../../dist/core.wasm", import.meta.url));
  const module = new WebAssembly.Module(readFileSync(core));
  const config = new Config(port);
  config.replace("port", 6379n);
  const server = new Server({ port, config, module, seed: Uint32Array.of(seed, 2, 3, 4) });
  const failure = await server.listen();
  if (failure !== undefined) throw new Error(failure);
  server.cron.start();
  return { port, server, config };
}
