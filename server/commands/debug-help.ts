// debug-help.ts - the lines of DEBUG HELP: only subcommands that do something here.

/** Usage line → what it does; a line break starts another indented line. */
export const DEBUG_HELP: readonly (readonly [usage: string, meaning: string])[] = [
  ["ASSERT", "Fail an assertion: the server writes a crash report and ends."],
  ["CHANGE-REPL-ID", "Give this server new replication ids."],
  ["CONFIG-REWRITE-FORCE-ALL", "Write every parameter to the configuration file, also those at their defaults."],
  ["DICT-RESIZING <0|1>", "Forbid or allow tables of keys to change their size."],
  ["DIGEST", "Show a hash of the whole dataset."],
  ["DIGEST-VALUE <key> [<key> ...]", "Show a hash of each key's value."],
  ["ERROR <string>", "Reply an error of this text."],
  ["HTSTATS <dbid> [full]", "Show how a database's tables are filled."],
  ["HTSTATS-KEY <key> [full]", "Show how the hash table that is a key's value is filled."],
  ["LOG <message>", "Write a message to the server's log."],
  ["OBJECT <key> [fast]", "Show how a key's value is kept; \"fast\" leaves out what takes time to find."],
  ["OOM", "Fail as if memory were exhausted: the server writes a crash report and ends."],
  ["PANIC", "Fail on purpose: the server writes a crash report and ends."],
  ["PAUSE-CRON <0|1>", "Stop or continue the work that is done in the background."],
  [
    "POPULATE <count> [<prefix>] [<size>]",
    "Add <count> strings named <prefix>:<number> (default: key), of <size> bytes.\nKeys that exist stay as they are.",
  ],
  [
    "PROTOCOL <type>",
    "Reply a sample of a type: string, integer, double, bignum, null, array, set, map,\nattrib, push, verbatim, " +
    "true, false.",
  ],
  ["SDSLEN <key>", "Show the sizes of a key and its string."],
  ["SEGFAULT", "Fail as if by a bad memory access: the server writes a crash report and ends."],
  ["SET-ACTIVE-EXPIRE <0|1>", "Stop or continue removing expired keys that nobody asks for."],
  ["SLEEP <seconds>", "Block the server; decimals are possible."],
];
