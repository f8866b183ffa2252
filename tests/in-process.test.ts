// in-process.test.ts - Wakey as an object: values, errors, configuration, time, snapshots, sockets, many at once.
//
// It imports the built package by its name, as a program does. Needs `npm run build` first.

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import process from "node:process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import vm from "node:vm";

import { assert, assertEquals, assertInstanceOf, assertLess, assertRejects, assertThrows } from "@std/assert";
import { SnapshotError, Wakey, WakeyError } from "wakey";
import type { Argument, Reply, WakeyOptions } from "wakey";

import { ReplyReader, WakeyError as ReaderError } from "../server/bridge/reply-reader.ts";
import { Random } from "./support/random.ts";
import { RespConnection } from "./support/resp.ts";
import { sleep, until } from "./support/wait.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const START = 1_700_000_000_000;
const bytesOf = (text: string) => new TextEncoder().encode(text);

/** Runs `use` with a server and closes it. */
function withWakey<T>(options: WakeyOptions, use: (wakey: Wakey) => T): T {
  const wakey = new Wakey(options);
  try {
    return use(wakey);
  } finally {
    wakey.close();
  }
}

function errorOf(run: () => unknown): WakeyError {
  return assertThrows(run, WakeyError);
}

describe("in process: replies", () => {
  const read = (text: string, asBytes = false): Reply => {
    const reader = new ReplyReader();
    const bytes = bytesOf(`..${text}`);
    reader.use(bytes);
    const reply = reader.read(2, asBytes);
    assertEquals(reader.at, bytes.length, "the whole reply is read");
    return reply;
  };

  it("are JavaScript's own values", () => {
    assertEquals(read("+OK\r\n"), "OK");
    assertEquals(read("$-1\r\n"), null);
    assertEquals(read("$0\r\n\r\n"), "");
    assertEquals(read("$5\r\nhe\r\no\r\n"), "he\r\no");
    assertEquals(read("$8\r\nĝüßë\r\n"), "ĝüßë");
    assertEquals(read("$17\r\nlonger than eight\r\n"), "longer than eight");
    assertEquals(read("=8\r\ntxt:text\r\n"), "text");
    assertEquals(read(":-12\r\n"), -12);
    assertEquals(read(":9007199254740991\r\n"), 9007199254740991);
    assertEquals(read(":9007199254740993\r\n"), 9007199254740993n);
    assertEquals(read(":-9223372036854775808\r\n"), -9223372036854775808n);
    assertEquals(read("(123456789012345678901234567890\r\n"), 123456789012345678901234567890n);
    assertEquals(read(",1.5\r\n"), 1.5);
    assertEquals(read(",-inf\r\n"), -Infinity);
    assertEquals(read(",nan\r\n"), NaN);
    assertEquals([read("#t\r\n"), read("#f\r\n"), read("_\r\n"), read("*-1\r\n")], [true, false, null, null]);
  });

  it("nest", () => {
    assertEquals(read("*3\r\n:1\r\n*1\r\n+a\r\n_\r\n"), [1, ["a"], null]);
    assertEquals(read("%2\r\n+a\r\n:1\r\n+b\r\n*0\r\n"), new Map<string, Reply>([["a", 1], ["b", []]]));
    assertEquals(read("~2\r\n+a\r\n+b\r\n"), new Set(["a", "b"]));
    assertEquals(read("|1\r\n+ttl\r\n:3\r\n>2\r\n+message\r\n$1\r\nx\r\n"), ["message", "x"]);
    const [error] = read("*1\r\n-WRONGTYPE no\r\n") as [ReaderError];
    assertInstanceOf(error, ReaderError);
    assertEquals([error.code, error.message], ["WRONGTYPE", "WRONGTYPE no"]);
    assertEquals((read("!9\r\nERR a\r\nbc\r\n") as ReaderError).message, "ERR a\r\nbc");
  });

  it("are bytes where bytes are asked for", () => {
    assertEquals(read("*2\r\n$2\r\nab\r\n:1\r\n", true), [bytesOf("ab"), 1]);
    assertEquals(read("+OK\r\n", true), bytesOf("OK"));
  });
});

