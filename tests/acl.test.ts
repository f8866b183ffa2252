/**
 * acl: users and their rights, from outside: nobody gets round a rule, nothing that is wrong starts a server.
 *
 * The bypass tests are generated from the command table: every command without rights, with rights to other keys,
 * channels and databases. Commands that this build doesn't run yet are asked of ACL DRYRUN.
 */
import { after, before, describe, it } from "node:test";
import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { Wakey, WakeyError } from "wakey";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { Guesses } from "../server/acl/guesses.ts";
import { isSameHash, sha256 } from "../server/acl/sha256.ts";
import { CommandTable } from "../server/commands/command-table.ts";
import type { Command } from "../server/commands/command-table.ts";
import { findKeys } from "../server/commands/get-keys.ts";
import { CATEGORY_NAMES, CMD_CONTAINER, CMD_NO_AUTH, CMD_READY } from "../server/generated/commands.ts";
import { ACL_LINES, parseLine } from "./support/acl-lines.ts";
import { seeded } from "./support/random.ts";
import type { RespConnection } from "./support/resp.ts";
import { realProgram, type RunningServer, skipWithoutReal, startServer } from "./support/server.ts";

const table = new CommandTable();
const isReady = (command: Command) => (command.flags & CMD_READY) !== 0;
const isContainer = (command: Command) => (command.flags & CMD_CONTAINER) !== 0;
/** Commands by themselves: a container without a subcommand is none, unless it is both (COMMAND). */
const commands = table.known().filter((command) => !isContainer(command) || command.name === "command");
const bytes = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));

/** Words of a command's name. */
const nameOf = (command: Command) => command.name.toUpperCase().split("|");

/** Lines of a command that its arity allows: filled with "1", and with the keywords that its keys follow. */
function linesOf(command: Command): string[][] {
  const lines: string[][] = [];
  if (command.name === "command") return [["COMMAND"]];
  const least = Math.abs(command.arity);
  const name = nameOf(command);
  for (let length = least; length <= (command.arity < 0 ? least + 4 : least); length++) {
    const line = [...name, ...Array<string>(Math.max(0, length - name.length)).fill("1")];
    lines.push(line);
    if (command.arity > 0) continue;
    for (const spec of command.keySpecs) {
      if (spec.begin.keyword !== undefined) lines.push([...line, spec.begin.keyword, "1", "1"]);
    }
    lines.push([...line, "STORE", "1"], [...line, "DB", "1"], [...line.slice(0, 3), "", ...line.slice(4), "KEYS", "1"]);
  }
  return lines;
}

/** Lines with keys, each key once the forbidden one while all others are allowed. */
function forbiddenLines(command: Command): string[][] {
  const found: string[][] = [];
  for (const line of linesOf(command)) {
    const keys = findKeys(command, line.map(bytes)).map(({ position }) => position);
    for (const bad of keys) {
      const changed = line.map((word, i) => (i === bad ? "secret" : keys.includes(i) ? "ok:1" : word));
      // The change must not have made it another command line.
      const again = findKeys(command, changed.map(bytes)).map(({ position }) => position);
      if (again.includes(bad)) found.push(changed);
    }
  }
  return found;
}

/** What a user is told of a line: by running it, or by ACL DRYRUN when this build has no such command. */
async function verdict(
  admin: RespConnection, user: RespConnection, name: string, command: Command, line: string[],
): Promise<string> {
  return isReady(command) ? await user.command(...line) : await admin.command("ACL", "DRYRUN", name, ...line);
}

