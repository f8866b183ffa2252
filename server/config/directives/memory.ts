// memory: directives about memory limits, eviction, expiry, freeing and the encodings of values.
//
// A table: name, bounds, default, flags. Kinds and their texts are in ../directive.ts.

import { boolean, INT_MAX, INT_MIN, int, LONG_MAX, number, oneOf, ULONG_MAX } from "../directive.ts";
import type { AnyDirective } from "../directive.ts";
import { noDefragmentation } from "../checks.ts";

/** maxmemory-policy: the index is the number that the core gets. */
const MAXMEMORY_POLICIES = [
  "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl",
  "allkeys-lru", "allkeys-lfu", "allkeys-random", "noeviction",
];

/** A count of entries, bounded by what a long holds; `alias` is the name it had before listpacks. */
function entries(name: string, initial: number, alias?: string) {
  return number(name, 0, LONG_MAX, initial, { unsigned: true, alias });
}

/** A size of a value in bytes. */
function bytes(name: string, initial: number, alias?: string) {
  return number(name, 0, LONG_MAX, initial, { unsigned: true, form: "memory", alias });
}

export const memory: AnyDirective[] = [
  number("maxmemory", 0, ULONG_MAX, 0, { unsigned: true, form: "memory" }),
  oneOf("maxmemory-policy", MAXMEMORY_POLICIES, "noeviction"),
  int("maxmemory-samples", 1, 64, 5),
  int("maxmemory-eviction-tenacity", 0, 100, 10),
  int("lfu-log-factor", 0, INT_MAX, 10),
  int("lfu-decay-time", 0, INT_MAX, 1),
  int("active-expire-effort", 1, 10, 1),
  boolean("activerehashing", true),
  boolean("lazyfree-lazy-eviction", true),
  boolean("lazyfree-lazy-expire", true),
  boolean("lazyfree-lazy-server-del", true),
  boolean("lazyfree-lazy-user-del", true),
  boolean("lazyfree-lazy-user-flush", true),
  boolean("jemalloc-bg-thread", true),

  boolean("activedefrag", false, {}, noDefragmentation),
  int("active-defrag-cycle-min", 1, 99, 1),
  int("active-defrag-cycle-max", 1, 99, 25),
  int("active-defrag-threshold-lower", 0, 1000, 10),
  int("active-defrag-threshold-upper", 0, 1000, 100),
  int("active-defrag-cycle-us", 0, 100000, 500),
  number("active-defrag-max-scan-fields", 1, LONG_MAX, 1000, { unsigned: true }),
  number("active-defrag-ignore-bytes", 1, LONG_MAX, 100 << 20, { unsigned: true, form: "memory" }),

  entries("hash-max-listpack-entries", 512, "hash-max-ziplist-entries"),
  bytes("hash-max-listpack-value", 64, "hash-max-ziplist-value"),
  int("list-max-listpack-size", Number(INT_MIN), INT_MAX, -2, { alias: "list-max-ziplist-size" }),
  int("list-compress-depth", 0, INT_MAX, 0),
  entries("set-max-intset-entries", 512),
  entries("set-max-listpack-entries", 128),
  entries("set-max-listpack-value", 64),
  entries("zset-max-listpack-entries", 128, "zset-max-ziplist-entries"),
  bytes("zset-max-listpack-value", 64, "zset-max-ziplist-value"),
  bytes("hll-sparse-max-bytes", 3000),
  bytes("stream-node-max-bytes", 4096),
  number("stream-node-max-entries", 0, LONG_MAX, 100),
];