describe("in process: calls", () => {
  it("answer at once with values", () =>
    withWakey({}, (wakey) => {
      assertEquals(wakey.call("SET", "a", 1), "OK");
      assertEquals(wakey.call("GET", "a"), "1");
      assertEquals(wakey.call("INCR", "a"), 2);
      assertEquals(wakey.call("GET", "none"), null);
      assertEquals(wakey.call("SET", "big", 9007199254740993n), "OK");
      assertEquals(wakey.call("INCR", "big"), 9007199254740994n);
      assertEquals(wakey.call("SET", "float", 0.5), "OK");
      assertEquals(wakey.call("GET", "float"), "0.5");
    }));

  it("take text of any script and length", () =>
    withWakey({}, (wakey) => {
      const long = ["a".repeat(48), "b".repeat(49), "é".repeat(50)];
      for (const text of ["", "x", "žluťoučký", "日本語", "🦀🦀", "\uFEFFbom", ...long]) {
        wakey.call("SET", text, text);
        assertEquals(wakey.call("GET", text), text);
      }
      for (const length of [16_000, 21_845, 21_846, 65_536, 300_000]) {
        const value = "v".repeat(length);
        wakey.call("SET", "long", value);
        assertEquals(wakey.call("GET", "long"), value);
        assertEquals(wakey.call("STRLEN", "long"), length);
      }
    }));

  it("take and give bytes", () =>
    withWakey({}, (wakey) => {
      const all = Uint8Array.from({ length: 256 }, (_, i) => i);
      wakey.call("SET", all, all);
      assertEquals(wakey.callBytes("GET", all), all);
      assertEquals(wakey.callBytes("GET", "none"), null);
      assertEquals(new TextDecoder().decode(wakey.callRaw("SET", "a", "b")), "+OK\r\n");
      assertEquals(new TextDecoder().decode(wakey.callRaw("GET", "a")), "$1\r\nb\r\n");
      assertEquals(new TextDecoder().decode(wakey.callRaw("GET")).slice(0, 5), "-ERR ");
    }));

  it("refuse what is no argument, and go on", () =>
    withWakey({}, (wakey) => {
      for (const wrong of [null, undefined, true, {}, ["a"]]) {
        assertThrows(() => wakey.call("SET", "a", wrong as unknown as string), TypeError);
      }
      assertThrows(() => wakey.call(), TypeError);
      assertEquals(wakey.call("PING"), "PONG");
    }));

  it("throw error replies", () =>
    withWakey({}, (wakey) => {
      assertEquals(errorOf(() => wakey.call("GET")).message, "ERR wrong number of arguments for 'get' command");
      assertEquals(errorOf(() => wakey.call("NOSUCH", "x")).code, "ERR");
      wakey.call("SET", "text", "x");
      assertEquals(errorOf(() => wakey.call("INCR", "text")).message, "ERR value is not an integer or out of range");
      assertEquals(errorOf(() => wakey.call("CONFIG", "SET", "nosuch", 1)).code, "ERR");
      assertEquals(wakey.call("GET", "text"), "x");
    }));

  it("take many arguments", () =>
    withWakey({}, (wakey) => {
      const pairs = Array.from({ length: 5000 }, (_, i) => [`key:${i}`, i]).flat();
      assertEquals(wakey.call("MSET", ...pairs), "OK");
      const keys = Array.from({ length: 5000 }, (_, i) => `key:${i}`);
      assertEquals(wakey.call("MGET", ...keys), keys.map((_, i) => `${i}`));
      assertEquals(wakey.call("DBSIZE"), 5000);
    }));

  it("refuse arguments that are more than 2 GiB together, and go on", () =>
    withWakey({}, (wakey) => {
      const half = "x".repeat(1 << 24);
      for (let i = 0; i < 8; i++) wakey.call("SET", `k${i}`, half);
      const piece = new Uint8Array(1 << 24);
      assertThrows(() => wakey.call("MSET", ...new Array<Uint8Array>(128).fill(piece)), Error, "out of memory");
      assertEquals([wakey.call("GET", "k0") === half, wakey.call("GET", "k7") === half], [true, true]);
    }));

  it("reach the commands of the host", () =>
    withWakey({}, (wakey) => {
      assertEquals(wakey.call("CONFIG", "GET", "maxmemory"), new Map([["maxmemory", "0"]]));
      assertEquals(wakey.call("CONFIG", "SET", "maxmemory", "1mb"), "OK");
      assertEquals(wakey.call("CONFIG", "GET", "maxmemory"), new Map([["maxmemory", "1048576"]]));
      assert(wakey.call<string>("INFO", "server").includes("valkey_version:"));
      const [info] = wakey.call<Reply[][]>("COMMAND", "INFO", "get");
      assertEquals([info[0], info[1], (info[2] as Set<Reply>).has("readonly")], ["get", 2, true]);
    }));

  it("say that a command has to wait, and go on", () =>
    withWakey({}, (wakey) => {
      wakey.call("SELECT", 2);
      wakey.call("SET", "a", 1);
      assertThrows(() => wakey.call("CONFIG", "SET", "port", 7001), WakeyError, "takes its time");
      assertEquals([wakey.call("GET", "a"), wakey.call("CLIENT", "ID")], ["1", 2]);
    }));

  it("speak RESP2 where that is asked for", () =>
    withWakey({ resp: 2 }, (wakey) => {
      assertEquals(wakey.call("CONFIG", "GET", "maxmemory"), ["maxmemory", "0"]);
    }));
});