describe("bypassing rules, every command", () => {
  let server: RunningServer;
  let admin: RespConnection;
  const userWith = async (name: string, ...rules: string[]): Promise<RespConnection> => {
    assertEquals(await admin.command("ACL", "SETUSER", name, "on", "nopass", ...rules), "+OK\r\n");
    const connection = await server.connect();
    assertEquals(await connection.command("AUTH", name, "any"), "+OK\r\n");
    return connection;
  };

  before(async () => {
    server = await startServer({ args: ["--enable-debug-command", "yes"] });
    admin = await server.connect();
    await admin.command("SET", "secret", "value");
    await admin.command("SET", "ok:1", "value");
  });
  after(() => server.stop());

  it("without rights no command runs but those that need none", async () => {
    const user = await userWith("nothing");
    for (const command of commands) {
      if (command.flags & CMD_NO_AUTH) continue;
      for (const line of linesOf(command)) {
        const reply = await verdict(admin, user, "nothing", command, line);
        assertStringIncludes(reply, `User nothing has no permissions to run the '${command.name}' command`, `${line}`);
      }
    }
  });

  it("with one category exactly its commands are allowed", async () => {
    for (const [bit, category] of CATEGORY_NAMES.entries()) {
      await admin.command("ACL", "SETUSER", "category", "reset", "allkeys", "allchannels", `+@${category}`);
      for (const command of commands) {
        if (command.flags & CMD_NO_AUTH) continue;
        const reply = await admin.command("ACL", "DRYRUN", "category", ...linesOf(command)[0]);
        const isIn = (table.byId(command.id)!.categories & (1 << bit)) !== 0 ||
          (command.parent !== undefined && (command.parent.categories & (1 << bit)) !== 0);
        assertEquals(reply === "+OK\r\n", isIn, `${category}: ${command.name}: ${reply}`);
      }
    }
  });

  it("with rights to other keys no key can be named, wherever it stands", async () => {
    const digest = await admin.command("DEBUG", "DIGEST");
    const user = await userWith("keys", "+@all", "~ok:*");
    let count = 0;
    for (const command of commands) {
      for (const line of forbiddenLines(command)) {
        const reply = await verdict(admin, user, "keys", command, line);
        assertMatch(reply, /No permissions to access a key|no permissions to access the 'secret' key/, `${line}`);
        count++;
      }
    }
    assert(count > 400, `${count} lines`);
    assertEquals(await admin.command("DEBUG", "DIGEST"), digest, "nothing was changed");
  });

  it("every command that may have keys was tried with a forbidden one", () => {
    const withKeys = commands.filter((command) =>
      command.getKeys !== "" || command.keySpecs.some((spec) => !spec.flags.includes("not_key"))
    );
    const untried = withKeys.filter((command) => forbiddenLines(command).length === 0);
    assertEquals(untried.map(({ name }) => name), []);
  });

  it("a right to read is none to write, and the other way round", async () => {
    await userWith("reader", "+@all", "%R~*");
    await userWith("writer", "+@all", "%W~*");
    for (const command of commands) {
      for (const line of linesOf(command)) {
        const keys = findKeys(command, line.map(bytes));
        // Not even the pattern of everything matches an empty key.
        if (keys.length === 0 || keys.some(({ position }) => line[position] === "")) continue;
        const needs = keys.map(({ flags }) => flags);
        const reads = needs.some((flags) => flags.includes("access")) || command.name.startsWith("xread");
        const writes = needs.some((flags) => ["insert", "update", "delete"].some((flag) => flags.includes(flag)));
        const reader = await admin.command("ACL", "DRYRUN", "reader", ...line);
        const writer = await admin.command("ACL", "DRYRUN", "writer", ...line);
        assertEquals(reader === "+OK\r\n", !writes, `${line}: ${reader}`);
        assertEquals(writer === "+OK\r\n", !reads, `${line}: ${writer}`);
      }
    }
  });

  it("without rights to channels none can be named", async () => {
    await userWith("channels", "+@all", "~*", "&allowed");
    const dry = (...line: string[]) => admin.command("ACL", "DRYRUN", "channels", ...line);
    for (const name of ["SUBSCRIBE", "SSUBSCRIBE", "PSUBSCRIBE"]) {
      assertEquals(await dry(name, "allowed"), "+OK\r\n");
      for (const line of [["other"], ["allowed", "other"], ["other", "allowed"]]) {
        assertMatch(await dry(name, ...line), /no permissions to access the 'other' channel/);
      }
    }
    for (const name of ["PUBLISH", "SPUBLISH"]) {
      assertEquals(await dry(name, "allowed", "other"), "+OK\r\n");
      assertMatch(await dry(name, "other", "allowed"), /no permissions to access the 'other' channel/);
    }
    assertMatch(await dry("PSUBSCRIBE", "allowe*"), /no permissions to access the 'allowe\*' channel/);
  });

  it("without rights to a database nothing of it can be reached", async () => {
    const user = await userWith("elsewhere", "+@all", "~*", "&*", "db=3");
    const bound = (command: Command) =>
      ["keyspace", "read", "write"].some((name) => command.categories & (1 << CATEGORY_NAMES.indexOf(name))) ||
      command.getKeys !== "" || command.keySpecs.some((spec) => !spec.flags.includes("not_key"));
    for (const command of commands.filter(bound)) {
      // Their arguments decide; and what is all databases' is not the selected one's.
      if (["select", "swapdb"].includes(command.name)) continue;
      for (const line of linesOf(command)) {
        const reply = await verdict(admin, user, "elsewhere", command, line);
        assertMatch(reply, /[Nn]o permissions to access database/, `${line}`);
      }
    }
    for (const line of ["SELECT 0", "SELECT 1", "SWAPDB 3 0", "SWAPDB 0 3", "FLUSHALL", "MOVE secret 3"]) {
      assertMatch(await user.command(...line.split(" ")), /^-NOPERM No permissions to access database/, line);
    }
    assertEquals(await user.command("SELECT", "3"), "+OK\r\n");
    assertMatch(await user.command("COPY", "a", "b", "DB", "0"), /^-NOPERM/);
    assertMatch(await user.command("COPY", "a", "b", "DB", "3", "DB", "0"), /^-NOPERM/);
    assertEquals(await user.command("GET", "secret"), "$-1\r\n");
  });

  it("a group that is called STREAMS hides no key", async () => {
    await userWith("streams", "+@all", "~c", "~STREAMS");
    const line = ["XREADGROUP", "COUNT", "1", "GROUP", "STREAMS", "c", "STREAMS", "secret", ">"];
    assertMatch(await admin.command("ACL", "DRYRUN", "streams", ...line), /the 'secret' key/);
  });
});

