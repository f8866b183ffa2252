// version: what this server says it is.

/** The Valkey version whose behaviour, replies and messages this server has. */
export const VALKEY_VERSION = "9.1.2";
/** The Redis version that Valkey itself claims to be compatible with. */
export const REDIS_VERSION = "7.2.4";
/** Wakey's own version, the same as in package.json. */
export const WAKEY_VERSION = "0.1.0";

/** The line of --version, in the form that tools take apart; the field malloc says whose memory it is. */
export function versionLine(): string {
  return `Valkey server v=${VALKEY_VERSION} sha=00000000:0 malloc=wakey-${WAKEY_VERSION} bits=64 build=0`;
}
