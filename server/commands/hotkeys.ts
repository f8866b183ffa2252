// hotkeys.ts - the handler of HOTKEYS. The samples are server/stats/hot-keys.ts.

import { parseInteger } from "../config/syntax.ts";
import { fromBytes, lower, toBytes } from "../config/text.ts";
import { CMD } from "../generated/commands.ts";
import type { HostHandler } from "./registry.ts";

const COUNT_DEFAULT = 10;

/** HOTKEYS [REQUESTS|BYTES|RESET] [COUNT count] */
const hotKeysCommand: HostHandler = (server, _connection, args, reply) => {
  const words = args.slice(1).map((arg) => lower(fromBytes(arg)));
  const what = words[0] === "count" ? "requests" : words.shift() ?? "requests";
  if (what === "reset" && words.length === 0) {
    server.hotKeys.reset();
    return reply.ok();
  }
  if ((what !== "requests" && what !== "bytes") || (words.length > 0 && (words[0] !== "count" || words.length !== 2))) {
    return reply.error("ERR syntax error");
  }
  const count = words.length === 0 ? BigInt(COUNT_DEFAULT) : parseInteger(words[1]);
  if (count === undefined || count < 1n) return reply.error("ERR value is out of range, must be positive");
  const rows = server.hotKeys.top(server.hotKeys[what], Number(count));
  reply.array(rows.length);
  for (const { db, name, perSecond, share } of rows) {
    reply.map(4);
    reply.bulk("db");
    reply.int(db);
    reply.bulk("key");
    reply.bulk(toBytes(name));
    reply.bulk(what === "bytes" ? "bytes_per_second" : "requests_per_second");
    reply.double(Math.round(perSecond * 100) / 100);
    reply.bulk("percent");
    reply.double(Math.round(share * 10000) / 100);
  }
};

export const HOTKEYS_HANDLERS = { [CMD.HOTKEYS]: hotKeysCommand };