describe("in process: options", () => {
  const limited = { maxmemory: "3mb", "maxmemory-policy": "allkeys-lru", "lazyfree-lazy-expire": true };

  it("configure the server", () =>
    withWakey({ config: limited }, (wakey) => {
      assertEquals(wakey.call("CONFIG", "GET", "maxmemory"), new Map([["maxmemory", "3145728"]]));
      assertEquals(wakey.call("CONFIG", "GET", "lazyfree-lazy-expire"), new Map([["lazyfree-lazy-expire", "yes"]]));
      for (let i = 0; i < 40_000; i++) wakey.call("SET", `key:${i}`, "x".repeat(100));
      assertLess(wakey.call<number>("DBSIZE"), 40_000);
    }));

  it("say what is wrong with a directive", () => {
    const open = (config: Record<string, string>) => () => new Wakey({ config });
    assertThrows(open({ nosuch: "1" }), Error, "Bad directive");
    assertThrows(open({ maxmemory: "much" }), Error, "argument must be a memory value");
  });

  it("set the number of databases", () =>
    withWakey({ databases: 2 }, (wakey) => {
      assertEquals(wakey.call("SELECT", 1), "OK");
      assertEquals(errorOf(() => wakey.call("SELECT", 2)).message, "ERR DB index is out of range");
      assertEquals(wakey.call("CONFIG", "GET", "databases"), new Map([["databases", "2"]]));
    }));

  it("limit memory: at its end there is an error, and the server goes on", () =>
    withWakey({ maximumMemory: 48 << 20 }, (wakey) => {
      const value = "x".repeat(1 << 20);
      let stored = 0;
      const error = errorOf(() => {
        for (; stored < 100; stored++) wakey.call("SET", `key:${stored}`, value);
      });
      assertEquals(error.code, "OOM");
      assert(stored > 10, `${stored} values of 1 MiB fitted into 48 MiB`);
      assertEquals(wakey.call("GET", "key:0"), value);
      assertEquals(wakey.call("FLUSHALL"), "OK");
      assertEquals(wakey.call("SET", "a", value), "OK");
    }));

  it("pass log lines on", () => {
    const lines: string[] = [];
    withWakey({ now: START, log: (line) => lines.push(line) }, (wakey) => wakey.call("SHUTDOWN", "NOSAVE"));
    assert(lines.some((line) => line.includes("User requested shutdown")), lines.join("\n"));
  });

  it("open in the background", async () => {
    const wakey = await Wakey.open({ seed: 1 });
    assertEquals(wakey.call("PING"), "PONG");
    wakey.close();
  });
});

