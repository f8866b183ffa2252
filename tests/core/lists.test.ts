/**
 * Lists in the core, driven without a server: every command against an array, in every encoding and with every kind of
 * node; conversions, compression, memory that runs out. That each reply is the real server's is for
 * differential.test.ts to say.
 */
import { describe, it } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { bytesOf, type CoreClient, CoreDriver } from "../support/core.ts";
import { type Random, seeded } from "../support/random.ts";
import { bulk, NIL, OOM, WRONG_TYPE } from "../support/resp.ts";

const array = (values: string[]): string => `*${values.length}\r\n${values.map(bulk).join("")}`;
const number = (n: number): string => `:${n}\r\n`;

interface Limits {
  size?: number;
  depth?: number;
  threshold?: number;
}

/** A core and a client that have met what stays allocated: an error, a long argument, a large reply. */
function fresh({ size = -2, depth = 0, threshold = 0 }: Limits = {}): { core: CoreDriver; client: CoreClient } {
  const core = new CoreDriver();
  core.core.setSetting("listMaxListpackSize", size);
  core.core.setSetting("listCompressDepth", depth);
  core.core.setSetting("quicklistPackedThreshold", threshold);
  const client = core.connect();
  client.command("GET");
  client.command("RPUSH", "other", "x".repeat(100_000));
  client.command("LRANGE", "other", 0, -1);
  client.command("LPOS", "other", "x".repeat(100_000));
  for (const key of ["one", "two", "three", "key"]) client.command("RPUSH", key, ..."0123456789".repeat(5));
  client.command("DEL", "other", "one", "two", "three", "key");
  return { core, client };
}

/** Lets everything be freed that waits to be; returns in how many slices. */
function freeAll(core: CoreDriver): number {
  let slices = 0;
  while (core.exports.lazyFree(1000) === 1) slices++;
  return slices;
}

/** How many nodes the list has, and how many of them are compressed. */
function nodes(core: CoreDriver, key = "key"): [nodes: number, compressed: number] {
  const both = core.core.withBytes(bytesOf(key), (at, length) => core.exports.nodesOf(0, at, length)) >>> 0;
  return [both & 0xffff, both >>> 16];
}

/** What listProblem() says of a compressed node at an end. */
const COMPRESSED_END = 4;

const problem = (core: CoreDriver, key: string): number =>
  core.core.withBytes(bytesOf(key), (at, length) => core.exports.listProblem(0, at, length));

// --- Every command against arrays ---

/** Elements that come again, of every size that matters. */
function element(random: Random): string {
  switch (random.below(10)) {
    case 0: return "L".repeat(random.pick([64, 300, 4096, 8184, 8192, 8193, 20_000]));
    case 1: return String(BigInt.asIntN(64, random.u64()) >> BigInt(random.below(64)));
    case 2: return random.bytes(random.below(120));
    case 3: return "m".repeat(random.below(100));
    default: return random.pick(["a", "b", "c", "7", "-7", "300", "70000", "xyz", ""]);
  }
}

/** A command, what it replies when all goes well, and what it then changes. */
interface Made {
  command: string[];
  reply: string;
  change?: () => unknown;
  /** LREM: the list when only so many have been removed. */
  some?: (most: number) => string[];
}

const place = (list: string[], index: number): number => (index < 0 ? index + list.length : index);

/** Lists in a core beside arrays. A command that fails for want of memory must have changed nothing. */
class Model {
  readonly lists = new Map<string, string[]>();
  readonly random: Random;
  readonly core: CoreDriver;
  client: CoreClient;
  refused = 0;

  constructor(random: Random, limits: Limits) {
    this.random = random;
    ({ core: this.core, client: this.client } = fresh(limits));
  }

  list(key: string): string[] {
    return this.lists.get(key) ?? [];
  }

  keep(key: string, list: string[]): void {
    if (list.length > 0) this.lists.set(key, list);
    else this.lists.delete(key);
  }

