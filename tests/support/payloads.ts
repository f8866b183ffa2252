/**
 * payloads: a value of every type and encoding, ways to damage the payload that DUMP makes of it, and commands that use
 * whatever RESTORE makes of the damaged one. For tests/core/dump.test.ts and tests/restore-fuzz.test.ts.
 */
import type { Random } from "./random.ts";

export const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const pairs = (n: number, size = 3): string[] => range(n).flatMap((i) => [`field:${i}`, `${i}`.repeat(size)]);
const entries = (n: number): string[][] =>
  range(n).map((i) => {
    const fields = i % 4 ? ["a", `${i}`, "b", "text"] : ["c", "x".repeat(i)];
    return ["XADD", "k", `${i + 1}-${i % 3}`, ...fields];
  });

/** A value of every encoding: name, encoding, how it is made. */
export const VALUES: [name: string, encoding: string, commands: string[][]][] = [
  ["string", "embstr", [["SET", "k", "hello"]]],
  ["empty string", "embstr", [["SET", "k", ""]]],
  ["integer", "int", [["SET", "k", "-1234567890123"]]],
  ["small integer", "int", [["SET", "k", "12"]]],
  ["compressible string", "raw", [["SET", "k", "abc".repeat(5000)]]],
  ["string in a block", "raw", [["SET", "k", range(900).map((i) => String.fromCharCode(i * i % 251)).join("")]]],
  ["list in a listpack", "listpack", [["RPUSH", "k", "a", "1", "-70000", "x".repeat(100)]]],
  ["list in a quicklist", "quicklist", [["RPUSH", "k", ...range(3000).map((i) => `element ${i}`)]]],
  ["list with a plain node", "quicklist", [["RPUSH", "k", "a", "x".repeat(20_000), "b"]]],
  ["intset", "intset", [["SADD", "k", "1", "-2", "70000", "5000000000"]]],
  ["set in a listpack", "listpack", [["SADD", "k", "one", "2", "three"]]],
  ["set in a table", "hashtable", [["SADD", "k", ...range(300).map((i) => `member ${i}`)]]],
  ["hash in a listpack", "listpack", [["HSET", "k", ...pairs(20)]]],
  ["hash in a table", "hashtable", [["HSET", "k", ...pairs(600)]]],
  ["hash with long values", "hashtable", [["HSET", "k", ...pairs(5, 700)]]],
  ["hash with timed fields", "hashtable", [
    ["HSET", "k", ...pairs(10)], ["HPEXPIREAT", "k", "1900000000000", "FIELDS", "2", "field:1", "field:3"],
  ]],
  ["sorted set in a listpack", "listpack", [["ZADD", "k", "1", "a", "2.5", "b", "-inf", "c", "1e20", "d"]]],
  ["sorted set in a tree", "skiplist", [["ZADD", "k", ...range(300).flatMap((i) => [`${i / 7}`, `member ${i}`])]]],
  ["stream", "stream", entries(250)],
  ["stream with groups", "stream", [
    ...entries(20), ["XDEL", "k", "3-2"], ["XGROUP", "CREATE", "k", "g1", "0"], ["XGROUP", "CREATE", "k", "g2", "$"],
    ["XREADGROUP", "GROUP", "g1", "alice", "COUNT", "5", "STREAMS", "k", ">"],
    ["XREADGROUP", "GROUP", "g1", "bob", "COUNT", "3", "STREAMS", "k", ">"],
    ["XGROUP", "CREATECONSUMER", "k", "g1", "carol"],
  ]],
  ["empty stream", "stream", [["XADD", "k", "5-5", "a", "b"], ["XDEL", "k", "5-5"]]],
];

/** Commands that look at all of a value of whatever type, and some that change it. */
export const USES: string[][] = [
  ["TYPE", "k"], ["DUMP", "k"], ["COPY", "k", "copy", "REPLACE"], ["GET", "k"], ["APPEND", "k", "x"],
  ["LRANGE", "k", "0", "-1"], ["LPUSH", "k", "front"], ["RPUSH", "k", "back"], ["LINSERT", "k", "BEFORE", "a", "b"],
  ["LREM", "k", "0", "a"], ["LSET", "k", "1", "set"], ["LTRIM", "k", "1", "-2"], ["LPOP", "k", "3"], ["RPOP", "k", "2"],
  ["SMEMBERS", "k"], ["SADD", "k", "12345678901", "new"], ["SREM", "k", "one", "2", "1"], ["SPOP", "k", "2"],
  ["SISMEMBER", "k", "three"],
  ["HGETALL", "k"], ["HSET", "k", "field:1", "changed", "added", "x".repeat(100)], ["HDEL", "k", "field:0", "field:2"],
  ["HRANDFIELD", "k", "5", "WITHVALUES"], ["HPERSIST", "k", "FIELDS", "1", "field:3"], ["HINCRBY", "k", "field:4", "1"],
  ["ZRANGE", "k", "0", "-1", "WITHSCORES"], ["ZADD", "k", "3", "a", "0.5", "fresh"], ["ZRANK", "k", "b"],
  ["ZRANGEBYSCORE", "k", "-inf", "+inf"], ["ZREM", "k", "a", "member 5"], ["ZPOPMIN", "k", "2"], ["ZPOPMAX", "k"],
  ["XRANGE", "k", "-", "+"], ["XREVRANGE", "k", "+", "-", "COUNT", "5"], ["XINFO", "STREAM", "k", "FULL"],
  ["XADD", "k", "*", "f", "v"], ["XDEL", "k", "2-1", "4-0"], ["XTRIM", "k", "MAXLEN", "4"], ["XPENDING", "k", "g1"],
  ["XREADGROUP", "GROUP", "g1", "alice", "COUNT", "2", "STREAMS", "k", ">"],
  ["XREADGROUP", "GROUP", "g1", "bob", "STREAMS", "k", "0"], ["XAUTOCLAIM", "k", "g1", "carol", "0", "0"],
  ["XACK", "k", "g1", "1-0", "2-1"], ["XGROUP", "DELCONSUMER", "k", "g1", "alice"], ["XGROUP", "DESTROY", "k", "g1"],
  ["SORT", "k", "ALPHA"], ["OBJECT", "ENCODING", "k"], ["PFCOUNT", "k"],
];

/** The payload with a few bytes changed, dropped, doubled or set to telling values. */
export function mutated(payload: Uint8Array, random: Random): Uint8Array {
  let bytes = payload.slice();
  for (let times = 1 + random.below(3); times > 0; times--) {
    // Heads and tails tell the most: half of the places are there.
    const span = random.below(2) === 0 ? Math.min(40, bytes.length) : bytes.length;
    const at = random.below(2) === 0 ? random.below(span) : Math.max(0, bytes.length - 1 - random.below(span));
    switch (random.below(6)) {
      case 0: bytes[at] = random.below(256); break;
      case 1: bytes[at] ^= 1 << random.below(8); break;
      case 2: bytes[at] = random.pick([0, 1, 63, 64, 127, 128, 129, 192, 195, 240, 244, 254, 255]); break;
      case 3: bytes = Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + 1 + random.below(4))]); break;
      case 4: {
        const part = bytes.subarray(at, at + 1 + random.below(20));
        bytes = Uint8Array.from([...bytes.subarray(0, at), ...part, ...bytes.subarray(at)]);
        break;
      }
      default: bytes.set(random.array(Math.min(4, bytes.length - at)), at);
    }
  }
  return bytes;
}