describe("in process: time", () => {
  it("moves by hand with a virtual clock", () =>
    withWakey({ now: START }, (wakey) => {
      assertEquals(wakey.now, START);
      assertEquals(wakey.call("TIME"), [`${START / 1000}`, "0"]);
      wakey.call("SET", "a", 1, "PX", 1500);
      wakey.advanceTime(1000);
      assertEquals([wakey.call("PTTL", "a"), wakey.now], [500, START + 1000]);
      wakey.advanceTime(499);
      assertEquals(wakey.call("EXISTS", "a"), 1);
      wakey.advanceTime(1);
      assertEquals([wakey.call("EXISTS", "a"), wakey.call("PTTL", "a")], [1, 0], "the last millisecond counts");
      wakey.advanceTime(1);
      assertEquals(wakey.call("EXISTS", "a"), 0);
    }));

  it("removes every key whose time has come, unasked", () =>
    withWakey({ now: new Date(START) }, (wakey) => {
      for (let i = 0; i < 3000; i++) wakey.call("SET", `key:${i}`, i, "PX", 1 + i);
      wakey.call("SET", "stays", 1);
      wakey.advanceTime(1501);
      assertEquals(wakey.call("DBSIZE"), 1501);
      wakey.advanceTime(1e9);
      assertEquals(wakey.call("DBSIZE"), 1);
    }));

  it("is the runtime's otherwise, and can't be moved", () =>
    withWakey({}, (wakey) => {
      assert(Math.abs(wakey.now - Date.now()) < 2000);
      assertThrows(() => wakey.advanceTime(1), Error, "virtual clock");
    }));

  it("runs the server's own timers by hand, too", async () => {
    const wakey = new Wakey({ now: START });
    const { port } = await wakey.listen();
    const client = await RespConnection.open({ port });
    assertEquals(await client.command("CLIENT", "PAUSE", 1000, "ALL"), "+OK\r\n");
    const reply = client.command("SET", "a", 1);
    await sleep(30);
    assertEquals(wakey.call("EXISTS", "a"), 0);
    wakey.advanceTime(1001);
    assertEquals(await reply, "+OK\r\n");
    client.close();
    wakey.close();
  });

  it("only goes on", () =>
    withWakey({ now: START }, (wakey) => {
      assertThrows(() => wakey.advanceTime(-1), RangeError);
      assertThrows(() => wakey.advanceTime(NaN), RangeError);
    }));
});

/** A server with something of everything in it. */
function filled(options: WakeyOptions = { seed: 7, now: START }): Wakey {
  const wakey = new Wakey(options);
  for (let i = 0; i < 500; i++) wakey.call("SET", `key:${i}`, `value ${i}`);
  wakey.call("SET", "soon", "x", "PX", 1000);
  wakey.call("SET", "long", "y".repeat(100_000));
  wakey.call("SELECT", 3);
  wakey.call("SET", "other", "database");
  return wakey;
}