  /** One random command; `failing`: an allocation may fail in it. */
  step(failing: boolean): void {
    const key = this.random.pick(["one", "two", "three"]);
    const made: Made = this.random.pick([this.push, this.pop, this.set, this.insert, this.remove, this.trim, this.move,
      this.push, this.look, this.search]).call(this, key);
    const reply = this.core.failing(failing ? this.random.below(6) : -1, () => this.client.command(...made.command));
    if (reply === OOM) {
      this.refused++;
      return;
    }
    if (this.client.closing) {
      // There was no memory for the reply. What was done is done.
      this.client.close();
      this.client = this.core.connect();
    } else if (failing && made.command[0] === "LREM" && reply !== made.reply) {
      // It ends where a compressed node can't be read, and says how many it has removed.
      this.keep(key, made.some!(Number(reply.slice(1))));
      return;
    } else {
      assertEquals(reply, made.reply, made.command.join(" ").slice(0, 200));
    }
    made.change?.();
  }

  check(failing: boolean): void {
    for (const key of ["one", "two", "three"]) {
      const list = this.list(key);
      assertEquals(this.client.command("LRANGE", key, 0, -1), array(list), key);
      assertEquals(this.client.command("LLEN", key), number(list.length));
      const found = problem(this.core, key);
      // Where memory was exhausted a node at an end may have stayed compressed.
      if (!(failing && found === COMPRESSED_END)) assertEquals(found, list.length > 0 ? 0 : -1, key);
      if (list.length === 0) continue;
      const index = this.random.below(list.length);
      assertEquals(this.client.command("LINDEX", key, index), bulk(list[index]));
      assertEquals(this.client.command("LINDEX", key, index - list.length), bulk(list[index]));
    }
  }

  push(key: string): Made {
    const left = this.random.below(2) === 0;
    const only = this.random.below(8) === 0;
    const list = this.list(key);
    const count = list.length > 200 ? 1 : this.random.pick([1, 1, 2, 3, 30]);
    const values = Array.from({ length: count }, () => element(this.random));
    const made = left ? [...values].reverse().concat(list) : list.concat(values);
    const refuses = only && list.length === 0;
    return {
      command: [`${left ? "L" : "R"}PUSH${only ? "X" : ""}`, key, ...values],
      reply: number(refuses ? 0 : made.length),
      change: () => refuses || this.keep(key, made),
    };
  }

  pop(key: string): Made {
    const left = this.random.below(2) === 0;
    const list = this.list(key);
    const command = [left ? "LPOP" : "RPOP", key];
    if (this.random.below(3) > 0) {
      const value = left ? list.at(0) : list.at(-1);
      const rest = left ? list.slice(1) : list.slice(0, -1);
      return { command, reply: value === undefined ? NIL : bulk(value), change: () => this.keep(key, rest) };
    }
    const count = this.random.below(40);
    const gone = left ? list.slice(0, count) : [...list].reverse().slice(0, count);
    const rest = left ? list.slice(count) : list.slice(0, Math.max(0, list.length - count));
    return {
      command: [...command, `${count}`],
      reply: list.length === 0 ? "*-1\r\n" : array(gone),
      change: () => this.keep(key, rest),
    };
  }

  set(key: string): Made {
    const list = this.list(key);
    const index = this.random.below(list.length * 2 + 2) - list.length - 1;
    const value = element(this.random);
    const at = place(list, index);
    const found = at >= 0 && at < list.length;
    return {
      command: ["LSET", key, `${index}`, value],
      reply: found ? "+OK\r\n" : list.length === 0 ? "-ERR no such key\r\n" : "-ERR index out of range\r\n",
      change: () => found && this.keep(key, list.with(at, value)),
    };
  }

  insert(key: string): Made {
    const list = this.list(key);
    const after = this.random.below(2) === 0;
    const pivot = list.length > 0 && this.random.below(6) ? this.random.pick(list) : "no such element";
    const value = element(this.random);
    const at = list.indexOf(pivot);
    const made = at < 0 ? list : [...list.slice(0, at + +after), value, ...list.slice(at + +after)];
    return {
      command: ["LINSERT", key, after ? "AFTER" : "before", pivot, value],
      reply: number(list.length === 0 ? 0 : at < 0 ? -1 : made.length),
      change: () => this.keep(key, made),
    };
  }

  remove(key: string): Made {
    const list = this.list(key);
    const count = this.random.below(7) - 3;
    const value = list.length > 0 ? this.random.pick(list) : "a";
    const some = (most: number) => {
      let left = most;
      const walk = count < 0 ? [...list].reverse() : list;
      const kept = walk.filter((item) => item !== value || left-- <= 0);
      return count < 0 ? kept.reverse() : kept;
    };
    const made = some(count === 0 ? Infinity : Math.abs(count));
    return {
      command: ["LREM", key, `${count}`, value],
      reply: number(list.length - made.length),
      change: () => this.keep(key, made),
      some,
    };
  }

