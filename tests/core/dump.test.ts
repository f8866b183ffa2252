/**
 * DUMP and RESTORE in the core, driven without a server: round trips of every type and encoding, encodings of older
 * servers, damaged payloads, memory that runs out. That payloads are the real server's byte for byte is for
 * tests/dump-differential.test.ts to say; the examples of docs/formats/dump.md run here.
 */
import { describe, it } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { bytesOf, type CoreClient, CoreDriver } from "../support/core.ts";
import { mutated, range, USES, VALUES } from "../support/payloads.ts";
import { failsWhole } from "../support/no-memory.ts";
import { seeded } from "../support/random.ts";

const OK = "+OK\r\n";
const BAD_DATA = "-ERR Bad data format\r\n";
const BAD_FOOTER = "-ERR DUMP payload version or checksum are wrong\r\n";
const FOOTER = "\x50\0\0\0\0\0\0\0\0\0";
/** Mutations a payload; SCALE makes them more. */
const MUTATIONS = 400 * Number(process.env.WAKEY_FUZZ_SCALE ?? 1);

const bulkOf = (reply: string): string => reply.slice(reply.indexOf("\r\n") + 2, -2);
const textOfHex = (hex: string): string => Buffer.from(hex.replaceAll(" ", ""), "hex").toString("latin1");

function fresh(checked = false): { core: CoreDriver; client: CoreClient } {
  const core = new CoreDriver();
  core.core.setSetting("skipChecksumValidation", checked ? 0 : 1);
  const client = core.connect();
  client.command("GET");
  client.command("ECHO", "x".repeat(100_000));
  // Tables that are there once stay, and so does the room for scans and errors.
  client.command("SET", "bystander", "x", "EX", 1_000_000);
  client.command("HSET", "k", "a", "b");
  client.command("HPEXPIREAT", "k", "1900000000000", "FIELDS", "1", "a");
  client.command("DEL", "k");
  client.command("KEYS", "*");
  client.command("DEL", ...range(4000).map(String));
  return { core, client };
}

function make(client: CoreClient, commands: string[][]): string {
  for (const command of commands) {
    const reply = client.command(...command);
    assert(!reply.startsWith("-"), `${command.slice(0, 3)}: ${reply}`);
  }
  return bulkOf(client.command("DUMP", "k"));
}

/** Deletes k and another key, and frees all of them at once. */
function remove(core: CoreDriver, client: CoreClient, other: string): void {
  client.command("DEL", "k", other);
  while (core.exports.lazyFree(1_000_000) === 1);
}

describe("DUMP and RESTORE", () => {
  for (const [name, encoding, commands] of VALUES) {
    it(`a ${name} comes back as it was, and leaves nothing behind`, () => {
      const { core, client } = fresh(true);
      make(client, commands);
      remove(core, client, "other");
      const used = core.usedBytes;
      const payload = make(client, commands);
      assertEquals(core.encoding("k"), encoding);
      assertEquals(client.command("RESTORE", "other", 0, payload), OK);
      assertEquals(core.encoding("other"), encoding);
      const again = bulkOf(client.command("DUMP", "other"));
      assertEquals(again.length, payload.length);
      if (encoding !== "hashtable") assertEquals(again, payload);
      assertEquals(client.command("RESTORE", "k", 5000, again, "REPLACE"), OK);
      assertEquals(client.command("PTTL", "k"), ":5000\r\n");
      remove(core, client, "other");
      assertEquals(core.usedBytes, used);
    });
  }

  it("refuses a footer that is wrong, and a key that is there", () => {
    const { client } = fresh(true);
    const payload = make(client, [["SET", "k", "value"]]);
    assertEquals(client.command("RESTORE", "k", 0, payload), "-BUSYKEY Target key name already exists.\r\n");
    for (let at = 0; at < payload.length; at++) {
      const changed = payload.slice(0, at) + String.fromCharCode(payload.charCodeAt(at) ^ 4) + payload.slice(at + 1);
      assertEquals(client.command("RESTORE", "new", 0, changed), BAD_FOOTER);
      assertEquals(client.command("RESTORE", "new", 0, payload.slice(0, at)), BAD_FOOTER);
    }
    assertEquals(client.command("EXISTS", "new"), ":0\r\n");
  });

  it("sets expiry and access clock as asked", () => {
    const { core, client } = fresh(true);
    const payload = make(client, [["SET", "k", "value"]]);
    client.command("RESTORE", "a", core.nowMs + 700, payload, "ABSTTL");
    assertEquals(client.command("PTTL", "a"), ":700\r\n");
    client.command("RESTORE", "b", 0, payload, "IDLETIME", 1000);
    assertEquals(client.command("OBJECT", "IDLETIME", "b"), ":1000\r\n");
    assertEquals(client.command("RESTORE", "k", 1, payload, "REPLACE", "ABSTTL"), OK);
    assertEquals(client.command("EXISTS", "k"), ":0\r\n");
    core.core.setSetting("maxmemoryPolicy", 5);
    client.command("RESTORE", "c", 0, payload, "FREQ", 200);
    assertEquals(client.command("OBJECT", "FREQ", "c"), ":200\r\n");
  });
});

