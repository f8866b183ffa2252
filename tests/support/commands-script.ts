/**
 * commands-script: random scripts and functions for the differential test. Each runs one random command, or a few, as
 * server.pcall() or call(), in RESP2 or RESP3, and gives the reply back as it is, its type, or what stands in it.
 * Only commands whose replies have one order are run.
 */
import type { CommandGenerator } from "./commands.ts";

/** A whole number that a script stores is one here, and text in Valkey: OBJECT ENCODING would tell. */
const text = (g: CommandGenerator): string => `t${g.value()}`;

const INNER: ((g: CommandGenerator) => string[])[] = [
  (g) => ["GET", g.key()], (g) => ["SET", g.key(), text(g)], (g) => ["SET", g.key(), text(g), "NX", "GET"],
  (g) => ["INCRBY", g.key(), g.integer()], (g) => ["INCRBYFLOAT", g.key(), g.float()], (g) => ["STRLEN", g.key()],
  (g) => ["APPEND", g.key(), text(g)], (g) => ["GETRANGE", g.key(), g.integer(), g.integer()],
  (g) => ["MGET", ...g.keys(4)], (g) => ["DEL", ...g.keys(2)], (g) => ["EXISTS", ...g.keys(3)],
  (g) => ["TYPE", g.key()],
  (g) => ["RPUSH", g.key(), g.value(), g.value()], (g) => ["LRANGE", g.key(), "0", "5"], (g) => ["LPOP", g.key()],
  (g) => ["LINDEX", g.key(), g.integer()], (g) => ["LPOS", g.key(), g.value()], (g) => ["LLEN", g.key()],
  (g) => ["ZADD", g.key(), g.float(), g.value()], (g) => ["ZRANGE", g.key(), "0", "5", "WITHSCORES"],
  (g) => ["ZADD", g.key(), "INCR", g.float(), g.value()], (g) => ["ZSCORE", g.key(), g.value()],
  (g) => ["ZRANK", g.key(), g.value(), "WITHSCORE"], (g) => ["ZMSCORE", g.key(), g.value(), g.value()],
  (g) => ["HSET", g.key(), "f", g.value()], (g) => ["HGET", g.key(), "f"],
  (g) => ["HINCRBYFLOAT", g.key(), "n", g.float()],
  (g) => ["HMGET", g.key(), "f", "n", "none"], (g) => ["SISMEMBER", g.key(), g.value()], (g) => ["SCARD", g.key()],
  (g) => ["ECHO", g.value()], (g) => ["BLPOP", g.key(), "0"], (g) => ["NOSUCH", g.value()], (g) => ["GET"],
  (g) => ["MULTI"], (g) => ["SELECT", g.database()], (g) => ["OBJECT", "ENCODING", g.key()], (g) => ["XLEN", g.key()],
];

/** What a script does with its command in ARGV. */
const BODIES = [
  "return server.pcall(unpack(ARGV))", "return server.call(unpack(ARGV))",
  "server.setresp(3) return server.pcall(unpack(ARGV))", "server.setresp(3) return server.call(unpack(ARGV))",
  "return {pcall(server.call, unpack(ARGV))}", "local r = server.pcall(unpack(ARGV)) return {type(r), r}",
  "local r = server.pcall(unpack(ARGV)) if type(r) == 'table' then return r.err or r.ok or #r end return tostring(r)",
  "server.setresp(3) local r = server.pcall(unpack(ARGV)) return {r, type(r)}",
  "local r = {} for i = 1, 3 do r[i] = server.pcall(unpack(ARGV)) end return r",
  "#!lua flags=no-writes\nreturn server.pcall(unpack(ARGV))", "return {ARGV, KEYS, cjson.encode(ARGV[1])}",
  "return {err = ARGV[1]}", "return {ok = ARGV[1]}", "return {double = tonumber(ARGV[1]) or 0.5}",
  "return tonumber(ARGV[2]) or ARGV[2]", "return {map = {[ARGV[1]] = ARGV[2] or false}}", "error(ARGV[1])",
  "return {set = {[ARGV[1]] = true}}", "return {big_number = ARGV[1]}",
  "return {verbatim_string = {format = 'txt', string = ARGV[1]}}",
];

const LIBRARY = "#!lua name=diff\n" +
  "server.register_function('run', function(keys, args) return server.pcall(unpack(args)) end)";

export const SCRIPTED: ((g: CommandGenerator) => string[])[] = [
  (g) => ["EVAL", g.random.pick(BODIES), "0", ...g.random.pick(INNER)(g)],
  (g) => ["EVAL", g.random.pick(BODIES), "0", ...g.random.pick(INNER)(g)],
  (g) => ["EVAL", g.random.pick(BODIES), "1", g.key(), ...g.random.pick(INNER)(g)],
  (g) => ["EVAL_RO", g.random.pick(BODIES), "0", ...g.random.pick(INNER)(g)],
  (g) => ["FCALL", "run", "0", ...g.random.pick(INNER)(g)],
  (g) => ["EVAL", g.random.pick(BODIES), g.integer(), g.value()],
  () => ["FUNCTION", "LOAD", "REPLACE", LIBRARY],
  (g) => ["SCRIPT", "LOAD", g.random.pick(BODIES)],
];
