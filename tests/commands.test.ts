/**
 * The command table: specs against a real Valkey's facts, ids, look-ups in the core, COMMAND's replies, reply bytes.
 * tests/support/command-facts.json was taken from Valkey 9.1.2 by command-facts.mjs beside it.
 */
import { describe, it } from "node:test";
import { readFileSync } from "node:fs";
import { assert, assertEquals } from "@std/assert";
import { CommandTable } from "../server/commands/command-table.ts";
import {
  commandCountCommand, commandDocsCommand, commandGetkeysandflagsCommand, commandGetkeysCommand, commandInfoCommand,
  commandListCommand,
} from "../server/commands/command.ts";
import type { CommandHandler } from "../server/commands/command.ts";
import { HELP, HELP_HANDLERS } from "../server/commands/help.ts";
import { formatDouble, ReplyWriter } from "../server/connection/reply-writer.ts";
import {
  CMD, CMD_HOST, CMD_ONLY_SENTINEL, CMD_READY, COMMAND_COUNT, commandRows,
} from "../server/generated/commands.ts";
import type { CommandRow } from "../server/generated/commands.ts";
import { seeded } from "./support/random.ts";
import { loadTestCore } from "./support/test-core.ts";

/** A JSON file beside the tests' helpers. */
function support(name: string) {
  return JSON.parse(readFileSync(new URL(`./support/${name}`, import.meta.url), "utf8"));
}

const rows = commandRows().map((row) => JSON.parse(row) as CommandRow);
/** Every command that a Valkey without Sentinel has, as if all were implemented. */
const everything = rows.filter((row) => !(row[4] & CMD_ONLY_SENTINEL)).map((row) => {
  return JSON.stringify(row.with(4, row[4] | CMD_READY));
});
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The reply of a COMMAND handler as text. */
function ask(handler: CommandHandler, words: string[], resp: 2 | 3, table: CommandTable): string {
  const reply = new ReplyWriter(resp);
  handler({ commands: table }, {}, words.map((word) => encoder.encode(word)), reply);
  return decoder.decode(reply.take());
}

// deno-lint-ignore no-explicit-any
type Value = any;

/** One RESP value at the start of a text and what follows it; maps become objects. */
function parse(text: string): [Value, string] {
  const end = text.indexOf("\r\n");
  const line = text.slice(1, end);
  let rest = text.slice(end + 2);
  const next = () => {
    const [value, more] = parse(rest);
    rest = more;
    return value;
  };
  if (text[0] === "*" || text[0] === "~") return [Array.from({ length: Number(line) }, next), rest];
  if (text[0] === "%") return [Object.fromEntries(Array.from({ length: Number(line) }, () => [next(), next()])), rest];
  if (text[0] === ":") return [Number(line), rest];
  if (text[0] === "$") return [rest.slice(0, Number(line)), rest.slice(Number(line) + 2)];
  return [text[0] === "_" ? null : text[0] === "-" ? text.slice(0, end) : line, rest];
}

/** The whole of a reply. */
function value(text: string): Value {
  const [result, rest] = parse(text);
  assertEquals(rest, "");
  return result;
}

/** Commands that Valkey 9.1 does not have (docs/beyond-valkey.md). */
const BEYOND_VALKEY = [
  "delex", "digest", "increx", "sexpire", "spexpire", "sexpireat", "spexpireat", "sttl", "spttl", "sexpiretime",
  "spexpiretime", "spersist", "expiremember", "expirememberat", "pexpirememberat",
  "zexpire", "zpexpire", "zexpireat", "zpexpireat", "zttl", "zpttl", "zexpiretime", "zpexpiretime", "zpersist",
  "xdelex", "xackdel",
  "hotkeys",
];