describe("what every type can do", () => {
  for (const [name, encoding, commands] of VALUES) {
    it(`a copy of a ${name} is its own, of the same encoding and bytes`, () => {
      const { core, client } = fresh();
      const payload = make(client, commands);
      assertEquals(client.command("COPY", "k", "copy"), ":1\r\n");
      assertEquals(core.encoding("copy"), encoding);
      client.command("DEL", "k");
      while (core.exports.lazyFree(1_000_000) === 1);
      const copied = bulkOf(client.command("DUMP", "copy"));
      assertEquals(copied.length, payload.length);
      if (encoding !== "hashtable") assertEquals(copied, payload);
    });
  }

  it("SCAN TYPE and TYPE tell each from the others", () => {
    const { client } = fresh();
    const types: Record<string, string[]> = {};
    for (const [name, , commands] of VALUES) {
      const key = name.replaceAll(" ", "-");
      make(client, commands);
      client.command("RENAME", "k", key);
      const type = client.command("TYPE", key).trim().slice(1);
      (types[type] ??= []).push(key);
    }
    types.string!.push("bystander");
    assertEquals(Object.keys(types).sort(), ["hash", "list", "set", "stream", "string", "zset"]);
    for (const [type, keys] of Object.entries(types)) {
      const reply = client.command("SCAN", 0, "COUNT", 1000, "TYPE", type.toUpperCase());
      const found = reply.split("\r\n").filter((line) => /^[a-z]/.test(line));
      assertEquals(found.sort(), keys.sort());
    }
  });
});

describe("examples of docs/formats/dump.md", () => {
  const page = readFileSync(fileURLToPath(new URL("../../docs/formats/dump.md", import.meta.url)), "utf8");
  const [usual, atZero] = page.split("With the limits of listpacks and intsets at 0:");
  const examples = (text: string) => [...text.matchAll(/^ {4}([A-Z]+ k .*?) {3,}((?:[0-9a-f]{2} ?)+)$/gm)];

  it("are found", () => assertEquals(examples(page).length, 13));

  for (const [, line, hex] of examples(page)) {
    it(line, () => {
      const { core, client } = fresh();
      const isAtZero = examples(atZero!).some(([, other]) => other === line) && line.split(" ")[0] !== "XADD" &&
        !examples(usual!).some(([, other, bytes]) => other === line && bytes === hex);
      for (const type of ["hash", "set", "zset"]) {
        if (isAtZero) core.core.setSetting(`${type}MaxListpackEntries`, 0);
      }
      if (isAtZero) core.core.setSetting("setMaxIntsetEntries", 0);
      client.command(...line.split(" "));
      const payload = bulkOf(client.command("DUMP", "k"));
      assertEquals(Buffer.from(payload, "latin1").toString("hex"), hex.replaceAll(" ", ""));
      assertEquals(client.command("RESTORE", "k", 0, payload, "REPLACE"), OK);
    });
  }
});