describe("in process: snapshots", () => {
  it("bring the whole state back", () => {
    const wakey = filled();
    const snapshot = wakey.snapshot();
    wakey.call("FLUSHALL");
    wakey.call("SELECT", 0);
    wakey.advanceTime(5000);
    wakey.restore(snapshot);
    assertEquals(wakey.now, START);
    assertEquals(wakey.call("GET", "other"), "database");
    wakey.call("SELECT", 0);
    assertEquals([wakey.call("DBSIZE"), wakey.call("PTTL", "soon")], [502, 1000]);
    assertEquals(wakey.call("GET", "long"), "y".repeat(100_000));
    wakey.close();
  });

  it("fit into any other server, whatever it did before", () => {
    const first = filled();
    const snapshot = first.snapshot();
    for (const use of [0, 100, 30_000]) {
      const other = new Wakey({ seed: 99, now: START });
      for (let i = 0; i < use; i++) other.call("SET", `old:${i}`, "x".repeat(100));
      if (use === 100) other.call("FLUSHALL");
      other.restore(snapshot);
      assertEquals(other.snapshot(), snapshot);
      for (let i = 0; i < 2000; i++) other.call("SET", `new:${i}`, "z".repeat(i));
      assertEquals(other.call("DBSIZE"), 2001);
      other.restore(snapshot);
      assertEquals(other.snapshot(), snapshot);
      other.close();
    }
    first.close();
  });

  it("are refused whole when they are damaged, and nothing changes", () => {
    const wakey = filled();
    const good = wakey.snapshot();
    wakey.call("SET", "later", 1);
    const before = wakey.snapshot();
    const damaged = [0, 8, 12, 16, 20, 24, 36, 40, 100, good.length >> 1, good.length - 1].map((at) => {
      const copy = good.slice();
      copy[at] ^= 1;
      return copy;
    });
    damaged.push(new Uint8Array(0), good.slice(0, 39), good.slice(0, -8), new Uint8Array(100_000));
    damaged.push(bytesOf("REDIS0011"));
    for (const bytes of damaged) assertThrows(() => wakey.restore(bytes), SnapshotError, "snapshot: restore:");
    assertThrows(() => wakey.restore("text" as unknown as Uint8Array), SnapshotError);
    assertEquals(wakey.snapshot(), before);
    wakey.close();
  });

  it("can lie anywhere in a larger buffer", () => {
    const wakey = filled();
    const snapshot = wakey.snapshot();
    const larger = new Uint8Array(snapshot.length + 3);
    larger.set(snapshot, 3);
    wakey.call("FLUSHALL");
    wakey.restore(larger.subarray(3));
    assertEquals(wakey.call("DBSIZE"), 1);
    wakey.close();
  });

  it("carry the configuration along", () => {
    const from = new Wakey({ config: { "maxmemory-policy": "allkeys-lfu" } });
    from.call("CONFIG", "SET", "maxmemory", "64mb");
    const snapshot = from.snapshot();
    const to = new Wakey({ config: { maxmemory: "1gb", hz: 100 } });
    to.restore(snapshot);
    const get = (name: string) => to.call<Map<string, string>>("CONFIG", "GET", name).get(name);
    assertEquals([get("maxmemory"), get("maxmemory-policy"), get("hz")], [`${64 << 20}`, "allkeys-lfu", "10"]);
    from.close();
    to.close();
  });

  it("are not longer than what is in use", () => {
    const wakey = new Wakey({ seed: 1, now: START });
    const empty = wakey.snapshot().length;
    for (let i = 0; i < 100; i++) wakey.call("SET", `key:${i}`, "x".repeat(100_000));
    assert(wakey.snapshot().length > 10_000_000);
    wakey.call("FLUSHALL");
    assertLess(wakey.snapshot().length, empty + 1_000_000);
    wakey.close();
  });
});

describe("in process: clones", () => {
  it("go their own ways", () => {
    const wakey = filled();
    const clone = wakey.clone();
    assertEquals(clone.snapshot(), wakey.snapshot());
    assertEquals(clone.call("GET", "other"), "database");
    clone.call("SET", "other", "changed");
    clone.advanceTime(2000);
    assertEquals([wakey.call("GET", "other"), wakey.now, clone.now], ["database", START, START + 2000]);
    wakey.close();
    assertEquals(clone.call("GET", "other"), "changed");
    clone.close();
  });

  it("behave like the original", () => {
    const wakey = filled();
    const clone = wakey.clone();
    for (let i = 0; i < 50; i++) assertEquals(clone.call("RANDOMKEY"), wakey.call("RANDOMKEY"));
    wakey.close();
    clone.close();
  });
});