describe("command specs", () => {
  const facts = support("command-facts.json");

  it("keep every id that was ever given out", () => {
    const golden = Object.entries(support("command-ids.json") as Record<string, number>);
    const now = new Map(rows.map((row) => [row[1], row[0]]));
    for (const [name, id] of golden) assertEquals(now.get(name), id, name);
    assertEquals(golden.length, rows.length, "append new commands to command-ids.json");
    assertEquals(new Set(rows.map((row) => row[0])).size, rows.length);
    assert(rows.every((row) => row[0] > 0 && row[0] < COMMAND_COUNT));
  });

  it("say of each command what Valkey's COMMAND INFO says", () => {
    const table = new CommandTable(everything);
    const seen = new Set<string>();
    const check = (info: Value[]) => {
      const [name, arity, flags, first, last, step, categories, tips, specs, subcommands] = info;
      const keySpecs = specs.map(({ notes: _, ...rest }: Record<string, Value>) => rest);
      seen.add(name);
      if (BEYOND_VALKEY.includes(name)) return;
      const ours = { arity, flags, keys: [first, last, step], categories, tips, keySpecs };
      assertEquals(ours, facts.commands[name], name);
      subcommands.forEach(check);
    };
    value(ask(commandInfoCommand, ["COMMAND", "INFO"], 3, table)).forEach(check);
    assertEquals([...seen].sort(), [...Object.keys(facts.commands), ...BEYOND_VALKEY].sort());
  });

  it("find the keys that Valkey finds, with the same flags and errors", () => {
    const table = new CommandTable(everything);
    for (const [line, reply] of Object.entries(facts.lines as Record<string, string>)) {
      const words = ["COMMAND", "GETKEYSANDFLAGS", ...line.split(" ")];
      assertEquals(ask(commandGetkeysandflagsCommand, words, 3, table), reply, line);
    }
  });

  it("have a summary for each command that is implemented", () => {
    const table = new CommandTable();
    const docs = value(ask(commandDocsCommand, ["COMMAND", "DOCS"], 3, table));
    assertEquals(Object.keys(docs).length, table.size);
    for (const [name, entry] of Object.entries(docs as Record<string, Value>)) assert(entry.summary.length > 10, name);
  });
});

describe("COMMAND", () => {
  const table = new CommandTable(everything);

  it("answers null for names that are no command, and takes container|subcommand", () => {
    const names = ["nope", "GET", "client|list", "client|nope", "get|x", "config|get|x", ""];
    const reply = value(ask(commandInfoCommand, ["COMMAND", "INFO", ...names], 3, table)) as Value[];
    assertEquals(reply.map((info) => info && info[0]), [null, "get", "client|list", null, null, null, null]);
    assertEquals(ask(commandInfoCommand, ["COMMAND", "INFO", "nope"], 2, table), "*1\r\n$-1\r\n");
  });

  it("documents arguments, history and subcommands", () => {
    const entry = value(ask(commandDocsCommand, ["COMMAND", "DOCS", "set", "nope"], 3, table)).set;
    assertEquals(entry.group, "string");
    assertEquals(entry.arguments[0], { name: "key", type: "key", display_text: "key", key_spec_index: 0 });
    assertEquals(entry.arguments[2].flags, ["optional"]);
    assert(entry.history.length > 3);
    const config = value(ask(commandDocsCommand, ["COMMAND", "DOCS", "config"], 3, new CommandTable())).config;
    assert("config|get" in config.subcommands);
  });

  it("lists names, all or filtered", () => {
    const list = (...words: string[]) => value(ask(commandListCommand, ["COMMAND", "LIST", ...words], 2, table));
    assertEquals(list().length, everything.length);
    assertEquals(list("filterby", "pattern", "XR*").sort(), ["xrange", "xread", "xreadgroup", "xrevrange"]);
    const hyperloglog = ["pfadd", "pfcount", "pfdebug", "pfmerge", "pfselftest"];
    assertEquals(list("FILTERBY", "ACLCAT", "HyperLogLog").sort(), hyperloglog);
    assertEquals(list("FILTERBY", "ACLCAT", "nope"), []);
    assertEquals(list("FILTERBY", "MODULE", "nope"), []);
    for (const words of [["FILTERBY"], ["FILTERBY", "x", "y"], ["FILTERBY", "PATTERN", "*", "x"]]) {
      assertEquals(list(...words), "-ERR syntax error");
    }
  });

  it("names the keys alone with GETKEYS", () => {
    const words = ["COMMAND", "GETKEYS", "mset", "a", "1", "b", "2"];
    assertEquals(ask(commandGetkeysCommand, words, 2, table), "*2\r\n$1\r\na\r\n$1\r\nb\r\n");
  });

  it("knows renamed commands by their new names only", () => {
    const renamed = new CommandTable(everything);
    assert(renamed.rename("GET", "Fetch"));
    assert(renamed.rename("flushall", ""));
    assertEquals(renamed.rename("set", "fetch"), false);
    assertEquals(renamed.rename("nope", "x"), false);
    assertEquals(renamed.find("get"), undefined);
    assertEquals(renamed.find("FETCH")?.name, "get");
    assertEquals(value(ask(commandCountCommand, ["COMMAND", "COUNT"], 2, renamed)), table.size - 1);
  });

  it("has a help for each container that the host runs", () => {
    for (const command of new CommandTable().all()) {
      const help = command.subcommands.find((subcommand) => subcommand.ownName === "help");
      if (!help || !(help.flags & CMD_HOST)) continue;
      const lines = value(ask(HELP_HANDLERS[help.id], [command.name, "HELP"], 2, table)) as string[];
      assertEquals(lines[0], `${command.name.toUpperCase()} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`);
      assertEquals(lines.slice(-2), ["HELP", "    Print this help."]);
      for (const [usage] of HELP[command.name]) assert(lines.includes(usage), usage);
      for (const { ownName } of command.subcommands) {
        const told = lines.some((line) => line.split(" ")[0].toLowerCase() === ownName);
        assert(told, `${command.name} ${ownName}`);
      }
    }
  });

  it("runs in the host with all its subcommands", () => {
    for (const [name, id] of Object.entries(CMD)) {
      if (name.startsWith("COMMAND")) assert(table.byId(id)!.flags & CMD_HOST, name);
    }
  });
});

