/**
 * model: what one client keeps in its own keys, and what the server must reply about it. A plain JavaScript copy of a
 * string, a counter, a list, a hash, a set, a sorted set and a stream; each operation changes the copy and gives the
 * command with the reply that it must have. Nobody else touches these keys, so every reply is known.
 */
import type { Random } from "../support/random.ts";
import { type Check, type Reply, same } from "./wire.ts";

export type Command = readonly [args: readonly (string | number)[], check: Check];

/** The reply has to be exactly this. */
export const is = (expected: Reply): Check => (reply) => same(reply, expected);
const OK = is("OK");
const WRONG_TYPE = { error: "WRONGTYPE Operation against a key holding the wrong kind of value" };

/** The same elements in any order. */
const anyOrder = (expected: readonly string[]): Check => {
  const wanted = [...expected].sort();
  return (reply) => Array.isArray(reply) ? same([...reply as string[]].sort(), wanted) : same(reply, wanted);
};

/** Names and values in pairs, pairs in any order. */
const pairsInAnyOrder = (expected: readonly [string, string][]): Check => {
  const wanted = expected.map((pair) => pair.join("\0"));
  return (reply) => {
    if (!Array.isArray(reply)) return same(reply, wanted);
    const pairs = reply.flatMap((name, i) => i % 2 === 0 ? [`${name}\0${reply[i + 1]}`] : []);
    return anyOrder(wanted)(pairs);
  };
};

/** Members of a sorted set by score, then by name. */
function ranked(zset: ReadonlyMap<string, number>): [string, number][] {
  return [...zset].sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1));
}

/** Collections that grew beyond this are dropped. */
const LARGEST = 120;

export class Model {
  readonly prefix: string;
  readonly #random: Random;
  #text: string | undefined;
  #count: number | undefined;
  #list: string[] = [];
  readonly #hash = new Map<string, string>();
  readonly #set = new Set<string>();
  readonly #zset = new Map<string, number>();
  #stream: [id: string, value: string][] = [];
  #streamTop = 0;
  readonly #makers: (() => Command)[];