describe("in process: sockets", () => {
  it("serve the same data", async () => {
    const wakey = new Wakey();
    const { port } = await wakey.listen({ port: 0 });
    assert(port > 0);
    assertEquals(wakey.call("CONFIG", "GET", "port"), new Map([["port", `${port}`]]));
    const client = await RespConnection.open({ port });
    wakey.call("SET", "a", "from inside");
    assertEquals(await client.command("GET", "a"), "$11\r\nfrom inside\r\n");
    assertEquals(await client.command("SET", "b", "from outside"), "+OK\r\n");
    assertEquals(wakey.call("GET", "b"), "from outside");
    client.close();
    wakey.close();
  });

  it("listen at several places, also at a unix socket", async () => {
    const path = `${tmpdir()}/wakey-in-process-${process.pid}.sock`;
    const wakey = new Wakey();
    const first = await wakey.listen();
    const second = await wakey.listen({ host: "127.0.0.1" });
    assert(first.port !== second.port);
    assertEquals(await wakey.listen({ path }), { port: 0 });
    for (const address of [{ port: first.port }, { port: second.port }, { path }]) {
      const client = await RespConnection.open(address);
      assertEquals(await client.command("PING"), "+PONG\r\n");
      client.close();
    }
    await assertRejects(() => wakey.listen({ port: first.port }));
    wakey.close();
    if (existsSync(path)) rmSync(path);
  });

  it("close with the server, and when its state is replaced", async () => {
    const wakey = new Wakey();
    const { port } = await wakey.listen();
    wakey.call("SET", "a", 1);
    const snapshot = wakey.snapshot();
    const client = await RespConnection.open({ port });
    assertEquals(await client.command("PING"), "+PONG\r\n");
    wakey.restore(snapshot);
    await assertRejects(() => client.command("PING"));
    assert(wakey.call<string>("INFO", "clients").includes("connected_clients:0"));
    const again = await RespConnection.open({ port });
    assertEquals(await again.command("GET", "a"), "$1\r\n1\r\n");
    wakey.close();
    await assertRejects(() => again.command("PING"));
    await assertRejects(() => RespConnection.open({ port }));
  });

  it("that hold unsent bytes do no harm when the state is replaced or the server closes", async () => {
    const value = "x".repeat(4 << 20);
    const wakey = new Wakey({ seed: 1 });
    const { port } = await wakey.listen();
    const empty = wakey.snapshot();
    for (let round = 0; round < 4; round++) {
      wakey.call("SET", "big", value);
      const sockets = Array.from({ length: 4 }, () => {
        const socket = connect(port, "127.0.0.1", () => socket.write("GET big\r\n".repeat(4)));
        socket.on("error", () => socket.destroy());
        return socket;
      });
      // Nobody reads: the system's buffers fill up, and the rest waits in the server.
      await until(() => wakey.call<string>("INFO", "clients").includes("connected_clients:4"));
      await sleep(50);
      wakey.restore(empty);
      for (let i = 0; i < 2000; i++) wakey.call("SET", `key:${i}`, `${i}`.padStart(200));
      for (const socket of sockets) socket.destroy();
      await sleep(20);
      for (let i = 0; i < 2000; i++) assertEquals(wakey.call("GET", `key:${i}`), `${i}`.padStart(200));
    }
    const last = connect(port, "127.0.0.1", () => last.write("SET big y\r\nGET big\r\n"));
    last.on("error", () => last.destroy());
    await until(() => wakey.call("EXISTS", "big") === 1);
    wakey.close();
    last.destroy();
  });

  it("do not end up in copies", async () => {
    const wakey = new Wakey();
    const { port } = await wakey.listen();
    const client = await RespConnection.open({ port });
    assertEquals(await client.command("SET", "a", "1"), "+OK\r\n");
    client.send("*2\r\n$3\r\nGET\r\n$100\r\nhalf a comm");
    assertEquals(await client.drain(50), "");
    const clone = wakey.clone();
    assert(clone.call<string>("INFO", "clients").includes("connected_clients:0"));
    assertEquals(clone.call("GET", "a"), "1");
    clone.close();
    client.close();
    wakey.close();
  });
});

describe("in process: the format of snapshots", () => {
  it("begins as docs/formats/snapshot.md shows", () => {
    const text = readFileSync(`${root}docs/formats/snapshot.md`, "utf8");
    const rows = [...text.matchAll(/^ {4}((?:[0-9a-f]{2} )+)/gm)].map(([, row]) => row.trim().split(" "));
    const shown = rows.flat().map((byte) => Number.parseInt(byte, 16));
    assertEquals(shown.length, 12);
    assertEquals([...withWakey({}, (wakey) => wakey.snapshot()).subarray(0, 12)], shown);
  });
});

/** What a server should hold. */
interface Model {
  wakey: Wakey;
  values: Map<string, string>;
}

