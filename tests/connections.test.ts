/**
 * connections: what clients see of a server beside data: CLIENT, HELLO, AUTH and RESET, pauses, limits, listening anew.
 *
 * A whole server runs over the simulated network with virtual time, so every test is exact and takes milliseconds.
 * Where the real server's replies are the measure, they were taken from Valkey 9.1.2.
 */
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createSimulatedPort } from "../runtime-adapters/simulated.ts";
import type { SimulatedClient, SimulatedOptions, SimulatedPort } from "../runtime-adapters/simulated.ts";
import { Config } from "../server/config/config.ts";
import { loadText } from "../server/config/load.ts";
import { Server } from "../server/server.ts";
import { encode } from "./support/resp.ts";

const module = new WebAssembly.Module(readFileSync(fileURLToPath(new URL("../dist/core.wasm", import.meta.url))));
const START_SECONDS = 1_700_000_000;

/** A server in a world of its own. */
class World {
  readonly port: SimulatedPort;
  readonly server: Server;

  private constructor(port: SimulatedPort, server: Server) {
    this.port = port;
    this.server = server;
  }

  static async start(lines = "", options: SimulatedOptions = {}): Promise<World> {
    const port = createSimulatedPort({ ...options, startUs: START_SECONDS * 1e6 });
    const config = new Config(port);
    loadText(config, `port 6379\nloglevel verbose\nhide-user-data-from-log no\n${lines}`, {});
    const server = new Server({ port, config, module, seed: Uint32Array.of(1, 2, 3, 4) });
    assertEquals(await server.listen(), undefined);
    server.cron.start();
    return new World(port, server);
  }

  connect(target?: { host?: string; port?: number; path?: string }): SimulatedClient {
    return this.port.connect(target);
  }

  /** Sends one command and returns what has come back. */
  ask(client: SimulatedClient, ...args: (string | number)[]): string {
    client.send(encode(args));
    this.port.settle();
    return client.receiveText();
  }

  /** The same for a command that waits for the system. */
  async askLater(client: SimulatedClient, ...args: string[]): Promise<string> {
    client.send(encode(args));
    await this.port.settleAsync();
    return client.receiveText();
  }

  /** Sends text as it is. */
  say(client: SimulatedClient, text: string): string {
    client.send(text);
    this.port.settle();
    return client.receiveText();
  }

  get log(): string {
    return this.port.printed.out;
  }
}

/** The fields of a CLIENT LIST line. */
function fieldsOf(line: string): Record<string, string> {
  return Object.fromEntries(line.trim().split(" ").map((field) => field.split(/=(.*)/s).slice(0, 2)));
}

/** The lines of a CLIENT LIST or CLIENT INFO reply. */
const linesOf = (reply: string) => reply.split(/\r?\n/).filter((line) => line.startsWith("id="));
const idsOf = (reply: string) => linesOf(reply).map((line) => Number(fieldsOf(line).id));

