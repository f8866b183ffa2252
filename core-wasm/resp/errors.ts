/**
 * The errors that several commands reply, word for word as Valkey writes them. An error that only one command has
 * stands in that command's file.
 */
export const WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value";
export const SYNTAX = "ERR syntax error";
export const NOT_INTEGER = "ERR value is not an integer or out of range";
export const NOT_INT = "ERR value is out of range, value must between -2147483648 and 2147483647";
export const NOT_FLOAT = "ERR value is not a valid float";
export const OUT_OF_MEMORY = "OOM command not allowed when used memory > 'maxmemory'.";
export const NO_KEY = "ERR no such key";
export const OUT_OF_RANGE = "ERR value is out of range";
export const STRING_TOO_LONG = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
export const BAD_DB_INDEX = "ERR DB index is out of range";
export const OVERFLOW = "ERR increment or decrement would overflow";
