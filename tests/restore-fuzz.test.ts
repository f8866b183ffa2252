/**
 * Damaged payloads under each sanitize-dump-payload, which Valkey 9.1 still takes in a file but does not look at:
 * RESTORE says the same whatever it is, what it refuses changes nothing, what it takes can be used. Beside
 * tests/core/dump.test.ts, which looks at the core's memory after each one.
 *
 *   SEED=1 WAKEY_FUZZ_SCALE=100 node --import tsx --test tests/restore-fuzz.test.ts
 */
import { describe, it } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { Wakey } from "wakey";
import { mutated, USES, VALUES } from "./support/payloads.ts";
import { Random, seedOfRun } from "./support/random.ts";

/** Mutations a value; SCALE makes them more. */
const MUTATIONS = 30 * Number(process.env.WAKEY_FUZZ_SCALE ?? 1);
const MODES = ["no", "clients", "yes"];
const NOW = Date.UTC(2026, 10, 21);
/** The list that sampling commands share grows to what the largest value needs. */
const SHARED_MOST = 64 << 10;

/** A server in this program, and its replies as text of a character a byte. */
async function serverWith(mode: string) {
  const config = { "sanitize-dump-payload": mode, "enable-debug-command": "yes" };
  const wakey = await Wakey.open({ config, seed: 1, now: NOW, resp: 2 });
  const run = (...words: (string | Uint8Array)[]): string => {
    const args = words.map((word) => (typeof word === "string" ? Buffer.from(word, "latin1") : word));
    return Buffer.from(wakey.callRaw(...args)).toString("latin1");
  };
  const used = (): number => {
    run("DEL", "k", "copy");
    run("MEMORY", "PURGE");
    return Number(/used_memory:(\d+)/.exec(run("INFO", "memory"))![1]);
  };
  assertEquals(run("DEBUG", "SET-SKIP-CHECKSUM-VALIDATION", "1"), "+OK\r\n");
  return { wakey, run, used };
}

/** All replies to RESTORE and to what follows, as a hash, and how many payloads were taken. */
interface Outcomes {
  hash: string;
  taken: number;
}

/** Damages payloads of every value, and uses what comes of it. */
async function outcomes(mode: string, random: Random): Promise<Outcomes> {
  const { wakey, run, used } = await serverWith(mode);
  run("SET", "bystander", "x", "EX", "1000000");
  const hash = createHash("sha256");
  let taken = 0;
  let atFirst = 0;
  for (const [name, , commands] of VALUES) {
    for (const command of commands) run(...command);
    const payload = (wakey.callBytes("DUMP", "k") as Uint8Array).slice();
    const before = used();
    atFirst ||= before;
    const digest = run("DEBUG", "DIGEST");
    for (let i = 0; i < MUTATIONS; i++) {
      const reply = run("RESTORE", "k", "0", mutated(payload, random));
      hash.update(reply);
      if (reply === "+OK\r\n") {
        taken++;
        const from = random.below(USES.length);
        for (let n = 0; n < 12; n++) hash.update(run(...USES[(from + n * 7) % USES.length]));
        run("DEL", "k", "copy");
      } else {
        assert(/^-ERR (Bad data format|DUMP payload version)/.test(reply), `${name}: ${reply}`);
        if (i % 10 === 0) assertEquals(run("DEBUG", "DIGEST"), digest, name);
      }
    }
    const after = used();
    assert(after - atFirst < SHARED_MOST, `${name}: ${after - before} bytes stay`);
  }
  assertEquals(run("GET", "bystander"), "$1\r\nx\r\n");
  wakey.close();
  return { hash: hash.digest("hex"), taken };
}

describe("RESTORE of damaged payloads", () => {
  it("says the same under each sanitize-dump-payload, and harms nothing", { timeout: 3_600_000 }, async () => {
    const seed = seedOfRun();
    console.log(`RESTORE, ${VALUES.length} values, ${MUTATIONS} mutations of each: SEED=${seed}`);
    const found: Outcomes[] = [];
    for (const mode of MODES) found.push(await outcomes(mode, new Random(seed)));
    assertEquals(found, MODES.map(() => found[0]), `SEED=${seed}`);
    assert(found[0].taken > 0 && found[0].taken < VALUES.length * MUTATIONS, `${found[0].taken} taken`);
  });
});
