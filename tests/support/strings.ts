/**
 * strings: byte strings for the fuzzers of the socket, as latin1 texts: requests at the protocol's limits, whole
 * commands that were then cut, doubled, swapped or sprinkled, and plain garbage.
 */
import type { CommandGenerator } from "./commands.ts";
import type { Random } from "./random.ts";
import { encode } from "./resp.ts";

/** Requests whose parsing has limits and errors of its own; each was seen on the real server. */
export const PROTOCOL_CASES: string[] = [
  "*1\r\n$4\r\nPING\r\n", "*0\r\nPING\r\n", "*-1\r\nPING\r\n", "*-10\r\nPING\r\n", "\r\n\r\nPING\r\n", "\n\nPING\n",
  "*3\r\n$3\r\nSET\r\n$1\r\nx\r\nfooz\r\n", "*1\r\nfoo\r\n", "*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$-10\r\n",
  "*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$2000000000\r\n", "*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$blabla\r\n", "*20000000000\r\n",
  "*1048577\r\n", "*abc\r\n", "*\r\n", "*1\r\n$\r\n", "*1\r\n$4\r\nPINGxx", "*1\r\n$4\r\nPINGxx*1\r\n$4\r\nPING\r\n",
  "*1\r\n:4\r\nPING\r\n", "*1\r\n$+4\r\nPING\r\n", "*1\r\n$ 4\r\nPING\r\n", "*1\r\n$04\r\nPING\r\n",
  "*01\r\n$4\r\nPING\r\n", "*+1\r\n$4\r\nPING\r\n", "*1\r\n$0\r\n\r\n", "*2\r\n$4\r\nECHO\r\n$0\r\n\r\n",
  "PING \"un balanced\r\n", "P\xffING \xffa\xff\r\n",
  "ECHO \"a b\"\r\n", "ECHO 'a b'\r\n", "ECHO \"\\x41\\n\\t\\\"\"\r\n", "ECHO 'it\\'s'\r\n",
  "ECHO \"a\"b\r\n", "ECHO ''\r\n",
  "   PING   \r\n", "PING\0\r\n", "POST / HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
  `${"x".repeat(70000)}`, `PING ${"y".repeat(70000)}\r\n`, `*${"1".repeat(70000)}`, `*1\r\n$${"1".repeat(70000)}`,
  "*2\r\n$4\r\nECHO\r\n$536870913\r\n", "*1\r\n$9223372036854775808\r\n", "*2147483648\r\n", "*9223372036854775808\r\n",
];

/** Pieces that mean something to the parser. */
export const GARBAGE = [
  "*", "$", "\r\n", "\n", "\r", "-1", "0", "1", "3", "$3", "*3", "GET", "SET", "PING", " ", "\"", "'", "\\x", "\0",
  "\xff",
  "$-1", "*-1", "99999999999999999999", "1048576", "key", "+OK", ":1", "%1", "HELLO 3", "ECHO",
];

/** One random string: whole commands that were then cut, doubled, swapped or sprinkled, or plain garbage. */
export function randomString(random: Random, generator: CommandGenerator): string {
  if (random.chance(15)) return Array.from({ length: 1 + random.below(30) }, () => random.pick(GARBAGE)).join("");
  if (random.chance(5)) return random.bytes(1 + random.below(100));
  if (random.chance(10)) return random.pick(PROTOCOL_CASES) + random.pick(["", "PING\r\n", random.bytes(3)]);
  let text = "";
  for (let left = 1 + random.below(4); left > 0; left--) {
    const command = generator.next();
    const plain = random.chance(30) && command.every((arg) => /^[\w:*.-]+$/.test(arg));
    text += plain ? `${command.join(" ")}\r\n` : encode(command).toString("latin1");
  }
  for (let left = random.pick([0, 0, 1, 1, 2, 5]); left > 0; left--) {
    const at = random.below(text.length);
    switch (random.below(4)) {
      case 0: text = text.slice(0, at) + random.pick(GARBAGE) + text.slice(at); break;
      case 1: text = text.slice(0, at) + text.slice(at + 1 + random.below(4)); break;
      case 2: text = text.slice(0, at) + String.fromCharCode(random.below(256)) + text.slice(at + 1); break;
      default: text = text.slice(0, at) + text.slice(random.below(text.length));
    }
  }
  return text;
}

/** The text in two pieces, cut at a place. */
export function cut(text: string, at: number): string[] {
  return [text.slice(0, at), text.slice(at)].filter((piece) => piece.length > 0);
}
