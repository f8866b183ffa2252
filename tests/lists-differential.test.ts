/**
 * Lists beside the real server: the same random commands leave the same elements, in the same nodes. Settings change
 * meanwhile, and elements of a few bytes get nodes of their own (DEBUG QUICKLIST-PACKED-THRESHOLD), so that nodes
 * split, merge and are compressed all the time. differential.test.ts compares replies of all commands together.
 *
 *   SEED=1 WAKEY_DIFF_COMMANDS=1000000 node --import tsx --test tests/lists-differential.test.ts
 */
import { describe, it } from "node:test";
import { assertEquals } from "@std/assert";
import { existsSync } from "node:fs";
import { bothServers } from "./support/beside.ts";
import { CommandGenerator } from "./support/commands.ts";
import { LISTS } from "./support/commands-list.ts";
import { Random, seedOfRun } from "./support/random.ts";
import { skipWithoutReal, wakeyServer } from "./support/server.ts";

const COUNT = Number(process.env.WAKEY_DIFF_COMMANDS ?? 16_000);
const BATCH = 25;
const FLUSH_EVERY = 2000;
const KEYS = ["list:1", "list:2", "list:3", "{l}4"];
/** What is looked at after each batch. */
const LOOKS = [["DEBUG", "DIGEST"], ...KEYS.map((key) => ["DEBUG", "OBJECT", key, "fast"])];

const skip = skipWithoutReal("valkey-server") || (!existsSync(wakeyServer) && "our launcher is missing");

/** A reply without what differs between any two servers: addresses and clocks. */
const comparable = (reply: string): string => reply.replace(/Value at:\S+| lru:\d+ lru_seconds_idle:\d+/g, "");

/** Commands whose reply depends on time, or on what the real server makes of an index beyond 32 bits. */
const isLeftOut = (command: string[]): boolean =>
  /^B[LR]/.test(command[0]) || (command[0] === "LSET" && Math.abs(Number(command[2])) > 2147483647);

const shown = (command: string[]): string =>
  JSON.stringify(command.map((word) => (word.length > 60 ? `${word.slice(0, 50)}... (${word.length})` : word)));

describe("lists are kept in the real server's nodes", { skip }, () => {
  const servers = bothServers("--enable-debug-command", "yes");

  for (const threshold of ["0", "2b", "5b", "100b"]) {
    const which = threshold === "0" ? "where the settings say" : `from ${threshold} on`;
    it(`elements in nodes of their own ${which}`, async () => {
      const seed = seedOfRun();
      console.log(`lists, threshold ${threshold}: SEED=${seed}, ${COUNT / 4} commands`);
      const generator = new CommandGenerator(new Random(seed), Math.floor(Date.now() / 1000));
      const connections = [await servers.ours.connect(), await servers.real.connect()];
      const both = (commands: string[][]) => Promise.all(connections.map((one) => one.pipeline(commands)));
      await both([["FLUSHALL"], ["DEBUG", "QUICKLIST-PACKED-THRESHOLD", threshold]]);
      for (let sent = 0; sent < COUNT / 4; sent += BATCH) {
        const commands: string[][] = [];
        while (commands.length < BATCH) {
          const command = generator.random.pick(LISTS)(generator);
          if (!isLeftOut(command)) commands.push(command);
        }
        const [mine, theirs] = await both([...commands, ...LOOKS]);
        const all = [...commands, ...LOOKS];
        const at = all.findIndex((_, i) => comparable(mine[i]) !== comparable(theirs[i]));
        if (at >= 0) {
          const note = `SEED=${seed}, after ${sent}: ${shown(all[at])} in\n${commands.map(shown).join("\n")}`;
          assertEquals(comparable(mine[at]), comparable(theirs[at]), note);
        }
        if (sent % FLUSH_EVERY === 0) await both([["FLUSHALL"]]);
      }
      for (const connection of connections) connection.close();
    });
  }
});