describe("encodings of older servers", () => {
  const ziplist = (...elements: (string | number)[]): string => {
    let body = "";
    let before = 0;
    let tail = 10;
    for (const element of elements) {
      tail = 10 + body.length;
      const head = before < 254 ? String.fromCharCode(before) : `\xfe${u32(before)}`;
      const entry = head + zipEntry(element);
      body += entry;
      before = entry.length;
    }
    return `${u32(11 + body.length)}${u32(tail)}${u16(elements.length)}${body}\xff`;
  };
  const u16 = (n: number): string => String.fromCharCode(n & 255, n >> 8);
  const u32 = (n: number): string => u16(n & 65535) + u16(n >>> 16);
  const zipEntry = (element: string | number): string => {
    if (typeof element === "string") {
      if (element.length < 64) return String.fromCharCode(element.length) + element;
      return String.fromCharCode(0x40 | (element.length >> 8), element.length & 255) + element;
    }
    if (element >= 0 && element <= 12) return String.fromCharCode(0xf1 + element);
    if (element >= -128 && element < 128) return `\xfe${String.fromCharCode(element & 255)}`;
    return element >= -32768 && element < 32768 ? `\xc0${u16(element & 65535)}` : `\xd0${u32(element >>> 0)}`;
  };
  const string = (text: string): string =>
    (text.length < 64 ? String.fromCharCode(text.length)
      : String.fromCharCode(0x40 | (text.length >> 8), text.length & 255)) + text;
  const long = "y".repeat(300);
  const CASES: [name: string, payload: string, encoding: string, command: string[], reply: string[]][] = [
    ["list 1", `\x01\x02${string("a")}\xc0\x05`, "listpack", ["LRANGE", "k", "0", "-1"], ["a", "5"]],
    ["ziplist list", `\x0a${string(ziplist("a", 7, -300, 100000, long, "z"))}`, "quicklist",
      ["LRANGE", "k", "0", "-1"], ["a", "7", "-300", "100000", long, "z"]],
    ["quicklist 1", `\x0e\x02${string(ziplist("a", 1))}${string(ziplist(2, "b"))}`, "quicklist",
      ["LRANGE", "k", "0", "-1"], ["a", "1", "2", "b"]],
    ["ziplist hash", `\x0d${string(ziplist("f", "v", "g", 12))}`, "listpack", ["HMGET", "k", "f", "g"], ["v", "12"]],
    ["zipmap", `\x09${string(`\x02\x01f\x01\x00v\x03abc\xfe${u32(300)}\x02${long}..\xff`)}`, "hashtable",
      ["HMGET", "k", "f", "abc"], ["v", long]],
    ["ziplist sorted set", `\x0c${string(ziplist("a", 1, "b", "2.5"))}`, "listpack",
      ["ZRANGE", "k", "0", "-1", "WITHSCORES"], ["a", "1", "b", "2.5"]],
    ["sorted set with scores as text", `\x03\x03\x01b\x032.5\x01a\x011\x01c\xfe`, "listpack",
      ["ZRANGE", "k", "0", "-1", "WITHSCORES"], ["a", "1", "b", "2.5", "c", "inf"]],
    ["integers and compressed strings", `\x01\x03\xc1\x10\x27\xc2\x40\x42\x0f\x00\xc3\x05\x0a\x01aa\xe0\x00\x00\x01aa`,
      "", [], []],
  ];
  for (const [name, payload, encoding, command, reply] of CASES) {
    it(name, () => {
      const { client, core } = fresh();
      const answer = client.command("RESTORE", "k", 0, payload + FOOTER);
      if (encoding === "") {
        assert(answer === OK || answer === BAD_DATA, answer);
        return;
      }
      assertEquals(answer, OK);
      assertEquals(core.encoding("k"), encoding);
      const bulk = (text: string) => `$${text.length}\r\n${text}\r\n`;
      assertEquals(client.command(...command), `*${reply.length}\r\n${reply.map(bulk).join("")}`);
    });
  }

  it("streams without the later numbers get them from what is there", () => {
    const { client } = fresh();
    const payload = make(client, [
      ["XADD", "k", "1-1", "a", "b"], ["XGROUP", "CREATE", "k", "g", "0", "ENTRIESREAD", "0"],
    ]);
    // Type 21 has first, last deleted and number of added entries behind the last ID, and entries read in the group.
    const numbers = "\x01\x01\x01\x01\x01\x00\x00\x01\x01\x01g\x00\x00\x00\x00\x00";
    const at = payload.lastIndexOf(numbers);
    assert(at > 0);
    const older = `\x0f${payload.slice(1, at)}\x01\x01\x01\x01\x01g\x00\x00\x00\x00`;
    assertEquals(client.command("RESTORE", "old", 0, older + FOOTER), OK);
    assertEquals(bulkOf(client.command("DUMP", "old")).slice(0, -10), payload.slice(0, -10));
    assertEquals(client.command("RESTORE", "k", 0, `\x13${payload.slice(1)}`, "REPLACE"), OK);
    assertEquals(bulkOf(client.command("DUMP", "k")), payload);
  });
});

