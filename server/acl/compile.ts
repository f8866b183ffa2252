// compile.ts - a user's rules as the block of bytes that the core checks commands against.
//
// core-wasm/resp/access.ts draws it. All words are 32 bits, offsets count from the block's start.
//
// Costs: a pass over the user's rules; a block takes about 120 bytes a selector and its patterns.

import { ACCESS_SELECTOR, ACCESS_USER } from "../generated/layout.ts";
import {
  SELECTOR_ALL_CHANNELS, SELECTOR_ALL_COMMANDS, SELECTOR_ALL_DATABASES, SELECTOR_ALL_KEYS,
} from "../generated/layout.ts";
import { toBytes } from "../config/text.ts";
import type { Selector, User } from "./user.ts";

/** A list's item: its bytes, and a number that belongs to it. */
type Item = readonly [text: string, number: number];

/** Bytes that grow; everything begins at a multiple of four. */
class Block {
  #bytes = new Uint8Array(1024);
  length: number;

  /** `length` bytes are reserved for what is set by setWord(). */
  constructor(length: number) {
    this.length = 0;
    this.#room(length);
    this.length = length;
  }

  #room(n: number): void {
    if (this.length + n <= this.#bytes.length) return;
    const larger = new Uint8Array((this.length + n) * 2);
    larger.set(this.#bytes.subarray(0, this.length));
    this.#bytes = larger;
  }

  setWord(at: number, value: number): void {
    new DataView(this.#bytes.buffer).setUint32(at, value, true);
  }

  /** Appends bytes; returns where they begin. */
  add(bytes: Uint8Array): number {
    const at = this.length;
    const padded = (bytes.length + 3) & ~3;
    this.#room(padded);
    this.#bytes.set(bytes, at);
    this.length += padded;
    return at;
  }

  /** Appends a list; returns where it begins. */
  addList(items: readonly Item[]): number {
    const at = this.length;
    for (const [text, number] of items) {
      const header = this.add(new Uint8Array(8));
      this.setWord(header, text.length);
      this.setWord(header + 4, number);
      this.add(toBytes(text));
    }
    return at;
  }

  take(): Uint8Array {
    return this.#bytes.slice(0, this.length);
  }
}

function databaseBits(selector: Selector, count: number): Uint8Array {
  const bits = new Uint8Array((count + 7) >> 3);
  for (const index of selector.databases) if (index < count) bits[index >> 3] |= 1 << (index & 7);
  return bits;
}

function addSelector(block: Block, at: number, selector: Selector, databases: number): void {
  const set = (field: number, value: number) => block.setWord(at + field, value);
  const flags: readonly (readonly [boolean, number])[] = [
    [selector.allKeys, SELECTOR_ALL_KEYS], [selector.allChannels, SELECTOR_ALL_CHANNELS],
    [selector.allDatabases, SELECTOR_ALL_DATABASES], [selector.allCommands, SELECTOR_ALL_COMMANDS],
  ];
  const firstArgs = [...selector.firstArgs].flatMap(([id, words]) => words.map((word): Item => [word, id]));
  set(ACCESS_SELECTOR.flags, flags.reduce((sum, [isSet, bit]) => sum | (isSet ? bit : 0), 0));
  set(ACCESS_SELECTOR.commands, block.add(selector.commands));
  set(ACCESS_SELECTOR.databases, block.add(databaseBits(selector, databases)));
  set(ACCESS_SELECTOR.databaseCount, databases);
  set(ACCESS_SELECTOR.keys, block.addList(selector.keys.map(({ pattern, rights }) => [pattern, rights])));
  set(ACCESS_SELECTOR.keyCount, selector.keys.length);
  set(ACCESS_SELECTOR.channels, block.addList(selector.channels.map((channel) => [channel, 0])));
  set(ACCESS_SELECTOR.channelCount, selector.channels.length);
  set(ACCESS_SELECTOR.firstArgs, block.addList(firstArgs));
  set(ACCESS_SELECTOR.firstArgCount, firstArgs.length);
}

/** The block of a user in a server with so many databases; undefined when the user may do everything. */
export function compileUser(user: User, databases: number): Uint8Array | undefined {
  if (user.hasAllRights) return undefined;
  const block = new Block(ACCESS_USER.SIZE + ACCESS_SELECTOR.SIZE * user.selectors.length);
  block.setWord(ACCESS_USER.id, user.id);
  block.setWord(ACCESS_USER.selectors, user.selectors.length);
  block.setWord(ACCESS_USER.name, block.add(toBytes(user.name)));
  block.setWord(ACCESS_USER.nameLength, user.name.length);
  for (const [i, selector] of user.selectors.entries()) {
    addSelector(block, ACCESS_USER.SIZE + ACCESS_SELECTOR.SIZE * i, selector, databases);
  }
  return block.take();
}