describe("CLIENT", () => {
  it("describes a connection with Valkey's fields in Valkey's order", async () => {
    const world = await World.start();
    const client = world.connect();
    world.port.advance(3000);
    const [line] = linesOf(world.ask(client, "CLIENT", "INFO"));
    assertMatch(line, new RegExp(
      "^id=1 addr=127\\.0\\.0\\.1:\\d+ laddr=127\\.0\\.0\\.1:6379 fd=-?\\d+ name= age=3 idle=0 flags=N capa= db=0 " +
      "sub=0 psub=0 ssub=0 multi=-1 watch=0 qbuf=0 qbuf-free=0 argv-mem=10 multi-mem=0 rbs=\\d+ rbp=\\d+ obl=0 oll=0 " +
      "omem=0 tot-mem=\\d+ events=r cmd=client\\|info user=default redir=-1 resp=2 lib-name= lib-ver= tot-net-in=26 " +
      "tot-net-out=0 tot-cmds=0$",
    ));
    const second = fieldsOf(linesOf(world.ask(client, "CLIENT", "INFO"))[0]);
    assertEquals([second["tot-net-in"], second["tot-cmds"]], ["52", "1"]);
  });

  it("keeps names and libraries and refuses what would break the list", async () => {
    const world = await World.start();
    const client = world.connect();
    const bad = "-ERR Client names cannot contain spaces, newlines or special characters.\r\n";
    assertEquals(world.ask(client, "CLIENT", "GETNAME"), "$-1\r\n");
    assertEquals(world.ask(client, "CLIENT", "SETNAME", "a b"), bad);
    assertEquals(world.ask(client, "CLIENT", "SETNAME", "worker"), "+OK\r\n");
    assertEquals(world.ask(client, "CLIENT", "GETNAME"), "$6\r\nworker\r\n");
    assertEquals(world.ask(client, "CLIENT", "SETINFO", "Lib-Name", "x y"),
      "-ERR Lib-Name cannot contain spaces, newlines or special characters.\r\n");
    assertEquals(world.ask(client, "CLIENT", "SETINFO", "nope", "x"), "-ERR Unrecognized option 'nope'\r\n");
    assertEquals(world.ask(client, "CLIENT", "SETINFO", "LIB-NAME", "lib"), "+OK\r\n");
    assertEquals(world.ask(client, "CLIENT", "SETINFO", "lib-ver", "1.2"), "+OK\r\n");
    const fields = fieldsOf(linesOf(world.ask(client, "CLIENT", "LIST"))[0]);
    assertEquals([fields.name, fields["lib-name"], fields["lib-ver"]], ["worker", "lib", "1.2"]);
    assertEquals(world.ask(client, "CLIENT", "SETNAME", ""), "+OK\r\n");
    assertEquals(world.ask(client, "CLIENT", "GETNAME"), "$-1\r\n");
    assertEquals(world.ask(client, "RESET"), "+RESET\r\n");
    assertEquals(fieldsOf(linesOf(world.ask(client, "CLIENT", "INFO"))[0])["lib-name"], "lib");
  });

  it("lists by every filter and its opposite", async () => {
    const world = await World.start("bind * -::*\nunixsocket /tmp/s");
    const me = world.connect();
    const remote = world.connect({ host: "127.0.0.9" });
    const six = world.connect({ host: "::1" });
    const unix = world.connect({ path: "/tmp/s" });
    world.port.advance(5000);
    world.ask(remote, "SELECT", 3);
    world.ask(remote, "CLIENT", "SETNAME", "far");
    world.ask(six, "CLIENT", "NO-EVICT", "ON");
    world.ask(six, "CLIENT", "CAPA", "redirect", "other");
    world.ask(six, "CLIENT", "SETINFO", "LIB-VER", "7");
    const list = (...args: string[]) => idsOf(world.ask(me, "CLIENT", "LIST", ...args));
    const address = fieldsOf(linesOf(world.ask(me, "CLIENT", "LIST", "ID", "2"))[0]).addr;
    assertEquals(list(), [1, 2, 3, 4]);
    assertEquals(list("ID", "2", "9", "4"), [2, 4]);
    assertEquals(list("NOT-ID", "2", "4"), [1, 3]);
    assertEquals(list("ADDR", address), [2]);
    assertEquals(list("NOT-ADDR", address), [1, 3, 4]);
    assertEquals(list("LADDR", "/tmp/s:0"), [4]);
    assertEquals(list("IP", "127.0.0.9"), [2]);
    assertEquals(list("IP", "::1"), [3]);
    assertEquals(list("NOT-IP", "127.0.0.1"), [2, 3, 4]);
    assertEquals(list("NAME", "far"), [2]);
    assertEquals(list("NOT-NAME", "far", "SKIPME", "yes"), [3, 4]);
    assertEquals(list("FLAGS", "e"), [3]);
    assertEquals(list("FLAGS", "U"), [4]);
    assertEquals(list("NOT-FLAGS", "N"), [3, 4]);
    assertEquals(list("CAPA", "r"), [3]);
    assertEquals(list("NOT-CAPA", "r"), [1, 2, 4]);
    assertEquals(list("DB", "3"), [2]);
    assertEquals(list("NOT-DB", "3"), [1, 3, 4]);
    assertEquals(list("LIB-VER", "7"), [3]);
    assertEquals(list("IDLE", "5"), [4]);
    assertEquals(list("MAXAGE", "5"), [1, 2, 3, 4]);
    assertEquals(list("MAXAGE", "6"), []);
    assertEquals(list("TYPE", "normal", "USER", "default"), [1, 2, 3, 4]);
    assertEquals(list("TYPE", "replica"), []);
    assertEquals(list("NOT-TYPE", "pubsub"), [1, 2, 3, 4]);
    assert(unix.closed === false);
  });

  it("refuses filters in Valkey's words", async () => {
    const world = await World.start();
    const client = world.connect();
    const cases: [string, string][] = [
      ["LIST ID", "ERR syntax error"], ["LIST ID 0", "ERR client-id should be greater than 0"],
      ["LIST TYPE foo", "ERR Unknown client type 'foo'"], ["LIST MAXAGE 0", "ERR maxage should be greater than 0"],
      ["LIST MAXAGE x", "ERR maxage is not an integer or out of range"], ["LIST USER x", "ERR No such user 'x'"],
      ["LIST IDLE 0", "ERR idle should be greater than 0"],
      ["LIST NOT-DB x", "ERR NOT-DB is not an integer or out of range"],
      ["LIST DB 99", "ERR DB number should be between 0 and 15"],
      ["LIST FLAGS z", "ERR Unknown flags found in the provided filter: z"],
      ["LIST NOT-CAPA z", "ERR Unknown capa found in the NOT-CAPA filter: z"],
      ["LIST SKIPME x", "ERR syntax error"], ["LIST foo bar", "ERR syntax error"],
      ["KILL a b", "ERR syntax error"], ["KILL ID abc", "ERR syntax error"], ["KILL 1.1.1.1:1", "ERR No such client"],
      ["KILL", "ERR wrong number of arguments for 'client|kill' command"],
      ["PAUSE x", "ERR timeout is not an integer or out of range"], ["PAUSE -1", "ERR timeout is negative"],
      ["PAUSE 10 foo", "ERR CLIENT PAUSE mode must be WRITE or ALL"],
      ["PAUSE 9223372036854775807", "ERR timeout is out of range"],
      ["UNBLOCK x", "ERR value is not an integer or out of range"],
      ["UNBLOCK 1 x", "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"],
      ["IMPORT-SOURCE ON", "ERR Server is not in import mode"], ["REPLY x", "ERR syntax error"],
      ["NO-TOUCH x", "ERR syntax error"], ["foo", "ERR unknown subcommand 'foo'. Try CLIENT HELP."],
    ];
    for (const [words, error] of cases) {
      assertEquals(world.ask(client, "CLIENT", ...words.split(" ")), `-${error}\r\n`, words);
    }
  });

  it("kills by address and by filters, itself last", async () => {
    const world = await World.start();
    const [me, other, third] = [world.connect(), world.connect(), world.connect()];
    const address = fieldsOf(linesOf(world.ask(me, "CLIENT", "LIST", "ID", "2"))[0]).addr;
    assertEquals(world.ask(me, "CLIENT", "KILL", address), "+OK\r\n");
    assert(other.closed);
    assertEquals(world.ask(me, "CLIENT", "KILL", "TYPE", "normal"), ":1\r\n");
    assert(third.closed && !me.closed);
    assertEquals(world.ask(me, "CLIENT", "KILL", "SKIPME", "no"), ":1\r\n");
    assert(me.closed);
    assertEquals(world.server.connections.size, 0);
  });

  it("turns replies off, on and skips one", async () => {
    const world = await World.start();
    const client = world.connect();
    assertEquals(world.ask(client, "CLIENT", "REPLY", "OFF") + world.ask(client, "PING"), "");
    assertEquals(world.ask(client, "CLIENT", "REPLY", "ON"), "+OK\r\n");
    assertEquals(world.ask(client, "CLIENT", "REPLY", "SKIP") + world.ask(client, "PING"), "");
    assertEquals(world.ask(client, "PING"), "+PONG\r\n");
    world.ask(client, "CLIENT", "REPLY", "SKIP");
    assertEquals(world.ask(client, "CLIENT", "REPLY", "ON"), "+OK\r\n");
  });

  it("tells that there is no tracking", async () => {
    const world = await World.start();
    const client = world.connect();
    assertEquals(world.ask(client, "CLIENT", "GETREDIR"), ":-1\r\n");
    assertEquals(world.ask(client, "CLIENT", "TRACKINGINFO"),
      "*6\r\n$5\r\nflags\r\n*1\r\n$3\r\noff\r\n$8\r\nredirect\r\n:-1\r\n$8\r\nprefixes\r\n*0\r\n");
    assertEquals(world.ask(client, "CLIENT", "UNBLOCK", "1"), ":0\r\n");
  });
});

