// filter.ts - the options of CLIENT LIST and CLIENT KILL that choose connections.
//
//     ID 3 4 TYPE normal NOT-NAME worker ──► parseFilter() ──► Filter ──► matches(server, connection)
//
// A connection has to match every condition. One of the same kind replaces the one before, but for ID and NOT-ID, which
// collect. Not for what happens to the chosen connections.

import { parseInteger } from "../config/syntax.ts";
import type { Connection } from "../connection/connection.ts";
import { CLIENT_CAPA_REDIRECT, CLIENT_SUBSCRIBED } from "../generated/layout.ts";
import type { Server } from "../server.ts";
import { ageOf, flagLetters, idleOf } from "./describe.ts";

const FLAG_LETTERS = "OSMPxbtRBdcuAUreTIiEN";
const TYPES: Record<string, string> = {
  normal: "normal", slave: "replica", replica: "replica", pubsub: "pubsub", master: "primary", primary: "primary",
};

type Condition = (server: Server, connection: Connection) => boolean;

/** What a filter asks for, by option name in lower case ("not-id" and the like are conditions of their own). */
class Filter {
  skipMe: boolean;
  readonly #conditions = new Map<string, Condition>();
  readonly #ids = new Map<string, Set<bigint>>();

  constructor(skipMe: boolean) {
    this.skipMe = skipMe;
  }

  /** Sets a condition; `option` with NOT- in front turns it round. */
  require(option: string, condition: Condition): void {
    const isNot = option.startsWith("not-");
    this.#conditions.set(option, isNot ? (server, connection) => !condition(server, connection) : condition);
  }

  /** Adds to the ids of ID or NOT-ID; the first call makes it a condition, even without ids. */
  addIds(option: string, ids: readonly bigint[]): void {
    const known = this.#ids.get(option) ?? new Set<bigint>();
    for (const id of ids) known.add(id);
    this.#ids.set(option, known);
    this.require(option, (_server, connection) => known.has(BigInt(connection.id)));
  }

  matches(server: Server, connection: Connection, me: Connection | undefined): boolean {
    if (this.skipMe && connection === me) return false;
    for (const condition of this.#conditions.values()) if (!condition(server, connection)) return false;
    return true;
  }
}

/** The kind of a client as TYPE names it. */
function typeOf(connection: Connection): string {
  return connection.flags & CLIENT_SUBSCRIBED ? "pubsub" : "normal";
}

/** The IP filter: the address in front of the port, without the brackets of IPv6; never a unix socket. */
function hasIp(remote: string, ip: string): boolean {
  const match = /^\[?(.*?)\]?:([1-9][0-9]*)$/.exec(remote);
  return match !== null && match[1] === ip;
}

function hasFlags(connection: Connection, letters: string): boolean {
  const own = flagLetters(connection);
  return [...letters].every((letter) => own.includes(letter));
}

/** Conditions that compare a text; the value is the option's argument. */
const TEXTS: Record<string, (connection: Connection) => string> = {
  addr: (connection) => connection.remote,
  laddr: (connection) => connection.local,
  name: (connection) => connection.name,
  "lib-name": (connection) => connection.libName,
  "lib-ver": (connection) => connection.libVersion,
};

const shown = (option: string) => (option.startsWith("not-") ? option.toUpperCase() : undefined);

/** Options with a number of seconds. */
function secondsOption(filter: Filter, option: string, value: string): string | undefined {
  const seconds = parseInteger(value);
  if (seconds === undefined) return `ERR ${option} is not an integer or out of range`;
  if (seconds <= 0n) return `ERR ${option} should be greater than 0`;
  const of = option === "maxage" ? ageOf : idleOf;
  filter.require(option, (server, connection) => of(server, connection) >= Number(seconds));
  return undefined;
}

function databaseOption(filter: Filter, option: string, value: string, databases: number): string | undefined {
  const name = option.toUpperCase();
  const db = parseInteger(value);
  if (db === undefined || db > 0x7fffffffn || db < -0x80000000n) return `ERR ${name} is not an integer or out of range`;
  if (db < 0n || db >= BigInt(databases)) return `ERR ${name} number should be between 0 and ${databases - 1}`;
  filter.require(option, (_server, connection) => connection.db === Number(db));
  return undefined;
}

/** An option with one argument. Returns the error of the reply. */
function oneOption(filter: Filter, server: Server, option: string, value: string): string | undefined {
  const plain = option.replace(/^not-/, "");
  const text = TEXTS[plain];
  if (text !== undefined) {
    // A connection without a name has none to compare, so an empty argument matches nothing.
    filter.require(option, (_server, connection) => value !== "" && text(connection) === value);
    return undefined;
  }
  switch (plain) {
    case "type": {
      const type = TYPES[value.toLowerCase()];
      if (type === undefined) return `ERR Unknown client type '${value}'`;
      filter.require(option, (_server, connection) => typeOf(connection) === type);
      return undefined;
    }
    case "user":
      if (!server.access.hasUser(value)) return `ERR No such user '${value}'`;
      filter.require(option, (_server, connection) => connection.user === value);
      return undefined;
    case "flags":
      if ([...value].some((letter) => !FLAG_LETTERS.includes(letter))) {
        return `ERR Unknown flags found in the ${shown(option) ?? "provided"} filter: ${value}`;
      }
      filter.require(option, (_server, connection) => hasFlags(connection, value));
      return undefined;
    case "capa":
      if (/[^r]/.test(value)) return `ERR Unknown capa found in the ${shown(option) ?? "provided"} filter: ${value}`;
      filter.require(option, (_server, connection) => value === "" || (connection.flags & CLIENT_CAPA_REDIRECT) !== 0);
      return undefined;
    case "ip":
      filter.require(option, (_server, connection) => hasIp(connection.remote, value));
      return undefined;
    case "db":
      return databaseOption(filter, option, value, server.core.databaseCount);
    default:
      return "ERR syntax error";
  }
}

/** Reads filter options from words[start]. Returns a filter, or the error of the reply. */
export function parseFilter(server: Server, words: readonly string[], start: number, skipMe: boolean): Filter | string {
  const filter = new Filter(skipMe);
  let i = start;
  while (i < words.length) {
    const option = words[i].toLowerCase();
    if (option === "id" || option === "not-id") {
      const ids: bigint[] = [];
      for (i++; i < words.length; i++) {
        const id = parseInteger(words[i]);
        if (id === undefined) break;
        if (id < 1n) return "ERR client-id should be greater than 0";
        ids.push(id);
      }
      filter.addIds(option, ids);
      continue;
    }
    const value = words[i + 1];
    if (value === undefined) return "ERR syntax error";
    if (option === "skipme") {
      const answer = value.toLowerCase();
      if (answer !== "yes" && answer !== "no") return "ERR syntax error";
      filter.skipMe = answer === "yes";
    } else {
      const error = option === "maxage" || option === "idle"
        ? secondsOption(filter, option, value)
        : oneOption(filter, server, option, value);
      if (error !== undefined) return error;
    }
    i += 2;
  }
  return filter;
}