  trim(key: string): Made {
    const list = this.list(key);
    const start = this.random.below(2) ? this.random.below(4) : this.random.below(list.length + 2) - 1;
    const anywhere = this.random.below(list.length * 2 + 2) - list.length;
    const stop = this.random.below(2) ? -1 - this.random.below(4) : anywhere;
    const from = Math.max(0, place(list, start));
    return {
      command: ["LTRIM", key, `${start}`, `${stop}`],
      reply: "+OK\r\n",
      change: () => this.keep(key, list.slice(from, Math.max(from, place(list, stop) + 1))),
    };
  }

  move(key: string): Made {
    const other = this.random.pick(["one", "two", "three"]);
    const [from, to] = [this.random.below(2), this.random.below(2)];
    const list = this.list(key);
    const value = from === 0 ? list.at(0) : list.at(-1);
    const change = () => {
      if (value === undefined) return;
      this.keep(key, from === 0 ? list.slice(1) : list.slice(0, -1));
      this.keep(other, to === 0 ? [value, ...this.list(other)] : [...this.list(other), value]);
    };
    const command = from === 1 && to === 0 && this.random.below(2)
      ? ["RPOPLPUSH", key, other]
      : ["LMOVE", key, other, ["LEFT", "RIGHT"][from], ["LEFT", "RIGHT"][to]];
    return { command, reply: value === undefined ? NIL : bulk(value), change };
  }

  look(key: string): Made {
    const list = this.list(key);
    const start = this.random.below(list.length + 4) - 2;
    const stop = start + this.random.below(40);
    const from = Math.max(0, place(list, start));
    const end = place(list, stop);
    return {
      command: ["LRANGE", key, `${start}`, `${stop}`],
      reply: array(list.slice(from, Math.max(from, end + 1))),
    };
  }

  search(key: string): Made {
    const list = this.list(key);
    const value = list.length > 0 && this.random.below(6) ? this.random.pick(list) : "no such element";
    const rank = this.random.pick([1, 2, 3, -1, -2]);
    const count = this.random.below(4);
    const maxlen = this.random.pick([0, 0, 5, 50]);
    const order = [...list.keys()];
    if (rank < 0) order.reverse();
    const seen = maxlen === 0 ? order : order.slice(0, maxlen);
    const matches = seen.filter((i) => list[i] === value).slice(Math.abs(rank) - 1);
    const found = count === 0 ? matches : matches.slice(0, count);
    return {
      command: ["LPOS", key, value, "RANK", `${rank}`, "MAXLEN", `${maxlen}`, "COUNT", `${count}`],
      reply: `*${found.length}\r\n${found.map(number).join("")}`,
    };
  }
}

const SHAPES: [name: string, limits: Limits][] = [
  ["listpacks of 8 KiB", {}],
  ["nodes of 4 KiB, inner ones compressed", { size: -1, depth: 1 }],
  ["nodes of 4 elements", { size: 4 }],
  ["nodes of 4 elements, inner ones compressed", { size: 4, depth: 2 }],
  ["nodes of one element", { size: 1, depth: 1 }],
  ["elements of 3 bytes and more in nodes of their own", { size: 8, threshold: 3 }],
  ["elements of 3 bytes and more in compressed nodes of their own", { size: 8, threshold: 3, depth: 1 }],
];

describe("lists agree with arrays", () => {
  for (const [name, limits] of SHAPES) {
    it(name, () => {
      const model = new Model(seeded(`lists, ${name}`), limits);
      const start = model.core.usedBytes;
      for (let i = 0; i < 1000; i++) {
        model.step(false);
        if (i % 10 === 0) model.check(false);
      }
      model.check(false);
      model.client.command("DEL", "one", "two", "three");
      freeAll(model.core);
      assertEquals(model.core.usedBytes, start);
    });

    it(`${name}; and nothing has changed where memory was exhausted`, () => {
      const model = new Model(seeded(`lists without memory, ${name}`), limits);
      for (let i = 0; i < 1000; i++) {
        model.step(i % 3 !== 0);
        model.check(true);
      }
      assert(model.refused > 50, `${model.refused} refused`);
    });
  }
});

