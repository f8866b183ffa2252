/**
 * access: the core's checks against a model: random selectors are compiled as the host does it, random command lines
 * are checked against what the rules say by themselves. Nothing leaks, and nothing breaks when memory runs out.
 */
import { describe, it } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { compileUser } from "../../server/acl/compile.ts";
import { applyRule, RuleCommands } from "../../server/acl/rules.ts";
import { User } from "../../server/acl/user.ts";
import { CommandTable } from "../../server/commands/command-table.ts";
import { matchPattern } from "../../server/config/syntax.ts";
import type { Core } from "../../server/bridge/core.ts";
import { ROOT, ROOT_ADDRESS } from "../../server/generated/layout.ts";
import { CoreDriver } from "../support/core.ts";
import { type Random, seeded } from "../support/random.ts";

const commands = new RuleCommands(new CommandTable().known());
const ID = 7;
const PATTERNS = ["a*", "b?", "*c", "[ab]d", "\\*", "key:*:x", "*"];
const KEYS = ["a", "ab", "b1", "xc", "ad", "cd", "*", "key:1:x", "key:1:y", "zzz"];
const NAMES = ["get", "set", "mget", "copy", "del", "strlen", "getset"];
/** What each command needs of its keys: read, write. */
const NEEDS: Record<string, [reads: boolean, writes: boolean][]> = {
  get: [[true, false]], set: [[false, true]], mget: [[true, false], [true, false]], strlen: [[false, false]],
  copy: [[true, false], [false, true]], del: [[false, true], [false, true]], getset: [[true, true]],
};

/** One selector as the model knows it. */
interface Model {
  rules: string[];
  names: Set<string>;
  keys: [pattern: string, reads: boolean, writes: boolean][];
  databases: Set<number> | undefined;
}

function randomModel(random: Random): Model {
  const model: Model = { rules: [], names: new Set(), keys: [], databases: undefined };
  for (const name of NAMES) if (random.chance(60)) model.names.add(name);
  model.rules.push(...[...model.names].map((name) => `+${name}`));
  for (let n = random.below(4); n > 0; n--) {
    const pattern = random.pick(PATTERNS);
    const sign = random.pick(["~", "%R~", "%W~"]);
    if (pattern === "*" && sign === "~") continue;
    model.rules.push(sign + pattern);
    model.keys.push([pattern, sign !== "%W~", sign !== "%R~"]);
  }
  // The same pattern given twice has the rights of both.
  const merged = new Map<string, [boolean, boolean]>();
  for (const [pattern, reads, writes] of model.keys) {
    const [hadReads, hadWrites] = merged.get(pattern) ?? [false, false];
    merged.set(pattern, [reads || hadReads, writes || hadWrites]);
  }
  model.keys = [...merged].map(([pattern, [reads, writes]]) => [pattern, reads, writes]);
  if (random.chance(40)) {
    model.databases = new Set([random.below(3), random.below(3)]);
    model.rules.push(`db=${[...model.databases].join(",")}`);
  }
  return model;
}

function userOf(models: Model[]): User {
  const user = new User("someone", ID, false);
  const context = { commands, allChannels: false };
  for (const rule of models[0].rules) assertEquals(applyRule(user, rule, context), undefined, rule);
  for (const { rules } of models.slice(1)) assertEquals(applyRule(user, `(${rules.join(" ")})`, context), undefined);
  return user;
}

/** What a selector says: 0 allowed, or the kind of the denial. */
function judge(model: Model, name: string, keys: string[], db: number): number {
  if (model.databases !== undefined && !model.databases.has(db)) return 1;
  if (!model.names.has(name)) return 2;
  for (const [i, key] of keys.entries()) {
    const [reads, writes] = NEEDS[name][i];
    const fits = model.keys.some(([pattern, mayRead, mayWrite]) =>
      (mayRead || !reads) && (mayWrite || !writes) && matchPattern(pattern, key)
    );
    if (!fits) return 3;
  }
  return 0;
}

function freeNotes(core: Core): void {
  for (let at = core.exports.noteNext() >>> 0; at !== 0; at = core.exports.noteNext() >>> 0) core.exports.hostFree(at);
}

const TEXTS = ["", "access database", "run the", "access a key"];

describe("access control in the core", () => {
  it("allows what the rules allow, and tells why not", () => {
    const random = seeded("access");
    const driver = new CoreDriver();
    const { core } = driver;
    const client = driver.connect();
    const used = core.root32(ROOT.usedBytes);
    for (let round = 0; round < 300; round++) {
      const models = Array.from({ length: 1 + random.below(3) }, () => randomModel(random));
      const block = core.keepBytes(compileUser(userOf(models), core.databaseCount)!);
      core.exports.userSet(ID, block);
      core.exports.clientUser(client.handle, ID);
      for (let n = 0; n < 20; n++) {
        const db = random.below(4);
        core.setClient32(client.handle, "db", db);
        const name = random.pick(NAMES);
        const keys = NEEDS[name].map(() => random.pick(KEYS));
        const line = [name, ...keys, ...(["set", "getset"].includes(name) ? ["value"] : [])];
        const verdicts = models.map((model) => judge(model, name, keys, db));
        const expected = verdicts.includes(0) ? 0 : Math.max(...verdicts);
        const reply = client.command(...line);
        const rules = JSON.stringify(models.map((model) => model.rules));
        const isDenied = reply.startsWith("-NOPERM") && reply.includes(TEXTS[expected]);
        assert(expected === 0 ? !reply.startsWith("-NOPERM") : isDenied, `${line} in ${db}: ${reply}: ${rules}`);
      }
    }
    core.exports.userSet(ID, 0);
    driver.connect().command("FLUSHALL");
    freeNotes(core);
    assert(core.root32(ROOT.usedBytes) - used < 64 * 1024, "blocks and notes are freed");
  });

  it("denies, without a note, when memory is exhausted; notes are bounded", () => {
    const driver = new CoreDriver();
    const { core } = driver;
    const client = driver.connect();
    core.exports.userSet(ID, core.keepBytes(compileUser(new User("nobody", ID, false), core.databaseCount)!));
    core.exports.clientUser(client.handle, ID);
    client.command("PING");
    assertEquals(driver.failing(0, () => core.keepBytes(new Uint8Array(100))), 0);
    const denied = driver.failing(0, () => client.command("GET", "a"));
    assert(denied.startsWith("-NOPERM User nobody has no permissions to run the 'get' command"));
    for (let i = 0; i < 1000; i++) client.command("GET", `${i}`);
    assert(core.root32(ROOT.noteCount) <= 256);
    assertEquals(core.u64(ROOT_ADDRESS + ROOT.statDeniedCommand), 1002);
  });

  it("a user that is gone leaves strangers behind", () => {
    const driver = new CoreDriver();
    const { core } = driver;
    const client = driver.connect();
    core.exports.userSet(ID, core.keepBytes(compileUser(new User("gone", ID, false), core.databaseCount)!));
    core.exports.clientUser(client.handle, ID);
    assert(client.command("GET", "a").startsWith("-NOPERM"));
    core.setSetting("requirePassword", 1);
    core.exports.userDrop(ID);
    assertEquals(client.command("GET", "a"), "-NOAUTH Authentication required.\r\n");
  });
});
