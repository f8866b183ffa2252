/**
 * MEMORY USAGE: what a key and its value take. MEMORY's other subcommands are the host's.
 */
import { peekRaw } from "../keyspace/database";
import { argLen, argPtr, argc, root } from "../memory/root";
import { Client, clientDb } from "../resp/client";
import { replyInteger, replyNull, replySyntax } from "../resp/reply";
import { valueBytes } from "../types/value";
import { argI64, argIs } from "./arguments";

const DEFAULT_SAMPLES: i64 = 5;

/** MEMORY USAGE key [SAMPLES count] */
export function memoryUsageCommand(c: Client): void {
  let samples = DEFAULT_SAMPLES;
  for (let i = 3; i < argc(); i += 2) {
    if (!argIs(i, "SAMPLES") || i + 1 == argc()) {
      replySyntax(c);
      return;
    }
    if (!argI64(c, i + 1)) return;
    samples = root().number;
    if (samples < 0) {
      replySyntax(c);
      return;
    }
  }
  // Not a read: nothing is counted, touched or expired.
  const e = peekRaw(clientDb(c), argPtr(2), argLen(2));
  if (e == 0) {
    replyNull(c);
    return;
  }
  const most = samples > <i64>i32.MAX_VALUE ? i32.MAX_VALUE : <i32>samples;
  replyInteger(c, <i64>valueBytes(e, most));
}