// --- Encodings ---

describe("a list's encoding", () => {
  it("changes when a push would exceed the limit in bytes, and back at half of it", () => {
    const { core, client } = fresh();
    client.command("RPUSH", "key", ...Array.from({ length: 80 }, () => "x".repeat(98)));
    assertEquals(core.encoding("key"), "listpack");
    client.command("RPUSH", "key", "x".repeat(98));
    client.command("RPUSH", "key", "x".repeat(98));
    assertEquals([core.encoding("key"), ...nodes(core)], ["quicklist", 2, 0]);
    client.command("RPOP", "key", 3);
    assertEquals([core.encoding("key"), ...nodes(core)], ["quicklist", 1, 0]);
    client.command("LTRIM", "key", 0, 41);
    assertEquals(core.encoding("key"), "quicklist");
    client.command("LTRIM", "key", 0, 38);
    assertEquals(core.encoding("key"), "listpack");
  });

  it("changes by number of elements when the limit is one", () => {
    const { core, client } = fresh({ size: 4 });
    client.command("RPUSH", "key", "a", "b", "c", "d");
    assertEquals(core.encoding("key"), "listpack");
    client.command("LPUSH", "key", "e");
    assertEquals([core.encoding("key"), ...nodes(core)], ["quicklist", 2, 0]);
    client.command("LPOP", "key");
    client.command("LPOP", "key");
    assertEquals([core.encoding("key"), client.command("LLEN", "key")], ["quicklist", ":3\r\n"]);
    client.command("LREM", "key", 0, "d");
    assertEquals(core.encoding("key"), "listpack");
  });

  it("is decided before the elements are looked at: LINSERT and LSET change it even when they find nothing", () => {
    for (const command of [["LINSERT", "key", "BEFORE", "no", "new"], ["LSET", "key", "7", "new"]]) {
      const { core, client } = fresh({ size: 2 });
      client.command("RPUSH", "key", "a", "b");
      core.core.setSetting("listMaxListpackSize", 1);
      client.command(...command);
      assertEquals(core.encoding("key"), "quicklist");
    }
  });

  it("of a copy is the same, and so are the elements", () => {
    for (const [, limits] of SHAPES) {
      const { core, client } = fresh(limits);
      client.command("RPUSH", "key", "a", "12", "x".repeat(9000), "y".repeat(100), "z".repeat(100), "b");
      assertEquals(client.command("COPY", "key", "copy"), ":1\r\n");
      assertEquals(core.encoding("copy"), core.encoding("key"));
      assertEquals(nodes(core, "copy"), nodes(core));
      assertEquals(client.command("LRANGE", "copy", 0, -1), client.command("LRANGE", "key", 0, -1));
    }
  });
});

// --- Nodes ---

