// help: the replies of every container's HELP subcommand that runs in the host.
//
// A reply is an array of status lines: a heading with the command's name as the client wrote it (in upper case), pairs
// of a usage line and indented lines about it, and HELP itself at the end. Not for DEBUG's own help or the core's
// OBJECT HELP, which stand with their commands.

import type { ReplyWriter } from "../connection/reply-writer.ts";
import { CMD } from "../generated/commands.ts";

/** Usage line → what it does; a line break starts another indented line. */
type HelpLines = readonly (readonly [usage: string, meaning: string])[];

export const HELP: Readonly<Record<string, HelpLines>> = {
  acl: [
    ["CAT [<category>]", "List the categories, or the commands of one."],
    ["DELUSER <username> [<username> ...]", "Remove users and close their connections."],
    [
      "DRYRUN <username> <command> [<arg> ...]", "Tell whether the user could run the command, without running it.",
    ],
    ["GETUSER <username>", "Show a user's flags, password hashes and rules."],
    ["GENPASS [<bits>]", "Make a random password of 256 bits, or of another number of them."],
    ["LIST", "Show all users as lines of rules."],
    ["LOAD", "Take the users of the ACL file in place of the present ones."],
    ["LOG [<count> | RESET]", "Show what was denied lately, the newest first, or empty the log."],
    ["SAVE", "Write the present users to the ACL file."],
    ["SETUSER <username> <rule> [<rule> ...]", "Make a user or change its rules."],
    ["USERS", "List the names of all users."],
    ["WHOAMI", "Show the name of this connection's user."],
  ],
  client: [
    ["CACHING (YES|NO)", "Say whether the keys of the next command are tracked (OPTIN and OPTOUT modes)."],
    [
      "CAPA <option> [<option> ...]",
      "Announce what this client is able to do. Option:\n* REDIRECT\n  Follows redirections to the primary.",
    ],
    ["GETREDIR", "Show the id of the client that gets this one's invalidation messages."],
    ["GETNAME", "Show the name of this connection."],
    ["ID", "Show the id of this connection."],
    ["IMPORT-SOURCE (ON|OFF)", "Mark this connection as the source of an import."],
    ["INFO", "Show the fields of this connection."],
    ["KILL <ip:port>", "Close the connection from this address."],
    [
      "KILL <option> <value> [<option> <value> [...]]",
      "Close the connections that match every option. Options:\n* ADDR, LADDR (<ip:port>|<unixsocket>:0)\n  " +
      "Address of the client or of the server side.\n* TYPE (NORMAL|PRIMARY|REPLICA|PUBSUB)\n  Kind of client.\n" +
      "* USER <username>\n  Authenticated as this user.\n* SKIPME (YES|NO)\n  Spare this connection (default: yes).\n" +
      "* ID <client-id> [<client-id> ...]\n  Any of these ids.\n" +
      "* MAXAGE <seconds>\n  Connected for longer than this.\n" +
      "* FLAGS, NAME, IDLE, LIB-NAME, LIB-VER, DB, CAPA, IP <value>\n  As CLIENT LIST shows them.\n" +
      "* NOT-<option> <value>\n  Those that don't match ID, TYPE, ADDR, LADDR, USER, FLAGS, NAME,\n" +
      "  LIB-NAME, LIB-VER, DB, CAPA or IP.",
    ],
    ["LIST [options ...]", "Show the connections. Takes the options of CLIENT KILL as filters."],
    ["NO-EVICT (ON|OFF)", "Spare this connection when clients are evicted for their memory."],
    ["NO-TOUCH (ON|OFF)", "Leave the access time and frequency of keys alone in this connection."],
    ["PAUSE <timeout> [WRITE|ALL]", "Hold back writes or all commands of clients for <timeout> milliseconds."],
    ["REPLY (ON|OFF|SKIP)", "Turn replies to this connection on or off, or skip the next one."],
    ["SETINFO (LIB-NAME|LIB-VER) <value>", "Record the client library's name or version."],
    ["SETNAME <name>", "Name this connection."],
    [
      "TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]",
      "Turn invalidation messages for client-side caching on or off.",
    ],
    ["TRACKINGINFO", "Show the state of client-side caching of this connection."],
    ["UNBLOCK <clientid> [TIMEOUT|ERROR]", "Release a client that waits in a blocking command."],
    ["UNPAUSE", "End a pause: clients go on at once."],
  ],
  command: [
    ["(no subcommand)", "Describe every command."],
    ["COUNT", "Tell how many commands the server has."],
    ["LIST", "List the names of all commands."],
    ["INFO [<command-name> ...]", "Describe the named commands, or every one without a name."],
    ["DOCS [<command-name> ...]", "Document the named commands, or every one without a name."],
    ["GETKEYS <full-command>", "Pick the keys out of a command with its arguments."],
    ["GETKEYSANDFLAGS <full-command>", "Pick the keys out of a command, each with how it is accessed."],
  ],
  commandlog: [
    [
      "GET <count> <type>",
      "Show the newest <count> entries of a log, all for -1. Type: slow,\nlarge-request or large-reply. " +
      "Entries are made of:\nid, timestamp, time in microseconds or size in bytes,\n" +
      "arguments array, client IP and port, client name",
    ],
    ["LEN <type>", "Tell how many entries a log has."],
    ["RESET <type>", "Empty a log."],
  ],
  config: [
    ["GET <pattern>", "Show the parameters whose names match the glob <pattern>."],
    ["SET <directive> <value>", "Change a parameter."],
    ["RESETSTAT", "Set the statistics that INFO shows back to zero."],
    ["REWRITE", "Write the present configuration to its file."],
  ],
  function: [
    ["LOAD [REPLACE] <FUNCTION CODE>", "Load a library; with REPLACE, in place of one of the same name."],
    ["DELETE <LIBRARY NAME>", "Remove a library."],
    ["LIST [LIBRARYNAME PATTERN] [WITHCODE]", "Show the libraries, or those whose name matches, and their functions."],
    ["STATS", "Show the function that runs (name, command, milliseconds), and how many functions there are."],
    ["KILL", "End the function that runs, unless it has written."],
    ["FLUSH [ASYNC|SYNC]", "Remove all libraries."],
    ["DUMP", "Show all libraries as a payload for RESTORE."],
    [
      "RESTORE <PAYLOAD> [FLUSH|APPEND|REPLACE]",
      "Load the libraries of a payload. Those that are there:\n* FLUSH: go.\n" +
      "* APPEND: stay; one of the same name is an error (default).\n* REPLACE: give way to those of the same name.",
    ],
  ],
  latency: [
    ["DOCTOR", "Explain the recorded latency in plain words."],
    ["GRAPH <event>", "Draw the latency of an event."],
    ["HISTORY <event>", "Show the recorded times and latencies of an event."],
    ["LATEST", "Show the newest latency of every event."],
    ["RESET [<event> ...]", "Forget the named events, or all of them (the default)."],
    ["HISTOGRAM [COMMAND ...]", "Show how the run times of the named commands, or of all, are distributed."],
  ],
  memory: [
    ["DOCTOR", "Look for problems with memory."],
    ["MALLOC-STATS", "Show the allocator's own statistics."],
    ["PURGE", "Ask the allocator to give back what it holds unused."],
    ["STATS", "Show where memory goes."],
    [
      "USAGE <key> [SAMPLES <count>]",
      "Estimate the bytes of a key and its value, from <count> of its elements\n(default: 5, 0 means all).",
    ],
  ],
  pubsub: [
    ["CHANNELS [<pattern>]", "List the channels that have subscribers and match <pattern> (default: '*')."],
    ["NUMPAT", "Tell how many patterns have subscribers."],
    ["NUMSUB [<channel> ...]", "Tell how many clients subscribed to each channel, not counting patterns."],
    ["SHARDCHANNELS [<pattern>]", "As CHANNELS, of shard channels."],
    ["SHARDNUMSUB [<shardchannel> ...]", "As NUMSUB, of shard channels."],
  ],
  script: [
    ["DEBUG (YES|SYNC|NO) [<engine_name>]", "Set whether scripts of this connection are debugged (engine: 'lua')."],
    ["EXISTS <sha1> [<sha1> ...]", "Tell which of these scripts are cached."],
    ["FLUSH [ASYNC|SYNC]", "Forget all cached scripts."],
    ["KILL", "End the script that runs, unless it has written."],
    ["LOAD <script>", "Cache a script without running it."],
    ["SHOW <sha1>", "Show a cached script."],
  ],
  slowlog: [
    [
      "GET [<count>]",
      "Show the newest <count> entries (default: 10, -1 means all).\nEntries are made of:\n" +
      "id, timestamp, time in microseconds, arguments array, client IP and port,\nclient name",
    ],
    ["LEN", "Tell how many entries the log has."],
    ["RESET", "Empty the log."],
  ],
};