describe("users in force", () => {
  let server: RunningServer;
  let admin: RespConnection;
  before(async () => {
    server = await startServer();
    admin = await server.connect();
  });
  after(() => server.stop());

  it("new rules hold for connections that are open", async () => {
    await admin.command("ACL", "SETUSER", "anna", "on", ">pw", "~*", "+get");
    const anna = await server.connect();
    assertEquals(await anna.command("AUTH", "anna", "pw"), "+OK\r\n");
    assertEquals(await anna.command("GET", "a"), "$-1\r\n");
    await admin.command("ACL", "SETUSER", "anna", "-get", "+set");
    assertMatch(await anna.command("GET", "a"), /^-NOPERM User anna has no permissions to run the 'get' command/);
    assertEquals(await anna.command("SET", "a", "1"), "+OK\r\n");
    await admin.command("ACL", "SETUSER", "anna", "allcommands", "allchannels");
    assertEquals(await anna.command("DBSIZE"), ":1\r\n");
    const replies = await anna.pipeline([["GET", "a"], ["ACL", "SETUSER", "anna", "reset"], ["GET", "a"], ["PING"]]);
    assertEquals(replies[0], "$1\r\n1\r\n");
    assertMatch(replies[2], /^-NOPERM/);
    assertMatch(replies[3], /^-NOPERM/);
  });

  it("who is deleted is disconnected, after the reply when it was itself", async () => {
    await admin.command("ACL", "SETUSER", "bert", "on", "nopass", "+@all");
    const other = await server.connect();
    const self = await server.connect();
    await other.command("AUTH", "bert", "x");
    await self.command("AUTH", "bert", "x");
    assertEquals(await self.command("ACL", "DELUSER", "bert", "nobody"), ":1\r\n");
    await self.drain(2000);
    await other.drain(2000);
    assert(self.closed && other.closed);
  });

  it("denials are logged, also those of a pipeline, and counted in INFO", async () => {
    await admin.command("ACL", "LOG", "RESET");
    await admin.command("ACL", "SETUSER", "carl", "on", "nopass", "+get", "~a*");
    const carl = await server.connect();
    await carl.command("AUTH", "carl", "x");
    await carl.pipeline([["GET", "b"], ["GET", "b"], ["SET", "a", "1"], ["GET", "c"]]);
    const log = await admin.command("ACL", "LOG");
    assertMatch(log, /^\*3\r\n/);
    const words = log.replace(/\r\n(\$\d+\r\n)?/g, " ");
    assertMatch(words, /count :2 reason key context toplevel object b username carl /);
    assertMatch(words, /object set username carl .* client-info .* cmd=set user=carl /);
    const info = await admin.command("INFO", "stats");
    assertStringIncludes(info, "acl_access_denied_key:3\r\n");
  });

  it("logins that fail are slowed down for their address", async () => {
    const start = Date.now();
    const guesser = await server.connect();
    const wrong = Array.from({ length: 72 }, (_, i) => ["AUTH", "default", `${i}`]);
    await admin.command("CONFIG", "SET", "requirepass", "right");
    const replies = await guesser.pipeline(wrong);
    assert(replies.every((reply) => reply.startsWith("-WRONGPASS")));
    assert(Date.now() - start > 300, `${Date.now() - start} ms`);
    assertMatch(server.output(), /Too many logins from 127\.0\.0\.1 failed/);
    await admin.command("CONFIG", "SET", "requirepass", "");
    assertMatch(await admin.command("ACL", "LOG", "1"), /count\r\n:72\r\n\$6\r\nreason\r\n\$4\r\nauth\r\n/);
  });
});

