// config: what the tests of the configuration share: a host in memory, loading from text, random values.

import { assert } from "@std/assert";
import { Config } from "../../server/config/config.ts";
import { ENTRIES } from "../../server/config/directives.ts";
import type { ConfigHost } from "../../server/config/host.ts";
import { ConfigError, loadText } from "../../server/config/load.ts";
import { fromBytes, toBytes } from "../../server/config/text.ts";

/** The seed of random tests: the environment's SEED, or one that differs each time. */
export const SEED = Number(process.env.SEED ?? Date.now() % 1e9);
/** How many times as much random input there is: WAKEY_FUZZ_SCALE. */
export const SCALE = Number(process.env.WAKEY_FUZZ_SCALE ?? 1);

/** A client that may do everything. */
export const EVERYONE = { local: true, loading: false };

/** mulberry32: a small generator with a seed. */
export function generator(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** A host in memory: files by absolute path. */
export class MemoryHost implements ConfigHost {
  readonly pid = 4711;
  directory = "/home";
  stdin = "";
  readonly entries = new Map<string, Uint8Array>();
  readonly files = {
    read: (path: string) => this.entries.get(this.#absolute(path)) ?? this.#fail("ENOENT"),
    write: (path: string, data: Uint8Array | string) => {
      if (path.startsWith("/missing/")) this.#fail("ENOENT");
      this.entries.set(this.#absolute(path), typeof data === "string" ? toBytes(data) : data);
    },
    append: (path: string, data: Uint8Array | string) => {
      const more = typeof data === "string" ? data : fromBytes(data);
      this.files.write(path, fromBytes(this.entries.get(this.#absolute(path)) ?? new Uint8Array(0)) + more);
    },
    rename: (from: string, to: string) => {
      this.entries.set(to, this.files.read(from));
      this.entries.delete(from);
    },
    unlink: (path: string) => void (this.entries.delete(path) || this.#fail("ENOENT")),
    fsync: () => {},
    chmod: () => {},
    list: (path: string) => {
      const prefix = this.#absolute(path).replace(/\/$/, "") + "/";
      const names = [...this.entries.keys()].filter((key) => key.startsWith(prefix));
      return [...new Set(names.map((key) => key.slice(prefix.length).split("/")[0]))];
    },
  };
  cwd(): string {
    return this.directory;
  }
  chdir(path: string): void {
    if (path === "/nowhere") this.#fail("ENOENT");
    this.directory = this.#absolute(path);
  }
  readStdin(): string {
    return this.stdin;
  }
  #absolute(path: string): string {
    return path.startsWith("/") ? path : `${this.directory}/${path}`.replace("/./", "/");
  }
  #fail(code: string): never {
    throw Object.assign(new Error(code), { code });
  }
}

/** A configuration read from lines. */
export function configOf(text = "", host = new MemoryHost()): Config {
  const config = new Config(host);
  loadText(config, text);
  return config;
}

/** The text of the error that loading gives. */
export function loadError(run: () => void): string {
  try {
    run();
  } catch (error) {
    assert(error instanceof ConfigError, String(error));
    return error.message;
  }
  return "";
}

/** Values that are right for some directives and wrong for others. */
export const WORDS = [
  "", "0", "1", "-1", "7", "100", "101", "1000", "65535", "65536", "2147483647", "2147483648", "4294967296",
  "9223372036854775807", "9223372036854775808", "18446744073709551615", "18446744073709551616", "1k", "1Kb", "2mb",
  "3GB", "5%", "101%", "-5%", "yes", "NO", "Yes ", "no", "on", "01", "+1", " 1", "1.5", "1e3", "abc", "a/b", "a\\b",
  "é", "a b", '"', "'", "\\x", "127.0.0.1", "::1", "fe80::1", "1.2.3", "host.name", "host_name", "{title}", "{x}",
  "{{}", "KEA", "Elg", "AKEn", "xyz", "900 1", "900 1 5", "900 x", "50 99.9", "50.5 101", "nan", "normal 1 2 3",
  "normal 1mb 2mb 60 pubsub 0 0 0", "replica 1 2 x", "master 1 2 3", "1 2 3", "-5 0 2001", "save", "nosave now",
  "save nosave", "default", "\x00", "a\x00b", "\xff\xfe", "x".repeat(300),
];

/** A value that may suit the directive: one of its own kind, or any word. */
export function randomValue(next: (below: number) => number, name: string): string {
  const { names } = ENTRIES.get(name)?.directive ?? {};
  if (names !== undefined && next(2) === 0) return names[next(names.length)][0];
  const word = WORDS[next(WORDS.length)];
  return next(8) === 0 ? `${word} ${WORDS[next(WORDS.length)]}` : word;
}