describe("damaged payloads", () => {
  const known = JSON.parse(
    readFileSync(fileURLToPath(new URL("../support/corrupt-dumps.json", import.meta.url)), "utf8"),
  ) as [name: string, hex: string][];

  it("that Valkey's suite knows are refused, or make a value that can be used", () => {
    for (const [name, hex] of known) {
      const { core, client } = fresh();
      const used = core.usedBytes;
      const reply = client.command("RESTORE", "k", 0, textOfHex(hex));
      assert(reply === OK || reply.startsWith("-ERR"), `${name}: ${reply}`);
      if (reply === OK) for (const command of USES) client.command(...command);
      else assertEquals(client.command("DBSIZE"), ":1\r\n");
      remove(core, client, "copy");
      assertEquals(core.usedBytes, used, name);
    }
  });

  it("of which two were found in Valkey itself", () => {
    const { client } = fresh();
    const zipmap = "\x09\x18\x02\xfe\x03\0\0\0abc\x03\0def\x03ghi\x03\0jkl\xff";
    assertEquals(client.command("RESTORE", "k", 0, zipmap + FOOTER), BAD_DATA);
    const payload = make(client, [
      ["XADD", "k", "1-1", "f", "v"], ["XADD", "k", "2-1", "f", "v"], ["XGROUP", "CREATE", "k", "g", "0"],
      ["XREADGROUP", "GROUP", "g", "one", "COUNT", "1", "STREAMS", "k", ">"],
      ["XREADGROUP", "GROUP", "g", "two", "COUNT", "1", "STREAMS", "k", ">"],
    ]);
    const [first, second] = [1, 2].map((ms) => `${"\0".repeat(7)}${String.fromCharCode(ms)}${"\0".repeat(7)}\x01`);
    const at = payload.lastIndexOf(second!);
    const shared = payload.slice(0, at) + first + payload.slice(at + 16);
    assertEquals(client.command("RESTORE", "shared", 0, shared), BAD_DATA);
  });

  for (const [name, , commands] of VALUES) {
    it(`mutations of a ${name} change nothing or make a value that can be used`, () => {
      const random = seeded(`mutations of a ${name}`);
      const { core, client } = fresh();
      for (const compress of [0, 1]) {
        core.core.setSetting("rdbcompression", compress);
        client.command("DEL", "k");
        const payload = bytesOf(make(client, commands));
        remove(core, client, "copy");
        core.core.exports.memoryPurge();
        const used = core.usedBytes;
        let accepted = 0;
        for (let round = 0; round < MUTATIONS / 2; round++) {
          const dirty = core.dirty;
          const reply = client.command("RESTORE", "k", 0, Buffer.from(mutated(payload, random)).toString("latin1"));
          if (reply === OK) {
            accepted++;
            const from = random.below(USES.length);
            for (let i = 0; i < USES.length; i++) client.command(...USES[(from + i * 7) % USES.length]!);
          } else {
            assert(reply === BAD_DATA || reply === BAD_FOOTER, reply);
            assertEquals(core.dirty, dirty);
          }
          remove(core, client, "copy");
          // The list that sampling commands share is kept, and grows.
          core.core.exports.memoryPurge();
          assertEquals(core.usedBytes, used, `after ${round} rounds, SEED=${random.seed}`);
        }
        assert(accepted < MUTATIONS, "mutations should damage something");
      }
    });
  }
});

describe("memory that runs out", () => {
  for (const [name, , commands] of VALUES) {
    it(`leaves everything as it was around a ${name}`, () => {
      const { core, client } = fresh();
      const payload = make(client, commands);
      client.command("SET", "old", "value");
      const state = () => [client.command("GET", "old"), core.usedBytes];
      failsWhole(core, client, ["RESTORE", "old", 100_000, payload, "REPLACE"], state, 5000);
      failsWhole(core, core.connect(), ["DUMP", "k"], () => core.usedBytes, 5000);
    });
  }
});