describe("rules like the real server's", { skip: skipWithoutReal("valkey-server") }, () => {
  it("replies to every line are the same bytes", async () => {
    const servers = await Promise.all([startServer(), startServer({ program: realProgram("valkey-server") })]);
    try {
      const open = new Map<string, RespConnection>();
      const ask = async (i: number, name: string, words: string[]): Promise<string> => {
        const key = `${name}${i}`;
        const once = async () => {
          if (open.get(key)?.closed !== false) open.set(key, await servers[i].connect());
          return await open.get(key)!.command(...words).catch(() => "closed");
        };
        // An earlier line may have closed this connection without its having heard of it yet.
        const reply = await once();
        return reply === "closed" ? await once() : reply;
      };
      for (const line of ACL_LINES) {
        const { name, words } = parseLine(line);
        const [ours, real] = [await ask(0, name, words), await ask(1, name, words)];
        assertEquals(ours, real, line);
      }
    } finally {
      await Promise.all(servers.map((server) => server.stop()));
    }
  });
});

describe("files and starts", () => {
  const folder = mkdtempSync(`${tmpdir()}/wakey-acl-`);
  const path = `${folder}/users.acl`;
  after(() => rmSync(folder, { recursive: true }));

  /** Runs `use` with a server, which is ended in any case. */
  const withServer = async (args: string[], use: (server: RunningServer) => Promise<void>): Promise<void> => {
    const server = await startServer({ args });
    try {
      await use(server);
    } finally {
      await server.stop();
    }
  };

  it("an error in a user line or in the aclfile ends the start", async () => {
    const cases: [string[], string | undefined, RegExp][] = [
      [["--user", "u", "on", "+nosuch"], undefined, /Unknown command or category name in ACL/],
      [["--user", "u", "on", "bogus"], undefined, /Error in user declaration 'bogus': Syntax error/],
      [["--user", "u", "on", "(+get", "~x"], undefined, /Unmatched parenthesis/],
      [["--user", "u", "--user", "u"], undefined, /Duplicate user/],
      [["--user", "a b", "on"], undefined, /Spaces not allowed in ACL usernames/],
      [["--aclfile", "/nonexistent/users.acl"], undefined, /opening file '\/nonexistent\/users.acl': No such file/],
      [["--user", "u", "on"], "user v on\n", /but not both/],
      [[], "user v on +nosuch\n", /Error in applying operation '\+nosuch'/],
      [[], "user v on\nuser v on\n", /Duplicate user 'v' found on line 2/],
      [[], "# no comments\n", /should start with user keyword/],
      [[], "user v on (+get\n", /Unmatched parenthesis/],
      [[], "user v on ~* ~x\n", /Adding a pattern after the \* pattern/],
    ];
    for (const [args, file, text] of cases) {
      if (file !== undefined) writeFileSync(path, file);
      const all = file === undefined ? args : [...args, "--aclfile", path];
      const outcome = await startServer({ args: all }).then((server) => server.stop(), String);
      assertMatch(outcome ?? "it started", text, `${args} ${file}`);
    }
  });

  it("users of the configuration are in force from the start", async () => {
    const conf = `${folder}/users.conf`;
    writeFileSync(conf, "user dora on >pw ~d:* resetchannels db=0,1 +get (%R~x +mget)\n");
    await withServer(["--include", conf], async (server) => {
      const admin = await server.connect();
      const list = await admin.command("ACL", "LIST");
      assertStringIncludes(list, "~d:* resetchannels db=0,1 -@all +get (%R~x resetchannels -@all +mget)");
      assertStringIncludes(list, `#${createHash("sha256").update("pw").digest("hex")}`);
    });
  });

  it("ACL SAVE writes what ACL LOAD takes; a file with an error changes nothing", async () => {
    writeFileSync(path, "user dora on >pw ~d:* +get\n\nuser default on nopass ~* &* +@all\n");
    await withServer(["--aclfile", path], async (server) => {
      const admin = await server.connect();
      const dora = await server.connect();
      await dora.command("AUTH", "dora", "pw");
      await admin.command("ACL", "SETUSER", "emil", "on", "nopass");
      assertEquals(await admin.command("ACL", "SAVE"), "+OK\r\n");
      const lines = readFileSync(path, "utf8").split("\n");
      assertEquals(lines[0], "user default on nopass ~* &* +@all");
      assertMatch(lines[1], /^user dora on #[0-9a-f]{64} ~d:\* resetchannels -@all \+get$/);
      assertEquals(lines.slice(2), ["user emil on nopass resetchannels -@all", ""]);
      writeFileSync(path, "user emil on nopass\nuser emil on\n");
      assertMatch(await admin.command("ACL", "LOAD"), /^-ERR WARNING: Duplicate user 'emil' found on line 2\. WARNING/);
      assertEquals(await dora.command("GET", "d:1"), "$-1\r\n");
      writeFileSync(path, "user emil on nopass\n");
      assertEquals(await admin.command("ACL", "LOAD"), "+OK\r\n");
      await dora.drain(2000);
      assert(dora.closed);
      assertEquals(await admin.command("ACL", "USERS"), "*2\r\n$7\r\ndefault\r\n$4\r\nemil\r\n");
    });
  });

  it("an aclfile without the default user does not take requirepass away", async () => {
    writeFileSync(path, "user emil on >x +ping\n");
    await withServer(["--requirepass", "secret", "--aclfile", path], async (server) => {
      const connection = await server.connect();
      assertMatch(await connection.command("GET", "x"), /^-NOAUTH/);
      assertEquals(await connection.command("AUTH", "secret"), "+OK\r\n");
      assertEquals(await connection.command("ACL", "LOAD"), "+OK\r\n");
      const stranger = await server.connect();
      assertMatch(await stranger.command("GET", "x"), /^-NOAUTH/);
    });
  });
});

describe("users in process", () => {
  it("calls have all rights until they log in; snapshots carry users and their rights along", () => {
    const first = new Wakey({ config: { requirepass: "secret" } });
    first.call("ACL", "SETUSER", "default", "-@all");
    first.call("ACL", "SETUSER", "anna", "on", ">pw", "~a*", "+get", "+auth");
    assertEquals(first.call("SET", "a", "1"), "OK");
    const second = new Wakey();
    second.restore(first.snapshot());
    assertEquals(second.call("ACL", "LIST"), first.call("ACL", "LIST"));
    assertEquals(second.call("GET", "a"), "1");
    assertThrows(() => second.call("AUTH", "anna", "wrong"), WakeyError, "WRONGPASS");
    assertEquals(second.call("AUTH", "anna", "pw"), "OK");
    assertEquals(second.call("GET", "a"), "1");
    assertThrows(() => second.call("GET", "b"), WakeyError, "No permissions to access a key");
    assertThrows(() => second.call("SET", "a", "2"), WakeyError, "no permissions to run the 'set' command");
    second.restore(new Wakey().snapshot());
    assertEquals(second.call("SET", "b", "2"), "OK");
    assertEquals(second.call("ACL", "USERS"), ["default"]);
    assertThrows(() => new Wakey({ config: { aclfile: "/nonexistent" } }), Error, "opening file '/nonexistent'");
    first.close();
    second.close();
  });
});

describe("channels of users", () => {
  it("who loses a channel that it is subscribed to is disconnected, others stay", async () => {
    const server = await startServer();
    try {
      const admin = await server.connect();
      await admin.command("ACL", "SETUSER", "anna", "on", "nopass", "+@all", "resetchannels", "&news", "&w*");
      const subscribers = [await server.connect(), await server.connect(), await server.connect()];
      for (const one of subscribers) await one.command("AUTH", "anna", "x");
      await subscribers[0].command("SUBSCRIBE", "news");
      await subscribers[1].command("PSUBSCRIBE", "w*");
      assertMatch(await subscribers[2].command("PSUBSCRIBE", "wx*"), /^-NOPERM No permissions to access a channel/);
      assertMatch(await subscribers[2].command("SUBSCRIBE", "news", "other"), /^-NOPERM/);
      await subscribers[2].command("SUBSCRIBE", "weather");
      await admin.command("ACL", "SETUSER", "anna", "resetchannels", "&w*");
      await subscribers[0].drain(2000);
      assert(subscribers[0].closed);
      assertEquals(await admin.command("PUBLISH", "weather", "rain"), ":2\r\n");
      assert(!subscribers[1].closed && !subscribers[2].closed);
    } finally {
      await server.stop();
    }
  });
});

describe("parts of access control", () => {
  it("SHA-256 agrees with the runtime's, for every length of the last block", () => {
    const random = seeded("acl");
    for (let length = 0; length < 200; length++) {
      const text = Uint8Array.from({ length }, () => random.below(256));
      assertEquals(sha256(text), createHash("sha256").update(text).digest("hex"), `${length} bytes`);
    }
    assert(isSameHash(sha256(bytes("a")), sha256(bytes("a"))));
    assert(!isSameHash(sha256(bytes("a")), sha256(bytes("b"))));
    assert(!isSameHash(sha256(bytes("a")), sha256(bytes("a")).slice(1)));
  });

  it("guesses of one address wait ever longer, those of others don't, and time pays for them", () => {
    const guesses = new Guesses();
    for (let i = 0; i < 64; i++) {
      assertEquals(guesses.delay("a", 1000), 0, `${i}`);
      guesses.failed("a", 1000);
    }
    const one = guesses.delay("a", 1000);
    assert(one > 0);
    guesses.wait("a", 1);
    assert(guesses.delay("a", 1000) > one, "others wait behind");
    assertEquals(guesses.delay("b", 1000), 0);
    guesses.wait("a", -1);
    assertEquals(guesses.delay("a", 10_000), 0);
    for (let i = 0; i < 1000; i++) guesses.wait("a", 1);
    assertEquals(guesses.delay("a", 10_000), -1);
  });
});
