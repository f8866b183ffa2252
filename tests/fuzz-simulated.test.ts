/**
 * The same byte strings as in fuzz-socket.test.ts, by the million, on whole servers over the simulated network: one
 * gets each string as it is, its twin gets it in two pieces, cut anywhere, or byte by byte. Both must write the same
 * and close alike, and neither may keep memory: after FLUSHALL there is as much in use after every round.
 *
 *   SEED=1 WAKEY_FUZZ_STRINGS=10000000 node --import tsx --test tests/fuzz-simulated.test.ts
 */
import { describe, it } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { assert, assertEquals } from "@std/assert";
import type { SimulatedClient, SimulatedPort } from "../runtime-adapters/simulated.ts";
import type { Server } from "../server/server.ts";
import { ROOT } from "../server/generated/layout.ts";
import { CommandGenerator } from "./support/commands.ts";
import { type Random, seeded } from "./support/random.ts";
import { simulatedServer } from "./support/simulated.ts";
import { cut, randomString } from "./support/strings.ts";

const COUNT = Number(process.env.WAKEY_FUZZ_STRINGS ?? 6000);
const ROUND = 2000;
const REPORT = 500_000;
const SHARED_GROWTH_MOST = 256 << 10;
const HEAP_GROWTH_MOST = 16 << 20;
/** The clock stands still within a string; a string takes so long. */
const STRING_MS = 1;
/** From this length on it depends on the pieces when a line is too long. */
const LINE_LIMIT = 65536;
/** What may be a command whose reply counts reads or buffers. */
const TELLS_OF_READS = /info|client|memory|stat|latency|log/i;
/** What the name of a command that is sent as a line may have in it, and loses. */
const LEFT_OUT = /["'\\\xff]/g;
const CLOSED = "(closed)";

/** Sends the pieces on a connection of its own; gives what came back, CLOSED behind it when the server closed. */
function conversation(port: SimulatedPort, pieces: string[]): string {
  const client: SimulatedClient = port.connect();
  let text = "";
  for (const piece of pieces) {
    if (client.closed) break;
    client.send(Buffer.from(piece, "latin1"));
    let before: number;
    do {
      port.settle();
      before = text.length;
      // What was taken makes room for more of a long reply.
      text += client.receiveText();
    } while (text.length > before);
  }
  const end = client.closed ? CLOSED : "";
  client.close();
  port.settle();
  return text + end;
}

/** Whether both say the same. A server that closes at once leaves replies unsent that pieces had got before. */
function alike(whole: string, inPieces: string): boolean {
  return whole === inPieces || (whole.endsWith(CLOSED) && inPieces.endsWith(CLOSED) &&
    inPieces.startsWith(whole.slice(0, -CLOSED.length)));
}

/**
 * Bytes of JavaScript heap that are still held once everything else is collected. Bun's heap counts linear memory in,
 * and what of it has been looked at as an ArrayBuffer once more; neither is JavaScript's.
 */
function heldBytes(servers: Server[]): number {
  if ("Bun" in globalThis) {
    (globalThis as unknown as { Bun: { gc(wait: boolean): void } }).Bun.gc(true);
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return servers.reduce((held, { core }) => held - core.memory.buffer.byteLength, heapUsed - arrayBuffers);
  }
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  return process.memoryUsage().heapUsed;
}

/** All pieces that a string is sent in: two as a rule, now and then each byte by itself. */
function pieces(random: Random, text: string): string[] {
  if (text.length > LINE_LIMIT) return [text];
  return text.length < 300 && random.chance(5) ? [...text] : cut(text, random.below(text.length + 1));
}

describe("bytes that are no good requests, on the simulated network", () => {
  it("a string in pieces is the same string, and nothing stays behind", { timeout: 36_000_000 }, async () => {
    const random = seeded(`simulated fuzz, ${COUNT} strings`);
    const { seed } = random;
    const generator = new CommandGenerator(random, 1_700_000_000);
    const whole = await simulatedServer(seed);
    const inPieces = await simulatedServer(seed);
    const servers = [whole.server, inPieces.server];
    const heap = heldBytes(servers);
    let used = 0;
    for (let done = 0; done < COUNT; done += ROUND) {
      for (let i = 0; i < ROUND; i++) {
        const text = randomString(random, generator);
        const parts = pieces(random, text);
        for (const { port, server } of [whole, inPieces]) {
          port.advance(STRING_MS);
          // Upkeep may have drawn more or fewer random numbers where timers fell otherwise.
          const at = server.core.rootAddress(ROOT.random0);
          for (const [word, value] of [done + i + 1, 1, seed, 2].entries()) server.core.setU32(at + 4 * word, value);
        }
        const plain = conversation(whole.port, [text]);
        const other = conversation(inPieces.port, parts);
        if (TELLS_OF_READS.test(text.replace(LEFT_OUT, "")) || alike(plain, other)) continue;
        assert(false, `string ${done + i} in ${parts.length} pieces: ${shown(text)}\n${difference(plain, other)}`);
      }
      for (const { port, server } of [whole, inPieces]) {
        // A string may be CLIENT PAUSE with a great number.
        server.core.exports.pauseClients(0, 0);
        await port.settleAsync();
        assertEquals(conversation(port, ["FLUSHALL SYNC\r\n"]), "+OK\r\n");
        await port.settleAsync();
      }
      const now = whole.server.core.usedBytes;
      if (done % REPORT === 0 && done > 0) console.log(`${done} strings, ${now - used} bytes more than at first`);
      if (used === 0) used = now;
      // What every client shares (arguments, scratch list) has grown to what the largest command needed.
      assert(now - used < SHARED_GROWTH_MOST, `${now - used} bytes more in use after ${done + ROUND} strings`);
    }
    const growth = heldBytes(servers) - heap;
    assert(growth < HEAP_GROWTH_MOST, `${growth} bytes of JavaScript heap stay`);
    whole.server.close();
    inPieces.server.close();
  });
});

/** Where two texts begin to differ, and how each goes on from a little before. */
function difference(a: string, b: string): string {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  return `from ${at}: ${shown(a.slice(Math.max(0, at - 60)))}\n${shown(b.slice(Math.max(0, at - 60)))}`;
}

function shown(text: string): string {
  return JSON.stringify(text.length > 500 ? `${text.slice(0, 500)}... (${text.length} bytes)` : text);
}