describe("nodes of a quicklist", () => {
  it("are compressed between the ends, and read without being changed", () => {
    const { core, client } = fresh({ size: 4, depth: 1 });
    const values = Array.from({ length: 40 }, (_, i) => `${"value ".repeat(5)}${i}`);
    client.command("RPUSH", "key", ...values);
    assertEquals(nodes(core), [10, 8]);
    const used = core.usedBytes;
    assertEquals(client.command("LRANGE", "key", 0, -1), array(values));
    assertEquals(client.command("LINDEX", "key", 20), bulk(values[20]));
    assertEquals(client.command("LPOS", "key", values[33]), ":33\r\n");
    assertEquals(core.usedBytes, used);
    client.command("LSET", "key", 20, "new");
    client.command("LREM", "key", 1, values[9]);
    client.command("LINSERT", "key", "BEFORE", values[14], "another");
    assertEquals(problem(core, "key"), 0);
    const [all, packed] = nodes(core);
    assertEquals(packed, all - 2);
    client.command("RPOP", "key", 30);
    assertEquals(problem(core, "key"), 0);
  });

  it("split where an element goes into a full one, and merge when they fit", () => {
    const { core, client } = fresh({ size: 4 });
    client.command("RPUSH", "key", "a", "b", "c", "d", "e", "f", "g", "h");
    assertEquals(nodes(core), [2, 0]);
    client.command("LINSERT", "key", "AFTER", "b", "new");
    assertEquals(nodes(core), [3, 0]);
    assertEquals(client.command("LRANGE", "key", 0, -1), array(["a", "b", "new", "c", "d", "e", "f", "g", "h"]));
    client.command("LREM", "key", 1, "c");
    client.command("LREM", "key", 1, "d");
    client.command("LINSERT", "key", "AFTER", "f", "second");
    assertEquals(problem(core, "key"), 0);
  });

  it("of large elements take the argument's block and are sent from it, also after they are gone", () => {
    const { core, client } = fresh();
    const big = "B".repeat(300_000);
    const start = core.usedBytes;
    assertEquals(client.command("RPUSH", "key", big), ":1\r\n");
    assert(core.usedBytes - start < 340_000, "the element is there once");
    assertEquals(client.command("LPUSH", "key", "small"), ":2\r\n");
    assertEquals(client.command("LINDEX", "key", 1), bulk(big));
    assertEquals(client.command("RPOP", "key"), bulk(big));
    assertEquals(client.command("RPUSH", "key", big, "c"), ":3\r\n");
    assertEquals(client.command("LMOVE", "key", "other", "LEFT", "LEFT"), bulk("small"));
    assertEquals(client.command("LMOVE", "key", "other", "LEFT", "LEFT"), bulk(big));
    assertEquals(client.command("LSET", "other", 0, `${big}!`), "+OK\r\n");
    assertEquals(client.command("LPOP", "other", 5), array([`${big}!`, "small"]));
    client.command("DEL", "key");
    assertEquals(core.usedBytes, start);
  });

  it("are freed a slice at a time when there are many", () => {
    const { core, client } = fresh({ size: 4 });
    const start = core.usedBytes;
    for (let i = 0; i < 800; i++) client.command("RPUSH", "key", ...Array.from({ length: 50 }, (_, n) => `v${n}`));
    assertEquals(client.command("UNLINK", "key"), ":1\r\n");
    const slices = freeAll(core);
    assert(slices > 10, `${slices} slices`);
    assertEquals(core.usedBytes, start);
  });
});

// --- Waiting ---

describe("a client that waits for a list", () => {
  it("is served by the push that makes it, and the next one waits on", () => {
    const { core, client } = fresh();
    const [first, second] = [core.connect(), core.connect()];
    assertEquals(first.command("BLPOP", "other", "key", 0), "");
    assertEquals(second.command("BRPOP", "key", 0), "");
    assertEquals(client.command("RPUSH", "key", "a"), ":1\r\n");
    assertEquals(first.take(), `*2\r\n${bulk("key")}${bulk("a")}`);
    assertEquals(second.take(), "");
    assertEquals(client.command("RPUSH", "key", "b", "c"), ":2\r\n");
    assertEquals(second.take(), `*2\r\n${bulk("key")}${bulk("c")}`);
    assertEquals(client.command("LRANGE", "key", 0, -1), array(["b"]));
  });

  it("moves the element on, which serves who waits for that list", () => {
    const { core, client } = fresh();
    const [mover, last] = [core.connect(), core.connect()];
    assertEquals(mover.command("BLMOVE", "one", "two", "LEFT", "RIGHT", 0), "");
    assertEquals(last.command("BLMPOP", 0, 1, "two", "LEFT", "COUNT", 5), "");
    assertEquals(client.command("LPUSH", "one", "x"), ":1\r\n");
    assertEquals(mover.take(), bulk("x"));
    assertEquals(last.take(), `*2\r\n${bulk("two")}${array(["x"])}`);
    assertEquals(client.command("EXISTS", "one", "two"), ":0\r\n");
  });

  it("is told when its time is over", () => {
    const { core } = fresh();
    const waiting = core.connect();
    assertEquals(waiting.command("BRPOPLPUSH", "one", "two", "0.5"), "");
    core.advance(501);
    core.exports.blockedTimeouts();
    assertEquals(waiting.take(), "*-1\r\n");
  });

  it("is not parked for a key of another type", () => {
    const { client } = fresh();
    client.command("SET", "text", "x");
    assertEquals(client.command("BLPOP", "none", "text", 0), WRONG_TYPE);
    assertEquals(client.command("BLMOVE", "text", "two", "LEFT", "LEFT", 0), WRONG_TYPE);
  });
});
