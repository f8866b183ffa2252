// config: tests of the configuration: syntax, directives, CONFIG GET/SET/REWRITE, loading, the log, starting, random
// input. The comparison with the real server is in config-compare.test.ts.
//
//     SEED=123 node --import tsx --test tests/config.test.ts     repeats a random run

import { describe, it } from "node:test";
import { spawnSync } from "node:child_process";
import {
  chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { configGetCommand, configSetCommand, secretArguments } from "../server/commands/config.ts";
import { lolwutCommand } from "../server/commands/lolwut.ts";
import { Config } from "../server/config/config.ts";
import type { Outcome } from "../server/config/config.ts";
import { connectCoreSettings, CORE_SETTINGS } from "../server/config/core-settings.ts";
import { DIRECTIVES, ENTRIES } from "../server/config/directives.ts";
import { ConfigError, loadCommandLine, loadText } from "../server/config/load.ts";
import { startUp } from "../server/config/startup.ts";
import { matchPattern, parseLeadingInteger, parseMemory, quote, splitArguments } from "../server/config/syntax.ts";
import { fromBytes, toBytes } from "../server/config/text.ts";
import { VALKEY_VERSION, versionLine, WAKEY_VERSION } from "../server/config/version.ts";
import { ReplyWriter } from "../server/connection/reply-writer.ts";
import { Log, timestamp } from "../server/log/log.ts";
import {
  configOf, EVERYONE, generator, loadError, MemoryHost, randomValue, SCALE, SEED, WORDS,
} from "./support/config.ts";

/** The outcome of a CONFIG SET whose hooks do not wait. */
const now = (outcome: Outcome) => outcome as string | undefined;

const ROOT = new URL("..", import.meta.url).pathname;

describe("configuration syntax", () => {
  it("splits arguments with quotes and escapes as Valkey does", () => {
    assertEquals(splitArguments("a  b\tc "), ["a", "b", "c"]);
    assertEquals(splitArguments('"a b" \'c d\''), ["a b", "c d"]);
    assertEquals(splitArguments('"\\x41\\n\\"\\q" \'\\\'\\n\''), ['A\n"q', "'\\n"]);
    assertEquals(splitArguments('a"b c"d'), ["ab cd"]);
    assertEquals(splitArguments('save ""'), ["save", ""]);
    assertEquals(splitArguments(""), []);
    assertEquals(splitArguments('"open'), undefined);
    assertEquals(splitArguments("'open\\'"), undefined);
    assertEquals(splitArguments('"a\\'), undefined);
  });

  it("reads back what it quotes", () => {
    const next = generator(SEED);
    for (let i = 0; i < 2000; i++) {
      let value = "";
      for (let n = next(12); n > 0; n--) value += String.fromCharCode(next(256));
      assertEquals(splitArguments(quote(value)), [value], `SEED=${SEED}`);
    }
  });

  it("reads memory sizes with decimal and binary units", () => {
    const sizes: [string, bigint | undefined][] = [
      ["1", 1n], ["1b", 1n], ["1k", 1000n], ["1Kb", 1024n], ["1m", 1000000n], ["1MB", 1048576n], ["2g", 2000000000n],
      ["1gb", 1073741824n], ["", 0n], ["gb", 0n], ["18446744073709551615", 2n ** 64n - 1n],
      ["18446744073709551616", undefined], ["-1", undefined], ["1 ", undefined], ["1kk", undefined],
    ];
    for (const [text, size] of sizes) assertEquals(parseMemory(text), size, text);
  });

  it("matches glob patterns without regard to case", () => {
    const cases: [string, string, boolean][] = [
      ["*", "", true], ["max*", "maxmemory", true], ["MAX*y", "maxmemory", true], ["m?x*", "maxmemory", true],
      ["[a-m]ax*", "maxmemory", true], ["[^m]ax*", "maxmemory", false], ["max\\*", "maxmemory", false],
      ["*a*b*c*", "xxaxxbxxcxx", true], ["*a*b*c*", "xxaxxcxxbxx", false], ["a", "ab", false], ["[a", "a", true],
    ];
    for (const [pattern, text, hit] of cases) assertEquals(matchPattern(pattern, text), hit, `${pattern} ${text}`);
  });
});

describe("CONFIG GET", () => {
  it("takes several names and patterns and sorts by name", () => {
    const config = configOf();
    const names = config.getMatching(["maxmemory", "maxmemory*", "bind", "*of"]).map(([name]) => name);
    assertEquals(names, [
      "bind", "maxmemory", "maxmemory-clients", "maxmemory-eviction-tenacity", "maxmemory-policy",
      "maxmemory-samples", "replicaof", "slaveof",
    ]);
  });

  it("shows a name as it was asked and finds hidden directives by exact name only", () => {
    const config = configOf();
    assertEquals(config.getMatching(["MaxMemory"]), [["MaxMemory", "0"]]);
    assertEquals(config.getMatching(["key-load*"]), []);
    assertEquals(config.getMatching(["key-load-delay"]), [["key-load-delay", "0"]]);
    assertEquals(config.getMatching(["nothing"]), []);
  });

  it("reads integers as strtoll does, however long they are", () => {
    const most = 2n ** 63n - 1n;
    const cases: [string, 8 | 10, bigint, string, boolean][] = [
      [" +12x", 10, 12n, "x", false], ["-0017", 8, -15n, "", false], ["x", 10, 0n, "x", false],
      [`${most}`, 10, most, "", false], [`${most + 1n}`, 10, most, "", true],
      [`-${most + 2n}`, 10, -most - 1n, "", true],
      [`${"0".repeat(1 << 20)}7`, 10, 7n, "", false], ["9".repeat(1 << 20), 10, most, "", true],
      ["7".repeat(1 << 20), 8, most, "", true],
    ];
    for (const [text, base, value, rest, overflow] of cases) {
      assertEquals(parseLeadingInteger(text, base), { value, rest, overflow }, text.slice(0, 30));
    }
  });

  it("keeps binary values", () => {
    const config = configOf('requirepass "\\x00\\xff\\xc3"');
    assertEquals([...config.bytes("requirepass")], [0, 255, 0xc3]);
  });
});

describe("CONFIG SET", () => {
  const failed = (name: string, text: string) =>
    `ERR CONFIG SET failed (possibly related to argument '${name}') - ${text}`;

  it("answers with Valkey's texts", () => {
    const config = configOf();
    const cases: [[string, string][], string | undefined][] = [
      [[["foo", "1"]], "ERR Unknown option or number of arguments for CONFIG SET - 'foo'"],
      [[["maxmemory", "abc"]], failed("maxmemory", "argument must be a memory value")],
      [[["HZ", "abc"]], failed("hz", "argument couldn't be parsed into an integer")],
      [[["maxclients", "0"]], failed("maxclients", "argument must be between 1 and 4294967295 inclusive")],
      [[["daemonize", "yes"]], failed("daemonize", "can't set immutable config")],
      [[["dir", "/"]], failed("dir", "can't set protected config")],
      [[["maxmemory", "1"], ["maxmemory", "2"]], failed("maxmemory", "duplicate parameter")],
      [[["maxmemory-clients", "200%"]],
        failed("maxmemory-clients", "percentage argument must be less or equal to 100")],
      [[["slaveof", "a 1"]], failed("slaveof", "can't set immutable config")],
      [[["rdma-port", "1"]], failed("rdma-port", "No RDMA building support.")],
      [[["maxmemory", "10mb"], ["save", "3000 5"]], undefined],
    ];
    for (const [pairs, error] of cases) assertEquals(config.set(pairs, EVERYONE), error);
    assertEquals(config.get("maxmemory"), "10485760");
    assertEquals(config.get("save"), "3000 5");
  });

  it("takes everything back when one value is refused", () => {
    const config = configOf("maxmemory 5");
    const error = now(config.set([["maxmemory", "7"], ["save", ""], ["hz", "x"]], EVERYONE));
    assertStringIncludes(error ?? "", "'hz'");
    assertEquals([config.get("maxmemory"), config.get("save")], ["5", "3600 1 300 100 60 10000"]);
  });

  it("takes everything back, the working directory too, when a hook refuses", () => {
    const config = configOf("enable-protected-configs yes");
    const told: string[] = [];
    config.onChange("maxmemory", (value) => void told.push(value));
    const problem = "Unable to listen on this port. Check server logs.";
    config.onChange("port", (value) => (value === "1" ? problem : undefined));
    const error = config.set([["maxmemory", "7"], ["dir", "/other"], ["port", "1"]], EVERYONE);
    assertEquals(error, failed("port", problem));
    assertEquals([config.get("maxmemory"), config.get("port"), config.get("dir")], ["0", "6379", "/home"]);
    assertEquals(told, ["7", "0"]);
  });

  it("runs a hook of several directives once, and only for a change", () => {
    const config = configOf();
    let runs = 0;
    config.onChange(["min-replicas-to-write", "min-replicas-max-lag"], () => void runs++);
    config.set([["min-replicas-to-write", "2"], ["min-slaves-max-lag", "20"]], EVERYONE);
    config.set([["min-replicas-to-write", "2"]], EVERYONE);
    assertEquals(runs, 1);
  });

  it("refuses what may not change while loading, and lets a local client set protected directives", () => {
    const config = configOf("enable-protected-configs local");
    assertEquals(config.set([["dir", "/x"]], { local: true, loading: true }),
      "LOADING Valkey is loading the dataset in memory");
    assertEquals(config.set([["loglevel", "debug"]], { local: false, loading: true }), undefined);
    assertEquals(config.set([["dbfilename", "x"]], { local: false, loading: false }),
      failed("dbfilename", "can't set protected config"));
    assertEquals(config.set([["dbfilename", "x"]], EVERYONE), undefined);
    assertEquals(config.set([["dir", "/nowhere"]], EVERYONE), failed("dir", "No such file or directory"));
  });

  it("accepts every value that CONFIG GET * shows for what can be set", () => {
    const config = configOf("enable-protected-configs yes");
    const shown = config.getMatching(["*"]);
    for (const [name, value] of shown) {
      if (ENTRIES.get(name)?.directive.immutable || name.startsWith("rdma-")) continue;
      assertEquals(config.set([[name, value]], EVERYONE), undefined, name);
    }
    assertEquals(config.getMatching(["*"]), shown);
  });
});

describe("configuration files", () => {
  const at = (line: number, text: string, problem: string) =>
    `\n*** FATAL CONFIG FILE ERROR (Version 9.1.2) ***\nReading the configuration file, at line ${line}\n` +
    `>>> '${text}'\n${problem}\n`;

  it("names the line of an error", () => {
    const cases: [string, number, string, string][] = [
      ["# x\n\n port 1 2 ", 3, "port 1 2", "wrong number of arguments"],
      ["bla 1", 1, "bla 1", "Bad directive or wrong number of arguments"],
      ['port "1', 1, 'port "1', "Unbalanced quotes in configuration line"],
      ["port x", 1, "port x", "argument couldn't be parsed into an integer"],
      ["replicaof a b", 1, "replicaof a b", "Invalid primary port"],
      ["a.b", 1, "a.b", "Module config specified without value"],
      ["shutdown-on-sigint", 1, "shutdown-on-sigint", "argument(s) must be one of the following: default, save, " +
        "nosave, now, force, safe, failover"],
    ];
    for (const [text, line, shown, problem] of cases) {
      assertEquals(loadError(() => configOf(text)), at(line, shown, problem));
    }
  });

  it("adds up save lines after the first and resets with an empty one", () => {
    assertEquals(configOf("save 900 1\nsave 100 100").get("save"), "900 1 100 100");
    assertEquals(configOf('save 900 1\nsave ""').get("save"), "");
    assertEquals(configOf('save ""\nsave 5 5').get("save"), "5 5");
    assertEquals(configOf('save "900 1 5 5"').get("save"), "900 1 5 5");
  });

  it("includes files, with patterns, and tells when one is missing", () => {
    const host = new MemoryHost();
    host.files.write("/home/a.conf", "port 1\ninclude conf.d/*.conf\n");
    host.files.write("/home/conf.d/2.conf", "timeout 2\n");
    host.files.write("/home/conf.d/1.conf", "timeout 1\nhz 20\n");
    host.files.write("/home/conf.d/.hidden.conf", "timeout 3\n");
    const config = configOf("include a.conf\ninclude none*.conf", host);
    assertEquals([config.get("port"), config.get("timeout"), config.get("hz")], ["1", "2", "20"]);
    assertEquals(loadError(() => configOf("include b.conf", host)),
      "Fatal error, can't open config file 'b.conf': No such file or directory");
    host.files.write("/home/loop.conf", "include loop.conf");
    assertStringIncludes(loadError(() => configOf("include loop.conf", host)), "without end");
  });

  it("reads file, standard input and arguments in this order", () => {
    const host = new MemoryHost();
    host.files.write("/home/x.conf", "port 1\nhz 11\ntimeout 1\n");
    host.stdin = "hz 12\ntimeout 2\n";
    const config = new Config(host);
    loadCommandLine(config, ["x.conf", "--timeout", "3", "-"]);
    assertEquals(config.file, "/home/x.conf");
    assertEquals([config.get("port"), config.get("hz"), config.get("timeout")], ["1", "12", "3"]);
  });

  it("reads the command line as Valkey does", () => {
    const cases: [string[], Record<string, string>][] = [
      [["--port", "7000", "--maxmemory", "1gb"], { port: "7000", maxmemory: "1073741824" }],
      [["--maxmemory 700mb", "--maxmemory-policy 'volatile-lru'"],
        { maxmemory: "734003200", "maxmemory-policy": "volatile-lru" }],
      [["--proc-title-template", "--my--title--template", "--loglevel", "verbose"],
        { "proc-title-template": "--my--title--template", loglevel: "verbose" }],
      [["--save", "--loglevel", "verbose"], { save: "", loglevel: "verbose" }],
      [["--loglevel", "verbose", "--save"], { save: "", loglevel: "verbose" }],
      [["--save", "", "--loglevel", "verbose"], { save: "", loglevel: "verbose" }],
      [["--proc-title-template", "--save", "--save", "", "--loglevel", "verbose"],
        { "proc-title-template": "--save", save: "", loglevel: "verbose" }],
      [["--bind", "127.0.0.1", "::1"], { bind: "127.0.0.1 ::1" }],
      [["--client-output-buffer-limit", "pubsub 1 2 3"],
        { "client-output-buffer-limit": "normal 0 0 0 slave 268435456 67108864 60 pubsub 1 2 3" }],
    ];
    for (const [args, values] of cases) {
      const config = new Config(new MemoryHost());
      loadCommandLine(config, args);
      for (const [name, value] of Object.entries(values)) assertEquals(config.get(name), value, args.join(" "));
    }
    const bad: [string[], string][] = [
      [["--port"], ">>> 'port'\nwrong number of arguments"],
      [["--port", "6379", "6380"], ">>> 'port \"6379\" \"6380\"'\nwrong number of arguments"],
      [["--port", "--bla", "--loglevel", "verbose"], ">>> 'port \"--bla\"'\nargument couldn't be parsed"],
      [["--replicaof", "--127.0.0.1", "--abc"], ">>> 'replicaof \"--127.0.0.1\"'\nwrong number of arguments"],
    ];
    for (const [args, text] of bad) {
      assertStringIncludes(loadError(() => loadCommandLine(new Config(new MemoryHost()), args)), text);
    }
  });

  it("keeps users, renamed commands and modules for their subsystems", () => {
    const config = configOf(
      'user a on +@all\nrename-command FLUSHDB ""\nloadmodule /m.so 1\nm.x 1 2\nlua-replicate-commands yes',
    );
    assertEquals(config.words.users, [["a", "on", "+@all"]]);
    assertEquals(config.words.renames, [["FLUSHDB", ""]]);
    assertEquals(config.words.modules, [["/m.so", "1"]]);
    assertEquals(config.words.moduleSettings.get("m.x"), "1 2");
  });

  it("checks the log file and the mix of cluster and replica", () => {
    const title = "\n*** FATAL CONFIG FILE ERROR (Version 9.1.2) ***\n";
    assertEquals(loadError(() => configOf("logfile /missing/x")),
      title + "Can't open the log file: No such file or directory\n");
    assertEquals(loadError(() => configOf("cluster-enabled yes\nreplicaof a 1")),
      title + "replicaof directive not allowed in cluster mode\n");
  });
});

describe("CONFIG REWRITE", () => {
  it("keeps comments and order, uses up old lines, appends below a signature", () => {
    const host = new MemoryHost();
    host.files.write("/home/x.conf", "# top\nsave 900 1\nsave 300 10\n\nslowlog-max-len 5\nbogus 1\n# end\n");
    const config = new Config(host);
    loadText(config, "save 900 1\nsave 300 10\nslowlog-max-len 5\nmaxmemory 2gb");
    config.file = "/home/x.conf";
    assertEquals(config.rewrite(), undefined);
    const text = fromBytes(host.files.read("/home/x.conf"));
    assertEquals(text.split("\n# Generated by CONFIG REWRITE\n")[0],
      "# top\nsave 900 1 300 10\n\ncommandlog-slow-execution-max-len 5\n# ??? bogus 1\n# end\n");
    assertStringIncludes(text, "\nmaxmemory 2gb\n");
    assertEquals(host.entries.size, 1);
    for (let i = 0; i < 3; i++) {
      assertEquals(config.rewrite(), undefined);
      assertEquals(fromBytes(host.files.read("/home/x.conf")).trimEnd(), text.trimEnd());
    }
  });

  it("says what is wrong", () => {
    const config = configOf();
    assertEquals(config.rewrite(), "ERR The server is running without a config file");
    config.file = "/missing/x.conf";
    assertEquals(config.rewrite(), "ERR Rewriting config file: No such file or directory");
  });

  it("gives back the same values, for every directive and for random ones", () => {
    const next = generator(SEED);
    for (let round = 0; round < 30; round++) {
      const config = configOf("enable-protected-configs yes\nreplicaof localhost 1");
      for (const { name } of DIRECTIVES) config.set([[name, randomValue(next, name)]], EVERYONE);
      // Addresses are written without quotes, as Valkey does, so only those that are plain words come back.
      if (!/^[\w.:*-]+( [\w.:*-]+)*$/.test(config.get("bind"))) config.set([["bind", "::1 10.0.0.1"]], EVERYONE);
      const again = configOf(config.rewrittenText("", round % 2 === 0));
      assertEquals(again.getMatching(["*"]), config.getMatching(["*"]), `SEED=${SEED}`);
    }
  });
});

describe("log", () => {
  const NOW_US = Date.UTC(2026, 10, 21, 8, 0, 38, 123) * 1000;
  /** A log, what it wrote to standard output, and its files. */
  function logOf(text: string): { log: Log; out: string[]; host: MemoryHost } {
    const out: string[] = [];
    const memory = new MemoryHost();
    const config = configOf(text, memory);
    const { pid, files } = memory;
    const stdout = (line: string) => void out.push(line);
    const log = new Log({ runtime: "simulated", pid, files, nowUs: () => NOW_US, stdout }, config);
    return { log, out, host: memory };
  }

  it("writes Valkey's three formats and time stamps", () => {
    const cases: [string, string][] = [
      ["", "4711:M 21 Nov 2026 08:00:38.123 * say \"x\"\n"],
      ["log-format logfmt", 'pid=4711 role=primary timestamp="21 Nov 2026 08:00:38.123" level=notice ' +
        "message=\"say 'x'\"\n"],
      ["log-format json\nlog-timestamp-format iso8601", '{"pid":4711,"role":"primary",' +
        '"timestamp":"2026-11-21T08:00:38.123+00:00","level":"notice","message":"say \\"x\\""}\n'],
      ["log-timestamp-format milliseconds", `4711:M ${NOW_US / 1000} * say "x"\n`],
    ];
    for (const [text, line] of cases) {
      const { log, out } = logOf(text);
      log.notice('say "x"');
      assertEquals(out, [line]);
    }
    assertEquals(timestamp("iso8601", NOW_US, -210), "2026-11-21T04:30:38.123-03:30");
    assertEquals(timestamp("legacy", NOW_US + 999, 60), "21 Nov 2026 09:00:38.123");
  });

  it("obeys the level, appends to the file and counts lines that were lost", () => {
    const { log, out, host } = logOf("loglevel verbose\nlogfile /log/x");
    log.role = () => "replica";
    log.debug("no");
    log.verbose("a");
    log.warning("b");
    assertEquals(fromBytes(host.files.read("/log/x")),
      "4711:S 21 Nov 2026 08:00:38.123 - a\n4711:S 21 Nov 2026 08:00:38.123 # b\n");
    host.files.append = () => {
      throw Object.assign(new Error("full"), { code: "ENOSPC" });
    };
    log.warning("c");
    assertEquals([log.lost, out.length], [1, 0]);
    const quiet = logOf("loglevel nothing");
    quiet.log.warning("x");
    assertEquals(quiet.out, []);
  });
});

describe("settings of the core", () => {
  it("are sent at once and after each change, and can refuse one", () => {
    const config = configOf("maxmemory 1mb");
    const values = new Map<string, number>();
    connectCoreSettings(config, (setting, value) => {
      if (setting === "maxmemorySamples" && value === 6) return "not six";
      values.set(setting, value);
      return undefined;
    });
    assertEquals(values.size, CORE_SETTINGS.length);
    const some = ["maxmemory", "maxmemoryPolicy", "listMaxListpackSize"].map((name) => values.get(name));
    assertEquals(some, [1048576, 7, -2]);
    assertEquals([values.get("lazyfreeLazyExpire"), values.get("outputSoftReplica")], [1, 67108864]);
    const limits: [string, string] = ["client-output-buffer-limit", "pubsub 1 2 3"];
    config.set([["maxmemory", "2mb"], limits, ["notify-keyspace-events", "KEA"]], EVERYONE);
    assertEquals([values.get("maxmemory"), values.get("outputSoftSecondsPubsub")], [2097152, 3]);
    assertEquals(values.get("notifyKeyspaceEvents"), 0b10011111111111 & ~0b100000000000);
    const refusal = now(config.set([["maxmemory", "3mb"], ["maxmemory-samples", "6"]], EVERYONE));
    assertStringIncludes(refusal ?? "", "not six");
    assertEquals([values.get("maxmemory"), config.number("maxmemory-samples")], [2097152, 5]);
  });
});

describe("CONFIG commands", () => {
  const words = (...texts: string[]) => texts.map(toBytes);
  const text = (reply: ReplyWriter) => fromBytes(reply.take());

  it("reply as Valkey does", () => {
    const server = { config: configOf("") };
    const reply = new ReplyWriter(3);
    configGetCommand(server, {}, words("CONFIG", "GET", "port", "HZ"), reply);
    assertEquals(text(reply), "%2\r\n$2\r\nHZ\r\n$2\r\n10\r\n$4\r\nport\r\n$4\r\n6379\r\n");
    configSetCommand(server, {}, words("CONFIG", "SET", "hz", "11"), reply);
    assertEquals(text(reply), "+OK\r\n");
    configSetCommand(server, {}, words("CONFIG", "SET", "hz", "11", "x"), reply);
    assertEquals(text(reply), "-ERR syntax error\r\n");
    configSetCommand(server, {}, words("CONFIG", "SET", "a\nb\xff", "11"), reply);
    assertEquals(text(reply), "-ERR Unknown option or number of arguments for CONFIG SET - 'a b\xff'\r\n");
  });

  it("name the secret arguments", () => {
    const args = words("CONFIG", "SET", "hz", "1", "MASTERAUTH", "x", "foo", "y", "requirepass", "z");
    assertEquals(secretArguments(configOf(), args), [5, 9]);
  });
});

describe("LOLWUT", () => {
  /** The reply's text, without its RESP frame. */
  function lolwut(line: string, settings = ""): string {
    const next = generator(SEED);
    const port = { random: (bytes: Uint8Array) => bytes.forEach((_, i) => (bytes[i] = next(256))) };
    const reply = new ReplyWriter(2);
    const args = line.split(" ").map((word) => new TextEncoder().encode(word));
    lolwutCommand({ config: configOf(settings), port }, {}, args, reply);
    return new TextDecoder().decode(reply.take()).replace(/^\$\d+\r\n/, "").replace(/\r\n$/, "");
  }

  it("draws each version's picture in the size that was asked for, and names the server's version", () => {
    for (const line of ["LOLWUT", "LOLWUT VERSION 5", "lolwut version 6", "LOLWUT VERSION 9 20 10 -0.8 0.2"]) {
      assert(lolwut(line).endsWith(`Valkey ver. ${VALKEY_VERSION}\n`), line);
      assert(lolwut(line, "extended-redis-compatibility yes").endsWith("Redis ver. 7.2.4\n"), line);
    }
    const rows = lolwut("LOLWUT 20 10 0 0").split("\n");
    assertEquals([rows.length, rows[0].length], [13, 20]);
    assertEquals(rows[10], "Ascii representation of Julia set with constant 0.00 + 0.00i");
    assertEquals(lolwut("LOLWUT VERSION 5 20 2 2").split("\n")[9].length, 20);
    assertEquals(lolwut("LOLWUT VERSION 6 10 5").split("\n").length, 7);
    assertEquals(lolwut("LOLWUT VERSION 8"), `Valkey ver.${VALKEY_VERSION}\n`);
    assert(lolwut("LOLWUT VERSION 5 100000 100000 1").length < 200000);
  });

  it("refuses bad arguments as Valkey does", () => {
    const syntax = "-ERR Syntax error. Use: LOLWUT [columns rows] [real imaginary]";
    for (const words of ["a", "VERSION", "1 2 3", "1 2 3 4 5"]) assertEquals(lolwut(`LOLWUT ${words}`), syntax);
    assertEquals(lolwut("LOLWUT VERSION x"), "-ERR value is not an integer or out of range");
    assertEquals(lolwut("LOLWUT 1 2 3 x"), "-ERR value is not a valid float");
  });

  it("reads a number of a megabyte in a time that grows with its length", () => {
    const before = performance.now();
    assertEquals(lolwut(`LOLWUT 1 2 3 ${"1".repeat(1 << 20)}x`), "-ERR value is not a valid float");
    const ms = performance.now() - before;
    assert(ms < 2000, `${ms} ms`); // 20 ms; trying each way to split the digits took an hour
  });
});

describe("starting", () => {
  it("answers --version, --help, --test-memory and --check-system", () => {
    const host = new MemoryHost();
    const run = (...args: string[]) => startUp(host, args);
    assertEquals(run("-v"), { code: 0, stdout: versionLine() + "\n", stderr: "", log: "" });
    assertEquals(JSON.parse(readFileSync(ROOT + "package.json", "utf8")).version, WAKEY_VERSION);
    assertStringIncludes(versionLine(), `Valkey server v=${VALKEY_VERSION} sha=`);
    assertStringIncludes(JSON.stringify(run("--help")), "Usage: ./valkey-server [/path/to/valkey.conf]");
    const passed = { code: 0, stdout: "Your memory passed this test.\n", stderr: "", log: "" };
    assertEquals(run("--test-memory", "2"), passed);
    assertStringIncludes(JSON.stringify(run("--test-memory")), "Please specify the amount");
    assertStringIncludes(JSON.stringify(run("--check-system")), "[open-files]...OK");
    assertStringIncludes(JSON.stringify(run("--bogus")), "Bad directive or wrong number of arguments");
    assertStringIncludes(JSON.stringify(run("/none.conf")), '"log":"Fatal error, can\'t open config file');
    const started = run("--port", "1");
    assert("config" in started && started.config.number("port") === 1);
  });

  it("starts in Node without a code cache, and with one that V8 refuses", () => {
    const place = mkdtempSync(join(tmpdir(), "wakey-cache-"));
    const node = process.versions.bun ?? process.versions.deno ? "node" : process.execPath;
    const version = () => spawnSync(node, [join(place, "server.cjs"), "--version"], { encoding: "utf8" });
    try {
      for (const name of ["server.cjs", "node-server.cjs", "core.wasm"]) {
        copyFileSync(`${ROOT}dist/${name}`, join(place, name));
      }
      assertStringIncludes(version().stdout, `Valkey server v=${VALKEY_VERSION}`);
      writeFileSync(join(place, "node-server.cache"), new Uint8Array(100_000));
      assertStringIncludes(version().stdout, `Valkey server v=${VALKEY_VERSION}`);
    } finally {
      rmSync(place, { recursive: true });
    }
  });

  it("finds its files from a launcher that is linked, and keeps arguments and process id", () => {
    const place = mkdtempSync(join(tmpdir(), "wakey-launcher-"));
    try {
      for (const folder of ["bin", "dist", "tools", "far"]) mkdirSync(join(place, folder));
      copyFileSync(ROOT + "bin/wakey-server", join(place, "bin/wakey-server"));
      chmodSync(join(place, "bin/wakey-server"), 0o755);
      writeFileSync(join(place, "tools/build.mjs"), "");
      writeFileSync(join(place, "dist/core.wasm"), "");
      writeFileSync(join(place, "dist/server.mjs"), "");
      writeFileSync(join(place, "dist/server.cjs"),
        "console.log(JSON.stringify([process.pid, process.argv.slice(2)]));");
      symlinkSync("wakey-server", join(place, "bin/valkey-server"));
      symlinkSync("../bin/valkey-server", join(place, "far/redis-server"));
      const node = process.versions.bun ?? process.versions.deno ? "node" : process.execPath;
      for (const name of ["bin/wakey-server", "bin/valkey-server", "far/redis-server"]) {
        const env = { ...process.env, WAKEY_RUNTIME: node };
        const done = spawnSync(join(place, name), ["--save", "", "a b", "-"], { encoding: "utf8", env });
        assertEquals(JSON.parse(done.stdout), [done.pid, ["--save", "", "a b", "-"]], done.stderr);
      }
      const env = { ...process.env, WAKEY_RUNTIME: "x" };
      const wrong = spawnSync(join(place, "bin/wakey-server"), [], { encoding: "utf8", env });
      assertEquals([wrong.status, wrong.stderr], [1, "WAKEY_RUNTIME is 'x': node, deno, bun or a path are possible\n"]);
    } finally {
      rmSync(place, { recursive: true });
    }
  });
});

describe("random configuration", () => {
  it("only ever refuses with a text", () => {
    const next = generator(SEED);
    const names = [...ENTRIES.keys(), "include", "user", "rename-command", "loadmodule", "sentinel", "nothing", "a.b"];
    for (let i = 0; i < 20000 * SCALE; i++) {
      const name = names[next(names.length)];
      let line = name;
      for (let n = next(4); n > 0; n--) {
        line += " " + (next(3) === 0 ? WORDS[next(WORDS.length)] : randomValue(next, name));
      }
      for (let n = next(3); n > 0; n--) {
        const cut = next(line.length + 1);
        line = line.slice(0, cut) + String.fromCharCode(next(256)) + line.slice(cut + next(2));
      }
      const config = new Config(new MemoryHost());
      try {
        loadText(config, line);
      } catch (error) {
        assert(error instanceof ConfigError && error.message !== "", `SEED=${SEED} ${JSON.stringify(line)}: ${error}`);
      }
      const error = now(config.set([[name, line]], EVERYONE));
      assert(error === undefined || /^(ERR|LOADING) ./.test(error), `SEED=${SEED} ${JSON.stringify(line)}`);
    }
  });
});