/** Writes the HELP reply of a container; `name` is the command as the client wrote it. */
export function replyHelp(reply: ReplyWriter, name: string, lines: HelpLines): void {
  const all = [`${name.toUpperCase()} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`];
  for (const [usage, meaning] of [...lines, ["HELP", "Print this help."] as const]) {
    all.push(usage, ...meaning.split("\n").map((line) => `    ${line}`));
  }
  reply.array(all.length);
  for (const line of all) reply.simple(line);
}

/** A handler that replies a container's help. */
function helpHandler(lines: HelpLines) {
  return (_server: unknown, _connection: unknown, args: readonly Uint8Array[], reply: ReplyWriter): void => {
    replyHelp(reply, String.fromCharCode(...args[0]), lines);
  };
}

/** The handlers of every HELP subcommand above, by command id. */
export const HELP_HANDLERS: Readonly<Record<number, ReturnType<typeof helpHandler>>> = {
  [CMD.ACL_HELP]: helpHandler(HELP.acl),
  [CMD.CLIENT_HELP]: helpHandler(HELP.client),
  [CMD.COMMAND_HELP]: helpHandler(HELP.command),
  [CMD.COMMANDLOG_HELP]: helpHandler(HELP.commandlog),
  [CMD.CONFIG_HELP]: helpHandler(HELP.config),
  [CMD.FUNCTION_HELP]: helpHandler(HELP.function),
  [CMD.LATENCY_HELP]: helpHandler(HELP.latency),
  [CMD.MEMORY_HELP]: helpHandler(HELP.memory),
  [CMD.PUBSUB_HELP]: helpHandler(HELP.pubsub),
  [CMD.SCRIPT_HELP]: helpHandler(HELP.script),
  [CMD.SLOWLOG_HELP]: helpHandler(HELP.slowlog),
};
