// Asks a real Valkey what its commands are and writes the facts that tests/commands.test.ts compares ours with.
//   node tests/support/command-facts.mjs PORT > tests/support/command-facts.json
// For each command: COMMAND INFO's fields without the notes of key specs. For some command lines: the bytes of
// COMMAND GETKEYSANDFLAGS' reply in RESP3.
import { connect } from "node:net";

const LINES = [
  "get a", "get", "get a b", "set k v", "set k v GET", "set k v ex 10 get", "mset a 1 b 2", "mset a 1 b",
  "msetex 2 a 1 b 2 ex 10", "msetex 3 a 1 b 2", "mget a b c", "del a b", "zunionstore out 2 a b",
  "zunionstore out 3 a b", "zunionstore out x a b", "zunion 2 a b", "zunion 0 a b", "zdiff -1 a", "eval s 0",
  "eval s 2 a b c", "eval s 3 a b", "eval s 1x a b", "eval s 01 a b", "evalsha_ro x 1 k", "fcall f 1 k", "sort k",
  "sort k by w get # get o store d", "sort k store a store b", "sort k limit 1 store d", "sort_ro k by x",
  "migrate h p k 0 10", "migrate h p  0 10 keys a b c", "migrate h p x 0 10 keys a b",
  "migrate h p  0 10 auth keys keys a b", "georadius k 1 2 3 m store d storedist e", "georadius_ro k 1 2 3 m",
  "xread count 1 block 2 streams a 0", "xread streams a b 0", "xread streams streams a 0 0",
  "xreadgroup group streams c streams s >", "bitfield k get u8 0", "bitfield k overflow wrap incrby u8 0 1",
  "bitfield k get u8", "bitop and d a b", "lmpop 3 a b left", "blmpop 0 1 a left count 1", "sintercard 2 a b limit 1",
  "object encoding k", "object help", "object", "object foo x", "config get x", "ping", "nope x",
  "memory usage k samples 5", "publish c m", "spublish c m", "pfcount a b", "pfdebug getreg k", "copy a b",
  "smove a b m", "getex k ex 10", "brpop a b 0", "lmove a b left right", "command getkeys get a",
];

/** One RESP value at the start of the text: [value, rest]; maps become objects, sets sorted arrays. */
function parse(text) {
  const end = text.indexOf("\r\n");
  if (end < 0) throw new RangeError("short");
  const line = text.slice(1, end);
  let rest = text.slice(end + 2);
  const next = () => {
    const [value, more] = parse(rest);
    rest = more;
    return value;
  };
  switch (text[0]) {
    case "*": return [Array.from({ length: Number(line) }, next), rest];
    case "~": return [Array.from({ length: Number(line) }, next), rest];
    case "%": return [Object.fromEntries(Array.from({ length: Number(line) }, () => [next(), next()])), rest];
    case ":": return [Number(line), rest];
    case "$":
      if (rest.length < Number(line) + 2) throw new RangeError("short");
      return [rest.slice(0, Number(line)), rest.slice(Number(line) + 2)];
    default: return [line, rest];
  }
}

/** Sends commands one after the other over one connection. */
function client(port) {
  const socket = connect(port, "127.0.0.1");
  let received = "";
  let answer;
  socket.setEncoding("latin1").on("data", (chunk) => {
    received += chunk;
    try {
      parse(received);
    } catch (error) {
      if (error instanceof RangeError) return;
      throw error;
    }
    const reply = received;
    received = "";
    answer(reply);
  });
  return (...words) => new Promise((resolve) => {
    answer = resolve;
    socket.write(`*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join("")}`);
  });
}

const send = client(Number(process.argv[2]));
await send("HELLO", "3");
const commands = {};
/** Files a command's COMMAND INFO under its name, and its subcommands'. */
function add([name, arity, flags, first, last, step, categories, tips, specs, subcommands]) {
  const keySpecs = specs.map(({ notes: _, ...rest }) => rest);
  commands[name] = { arity, flags, keys: [first, last, step], categories, tips, keySpecs };
  subcommands.forEach(add);
}
parse(await send("COMMAND"))[0].forEach(add);
const lines = {};
for (const line of LINES) lines[line] = await send("COMMAND", "GETKEYSANDFLAGS", ...line.split(" "));
const sorted = Object.entries(commands).sort(([a], [b]) => (a < b ? -1 : 1));
const row = ([key, value]) => `    ${JSON.stringify(key)}: ${JSON.stringify(value)}`;
const rows = (entries) => entries.map(row).join(",\n");
console.log(`{\n  "commands": {\n${rows(sorted)}\n  },\n  "lines": {\n${rows(Object.entries(lines))}\n  }\n}`);
process.exit(0);
