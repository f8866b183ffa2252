// closing.ts - closing a connection that the core gave up, and what the log says about it.
//
// The core marks a client with a reason (CLOSE_ in core-wasm/resp/flags.ts, ERROR_ in parser.ts); the connection is
// still whole when these functions look at it.

import { quote } from "../config/syntax.ts";
import type { Connection } from "../connection/connection.ts";
import {
  CLIENT_PROTOCOL_ERROR, CLOSE_CROSS_PROTOCOL, CLOSE_EVICTED, CLOSE_IDLE, CLOSE_NO_MEMORY, CLOSE_OUTPUT_LIMIT,
  CLOSE_OUTPUT_LIMIT_LATER, CLOSE_PROTOCOL, CLOSE_QUERY_LIMIT,
} from "../generated/layout.ts";
import type { Server } from "../server.ts";
import { describeForLog } from "./describe.ts";

/** The log's words for protocol errors, from CLOSE_PROTOCOL on. */
const PROTOCOL_ERRORS = [
  "too big inline request", "too big mbulk count string", "invalid mbulk count", "unauth mbulk count",
  "unauth bulk length", "too big bulk count string", "expected $ but got something else", "invalid bulk length",
  "unbalanced quotes in inline request", "invalid CRLF in request", "out of memory",
];
/** Bytes of unread input that the log shows: all of fewer, else half of it from each end. */
const SAMPLE = 128;
const QUERY_SAMPLE = 64;
const ATTACK_SILENCE_US = 60e6;

/** The client's unread input, a character a byte. */
function unreadInput(server: Server, connection: Connection, most?: number): string {
  const { core } = server;
  const at = connection.client;
  const length = core.client32(at, "bufferLength");
  const from = most === undefined ? core.client32(at, "position") : 0;
  const buffer = core.client32(at, "buffer");
  return buffer === 0 ? "" : core.latin1(buffer + from, Math.min(length - from, most ?? length));
}

function inputSample(server: Server, connection: Connection): string {
  if (server.config.boolean("hide-user-data-from-log")) return "*redacted*";
  const input = unreadInput(server, connection);
  const sample = input.length < SAMPLE ? `'${input}'` : `'${input.slice(0, SAMPLE / 2)}' ` +
    `(... more ${input.length - SAMPLE} bytes ...) '${input.slice(-SAMPLE / 2)}'`;
  return sample.replace(/[^ -~]/g, ".");
}

/** Logs a protocol error; the connection closes when its reply is out. */
export function logProtocolError(server: Server, connection: Connection): void {
  if (!(connection.flags & CLIENT_PROTOCOL_ERROR) || !server.log.isOn("verbose")) return;
  const code = server.core.client32(connection.client, "closeReason") - CLOSE_PROTOCOL;
  server.log.verbose(`Protocol error (${PROTOCOL_ERRORS[code]}) from client: ${describeForLog(server, connection)}. ` +
    `Query buffer: ${inputSample(server, connection)}`);
}

/** Counts and logs why the core wants the connection closed, before anything of it is gone. */
function logReason(server: Server, connection: Connection): void {
  const { log, core } = server;
  const reason = core.client32(connection.client, "closeReason");
  const line = () => describeForLog(server, connection);
  switch (reason) {
    case CLOSE_OUTPUT_LIMIT:
      log.warning(`Client ${line()} scheduled to be closed ASAP for overcoming of output buffer limits.`);
      break;
    case CLOSE_OUTPUT_LIMIT_LATER:
      log.warning(`Client ${line()} closed for overcoming of output buffer limits.`);
      break;
    case CLOSE_QUERY_LIMIT: {
      const isHidden = server.config.boolean("hide-user-data-from-log");
      const sample = isHidden ? "" : ` (qbuf initial bytes: ${quote(unreadInput(server, connection, QUERY_SAMPLE))})`;
      log.warning(`Closing client that reached max query buffer length: ${line()}${sample}`);
      break;
    }
    case CLOSE_IDLE:
      server.stats.timedOut++;
      log.verbose("Closing idle client");
      break;
    case CLOSE_CROSS_PROTOCOL:
      if (server.nowUs() - server.stats.lastAttackUs < ATTACK_SILENCE_US) break;
      server.stats.lastAttackUs = server.nowUs();
      log.warning("Possible SECURITY ATTACK detected: a client sent the words POST or Host: of an HTTP request, as a " +
        `web page does that is made to reach this server. Connection from ${connection.remote} aborted.`);
      break;
    case CLOSE_NO_MEMORY:
      log.warning(`Client ${line()} closed: out of memory`);
      break;
    case CLOSE_EVICTED:
      server.stats.evictedClients++;
      log.notice(`Evicting client: ${line()}`);
      break;
    default:
  }
}

/** Closes a connection that the core marked. */
export function closeMarked(server: Server, connection: Connection): void {
  logReason(server, connection);
  connection.destroy();
}