describe("HELLO, AUTH and RESET", () => {
  it("says what server this is, in both protocols", async () => {
    const world = await World.start();
    const client = world.connect();
    const modules = "*1\r\n*8\r\n$4\r\nname\r\n$3\r\nlua\r\n$3\r\nver\r\n:1\r\n" +
      "$4\r\npath\r\n$3\r\nlua\r\n$4\r\nargs\r\n*0\r\n";
    const body = (proto: number) =>
      `$6\r\nserver\r\n$6\r\nvalkey\r\n$7\r\nversion\r\n$5\r\n9.1.2\r\n$5\r\nproto\r\n:${proto}\r\n$2\r\nid\r\n:1\r\n` +
      "$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n";
    assertEquals(world.ask(client, "HELLO"), `*14\r\n${body(2)}${modules}`);
    assertEquals(world.ask(client, "HELLO", "3"), `%7\r\n${body(3)}${modules.replace("*8", "%4")}`);
    assertEquals(world.ask(client, "CLIENT", "GETNAME"), "_\r\n");
    world.ask(client, "CONFIG", "SET", "extended-redis-compatibility", "yes", "availability-zone", "here");
    const reply = world.ask(client, "HELLO", "2", "SETNAME", "me");
    assertStringIncludes(reply, "*16\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.2.4\r\n");
    assertStringIncludes(reply, "$17\r\navailability_zone\r\n$4\r\nhere\r\n");
    assertEquals(world.ask(client, "CLIENT", "GETNAME"), "$2\r\nme\r\n");
  });

  it("refuses wrong options in Valkey's words", async () => {
    const world = await World.start();
    const client = world.connect();
    assertEquals(world.ask(client, "HELLO", "4"), "-NOPROTO unsupported protocol version\r\n");
    assertEquals(world.ask(client, "HELLO", "x"), "-ERR Protocol version is not an integer or out of range\r\n");
    assertEquals(world.ask(client, "HELLO", "3", "foo"), "-ERR Syntax error in HELLO option 'foo'\r\n");
    assertEquals(world.ask(client, "HELLO", "3", "AUTH", "a", "b"),
      "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
    assertMatch(world.ask(client, "AUTH", "x"), /^-ERR AUTH <password> called without any password configured/);
    assertEquals(world.ask(client, "AUTH", "a", "b", "c"), "-ERR syntax error\r\n");
    assertEquals(world.ask(client, "AUTH", "default", "anything"), "+OK\r\n");
  });

  it("asks for the password until it is given", async () => {
    const world = await World.start('requirepass "se\\x00cret"');
    const client = world.connect();
    const denied = "-NOAUTH Authentication required.\r\n";
    const wrong = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
    assertEquals(world.ask(client, "GET", "a"), denied);
    assertEquals(world.ask(client, "NOSUCH"), denied);
    assertMatch(world.ask(client, "HELLO", "3"), /^-NOAUTH HELLO must be called with the client already authenticated/);
    assertEquals(world.ask(client, "AUTH", "se"), wrong);
    assertEquals(world.ask(client, "AUTH", "other", "se\0cret"), wrong);
    assertEquals(world.ask(client, "AUTH", "se\0cret"), "+OK\r\n");
    assertEquals(world.ask(client, "GET", "a"), "$-1\r\n");
    world.ask(client, "SELECT", "5");
    assertEquals(world.ask(client, "RESET"), "+RESET\r\n");
    assertEquals(world.ask(client, "GET", "a"), denied);
    assertMatch(world.ask(client, "HELLO", "2", "AUTH", "default", "se\0cret"), /^\*14/);
    assertEquals(fieldsOf(linesOf(world.ask(client, "CLIENT", "INFO"))[0]).db, "0");
  });

  it("leaves clients alone that came before the password", async () => {
    const world = await World.start();
    const old = world.connect();
    assertEquals(world.ask(old, "CONFIG", "SET", "requirepass", "x"), "+OK\r\n");
    assertEquals(world.ask(old, "PING"), "+PONG\r\n");
    const late = world.connect();
    assertEquals(world.ask(late, "PING"), "-NOAUTH Authentication required.\r\n");
    world.ask(old, "CONFIG", "SET", "requirepass", "");
    assertEquals(world.ask(late, "PING"), "+PONG\r\n");
  });

  it("lets strangers send and read only little", async () => {
    const world = await World.start("requirepass x");
    const expect = (text: string, error: string) => {
      const client = world.connect();
      assertEquals(world.say(client, text), error);
      assert(client.closed);
    };
    expect("*100\r\n", "-ERR Protocol error: unauthenticated multibulk length\r\n");
    expect("*1\r\n$100000\r\n", "-ERR Protocol error: unauthenticated bulk length\r\n");
    const silent = world.connect();
    silent.window = 0;
    for (let i = 0; i < 1000 && !silent.closed; i++) world.ask(silent, "GET", "a");
    assert(silent.closed);
    assertMatch(world.log, /Client id=\d+ .* scheduled to be closed ASAP for overcoming of output buffer limits\./);
  });
});

describe("CLIENT PAUSE", () => {
  it("holds writes back to the millisecond and lets them run in the order in which they came", async () => {
    const world = await World.start();
    const me = world.connect();
    const writers = [3, 1, 2].map(() => world.connect());
    assertEquals(world.ask(me, "CLIENT", "PAUSE", "100", "WRITE"), "+OK\r\n");
    for (const [i, writer] of [...writers].reverse().entries()) {
      assertEquals(world.ask(writer, "APPEND", "k", `${i}`), "");
    }
    assertEquals(world.ask(me, "GET", "k"), "$-1\r\n");
    const pattern = /(?:blocked_clients|paused_\w+):(.*)\r/g;
    const facts = () => [...world.ask(me, "INFO", "clients").matchAll(pattern)].map((match) => match[1]);
    assertEquals(facts(), ["3", "client_pause", "write", "100"]);
    assertEquals(fieldsOf(linesOf(world.ask(me, "CLIENT", "LIST", "ID", "2"))[0]).flags, "b");
    assertEquals(world.ask(writers[0], "SET", "x"), "");
    world.port.advance(99);
    assertEquals(world.ask(me, "GET", "k"), "$-1\r\n");
    world.port.advance(2);
    assertEquals(world.ask(me, "GET", "k"), "$3\r\n012\r\n");
    assertEquals(writers[2].receiveText(), ":1\r\n");
    assertEquals(writers[0].receiveText(), ":3\r\n-ERR wrong number of arguments for 'set' command\r\n");
    assertEquals(facts(), ["0", "none", "none", "0"]);
  });

  it("keeps the longer time and the stricter mode", async () => {
    const world = await World.start();
    const [me, other] = [world.connect(), world.connect()];
    me.send(Buffer.concat([encode(["CLIENT", "PAUSE", "200"]), encode(["CLIENT", "PAUSE", "20", "WRITE"])]));
    world.port.settle();
    assertEquals(me.receiveText(), "+OK\r\n");
    assertEquals(world.ask(other, "GET", "k"), "");
    world.port.advance(199);
    assertEquals(other.receiveText(), "");
    world.port.advance(2);
    assertEquals(other.receiveText(), "$-1\r\n");
    // The second PAUSE was held back by the first and began when that ended.
    assertEquals(me.receiveText(), "+OK\r\n");
    assertEquals(world.ask(me, "CLIENT", "PAUSE", "60000", "WRITE"), "+OK\r\n");
    assertEquals(world.ask(me, "CLIENT", "PAUSE", "10", "WRITE"), "+OK\r\n");
    world.port.advance(100);
    assertEquals(world.ask(other, "SET", "k", "v"), "");
    assertEquals(world.ask(me, "CLIENT", "UNPAUSE"), "+OK\r\n");
    assertEquals(other.receiveText(), "+OK\r\n");
  });

  it("expires nothing meanwhile but hides what is due", async () => {
    const world = await World.start();
    const me = world.connect();
    world.ask(me, "SET", "k", "v", "PX", "10");
    world.ask(me, "CLIENT", "PAUSE", "5000", "WRITE");
    world.port.advance(1000);
    assertEquals(world.ask(me, "GET", "k"), "$-1\r\n");
    assertEquals(world.ask(me, "DBSIZE"), ":1\r\n");
    world.ask(me, "CLIENT", "UNPAUSE");
    world.port.advance(1000);
    assertEquals(world.ask(me, "DBSIZE"), ":0\r\n");
  });

  it("forgets a held client that goes, and holds inline commands with quotes", async () => {
    const world = await World.start();
    const [me, gone, inline] = [world.connect(), world.connect(), world.connect()];
    world.ask(me, "CLIENT", "PAUSE", "1000", "WRITE");
    world.ask(gone, "SET", "a", "1");
    assertEquals(world.say(inline, 'PING\r\nSET "k 1" \'v "x"\'\r\nGET "k 1"\r\n'), "+PONG\r\n");
    gone.close();
    world.port.settle();
    world.ask(me, "CLIENT", "UNPAUSE");
    assertEquals(inline.receiveText(), '+OK\r\n$5\r\nv "x"\r\n');
    assertEquals(world.ask(me, "EXISTS", "a"), ":0\r\n");
  });
});

describe("limits", () => {
  it("refuses clients above maxclients and takes them again later", async () => {
    const world = await World.start("maxclients 2");
    const [first, second] = [world.connect(), world.connect()];
    const third = world.connect();
    world.port.settle();
    assertEquals(third.receiveText(), "-ERR max number of clients reached\r\n");
    assert(third.closed);
    second.close();
    world.port.settle();
    assertEquals(world.ask(world.connect(), "PING"), "+PONG\r\n");
    assertMatch(world.ask(first, "INFO", "stats"), /rejected_connections:1\r\n/);
    assertMatch(world.ask(first, "INFO", "clients"), /connected_clients:2\r\n/);
  });

  it("is protected against strangers without a password", async () => {
    const world = await World.start("", { inFlight: true });
    const stranger = world.connect({ host: "10.0.0.7" });
    world.port.settle();
    assertMatch(stranger.receiveText(), /^-DENIED /);
    assert(stranger.closed);
    const hasty = world.connect({ host: "10.0.0.7" });
    hasty.send(encode(["SET", "stolen", "1"]));
    world.port.settle();
    const me = world.connect();
    assertEquals(world.ask(me, "EXISTS", "stolen"), ":0\r\n");
    world.ask(me, "CONFIG", "SET", "requirepass", "x");
    assertMatch(world.ask(world.connect({ host: "10.0.0.7" }), "PING"), /^-NOAUTH/);
    world.ask(me, "CONFIG", "SET", "requirepass", "", "protected-mode", "no");
    assertEquals(world.ask(world.connect({ host: "10.0.0.7" }), "PING"), "+PONG\r\n");
  });

  it("closes idle clients, but none that is held back", async () => {
    const world = await World.start("timeout 10");
    const [idle, busy, held] = [world.connect(), world.connect(), world.connect()];
    world.ask(busy, "CLIENT", "PAUSE", "60000", "WRITE");
    world.ask(held, "SET", "a", "b");
    for (let i = 0; i < 15; i++) {
      world.port.advance(1000);
      world.ask(busy, "PING");
    }
    assertEquals([idle.closed, busy.closed, held.closed], [true, false, false]);
    assertStringIncludes(world.log, " - Closing idle client\n");
  });

  it("closes a client that leaves more unread than the hard limit, and keeps its memory low", async () => {
    const world = await World.start("client-output-buffer-limit normal 100000 0 0");
    const [me, reader] = [world.connect(), world.connect()];
    world.ask(me, "SET", "big", "x".repeat(10000));
    reader.window = 1000;
    for (let i = 0; i < 8; i++) world.ask(reader, "GET", "big");
    const fields = fieldsOf(linesOf(world.ask(me, "CLIENT", "LIST", "ID", "2"))[0]);
    assert(Number(fields.omem) > 50000 && Number(fields.omem) < 100000, fields.omem);
    assertEquals(fields.events, "rw");
    for (let i = 0; i < 8; i++) reader.send(encode(["GET", "big"]));
    world.port.settle();
    assert(reader.closed);
    assertMatch(world.log, /# Client id=2 .* scheduled to be closed ASAP for overcoming of output buffer limits\.\n/);
    assertMatch(world.ask(me, "INFO", "stats"), /client_output_buffer_limit_disconnections:1\r\n/);
    assertEquals(world.ask(me, "SET", "big", "x".repeat(150000)), "+OK\r\n");
    assertEquals(world.ask(me, "GET", "big").length, 0, "one reply over the limit");
    assert(me.closed);
  });

  it("closes a client that stays over the soft limit too long, even without traffic", async () => {
    const world = await World.start("client-output-buffer-limit normal 0 30000 3");
    const [me, reader] = [world.connect(), world.connect()];
    world.ask(me, "SET", "big", "x".repeat(20000));
    reader.window = 1000;
    for (let i = 0; i < 4; i++) world.ask(reader, "GET", "big");
    world.port.advance(3000);
    assert(!reader.closed);
    world.port.advance(3000);
    assert(reader.closed);
    assertMatch(world.log, /# Client id=2 .* closed for overcoming of output buffer limits\.\n/);
    const slow = world.connect();
    slow.window = 1000;
    for (let i = 0; i < 4; i++) world.ask(slow, "GET", "big");
    world.port.advance(2000);
    slow.window = 1e6;
    world.port.settle();
    world.port.advance(10000);
    assert(!slow.closed, "one that catches up in time");
  });

  it("closes a client whose request outgrows the query buffer limit", async () => {
    const world = await World.start("client-query-buffer-limit 1mb");
    const client = world.connect();
    client.send(`*2\r\n$3\r\nGET\r\n$3000000\r\n${"x".repeat(2_000_000)}`);
    world.port.settle();
    assert(client.closed);
    assertMatch(world.log, /# Closing client that reached max query buffer length: id=1 .*\(qbuf initial bytes: "\*2/);
  });

  it("closes a client whose transaction outgrows the query buffer limit", async () => {
    const world = await World.start("client-query-buffer-limit 1mb");
    const client = world.connect();
    assertEquals(world.ask(client, "MULTI"), "+OK\r\n");
    const ask = () => world.ask(client, "SET", "k", "x".repeat(400_000));
    assertEquals([ask(), ask()], ["+QUEUED\r\n", "+QUEUED\r\n"]);
    ask();
    assert(client.closed);
    assertMatch(world.log, /# Closing client that reached max query buffer length: id=1 /);
  });

  it("refuses a bulk above proto-max-bulk-len", async () => {
    const world = await World.start("proto-max-bulk-len 1mb");
    const client = world.connect();
    assertEquals(world.say(client, "*2\r\n$3\r\nGET\r\n$1048577\r\n"), "-ERR Protocol error: invalid bulk length\r\n");
    assert(client.closed);
    assertMatch(world.log, /- Protocol error \(invalid bulk length\) from client: id=1 .*\. Query buffer: '/);
  });

  it("aborts an HTTP request and tells of it once a minute", async () => {
    const world = await World.start();
    for (let i = 0; i < 3; i++) {
      const client = world.connect();
      world.say(client, "POST / HTTP/1.1\r\nHost: x\r\n\r\n");
      assert(client.closed);
    }
    assertEquals(world.log.split("Possible SECURITY ATTACK detected").length, 2);
  });

  it("gives the query buffer of a silent client back", async () => {
    const world = await World.start();
    const [me, client] = [world.connect(), world.connect()];
    world.say(client, "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1000000\r\n");
    world.say(client, "a");
    const fields = () => fieldsOf(linesOf(world.ask(me, "CLIENT", "LIST", "ID", "2"))[0]);
    const size = () => Number(fields().qbuf) + Number(fields()["qbuf-free"]);
    assertEquals(fields().qbuf, "1"); // what is read already does not count
    assert(size() >= 1_000_000);
    world.port.advance(5000);
    assert(size() < 100_000);
    assertEquals(world.say(client, "x".repeat(999_999) + "\r\n"), "+OK\r\n");
  });

  it("gives a first chunk of output as much room as replies lately took", async () => {
    const world = await World.start("enable-debug-command yes");
    const me = world.connect();
    const size = () => Number(fieldsOf(linesOf(world.ask(me, "CLIENT", "LIST", "ID", "1"))[0]).rbs);
    assertEquals(size(), 16384);
    world.port.advance(3000);
    assertEquals(size(), 1024);
    world.ask(me, "SET", "k", "x".repeat(5000));
    world.ask(me, "GET", "k");
    assertEquals(size(), 8192);
    world.port.advance(1000); // what the last five seconds needed is remembered
    assertEquals(size(), 8192);
    world.ask(me, "DEBUG", "REPLYBUFFER", "RESIZING", "0");
    world.port.advance(30000);
    assertEquals(size(), 8192);
    world.ask(me, "DEBUG", "REPLYBUFFER", "RESIZING", "1");
    world.port.advance(30000);
    assertEquals(size(), 1024);
  });

  it("frees everything when clients go, in every order", async () => {
    const world = await World.start("client-output-buffer-limit normal 200000 0 0", { inFlight: true, chop: true });
    const me = world.connect();
    world.ask(me, "SET", "big", "x".repeat(30000));
    for (const words of ["GET a", "CLIENT KILL ID 99"]) world.ask(me, ...words.split(" "));
    const before = world.server.core.usedBytes;
    for (let i = 0; i < 30; i++) {
      const client = world.connect();
      client.window = 5000;
      for (let n = 0; n < i % 9; n++) client.send(encode(["GET", "big"]));
      client.send("*2\r\n$3\r\nGET\r\n$100000\r\nabc");
      world.port.settle();
      if (i % 3 === 0) client.reset();
      else if (i % 3 === 1) client.close();
      else world.ask(me, "CLIENT", "KILL", "ID", `${i + 2}`);
      world.port.settle();
    }
    assertEquals(world.server.connections.size, 1);
    assertEquals(world.server.core.usedBytes, before);
  });
});

describe("listening", () => {
  it("moves to another port and back when that is taken", async () => {
    const world = await World.start();
    const me = world.connect();
    await world.port.listen({ port: 7000, backlog: 1, keepAliveSeconds: 0 }, () => {
      throw new Error("not this one");
    });
    assertEquals(await world.askLater(me, "CONFIG", "SET", "port", "6400"), "+OK\r\n");
    assertEquals(world.ask(world.connect({ port: 6400 }), "PING"), "+PONG\r\n");
    assertEquals(world.ask(me, "PING"), "+PONG\r\n", "connections stay");
    assertEquals(await world.askLater(me, "CONFIG", "SET", "maxmemory", "7mb", "port", "7000"),
      "-ERR CONFIG SET failed (possibly related to argument 'port') - " +
        "Unable to listen on this port. Check server logs.\r\n");
    assertEquals(world.ask(world.connect({ port: 6400 }), "PING"), "+PONG\r\n", "as before");
    assertStringIncludes(world.log, "create server TCP listening socket *:7000: bind: Address already in use");
    assertStringIncludes(world.ask(me, "CONFIG", "GET", "maxmemory"), "$1\r\n0\r\n");
  });

  it("listens nowhere, and then on other addresses", async () => {
    const world = await World.start();
    const me = world.connect();
    const connects = (host: string) => {
      try {
        return world.connect({ host, port: 6379 }) !== undefined;
      } catch {
        return false;
      }
    };
    assertEquals(await world.askLater(me, "CONFIG", "SET", "bind", ""), "+OK\r\n");
    assertEquals([connects("127.0.0.1"), connects("::1")], [false, false]);
    assertEquals(await world.askLater(me, "CONFIG", "SET", "bind", "::1"), "+OK\r\n");
    assertEquals([connects("127.0.0.1"), connects("::1")], [false, true]);
    assertEquals(await world.askLater(me, "CONFIG", "SET", "bind", "* -::*"), "+OK\r\n");
    assertEquals([connects("127.0.0.1"), connects("::1")], [true, true]);
  });

  it("keeps input that comes while a command waits for the system", async () => {
    const world = await World.start();
    const me = world.connect();
    me.send(Buffer.concat([encode(["CONFIG", "SET", "port", "6401"]), encode(["PING"])]));
    world.port.settle();
    me.send(encode(["ECHO", "x"]));
    await world.port.settleAsync();
    assertEquals(me.receiveText(), "+OK\r\n+PONG\r\n$1\r\nx\r\n");
  });

  it("refuses more clients than there can be open files", async () => {
    const world = await World.start();
    const me = world.connect();
    world.port.openFilesLimit = () => 1000;
    assertEquals(await world.askLater(me, "CONFIG", "SET", "maxclients", "5000"),
      "-ERR CONFIG SET failed (possibly related to argument 'maxclients') - " +
        "The operating system is not able to handle the specified number of clients, try with 968\r\n");
    assertStringIncludes(world.ask(me, "CONFIG", "GET", "maxclients"), "10000");
  });
});