describe("in process: random use", () => {
  const seed = Number(process.env.SEED ?? 20261121);
  console.log(`SEED=${seed}`);

  it("of many servers, their snapshots and clones agrees with plain maps", () => {
    const random = new Random(seed);
    let models: Model[] = [];
    const saved: { bytes: Uint8Array; values: Map<string, string> }[] = [];
    const open = () => models.push({ wakey: new Wakey({ seed: random.below(5), now: START }), values: new Map() });
    const close = (model: Model) => {
      model.wakey.close();
      models = models.filter((one) => one !== model);
    };
    open();
    for (let step = 0; step < 3000; step++) {
      const model = random.pick(models);
      const { wakey, values } = model;
      const key = `key:${random.below(200)}`;
      const choice = random.below(100);
      if (choice < 60) {
        const value = random.bytes(random.below(random.chance(3) ? 200_000 : 300)).replace(/[^ -~]/g, "");
        wakey.call("SET", key, value);
        values.set(key, value);
      } else if (choice < 70) {
        assertEquals(wakey.call("DEL", key), values.delete(key) ? 1 : 0);
      } else if (choice < 90) {
        assertEquals(wakey.call("GET", key), values.get(key) ?? null);
      } else if (choice < 92) {
        saved.push({ bytes: wakey.snapshot(), values: new Map(values) });
        if (saved.length > 4) saved.shift();
      } else if (choice < 95 && saved.length > 0) {
        const { bytes, values: then } = random.pick(saved);
        wakey.restore(bytes);
        model.values = new Map(then);
      } else if (choice < 96) {
        models.push({ wakey: wakey.clone(), values: new Map(values) });
      } else if (choice < 97) {
        open();
      } else if (choice < 98) {
        wakey.call("FLUSHALL");
        values.clear();
      } else if (models.length > 1) close(model);
      if (models.length > 8) close(models[0]);
      assertEquals(model.wakey === wakey && models.includes(model) ? wakey.call("DBSIZE") : 0,
        models.includes(model) ? model.values.size : 0);
    }
    for (const { wakey, values } of models) {
      for (const [key, value] of values) assertEquals(wakey.call("GET", key), value);
      wakey.close();
    }
  });

  it("of every command with random arguments is answered or refused", () => {
    const random = new Random(seed);
    const wakey = new Wakey({ seed, now: START });
    const names = wakey.call<string[]>("COMMAND", "LIST");
    // After MULTI even PING is queued.
    const left = new Set(["shutdown", "quit", "multi"]);
    for (let i = 0; i < 3000; i++) {
      const name = random.pick(names);
      if (left.has(name)) continue;
      const words: Argument[] = ["a", "b", 1, 0, -1, "*", "GET"];
      const args = Array.from({ length: random.below(5) }, () => random.pick(words));
      try {
        wakey.call(...name.split("|"), ...args);
      } catch (error) {
        assertInstanceOf(error, WakeyError, `${name} ${args.join(" ")}: ${(error as Error).stack}`);
      }
      // Whatever it began (a transaction, silence) ends.
      wakey.callRaw("DISCARD");
      wakey.callRaw("CLIENT", "REPLY", "ON");
      assertEquals(wakey.call("PING"), "PONG", `after ${name} ${args.join(" ")}`);
    }
    wakey.close();
  });
});

describe("in process: many", () => {
  it("live side by side", () => {
    const all = Array.from({ length: 100 }, (_, i) => new Wakey({ seed: i }));
    all.forEach((wakey, i) => wakey.call("SET", "who", i));
    all.forEach((wakey, i) => assertEquals(wakey.call("GET", "who"), `${i}`));
    for (const wakey of all) wakey.close();
  });

  it("start empty and equal, whatever the memory was used for before", () => {
    const fresh = withWakey({ seed: 5, now: START }, (wakey) => wakey.snapshot());
    const used = filled({ seed: 6, now: START });
    for (let i = 0; i < 20_000; i++) used.call("SET", `key:${i}`, "x".repeat(i % 300));
    used.close();
    for (let i = 0; i < 40; i++) {
      withWakey({ seed: 5, now: START }, (wakey) => {
        assertEquals(wakey.call("DBSIZE"), 0);
        wakey.call("SELECT", 0);
      });
    }
    assertEquals(withWakey({ seed: 5, now: START }, (wakey) => wakey.snapshot()), fresh);
  });

  it("leave no memory behind", () => {
    const open = (count: number) => {
      for (let i = 0; i < count; i++) withWakey({}, (wakey) => wakey.call("SET", "a", "x".repeat(1000)));
    };
    open(1000);
    const before = process.memoryUsage().rss;
    open(10_000);
    const grown = process.memoryUsage().rss - before;
    assertLess(grown, 64 << 20, `${grown} bytes more after 10,000 servers`);
  });

  it("are gone once closed", () => {
    const wakey = new Wakey();
    wakey.close();
    wakey.close();
    assertThrows(() => wakey.call("PING"), Error, "closed");
    assertThrows(() => wakey.snapshot(), Error, "closed");
    assertThrows(() => wakey.restore(new Uint8Array(0)), Error, "closed");
    assertThrows(() => wakey.clone(), Error, "closed");
    assertThrows(() => wakey.advanceTime(1), Error, "closed");
  });

  it("leave no timer behind that reaches the next server in the same memory", async () => {
    const first = new Wakey();
    first.call("CLIENT", "PAUSE", 30, "ALL");
    first.close();
    const next = new Wakey();
    const { port } = await next.listen();
    next.call("CLIENT", "PAUSE", 300, "ALL");
    const client = await RespConnection.open({ port });
    const begun = Date.now();
    assertEquals(await client.command("PING"), "+PONG\r\n");
    assert(Date.now() - begun > 100, "the pause ended with the first server's timer");
    client.close();
    next.close();
  });

  it("end by SHUTDOWN without ending the program", () => {
    const wakey = new Wakey();
    assertEquals(wakey.call("SHUTDOWN", "NOSAVE"), null);
    assertThrows(() => wakey.call("PING"), Error, "closed");
  });
});