describe("look-up in the core", () => {
  const { exports: core, memory } = loadTestCore("commands-exports");
  const at: number = core.workspace();
  const bytes = new Uint8Array(memory.buffer);
  const random = seeded("commands");

  /** Writes a name with junk behind it; answers its length. */
  const put = (name: string): number => {
    bytes.fill(0x41 + random.below(26), at, at + 160);
    for (let i = 0; i < name.length; i++) bytes[at + i] = name.charCodeAt(i);
    return name.length;
  };
  const anyCase = (name: string) => name.replace(/./g, (c) => (random.below(2) ? c.toUpperCase() : c.toLowerCase()));
  const find = (name: string, parent = 0): number => {
    return parent ? core.lookupSubcommand(parent, at, put(name)) : core.lookupCommand(at, put(name));
  };

  it("finds each command that exists, letters in any case, and no other", () => {
    for (const [id, fullName, parent, , flags] of rows) {
      const name = fullName.slice(fullName.indexOf("|") + 1);
      const expected = flags & CMD_READY ? id : -1;
      for (const spelling of [name, name.toUpperCase(), anyCase(name)]) {
        assertEquals(find(spelling, parent), expected, spelling);
      }
      for (const other of [`${name}x`, `x${name}`, name.slice(0, -1), `${name}\0`, name.replace(/.$/, "\x7f")]) {
        const twin = rows.find((row) => row[2] === parent && row[1].split("|").at(-1) === other && row[4] & CMD_READY);
        assertEquals(find(other, parent), twin ? twin[0] : -1, other);
      }
    }
    assertEquals(core.lookupCommand(at, 0), -1);
  });

  it("tells apart bytes that differ from a name only in bit 5", () => {
    const id = rows.find((row) => row[1] === "eval_ro")![0];
    assert(core.setCommandName(id, at, put("eval_ro")));
    assertEquals(find("EVAL_RO"), id);
    assertEquals(find("EVAL\x7fRO"), -1);
    assert(core.setCommandName(id, at, put("eval-1")));
    assertEquals(find("eval-1"), id);
    assertEquals(find("eval\r1"), -1);
    assertEquals(find("eval-\x11"), -1);
    assert(core.setCommandName(id, at, 0));
  });

  it("follows every command to a new name of any length, and forgets the old one", () => {
    for (const [id, name, parent] of rows) {
      if (parent) continue;
      const length = 1 + random.below(id % 16 === 0 ? 124 : 24);
      const fresh = `${id}_${"q".repeat(length)}`.slice(0, Math.max(length, 6));
      if (fresh.length > 24 && id % 16 !== 0) continue;
      assert(core.setCommandName(id, at, put(fresh)), fresh);
      assertEquals(find(anyCase(fresh)), id, fresh);
      assertEquals(find(name), -1, name);
      assert(core.setCommandName(id, at, 0));
      assertEquals(find(fresh), -1, fresh);
      assert(core.setCommandName(id, at, put(name)));
      assertEquals(find(name), id, name);
    }
    assertEquals(core.setCommandName(1, at, 125), 0);
  });

  it("reads the same facts as the host", () => {
    for (const [id, name, parent, arity, flags, categories, group, first, last, step] of rows) {
      assertEquals(core.commandArity(id), arity, name);
      assertEquals(core.commandFlags(id), flags, name);
      assertEquals(core.commandCategories(id), categories, name);
      assertEquals([core.commandFirstKey(id), core.commandLastKey(id), core.commandKeyStep(id)], [first, last, step]);
      assertEquals([core.commandParent(id), core.commandGroup(id)], [parent, group], name);
      const start = core.commandNamePtr(id);
      assertEquals(decoder.decode(bytes.slice(start, start + core.commandNameLength(id))), name);
    }
  });
});