  constructor(prefix: string, random: Random) {
    this.prefix = prefix;
    this.#random = random;
    this.#makers = [
      ...this.#strings(), ...this.#counters(), ...this.#lists(), ...this.#hashes(), ...this.#sets(), ...this.#zsets(),
      ...this.#streams(), ...this.#keys(),
    ];
  }

  /** The next random operation, already done in the copy. */
  next(): Command {
    return this.#random.pick(this.#makers)();
  }

  /** All names that it may have used. */
  get names(): string[] {
    return ["str", "num", "list", "hash", "set", "zset", "stream", "copy", "px"].map((name) => this.key(name));
  }

  key(name: string): string {
    return `${this.prefix}:${name}`;
  }

  // --- Random parts ---

  /** Short text, of any bytes now and then. */
  #value(): string {
    const random = this.#random;
    if (random.chance(10)) return random.bytes(random.below(40));
    return `${this.prefix}/${random.below(1e9).toString(36).repeat(1 + random.below(random.chance(5) ? 40 : 3))}`;
  }

  #member(): string {
    return `m${this.#random.below(90)}`;
  }

  #some<T>(make: () => T): T[] {
    return Array.from({ length: 1 + this.#random.below(this.#random.chance(10) ? 40 : 4) }, make);
  }

  // --- Types ---

  #strings(): (() => Command)[] {
    const key = this.key("str");
    const random = this.#random;
    return [
      () => [["SET", key, this.#text = this.#value()], OK],
      () => [["GET", key], is(this.#text ?? null)],
      () => {
        const more = this.#value();
        if ((this.#text?.length ?? 0) > 4000) this.#text = undefined;
        if (this.#text === undefined) return [["SET", key, this.#text = more], OK];
        this.#text += more;
        return [["APPEND", key, more], is(this.#text.length)];
      },
      () => [["STRLEN", key], is(this.#text?.length ?? 0)],
      () => {
        const [from, to] = [random.below(20), random.below(40)];
        return [["GETRANGE", key, from, to], is((this.#text ?? "").slice(from, to + 1))];
      },
      () => {
        const before = this.#text ?? null;
        return [["SET", key, this.#text = this.#value(), "GET"], is(before)];
      },
      () => {
        const [at, part] = [random.below(50), this.#value().slice(0, 20)];
        if (part === "") return [["STRLEN", key], is(this.#text?.length ?? 0)];
        const base = (this.#text ?? "").padEnd(at, "\0");
        this.#text = base.slice(0, at) + part + base.slice(at + part.length);
        return [["SETRANGE", key, at, part], is(this.#text.length)];
      },
      () => {
        const before = this.#text ?? null;
        this.#text = undefined;
        return [["GETDEL", key], is(before)];
      },
    ];
  }

  #counters(): (() => Command)[] {
    const key = this.key("num");
    const add = (by: number) => this.#count = (this.#count ?? 0) + by;
    return [
      () => [["INCR", key], is(add(1))],
      () => {
        const by = this.#random.below(1e6) - 5e5;
        return [["INCRBY", key, by], is(add(by))];
      },
      () => [["GET", key], is(this.#count === undefined ? null : `${this.#count}`)],
    ];
  }

  #lists(): (() => Command)[] {
    const key = this.key("list");
    const random = this.#random;
    return [
      () => {
        const some = this.#some(() => this.#value());
        this.#list.push(...some);
        return [["RPUSH", key, ...some], is(this.#list.length)];
      },
      () => {
        const some = this.#some(() => this.#value());
        this.#list.unshift(...[...some].reverse());
        return [["LPUSH", key, ...some], is(this.#list.length)];
      },
      () => [["LPOP", key], is(this.#list.shift() ?? null)],
      () => [["RPOP", key], is(this.#list.pop() ?? null)],
      () => [["LRANGE", key, 0, -1], is([...this.#list])],
      () => [["LLEN", key], is(this.#list.length)],
      () => {
        const at = random.below(30);
        return [["LINDEX", key, at], is(this.#list[at] ?? null)];
      },
      () => {
        this.#list = this.#list.slice(0, LARGEST / 4);
        return [["LTRIM", key, 0, LARGEST / 4 - 1], OK];
      },
      () => {
        const at = this.#list.length - 1;
        if (at < 0) return [["LSET", key, 0, "x"], is({ error: "ERR no such key" })];
        return [["LSET", key, at, this.#list[at] = this.#value()], OK];
      },
    ];
  }

  #hashes(): (() => Command)[] {
    const key = this.key("hash");
    const hash = this.#hash;
    return [
      () => {
        const pairs = this.#some(() => [this.#member(), this.#value()] as const);
        const before = hash.size;
        for (const [field, value] of pairs) hash.set(field, value);
        return [["HSET", key, ...pairs.flat()], is(hash.size - before)];
      },
      () => {
        const field = this.#member();
        return [["HGET", key, field], is(hash.get(field) ?? null)];
      },
      () => {
        const fields = this.#some(() => this.#member());
        return [["HMGET", key, ...fields], is(fields.map((field) => hash.get(field) ?? null))];
      },
      () => {
        const fields = this.#some(() => this.#member());
        const gone = fields.filter((field) => hash.delete(field)).length;
        return [["HDEL", key, ...fields], is(gone)];
      },
      () => [["HGETALL", key], pairsInAnyOrder([...hash])],
      () => [["HLEN", key], is(hash.size)],
      () => [["HKEYS", key], anyOrder([...hash.keys()])],
      () => {
        const by = this.#random.below(1000);
        const now = Number(hash.get("count") ?? 0) + by;
        hash.set("count", `${now}`);
        return [["HINCRBY", key, "count", by], is(now)];
      },
    ];
  }

  #sets(): (() => Command)[] {
    const key = this.key("set");
    const set = this.#set;
    return [
      () => {
        // Integers alone at first, then names as well: intset, listpack, hash table.
        const some = this.#some(() => set.size < 20 ? `${this.#random.below(100)}` : this.#member());
        const before = set.size;
        for (const member of some) set.add(member);
        return [["SADD", key, ...some], is(set.size - before)];
      },
      () => {
        const some = this.#some(() => this.#member());
        return [["SREM", key, ...some], is(some.filter((member) => set.delete(member)).length)];
      },
      () => {
        const member = this.#member();
        return [["SISMEMBER", key, member], is(set.has(member) ? 1 : 0)];
      },
      () => [["SMEMBERS", key], anyOrder([...set])],
      () => [["SCARD", key], is(set.size)],
    ];
  }

  #zsets(): (() => Command)[] {
    const key = this.key("zset");
    const zset = this.#zset;
    return [
      () => {
        const some = this.#some(() => [this.#random.below(1000), this.#member()] as const);
        const before = zset.size;
        for (const [score, member] of some) zset.set(member, score);
        return [["ZADD", key, ...some.flat()], is(zset.size - before)];
      },
      () => {
        const some = this.#some(() => this.#member());
        return [["ZREM", key, ...some], is(some.filter((member) => zset.delete(member)).length)];
      },
      () => {
        const member = this.#member();
        const score = zset.get(member);
        return [["ZSCORE", key, member], is(score === undefined ? null : `${score}`)];
      },
      () => [["ZRANGE", key, 0, -1], is(ranked(zset).map(([member]) => member))],
      () => {
        const member = this.#member();
        const rank = ranked(zset).findIndex(([name]) => name === member);
        return [["ZRANK", key, member], is(rank < 0 ? null : rank)];
      },
      () => {
        const least = ranked(zset)[0];
        if (least !== undefined) zset.delete(least[0]);
        return [["ZPOPMIN", key], is(least === undefined ? [] : [least[0], `${least[1]}`])];
      },
      () => {
        const [from, to] = [this.#random.below(500), 500 + this.#random.below(500)];
        return [["ZCOUNT", key, from, to], is([...zset.values()].filter((x) => x >= from && x <= to).length)];
      },
    ];
  }

  #streams(): (() => Command)[] {
    const key = this.key("stream");
    const entries = (some: [string, string][]): Reply => some.map(([id, value]) => [id, ["v", value]]);
    return [
      () => {
        this.#streamTop += 1 + this.#random.below(3);
        const [id, value] = [`${this.#streamTop}-1`, this.#value()];
        this.#stream.push([id, value]);
        return [["XADD", key, id, "v", value], is(id)];
      },
      () => [["XLEN", key], is(this.#stream.length)],
      () => [["XRANGE", key, "-", "+"], is(entries(this.#stream))],
      () => [["XREVRANGE", key, "+", "-", "COUNT", 3], is(entries(this.#stream.slice(-3).reverse()))],
      () => {
        const gone = Math.max(0, this.#stream.length - 10);
        this.#stream = this.#stream.slice(gone);
        return [["XTRIM", key, "MAXLEN", 10], is(gone)];
      },
    ];
  }

  #keys(): (() => Command)[] {
    const [text, list, copy] = [this.key("str"), this.key("list"), this.key("copy")];
    return [
      () => [["EXISTS", text, list], is((this.#text === undefined ? 0 : 1) + (this.#list.length > 0 ? 1 : 0))],
      () => [["TYPE", list], is(this.#list.length > 0 ? "list" : "none")],
      () => [["TTL", text], is(this.#text === undefined ? -2 : -1)],
      () => [["COPY", list, copy, "REPLACE"], is(this.#list.length > 0 ? 1 : 0)],
      () => this.#dropOne(),
      () => [["LPOP", text], is(this.#text === undefined ? null : WRONG_TYPE)],
    ];
  }

  /** Deletes one of the collections: at random, or the one that grew too large. */
  #dropOne(): Command {
    const collections: [name: string, size: number, clear: () => void][] = [
      ["list", this.#list.length, () => this.#list = []],
      ["hash", this.#hash.size, () => this.#hash.clear()],
      ["set", this.#set.size, () => this.#set.clear()],
      ["zset", this.#zset.size, () => this.#zset.clear()],
    ];
    const [name, size, clear] = collections.find(([, length]) => length > LARGEST) ?? this.#random.pick(collections);
    clear();
    return [[this.#random.pick(["DEL", "UNLINK"]), this.key(name)], is(size > 0 ? 1 : 0)];
  }
}
