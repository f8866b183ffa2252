/**
 * acl-fuzz: random command lines of a user who may use keys ok:* only, among keys of every type that hold a mark. No
 * reply may show the mark, and no marked key may change, whatever keys, options and counts a line puts where.
 *
 *   SEED=1 WAKEY_ACL_FUZZ=1000000 node --import tsx --test tests/acl-fuzz.test.ts
 */
import { describe, it } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { Wakey } from "wakey";
import { CommandTable } from "../server/commands/command-table.ts";
import { CMD_CONTAINER, CMD_READY } from "../server/generated/commands.ts";
import { commandDocs } from "../server/generated/command-docs.ts";
import { seeded } from "./support/random.ts";

const LINES = Number(process.env.WAKEY_ACL_FUZZ ?? 30_000);
const MARK = "MARKOFTHESECRET";
/** Commands that change who is asking, or whether replies come. */
const LEFT_OUT = ["auth", "hello", "reset", "quit", "multi", "client|reply"];
/** What makes a key of each type that this build has. */
const MAKERS: readonly string[][] = [
  ["SET", "KEY", MARK], ["SET", "KEY:int", "12345"], ["RPUSH", "KEY", MARK, "1", "2"], ["SADD", "KEY", MARK, "1", "2"],
  ["HSET", "KEY", "field", MARK, "1", "2"], ["ZADD", "KEY", "1", MARK, "2", "b"], ["XADD", "KEY", "1-1", "field", MARK],
  ["PFADD", "KEY", "a", "b"], ["GEOADD", "KEY", "1", "1", MARK],
];

/** All words that options of commands begin with. */
function optionWords(): string[] {
  const words = new Set<string>();
  const walk = (list: { token?: string; arguments?: unknown[] }[]): void => {
    for (const argument of list) {
      if (argument.token) words.add(argument.token.replaceAll('"', ""));
      walk((argument.arguments ?? []) as { token?: string }[]);
    }
  };
  for (const text of Object.values(commandDocs())) walk((JSON.parse(text) as { arguments?: [] }).arguments ?? []);
  return [...words].filter((word) => word !== "");
}

const commands = new CommandTable().known().filter(({ flags, name }) =>
  flags & CMD_READY && !(flags & CMD_CONTAINER) && !LEFT_OUT.includes(name)
);
const config = { "enable-debug-command": "yes" };

/** Marked keys and others of each type; returns the marked ones. */
function fill(wakey: Wakey): string[] {
  const secrets: string[] = [];
  for (const [i, [name, key, ...rest]] of MAKERS.entries()) {
    const secret = key.replace("KEY", `secret:${i}`);
    if (String.fromCharCode(wakey.callRaw(name, secret, ...rest)[0]) === "-") continue;
    secrets.push(secret);
    wakey.callRaw(name, key.replace("KEY", `ok:${i}`), ...rest.map((word) => word.replace(MARK, "plain")));
  }
  for (const key of ["secret:6", "ok:6"]) wakey.callRaw("XGROUP", "CREATE", key, "group", "0");
  return secrets;
}

/** A server that was attacked, its marked keys and their digests at first. */
interface Attacked {
  wakey: Wakey;
  secrets: string[];
  before: string[];
}

/** Runs random lines as a user with these rules; every reply that is no error goes to `look`. */
function attack(rules: string[], look: (reply: string, line: string[]) => void): Attacked {
  const random = seeded("acl-fuzz");
  const wakey = new Wakey({ now: 1_700_000_000_000, config });
  const secrets = fill(wakey);
  const before = digestsOf(wakey, secrets);
  const words = optionWords();
  const keys = [...secrets, ...secrets, ...MAKERS.map((_, i) => `ok:${i}`), "ok:new", "secret:new", "", "STREAMS"];
  const others = ["0", "1", "2", "3", "-1", "1-1", ">", "$", "+", "-", "*", "#", "secret:*", "ok:*", "group", "field"];
  wakey.call("ACL", "SETUSER", "few", "on", "nopass", "+@all", "-@admin", "-@dangerous", ...rules);
  wakey.call("AUTH", "few", "any");
  let allowed = 0;
  for (let n = 0; n < LINES; n++) {
    const command = random.pick(commands);
    const line = command.name.toUpperCase().split("|");
    const least = Math.abs(command.arity);
    const length = command.arity > 0 ? least : least + random.below(7);
    while (line.length < length) {
      const kind = random.below(10);
      line.push(kind < 5 ? random.pick(keys) : kind < 7 ? random.pick(words) : random.pick(others));
    }
    const reply = new TextDecoder("latin1").decode(wakey.callRaw(...line));
    if (!reply.startsWith("-")) allowed++;
    look(reply, line);
  }
  assert(allowed > LINES / 20, `only ${allowed} lines ran`);
  // What belongs to the program again has all rights.
  wakey.call("RESET");
  return { wakey, secrets, before };
}

function digestsOf(wakey: Wakey, keys: string[]): string[] {
  return wakey.call<string[]>("DEBUG", "DIGEST-VALUE", ...keys);
}

const showsNoMark = (reply: string, line: string[]) => {
  assert(!reply.includes(MARK), `${JSON.stringify(line)}: ${reply}`);
};

describe("random lines of a user with few rights", () => {
  it("show and change nothing of keys that it may not use", () => {
    const rules = ["+sort", "+sort_ro", "+rename", "+restore", "~ok:*", "&*"];
    const { wakey, secrets, before } = attack(rules, showsNoMark);
    assertEquals(digestsOf(wakey, secrets), before);
    assertEquals(wakey.call("EXISTS", "secret:new"), 0);
    wakey.close();
  });

  it("change nothing when it may only read", () => {
    const { wakey, secrets, before } = attack(["+sort", "+sort_ro", "%R~*"], () => undefined);
    // PFCOUNT keeps its result in the value.
    const counted = secrets.indexOf("secret:7");
    const but = (digests: string[]) => digests.filter((_, i) => i !== counted);
    assertEquals(but(digestsOf(wakey, secrets)), but(before));
    for (const key of ["ok:new", "secret:new", "", "STREAMS"]) assertEquals(wakey.call("EXISTS", key), 0, key);
    wakey.close();
  });

  it("show nothing when it may only write", () => {
    attack(["+sort", "+sort_ro", "%W~*"], showsNoMark).wakey.close();
  });
});
