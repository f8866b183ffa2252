/**
 * keyspace: what the tests of keys, expiry and eviction in the core share: replies as values, settings, expiry cycles.
 */
import { SETTING } from "../../server/generated/layout.ts";
import type { CoreDriver } from "./core.ts";

/** A reply as a value: status and bulk texts are strings, errors are strings that begin with "-". */
export type Value = string | number | null | Value[];

/** Decodes one reply of RESP2. */
export function decode(reply: string): Value {
  let at = 0;
  const next = (): Value => {
    const line = reply.slice(at + 1, reply.indexOf("\r\n", at));
    const kind = reply[at];
    at += line.length + 3;
    if (kind === ":") return Number(line);
    if (kind === "+") return line;
    if (kind === "-") return `-${line}`;
    const n = Number(line);
    if (n < 0) return null;
    if (kind === "*") return Array.from({ length: n }, next);
    at += n + 2;
    return reply.slice(at - n - 2, at - 2);
  };
  return next();
}

/** Sets one of the core's settings. */
export function setting(core: CoreDriver, name: keyof typeof SETTING, value: number): void {
  core.exports.setSetting(SETTING[name], value);
}

/** Runs active expiry for one cycle; `slices` bounds it, as a host's time budget does. */
export function expireCycle(core: CoreDriver, slices = Infinity): void {
  while (core.exports.cronExpire() === 1) {
    if (--slices > 0) continue;
    core.exports.cronExpireCut();
    return;
  }
}
