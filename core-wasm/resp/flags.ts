/**
 * Bits of a client's flags, and why it is closed. A file of its own, without imports: many files' constants are made of
 * them.
 */

// @layout
export const CLIENT_CLOSE_AFTER_REPLY: u32 = 1;
export const CLIENT_CLOSE_ASAP: u32 = 2;
export const CLIENT_PENDING_WRITE: u32 = 4; // on the pending list
export const CLIENT_RESUME: u32 = 8; // on the resume list
export const CLIENT_CLOSING: u32 = 16; // on the closing list
export const CLIENT_HELD: u32 = 32; // held back by CLIENT PAUSE
export const CLIENT_AWAITS_HOST: u32 = 64; // the host runs its command
export const CLIENT_REPLY_OFF: u32 = 128;
export const CLIENT_REPLY_SKIP_NEXT: u32 = 256;
export const CLIENT_REPLY_SKIP: u32 = 512;
export const CLIENT_NO_EVICT: u32 = 1024;
export const CLIENT_NO_TOUCH: u32 = 2048;
export const CLIENT_AUTHENTICATED: u32 = 4096;
export const CLIENT_INTERNAL: u32 = 8192; // in-process: no socket, no limits
export const CLIENT_UNIX_SOCKET: u32 = 16384; // set and read by the host alone
export const CLIENT_PROTOCOL_ERROR: u32 = 32768;
export const CLIENT_IMPORT_SOURCE: u32 = 65536;
export const CLIENT_CAPA_REDIRECT: u32 = 131072; // likewise
export const CLIENT_BLOCKED: u32 = 262144;
export const CLIENT_EVER_AUTHENTICATED: u32 = 524288; // RESET does not take this away
export const CLIENT_COUNTS_ALL: u32 = 1048576; // the running command's output counts in full for the limits
export const CLIENT_DENY_BLOCKING: u32 = 2097152; // what it runs must not wait for keys
export const CLIENT_RERUN: u32 = 4194304; // a command that waited runs again
export const CLIENT_MULTI: u32 = 1 << 23; // inside MULTI: commands are queued
export const CLIENT_DIRTY_CAS: u32 = 1 << 24; // a key that it watched was changed: EXEC replies null
export const CLIENT_DIRTY_EXEC: u32 = 1 << 25; // a command was refused while queueing: EXEC replies an error
export const CLIENT_EXECUTING: u32 = 1 << 26; // in the middle of EXEC: the host runs a command of it, or calls again
export const CLIENT_SUBSCRIBED: u32 = 1 << 27; // to a channel or pattern
export const CLIENT_LATER_OUTPUT: u32 = 1 << 28; // pushes follow the reply of its running command
export const CLIENT_MONITOR: u32 = 1 << 29; // gets every command that is run
export const CLIENT_TRACKING: u32 = 1 << 30; // client-side caching

/** Commands of a client with one of these need a closer look before they run (resp/transaction.ts). */
export const CLIENT_SPECIAL: u32 = CLIENT_MULTI | CLIENT_SUBSCRIBED | CLIENT_MONITOR;

/** While one of these is set no command of the client runs. */
export const CLIENT_NOT_RUNNING: u32 = CLIENT_AWAITS_HOST | CLIENT_HELD | CLIENT_CLOSE_AFTER_REPLY |
  CLIENT_CLOSE_ASAP | CLIENT_BLOCKED | CLIENT_EXECUTING;

// Why the core wants a client closed (closeFor): what the host writes to its log and counts.
// @layout
export const CLOSE_OUTPUT_LIMIT: i32 = 1; // while a reply was written
export const CLOSE_OUTPUT_LIMIT_LATER: i32 = 2; // found by upkeep: the soft limit's time is over
export const CLOSE_QUERY_LIMIT: i32 = 3;
export const CLOSE_IDLE: i32 = 4;
export const CLOSE_CROSS_PROTOCOL: i32 = 5;
export const CLOSE_NO_MEMORY: i32 = 6;
export const CLOSE_EVICTED: i32 = 7;
export const CLOSE_PROTOCOL: i32 = 16; // and above: a protocol error (parser.ts)