describe("in process: browser build", () => {
  const code = readFileSync(`${root}dist/wakey.browser.mjs`, "utf8");

  it("imports nothing", () => {
    assertEquals(code.match(/(?:^|[;}])import\b|\bimport\s*\(|"node:\w+"/g), null);
  });

  it("runs where there is nothing but a browser's globals", () => {
    const world = vm.createContext({
      TextEncoder, TextDecoder, performance, crypto, setTimeout, setInterval, clearTimeout, clearInterval,
      queueMicrotask, atob, console, URL, WebAssembly,
    });
    const script = code.replace(/export\s*\{([^}]*)\};?/, (_, names: string) => {
      const pairs = names.split(",").map((name) => name.trim().split(/\s+as\s+/));
      return `globalThis.wakey = { ${pairs.map(([own, shown = own]) => `${shown}: ${own}`).join(", ")} };`;
    });
    vm.runInContext(script, world);
    const run = vm.runInContext(`(() => {
      const { Wakey, WakeyError } = globalThis.wakey;
      const wakey = new Wakey({ seed: 1, now: ${START} });
      wakey.call("SET", "a", "žluť", "PX", 1000);
      const clone = wakey.clone();
      wakey.advanceTime(1001);
      let code = "";
      try { wakey.call("GET"); } catch (error) { code = error instanceof WakeyError ? error.code : String(error); }
      const policy = wakey.call("CONFIG", "GET", "maxmemory-policy").get("maxmemory-policy");
      return [wakey.call("GET", "a"), clone.call("GET", "a"), code, policy, wakey.snapshot().length > 100000].join();
    })()`, world);
    assertEquals(run, ",žluť,ERR,noeviction,true");
  });

  it("gives the same snapshots as the build for servers", async () => {
    const browser = await import("wakey/browser");
    const [one, other] = [new Wakey({ seed: 3, now: START }), new browser.Wakey({ seed: 3, now: START })];
    for (const wakey of [one, other]) for (let i = 0; i < 1000; i++) wakey.call("SET", `key:${i}`, i);
    assertEquals(other.snapshot(), one.snapshot());
    await assertRejects(() => other.listen(), Error, "no sockets");
    one.close();
    other.close();
  });
});

describe("in process: the examples of docs/in-process.md", () => {
  const text = readFileSync(`${root}docs/in-process.md`, "utf8");
  const blocks = [...text.matchAll(/```js\n([\s\S]*?)```/g)].map(([, block]) => block);
  const folder = `${root}tests/.tmp`;

  it("exist", () => assert(blocks.length >= 5));

  blocks.forEach((block, i) => {
    const title = block.split("\n").find((line) => line.startsWith("// "))?.slice(3) ?? `number ${i + 1}`;
    it(title, async () => {
      mkdirSync(folder, { recursive: true });
      const file = `${folder}/in-process-${process.pid}-${i}.mjs`;
      writeFileSync(file, block);
      try {
        await import(file);
      } finally {
        rmSync(file);
      }
    });
  });
});
