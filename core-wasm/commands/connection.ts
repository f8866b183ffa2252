/**
 * Commands of the connection that the core answers itself. What needs the host's knowledge of sockets and users
 * (CLIENT, HELLO, AUTH, RESET) is server/commands/.
 */
import { argLen, argPtr, argc, root } from "../memory/root";
import { Client, CLIENT_CLOSE_AFTER_REPLY, CLIENT_IMPORT_SOURCE, CLIENT_NO_EVICT, CLIENT_NO_TOUCH, CLIENT_REPLY_OFF,
  CLIENT_REPLY_SKIP_NEXT, CLIENT_SUBSCRIBED, clientDefaultAccess } from "../resp/client";
import { BAD_DB_INDEX } from "../resp/errors";
import {
  errorSend, errorStart, errorText, replyArray, replyBulk, replyBulkText, replyError, replyOk, replySimple,
} from "../resp/reply";
import { monitorRemove } from "../resp/monitor";
import { unsubscribeAll } from "../resp/pubsub";
import { trackingOff } from "../resp/tracking";
import { discardTransaction } from "../resp/transaction";
import { argInt } from "./arguments";

/** PING [message] */
export function pingCommand(c: Client): void {
  if (argc() > 2) {
    errorStart("ERR wrong number of arguments for '");
    errorText("ping");
    errorText("' command");
    errorSend(c);
  } else if (c.flags & CLIENT_SUBSCRIBED && c.resp == 2) {
    // Shaped like a message: it is among them.
    replyArray(c, 2);
    replyBulkText(c, "pong");
    replyBulk(c, argc() == 1 ? 0 : argPtr(1), argc() == 1 ? 0 : argLen(1));
  } else if (argc() == 1) {
    replySimple(c, "PONG");
  } else {
    replyBulk(c, argPtr(1), argLen(1));
  }
}

/** ECHO message */
export function echoCommand(c: Client): void {
  replyBulk(c, argPtr(1), argLen(1));
}

/** SELECT index */
export function selectCommand(c: Client): void {
  if (!argInt(c, 1)) return;
  const index = root().number;
  if (index < 0 || index >= <i64>root().databaseCount) {
    replyError(c, BAD_DB_INDEX);
    return;
  }
  c.db = <i32>index;
  replyOk(c);
}

/** QUIT */
export function quitCommand(c: Client): void {
  replyOk(c);
  c.flags |= CLIENT_CLOSE_AFTER_REPLY;
}

/** Puts a client into the state of a new connection. Name and library are the host's; RESET keeps the library. */
export function resetClient(c: Client): void {
  discardTransaction(c);
  unsubscribeAll(c);
  monitorRemove(c);
  trackingOff(c);
  c.db = 0;
  c.resp = 2;
  c.flags &= ~(CLIENT_REPLY_OFF | CLIENT_REPLY_SKIP_NEXT | CLIENT_NO_EVICT | CLIENT_NO_TOUCH | CLIENT_IMPORT_SOURCE);
  clientDefaultAccess(c);
}
