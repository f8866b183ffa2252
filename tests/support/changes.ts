/**
 * changes: small changes of the dataset, command by command, and what others are told of them. Shared by the tests of
 * watched keys, keyspace events and client-side caching, which compare us with the real server.
 *
 * Each is "before | change": commands, separated by ";", that make the dataset and then change it, with `k` as the key
 * that is looked at. A case whose commands our server does not have yet is left out (knownChanges).
 */
import { encode, type RespConnection } from "./resp.ts";

const CASES = `
  | SET k 1
  | SET k 1 EX 100
  SET k 1 | SET k 1
  SET k 1 | SET k 2 NX
  SET k 1 | SET k 2 IFEQ 3
  SET k 1 | GET k
  SET k 1 | GETSET k 1
  SET k 1 | SETNX k 1
  SET k 1 | SETRANGE k 0 1
  SET k 1 | APPEND k x
  SET k 1 | INCRBY k 0
  SET k 1 | INCRBYFLOAT k 1
  SET k 1 | MSETNX k 1 l 2
  SET k 1 | MSETEX 1 k 1 EX 10
  SET k 1 | MSET l 1 k 2
  SET k 1 | SETBIT k 1 0
  SET k 1 | SETBIT k 1 1
  SET k 1 | BITFIELD k GET u8 0
  SET k 1 | BITFIELD k SET u8 0 49
  SET k 1 | BITFIELD k SET u8 0 50
  SET k 1 | BITFIELD k OVERFLOW FAIL INCRBY u2 0 100
  | BITOP AND k nokey
  SET k 1 | BITOP AND k nokey
  SET k 1 | BITOP NOT k k
  SET k 1 | GETEX k
  SET k 1 | GETEX k PERSIST
  SET k 1 | GETEX k EX 10
  SET k 1 EX 100 | GETEX k PERSIST
  SET k 1 | GETEX k PXAT 1
  SET k 1 | GETDEL k
  SET k 1 | DELIFEQ k 2
  SET k 1 | DELIFEQ k 1
  SET k 1 | DEL k
  SET k 1 | UNLINK k l
  SET k 1 | TOUCH k
  SET k 1 | EXPIRE k 100
  SET k 1 | EXPIRE k 100 XX
  SET k 1 | EXPIRE k -1
  SET k 1 EX 100 | PERSIST k
  SET k 1 | PERSIST k
  SET k 1 | RENAME k k
  SET k 1 | RENAME k l
  SET l 1 | RENAME l k
  SET k 1 ; SET l 1 | RENAME l k
  SET k 1 ; SET l 1 | RENAMENX k l
  SET k 1 ; SET l 1 | COPY l k
  SET k 1 ; SET l 1 | COPY l k REPLACE
  SET k 1 | MOVE k 1
  SET k 1 | SWAPDB 0 0
  SET k 1 | SWAPDB 0 1
  SET k 1 | FLUSHDB
  SET l 1 | FLUSHALL
  PFADD k a b | PFCOUNT k
  PFADD k a b ; PFCOUNT k | PFCOUNT k
  PFADD k a | PFADD k a
  PFADD k a ; PFADD l b | PFMERGE k l
  RPUSH k a b | LTRIM k 0 -1
  RPUSH k a b | LTRIM k 5 6
  RPUSH k a b | LSET k 0 a
  | LPUSHX k x
  RPUSH k a b | LPUSHX k x
  RPUSH k a b | LREM k 0 zz
  RPUSH k a b | LREM k 0 a
  RPUSH k a b | LINSERT k BEFORE zz q
  RPUSH k a b | LINSERT k BEFORE a q
  RPUSH k a b | LMOVE k l LEFT LEFT
  RPUSH l a b | LMOVE l k LEFT LEFT
  RPUSH k a b | LMPOP 1 k LEFT
  RPUSH k a | RPOPLPUSH k k
  RPUSH k a | LPOP k
  RPUSH k a b | RPOP k 5
  RPUSH k 2 1 | SORT k STORE l
  RPUSH l 2 1 | SORT l STORE k
  | SORT nol STORE k
  SET k 1 | SORT nol STORE k
  SADD k a b | SADD k a
  SADD k a b | SADD k c d
  SADD k a b | SREM k c
  SADD k a | SREM k a
  SADD k a | SPOP k
  SADD k a b | SPOP k 5
  SADD k a b ; SADD l c | SMOVE k l a
  SADD l a b ; SADD k c | SMOVE l k a
  SADD l a b ; SADD k a | SMOVE l k a
  SADD k a | SMOVE k k a
  SADD l a | SINTERSTORE k l l
  SADD k a | SINTERSTORE k nokey l
  | SINTERSTORE k nokey l
  SADD k a | SUNIONSTORE k k
  SADD k a ; SADD l a | SDIFFSTORE k k l
  ZADD k 1 a | ZADD k 1 a
  ZADD k 1 a | ZADD k 2 a
  ZADD k 1 a | ZADD k INCR 2 a
  ZADD k 1 a | ZINCRBY k 0 a
  ZADD k 1 a | ZINCRBY k 1 a
  ZADD k 1 a | ZREM k b
  ZADD k 1 a | ZREM k a
  ZADD k 1 a | ZPOPMIN k
  ZADD k 1 a 2 b | ZPOPMAX k
  ZADD k 1 a 2 b | ZMPOP 1 k MIN
  ZADD k 1 a | ZRANGESTORE k l 0 -1
  ZADD l 1 a | ZRANGESTORE k l 0 -1
  ZADD k 1 a | ZREMRANGEBYSCORE k 5 6
  ZADD k 1 a | ZREMRANGEBYRANK k 0 -1
  ZADD k 1 a ; ZADD l 1 b | ZUNIONSTORE k 2 k l
  ZADD k 1 a ; ZADD l 1 b | ZINTERSTORE k 2 k l
  ZADD k 1 a ; ZADD l 1 b | ZDIFFSTORE k 2 l k
  GEOADD l 1 1 a | GEOSEARCHSTORE k l FROMMEMBER a BYRADIUS 1 m
  SET k 1 | GEOSEARCHSTORE k l FROMLONLAT 1 1 BYRADIUS 1 m
  HSET k a 1 | HSET k a 1
  HSET k a 1 | HMSET k a 1 b 2
  HSET k a 1 | HDEL k b
  HSET k a 1 | HDEL k a
  HSET k a 1 | HSETNX k a 2
  HSET k a 1 | HSETNX k b 2
  HSET k a 1 | HINCRBY k a 0
  HSET k a 1 | HINCRBYFLOAT k a 1
  HSET k a 1 | HEXPIRE k 100 FIELDS 1 a
  HSET k a 1 | HEXPIRE k 100 FIELDS 1 b
  HSET k a 1 ; HEXPIRE k 100 FIELDS 1 a | HPERSIST k FIELDS 1 a
  HSET k a 1 | HPERSIST k FIELDS 1 a
  HSET k a 1 | HGETEX k EX 10 FIELDS 1 a
  HSET k a 1 | HGETEX k FIELDS 1 a
  HSET k a 1 b 1 | HGETDEL k FIELDS 1 a
  HSET k a 1 | HGETDEL k FIELDS 1 z
  HSET k a 1 | HSETEX k EX 10 FIELDS 1 a 1
  HSET k a 1 | HPEXPIRE k 0 FIELDS 1 a
  HSET k a 1 b 1 | HPEXPIRE k 0 FIELDS 1 a
  XADD k 1-1 a b | XADD k 1-2 a b
  XADD k 1-1 a b | XADD k MAXLEN 1 1-2 a b
  XADD k 1-1 a b | XDEL k 1-1
  XADD k 1-1 a b | XDEL k 9-9
  XADD k 1-1 a b | XTRIM k MAXLEN 0
  XADD k 1-1 a b | XTRIM k MAXLEN 5
  XADD k 1-1 a b | XSETID k 5-5
  | XGROUP CREATE k g 0 MKSTREAM
  XADD k 1-1 a b | XGROUP CREATE k g 0
  XADD k 1-1 a b ; XGROUP CREATE k g 0 | XGROUP CREATECONSUMER k g c
  XADD k 1-1 a b ; XGROUP CREATE k g 0 ; XGROUP CREATECONSUMER k g c | XGROUP DELCONSUMER k g c
  XADD k 1-1 a b ; XGROUP CREATE k g 0 | XGROUP SETID k g 1
  XADD k 1-1 a b ; XGROUP CREATE k g 0 | XGROUP DESTROY k g
  XADD k 1-1 a b ; XGROUP CREATE k g 0 | XREADGROUP GROUP g c STREAMS k >
  XADD k 1-1 a b ; XGROUP CREATE k g 0 ; XREADGROUP GROUP g c STREAMS k > | XACK k g 1-1
  XADD k 1-1 a b ; XGROUP CREATE k g 0 ; XREADGROUP GROUP g c STREAMS k > | XCLAIM k g d 0 1-1
  XADD k 1-1 a b ; XGROUP CREATE k g 0 ; XREADGROUP GROUP g c STREAMS k > | XAUTOCLAIM k g d 0 0
`;

/** One case. */
interface Change {
  readonly name: string;
  readonly before: readonly string[][];
  readonly change: readonly string[][];
}

function commands(text: string): string[][] {
  return text.split(";").map((line) => line.trim()).filter((line) => line !== "").map((line) => line.split(" "));
}

const lines = CASES.split("\n").map((line) => line.trim()).filter((line) => line !== "");
const CHANGES: readonly Change[] = lines.map((name) => {
  const [before, change] = name.split("|");
  return { name, before: commands(before), change: commands(change) };
});

/** The cases whose commands the server at the other end has. */
export async function knownChanges(connection: RespConnection): Promise<Change[]> {
  const known = new Set((await connection.command("COMMAND", "LIST")).toLowerCase().split("\r\n"));
  const isKnown = ([word]: string[]) => known.has(word.toLowerCase());
  return CHANGES.filter(({ before, change }) => [...before, ...change].every(isKnown));
}

/** Runs commands one after the other in one write. */
export async function runAll(connection: RespConnection, list: readonly string[][]): Promise<string[]> {
  if (list.length === 0) return [];
  connection.send(Buffer.concat(list.map((words) => encode(words))));
  const replies: string[] = [];
  while (replies.length < list.length) replies.push(await connection.reply());
  return replies;
}
