// persistence: directives about snapshots (RDB), the append-only file and where they are kept.
//
// A table: name, bounds, default, flags. Kinds and their texts are in ../directive.ts.

import { boolean, INT_MAX, INT_MIN, int, LONG_MAX, number, oneOf, string } from "../directive.ts";
import type { AnyDirective } from "../directive.ts";
import { baseName } from "../checks.ts";
import { dir, save } from "../special.ts";

const IMMUTABLE = { immutable: true };
const HIDDEN = { hidden: true };

export const persistence: AnyDirective[] = [
  dir,
  save,
  string("dbfilename", "dump.rdb", { protected: true }, baseName("dbfilename", "filename")),
  boolean("rdbchecksum", true, IMMUTABLE),
  boolean("rdbcompression", true),
  boolean("rdb-del-sync-files", false),
  boolean("rdb-save-incremental-fsync", true),
  oneOf("rdb-version-check", ["strict", "relaxed"], "strict"),
  boolean("stop-writes-on-bgsave-error", true),
  int("rdb-key-save-delay", Number(INT_MIN), INT_MAX, 0, HIDDEN),
  int("key-load-delay", Number(INT_MIN), INT_MAX, 0, HIDDEN),
  number("loading-process-events-interval-bytes", 1024, INT_MAX, 2 * 1024 * 1024, HIDDEN),
  string("bgsave-cpulist", null, { immutable: true, alias: "bgsave_cpulist" }),

  boolean("appendonly", false, { denyLoading: true }),
  string("appendfilename", "appendonly.aof", IMMUTABLE, baseName("appendfilename", "filename")),
  string("appenddirname", "appendonlydir", IMMUTABLE, baseName("appenddirname", "dirname")),
  oneOf("appendfsync", ["everysec", "always", "no"], "everysec"),
  boolean("no-appendfsync-on-rewrite", false),
  int("auto-aof-rewrite-percentage", 0, INT_MAX, 100),
  number("auto-aof-rewrite-min-size", 0, LONG_MAX, 64 * 1024 * 1024, { form: "memory" }),
  boolean("aof-rewrite-incremental-fsync", true),
  boolean("aof-load-truncated", true),
  boolean("aof-use-rdb-preamble", true),
  boolean("aof-timestamp-enabled", false),
  boolean("aof-disable-auto-gc", false, HIDDEN),
  string("aof-rewrite-cpulist", null, { immutable: true, alias: "aof_rewrite_cpulist" }),
];