describe("reply writer", () => {
  /** What the calls write under each protocol. */
  const both = (write: (reply: ReplyWriter) => void): [string, string] => {
    const [two, three] = [new ReplyWriter(2), new ReplyWriter(3)];
    write(two);
    write(three);
    return [decoder.decode(two.take()), decoder.decode(three.take())];
  };
  const same = (text: string): [string, string] => [text, text];

  it("writes the types that both protocols have", () => {
    assertEquals(both((r) => r.ok()), same("+OK\r\n"));
    assertEquals(both((r) => r.simple("PONG")), same("+PONG\r\n"));
    assertEquals(both((r) => r.error("ERR a\r\nb\n")), same("-ERR a  b\r\n"));
    assertEquals(both((r) => r.int(-5)), same(":-5\r\n"));
    assertEquals(both((r) => r.int(9223372036854775807n)), same(":9223372036854775807\r\n"));
    assertEquals(both((r) => r.bulk("grün")), same("$5\r\ngrün\r\n"));
    assertEquals(both((r) => r.bulk(new Uint8Array([65, 0, 66]))), same("$3\r\nA\0B\r\n"));
    assertEquals(both((r) => r.array(3)), same("*3\r\n"));
  });

  it("falls back to RESP2's types as Valkey does", () => {
    assertEquals(both((r) => r.null()), ["$-1\r\n", "_\r\n"]);
    assertEquals(both((r) => r.map(2)), ["*4\r\n", "%2\r\n"]);
    assertEquals(both((r) => r.set(2)), ["*2\r\n", "~2\r\n"]);
    assertEquals(both((r) => r.push(2)), ["*2\r\n", ">2\r\n"]);
    assertEquals(both((r) => r.double(1.5)), ["$3\r\n1.5\r\n", ",1.5\r\n"]);
    assertEquals(both((r) => r.bool(true)), [":1\r\n", "#t\r\n"]);
    assertEquals(both((r) => r.verbatim("txt", "hi")), ["$2\r\nhi\r\n", "=6\r\ntxt:hi\r\n"]);
    assertEquals(both((r) => r.bigNumber("12345678901234567890")), [
      "$20\r\n12345678901234567890\r\n", "(12345678901234567890\r\n",
    ]);
    assertEquals(both((r) => void r.attribute(1)), ["", "|1\r\n"]);
  });

  it("grows with the reply and starts anew after take()", () => {
    const reply = new ReplyWriter(2);
    const large = "x".repeat(100000);
    reply.bulk(large);
    reply.error("ERR no");
    assertEquals(reply.failed, true);
    assertEquals(reply.length, 100000 + 11 + 9);
    assertEquals(decoder.decode(reply.take()), `$100000\r\n${large}\r\n-ERR no\r\n`);
    assertEquals([reply.length, reply.failed], [0, false]);
  });

  it("prints doubles with few digits, and with an exponent only when long", () => {
    const cases: [number, string][] = [
      [0, "0"], [-0, "-0"], [3, "3"], [1e15, "1000000000000000"], [2 ** 62, "4611686018427387904"], [1.5, "1.5"],
      [-123456.789, "-123456.789"], [0.0001, "0.0001"], [1e-7, "1e-7"], [1.5e-9, "1.5e-9"], [1e21, "1e+21"],
      [1e100, "1e+100"], [1.7976931348623157e308, "1.7976931348623157e+308"], [5e-324, "5e-324"],
      [1 / 3, "0.3333333333333333"],
      [Infinity, "inf"], [-Infinity, "-inf"], [NaN, "nan"],
    ];
    for (const [number, text] of cases) assertEquals(formatDouble(number), text);
  });
});
