// config: tests of the configuration: syntax, every directive, CONFIG GET/SET/REWRITE, loading, random input, and a
// comparison with the real server where it is installed (PEERS_BIN, or ~/.cache/peers/bin).
//
//     SEED=123 node --import tsx --test tests/config.test.ts     repeats a random run

import { after, before, describe, it } from "node:test";
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Config } from "../server/config/config.ts";
import { DIRECTIVES, ENTRIES } from "../server/config/directives.ts";
import type { ConfigHost } from "../server/config/host.ts";
import { ConfigError, loadCommandLine, loadText } from "../server/config/load.ts";
import { matchPattern, parseMemory, quote, splitArguments } from "../server/config/syntax.ts";
import { fromBytes, toBytes } from "../server/config/text.ts";
import { Log, timestamp } from "../server/log/log.ts";

const SEED = Number(process.env.SEED ?? Date.now() % 1e9);
const EVERYONE = { local: true, loading: false };
const PEERS = process.env.PEERS_BIN ?? join(homedir(), ".cache/peers/bin");
const REAL_SERVER = join(PEERS, "valkey-server");
const NO_REAL_SERVER = existsSync(REAL_SERVER) ? false : `no ${REAL_SERVER}`;

/** mulberry32: a small generator with a seed. */
function generator(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** A host in memory: files by absolute path. */
class MemoryHost implements ConfigHost {
  readonly pid = 4711;
  directory = "/home";
  stdin = "";
  readonly entries = new Map<string, Uint8Array>();
  readonly files = {
    read: (path: string) => this.entries.get(this.#absolute(path)) ?? this.#fail("ENOENT"),
    write: (path: string, data: Uint8Array | string) => {
      if (path.startsWith("/missing/")) this.#fail("ENOENT");
      this.entries.set(this.#absolute(path), typeof data === "string" ? toBytes(data) : data);
    },
    append: (path: string, data: Uint8Array | string) => {
      const more = typeof data === "string" ? data : fromBytes(data);
      this.files.write(path, fromBytes(this.entries.get(this.#absolute(path)) ?? new Uint8Array(0)) + more);
    },
    rename: (from: string, to: string) => {
      this.entries.set(to, this.files.read(from));
      this.entries.delete(from);
    },
    unlink: (path: string) => void (this.entries.delete(path) || this.#fail("ENOENT")),
    fsync: () => {},
    chmod: () => {},
    list: (path: string) => {
      const prefix = this.#absolute(path).replace(/\/$/, "") + "/";
      const names = [...this.entries.keys()].filter((key) => key.startsWith(prefix));
      return [...new Set(names.map((key) => key.slice(prefix.length).split("/")[0]))];
    },
  };
  cwd(): string {
    return this.directory;
  }
  chdir(path: string): void {
    if (path === "/nowhere") this.#fail("ENOENT");
    this.directory = this.#absolute(path);
  }
  readStdin(): string {
    return this.stdin;
  }
  #absolute(path: string): string {
    return path.startsWith("/") ? path : `${this.directory}/${path}`.replace("/./", "/");
  }
  #fail(code: string): never {
    throw Object.assign(new Error(code), { code });
  }
}

/** A configuration read from lines. */
function configOf(text = "", host = new MemoryHost()): Config {
  const config = new Config(host);
  loadText(config, text);
  return config;
}

/** The text of the error that loading gives. */
function loadError(run: () => void): string {
  try {
    run();
  } catch (error) {
    assert(error instanceof ConfigError, String(error));
    return error.message;
  }
  return "";
}

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
    const error = config.set([["maxmemory", "7"], ["save", ""], ["hz", "x"]], EVERYONE);
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

const WORDS = [
  "", "0", "1", "-1", "7", "100", "101", "1000", "65535", "65536", "2147483647", "2147483648", "4294967296",
  "9223372036854775807", "9223372036854775808", "18446744073709551615", "18446744073709551616", "1k", "1Kb", "2mb",
  "3GB", "5%", "101%", "-5%", "yes", "NO", "Yes ", "no", "on", "01", "+1", " 1", "1.5", "1e3", "abc", "a/b", "a\\b",
  "é", "a b", "\"", "'", "\\x", "127.0.0.1", "::1", "fe80::1", "1.2.3", "host.name", "host_name", "{title}", "{x}", "{{}",
  "KEA", "Elg", "AKEn", "xyz", "900 1", "900 1 5", "900 x", "50 99.9", "50.5 101", "nan", "normal 1 2 3",
  "normal 1mb 2mb 60 pubsub 0 0 0", "replica 1 2 x", "master 1 2 3", "1 2 3", "-5 0 2001", "save", "nosave now",
  "save nosave", "default", "\x00", "a\x00b", "\xff\xfe", "x".repeat(300),
];

/** A value that may suit the directive: one of its own kind, or any word. */
function randomValue(next: (below: number) => number, name: string): string {
  const { names } = ENTRIES.get(name)?.directive ?? {};
  if (names !== undefined && next(2) === 0) return names[next(names.length)][0];
  const word = WORDS[next(WORDS.length)];
  return next(8) === 0 ? `${word} ${WORDS[next(WORDS.length)]}` : word;
}

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

describe("random configuration", () => {
  it("only ever refuses with a text", () => {
    const next = generator(SEED);
    const names = [...ENTRIES.keys(), "include", "user", "rename-command", "loadmodule", "sentinel", "nothing", "a.b"];
    for (let i = 0; i < 20000; i++) {
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
      const error = config.set([[name, line]], EVERYONE);
      assert(error === undefined || /^(ERR|LOADING) ./.test(error), `SEED=${SEED} ${JSON.stringify(line)}`);
    }
  });
});

// --- Comparison with the real server ---

/** A connection that sends many commands and reads their replies in order; values are byte strings. */
class RealClient {
  readonly #socket: Socket;
  #buffer = "";
  #wake: () => void = () => {};
  #failure: Error | undefined;

  constructor(path: string) {
    this.#socket = connect(path);
    this.#socket.setEncoding("latin1");
    this.#socket.on("data", (text: string) => {
      this.#buffer += text;
      this.#wake();
    });
    this.#socket.on("error", (error) => this.#fail(error));
    this.#socket.on("close", () => this.#fail(new Error("closed")));
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }

  /** Runs commands; a reply is a string (errors begin with "-") or a list of strings. */
  async run(commands: string[][]): Promise<(string | string[])[]> {
    const bulk = (text: string) => `$${text.length}\r\n${text}\r\n`;
    for (const args of commands) this.#socket.write(`*${args.length}\r\n${args.map(bulk).join("")}`, "latin1");
    const replies: (string | string[])[] = [];
    for (let i = 0; i < commands.length; i++) replies.push(await this.#reply());
    return replies;
  }

  async #line(): Promise<string> {
    for (;;) {
      const end = this.#buffer.indexOf("\r\n");
      if (end >= 0) {
        const line = this.#buffer.slice(0, end);
        this.#buffer = this.#buffer.slice(end + 2);
        return line;
      }
      await this.#more();
    }
  }

  async #more(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  async #reply(): Promise<string | string[]> {
    const line = await this.#line();
    if (line.startsWith("$")) {
      const length = Number(line.slice(1));
      while (this.#buffer.length < length + 2) await this.#more();
      const text = this.#buffer.slice(0, length);
      this.#buffer = this.#buffer.slice(length + 2);
      return text;
    }
    if (!line.startsWith("*")) return line;
    const items: string[] = [];
    for (let n = Number(line.slice(1)); n > 0; n--) items.push(String(await this.#reply()));
    return items;
  }

  close(): void {
    this.#socket.destroy();
  }
}

/**
 * Not compared by SET: they open sockets, need rights, depend on the machine, end the test's own connection, or
 * (save) take counts above 2^31 that Valkey stores as negative ones.
 */
const NOT_COMPARED = new Set([
  "port", "bind", "tls-port", "dir", "appendonly", "locale-collate", "watchdog-period", "io-threads", "oom-score-adj",
  "oom-score-adj-values", "save", "io-adapter", "admin-port", "maxclients", "maxmemory-clients", "timeout",
  "client-output-buffer-limit", "requirepass",
]);

describe("compared with the real server", { skip: NO_REAL_SERVER }, () => {
  let directory = "";
  let real: ChildProcess;
  let client: RealClient;

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "wakey-config-"));
    const path = join(directory, "s");
    real = spawn(REAL_SERVER, ["--port", "0", "--unixsocket", path, "--enable-protected-configs", "yes"],
      { cwd: directory, stdio: "ignore" });
    for (let i = 0; i < 200 && !existsSync(path); i++) await new Promise((resolve) => setTimeout(resolve, 20));
    client = new RealClient(path);
  });

  after(() => {
    client.close();
    real.kill("SIGKILL");
    rmSync(directory, { recursive: true });
  });

  it("has the same directives with the same defaults", async () => {
    const [reply] = await client.run([["CONFIG", "GET", "*"]]);
    const own = configOf(`port 0\nunixsocket ${directory}/s\nenable-protected-configs yes\ndir ${directory}`);
    assertEquals(own.getMatching(["*"]).flat(), reply);
    for (const [name, { directive }] of ENTRIES) {
      const [shown] = await client.run([["CONFIG", "GET", name]]);
      if (directive.hidden && !["io-adapter", "admin-port"].includes(name)) assertEquals([name, own.get(name)], shown);
    }
  });

  it("answers CONFIG SET of random values in the same way and has the same values afterwards", async () => {
    const next = generator(SEED);
    const names = [...ENTRIES.keys()].filter((name) => !NOT_COMPARED.has(name));
    const own = configOf(`port 0\nunixsocket ${directory}/s\nenable-protected-configs yes\ndir ${directory}`);
    for (let round = 0; round < 40; round++) {
      const commands: string[][] = [];
      for (let i = 0; i < 200; i++) {
        const pairs: string[] = [];
        for (let n = next(10) === 0 ? 2 : 1; n > 0; n--) {
          const name = names[next(names.length)];
          pairs.push(next(20) === 0 ? name.toUpperCase() : name, randomValue(next, name));
        }
        commands.push(["CONFIG", "SET", ...pairs]);
      }
      const replies = await client.run(commands);
      commands.forEach((command, i) => {
        const pairs: [string, string][] = [];
        for (let at = 2; at < command.length; at += 2) pairs.push([command[at], command[at + 1]]);
        const error = own.set(pairs, EVERYONE);
        assertEquals(error === undefined ? "+OK" : "-" + error, replies[i], `SEED=${SEED} ${JSON.stringify(pairs)}`);
      });
      const [values] = await client.run([["CONFIG", "GET", "*"]]);
      assertEquals(own.getMatching(["*"]).flat(), values, `SEED=${SEED}`);
    }
  });

  it("answers the delicate directives in the same way", async () => {
    const own = configOf("enable-protected-configs yes");
    const pairs: [string, string][] = [
      ["maxmemory-clients", "5gb"], ["maxmemory-clients", "101%"], ["maxmemory-clients", "100%"],
      ["maxmemory-clients", "-1"], ["maxmemory-clients", "0%"],
      ["client-output-buffer-limit", "normal 1gb 2gb 60"], ["maxmemory-clients", "x%"],
      ["client-output-buffer-limit", "replica 1k 2kb 3 pubsub 1 1 1"], ["client-output-buffer-limit", "normal 1 2"],
      ["client-output-buffer-limit", "master 1 2 3"], ["client-output-buffer-limit", "pubsub 1 x 3"],
      ["client-output-buffer-limit", "pubsub 1 2 -3"], ["client-output-buffer-limit", ""], ["timeout", "1000000"],
      ["timeout", "-1"], ["oom-score-adj-values", "1 2"], ["oom-score-adj-values", "1 2 3000"], ["oom-score-adj", "x"],
      ["dir", ""], ["dir", "/no/such"], ["save", ""], ["save", "900 1 5"], ["save", "0 1"], ["save", "900 "],
      ["save", "9  1"], ["maxclients", "0"], ["maxclients", "5000"], ["io-threads", "0"],
      ["io-threads", "257"], ["appendonly", "x"], ["port", "65536"], ["bind", "1 ".repeat(16) + "1"],
    ];
    const names = [...new Set(pairs.map(([name]) => name))].filter((name) => name !== "dir");
    const commands = pairs.map((pair) => ["CONFIG", "SET", ...pair]);
    const replies = await client.run(commands);
    own.host.chdir = () => {
      throw Object.assign(new Error(), { code: "ENOENT" });
    };
    pairs.forEach((pair, i) => {
      const error = own.set([pair], EVERYONE);
      assertEquals(error === undefined ? "+OK" : "-" + error, replies[i], JSON.stringify(pair));
    });
    for (const name of names.filter((known) => known !== "port")) {
      assertEquals((await client.run([["CONFIG", "GET", name]]))[0], own.getMatching([name])[0], name);
    }
  });

  it("finds the same names for random patterns", async () => {
    const next = generator(SEED);
    const own = configOf();
    const letters = ["*", "?", "[a-m]", "[^s]", "\\", "[", "]", "-", "a", "e", "m", "max", "s", "re", "M", "[s-f]"];
    const patterns = Array.from({ length: 400 }, () => {
      let pattern = "";
      for (let n = 1 + next(5); n > 0; n--) pattern += letters[next(letters.length)];
      return pattern;
    });
    const replies = await client.run(patterns.map((pattern) => ["CONFIG", "GET", pattern]));
    patterns.forEach((pattern, i) => {
      const names = (replies[i] as string[]).filter((_, at) => at % 2 === 0);
      assertEquals(own.getMatching([pattern]).map(([name]) => name), names, `SEED=${SEED} ${pattern}`);
    });
  });

  it("refuses the same files and command lines with the same words", () => {
    const cases: string[][] = [
      ["--invalid"], ["--port"], ["--port", "x"], ["--port", "1", "2"], ["--port", "--bla", "--loglevel", "verbose"],
      ["--logfile", "--my--log--file", "--loglevel", "--bla"], ["--shutdown-on-sigint"], ["--maxmemory", "1x"],
      ["--shutdown-on-sigint", "now force", "--shutdown-on-sigterm"], ["--replicaof", "127.0.0.1", "abc"],
      ["--replicaof", "--127.0.0.1", "--abc"], ["--unixsocketperm", "999"], ["--unixsocketperm", "1000"],
      ["--save", "1"],
      ["--cluster-enabled", "yes", "--replicaof", "a", "1"], ["--logfile", "/no/such/file"], ["--dir", "/no/such"],
      ["--requirepass 'x"], ["--include", "/no/such.conf"], ["/no/such.conf"], ["--a.b"],
      ["--rename-command", "x"], ["--appendfilename", "a/b"], ["--hz", "1.5", "--port", "0"],
      ["--maxmemory-clients", "200%"], ["--dbfilename", ""], ["--databases", "0"], ["--io-threads", "1000"],
      ["--latency-tracking-info-percentiles", "101"], ["--notify-keyspace-events", "Q"], ["--repl-diskless-load", ""],
      ["--hash-seed", "x".repeat(300)], ["--proc-title-template", "{x}"], ["--cluster-announce-hostname", "a_b"],
    ];
    for (const args of cases) {
      const done = spawnSync(REAL_SERVER, args, { cwd: directory, encoding: "utf8", timeout: 5000 });
      assertEquals(done.status, 1, args.join(" "));
      const host = new MemoryHost();
      host.files.append = (path: string) => {
        if (path.startsWith("/no/")) throw Object.assign(new Error(), { code: "ENOENT" });
      };
      host.chdir = () => {
        throw Object.assign(new Error(), { code: "ENOENT" });
      };
      const text = loadError(() => loadCommandLine(new Config(host), args));
      if (done.stderr !== "") assertEquals(text, done.stderr, args.join(" "));
      else assertStringIncludes(done.stdout, text, args.join(" "));
    }
  });

  it("reads random files in the same way", () => {
    const next = generator(SEED);
    const left = /^(mptcp|repl-mptcp|daemonize|aclfile)$/;
    const names = [...ENTRIES.keys()].filter((name) => !NOT_COMPARED.has(name) && !left.test(name));
    for (let i = 0; i < 150; i++) {
      const name = names[next(names.length)];
      let line = `${name} ${randomValue(next, name)}`;
      if (next(3) === 0) line += " " + randomValue(next, name);
      // The last lines fail, one of them even after a NUL has eaten the other, so that the real server never starts.
      const input = `# first\n${line}\nclose-here 1\nclose-here 2\n`;
      const options = { cwd: directory, encoding: "utf8", input: toBytes(input), timeout: 5000 } as const;
      const done = spawnSync(REAL_SERVER, ["-"], options);
      const host = new MemoryHost();
      host.files.write("/x.conf", input);
      const text = loadError(() => loadCommandLine(new Config(host), ["/x.conf"]));
      assertEquals(text, done.stderr, `SEED=${SEED} ${JSON.stringify(line)}`);
    }
  });
});
