/**
 * determinism: one long run from a seed, in process and over the simulated network, and the hashes of what came out.
 *
 * `node --import tsx tests/support/determinism.ts SEED` (or deno run -A --no-check, bun) prints them as JSON, so that
 * runs in different runtimes can be compared. Uses commands whose replies don't depend on chance or on the build.
 */
import { createHash } from "node:crypto";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { Wakey, WakeyError } from "wakey";
import type { Argument } from "wakey";
import type { SimulatedOptions } from "../../runtime-adapters/simulated.ts";
import { encode } from "./resp.ts";
import { Random } from "./random.ts";
import { simulatedServer } from "./simulated.ts";

const START_MS = 1_700_000_000_000;
const KEYS = 300;

/** What a run gives. */
export interface RunHashes {
  /** Of every reply: the same in every build that behaves the same. */
  replies: string;
  /** Of the memory at the end: the same in every runtime, for one build. */
  snapshot: string;
}

/** A random command on strings, with expiry now and then, wrong types and wrong arguments included. */
function randomCommand(random: Random): string[] {
  const key = `key:${random.below(KEYS)}`;
  const value = random.chance(40) ? `${random.below(1000)}` : "v".repeat(random.below(random.chance(2) ? 5000 : 60));
  switch (random.below(16)) {
    case 0: return ["SET", key, value, "PX", `${1 + random.below(5000)}`];
    case 1: return ["INCRBY", key, `${random.below(100)}`];
    case 2: return ["APPEND", key, value];
    case 3: return ["DEL", key];
    case 4: return ["GETRANGE", key, `${random.below(20) - 10}`, `${random.below(20) - 10}`];
    case 5: return ["SETRANGE", key, `${random.below(50)}`, value];
    case 6: return ["PEXPIRE", key, `${random.below(3000)}`];
    case 7: return ["PTTL", key];
    case 8: return ["GETSET", key, value];
    case 9: return ["STRLEN", key];
    case 10: return ["EXISTS", key, `key:${random.below(KEYS)}`];
    case 11: return ["SELECT", `${random.below(3)}`];
    case 12: return ["DBSIZE"];
    case 13: return random.chance(90) ? ["PERSIST", key] : ["NOSUCH", key];
    case 14: return ["SET", key, value];
    default: return ["GET", key];
  }
}

const shortHash = (...parts: (string | Uint8Array)[]): string => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex").slice(0, 16);
};

/** A run of in-process calls with a virtual clock. */
export function runInProcess(seed: number, commands: number): RunHashes {
  const random = new Random(seed);
  const wakey = new Wakey({ seed, now: START_MS });
  const replies = createHash("sha256");
  for (let i = 0; i < commands; i++) {
    if (random.chance(5)) wakey.advanceTime(random.below(500));
    const command: Argument[] = randomCommand(random);
    try {
      replies.update(`${wakey.call(...command)}\n`);
    } catch (error) {
      if (!(error instanceof WakeyError)) throw error;
      replies.update(`${error.message}\n`);
    }
  }
  const snapshot = shortHash(wakey.snapshot());
  wakey.close();
  return { replies: replies.digest("hex").slice(0, 16), snapshot };
}

/** A whole server over the simulated network, with several clients that talk at once. */
export async function runSimulated(seed: number, rounds: number, world: SimulatedOptions = {}): Promise<string> {
  const { port, server } = await simulatedServer(seed, world);
  const random = new Random(seed);
  const clients = Array.from({ length: 5 }, () => port.connect());
  const transcript: string[] = [];
  for (let round = 0; round < rounds; round++) {
    // One client a round: which of several is served first is the network's to choose, and `chop` chooses.
    const client = clients[random.below(clients.length)];
    for (let n = 1 + random.below(8); n > 0; n--) client.send(encode(randomCommand(random)));
    port.settle();
    transcript.push(client.receiveText());
    if (random.chance(20)) port.advance(random.below(300));
  }
  if (transcript.some((text) => text === "")) throw new Error("simulated run: a client got no reply");
  server.close();
  return shortHash(...transcript);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  console.log(JSON.stringify(runInProcess(Number(process.argv[2]), Number(process.argv[3]))));
}
