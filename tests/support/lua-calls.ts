/**
 * lua-calls: random calls of the functions of Lua's libraries, with good and with hostile arguments, as Lua source.
 *
 * A call is compared by what `show` of the prelude makes of its results: numbers to their last bit, tables with all
 * that is in them. Calls whose results depend on the moment or on addresses aren't made.
 */
import type { Random } from "./random.ts";

/** A call to be made, as source: "string.rep(\"ab\",3)". */
export interface LuaCall {
  readonly name: string;
  readonly args: readonly string[];
}

/** What a script begins with that shows the results of calls: `show(pcall(f, ...))`. */
export const PRELUDE = `
local function text(v, depth)
  local kind = type(v)
  if kind == 'number' then return v ~= v and 'nan' or string.format('%.17g', v) end
  if kind == 'string' then return '"' .. v .. '"' end
  if kind == 'function' or kind == 'thread' then return kind end
  if kind ~= 'table' then return tostring(v) end
  if depth > 20 then return '...' end
  local parts = {}
  for key, value in pairs(v) do parts[#parts + 1] = text(key, depth + 1) .. '=' .. text(value, depth + 1) end
  table.sort(parts)
  return '{' .. table.concat(parts, ',') .. '}#' .. #v
end
local function show(...)
  local parts = {}
  for i = 1, select('#', ...) do parts[i] = text((select(i, ...)), 0) end
  return table.concat(parts, ' ')
end
local function upper(...) return string.upper((...)) end
local function nothing() end
local function count(...) return select('#', ...) end
local function fail() error('failed', 0) end
local function wrong() return {} end
local function less(a, b) return a < b end
local function more(a, b) return a > b end
local function always() return true end
local function never() return false end
local function parity(a, b) return a % 2 < b % 2 end
`;

// --- Values as source ---

/** A text as a Lua string, whatever its bytes. */
export function luaString(text: string): string {
  const escaped = text.replace(/[^ !#-[\]-~]/g, (c) => `\\${String(c.charCodeAt(0)).padStart(3, "0")}`);
  return `"${escaped}"`;
}

/** A number as a Lua expression. */
export function luaNumber(x: number): string {
  if (Number.isNaN(x)) return "(0/0)";
  if (!Number.isFinite(x)) return x > 0 ? "(1/0)" : "(-1/0)";
  return Object.is(x, -0) ? "(-0)" : `(${x.toExponential(16)})`;
}

const EDGES = [
  0, -0, 1, -1, 2, 3, 5, 7, 10, 31, 32, 33, 63, 64, 127, 128, 255, 256, -128, -129, 0.5, -0.5, 1.5, 2.5, -2.5, 1e-5,
  0.1, 1 / 3, 99.5, 65535, 65536, -32768, -32769, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), -(2 ** 31) - 1, 2 ** 32 - 1,
  2 ** 32, 2 ** 53, 2 ** 63, -(2 ** 63), 2 ** 64, 1e15, 1e16, 123456789012345, 1e21, 1e22, 1e100,
  1.7976931348623157e308, 5e-324,
  2.2250738585072014e-308, 1e-310, Infinity, -Infinity, NaN, 16777217, 3.4028234663852886e38,
];

const LETTERS = "aabbbcxyzAB019 _-.,%^$[]()\n\t\0\r\"\\/{}:\x7f\x80\xe4\xff";
const WORDS = [
  "hello world", "key=value, other = thing", "[[nested [brackets]] here]", "a,b,,c", "  trimmed  ", "THE (quick) fox",
  "x", "",
];

const BAD_ENDS = [
  "%", "[", "[^", "[a", "%f", "%b", "%bx", "%0", "%9", "[%", "\0", "\0a", "[]", "^", "$$",
];
const BAD_FORMATS = [
  "%y", "%", "%%", "%-+ #00d", "%100d", "%.100f", "%5", "%10.123f", "%l", "%\0", "%5.5%", "a%%b%",
];
const BAD_STRUCTS = ["z", "!3", "i33", "i99999999999", "!0", "c2147483648", "i\0z", "%", "!!", "u"];
const ORDERS = ["less", "more", "always", "never", "parity", "fail", "nil"];
const VALUES = ["nil", "true", "false", "{}", "upper", "cjson.null", "{1,2,3}", "coroutine.create(upper)"];

/** What the real server takes minutes or gigabytes for with a large number. */
const PATIENT = new Set(["string.rep", "inserted", "string.format"]);

/** Makes random calls from one source of choices. */
export class LuaCalls {
  readonly #random: Random;
  readonly #names: readonly string[];

  constructor(random: Random) {
    this.#random = random;
    this.#names = Object.keys(MAKERS);
  }

  /** The next call. */
  next(): LuaCall {
    const name = this.pick(this.#names);
    const args = MAKERS[name](this);
    // now and then one argument is of any type, one is missing or one too many
    const spoil = this.below(30);
    const other = PATIENT.has(name) ? this.pick(VALUES) : this.any();
    if (spoil === 0 && args.length > 0) args[this.below(args.length)] = other;
    if (spoil === 1) args.pop();
    if (spoil === 2) args.push(other);
    return { name, args };
  }

  // --- Choices ---

  below(limit: number): number {
    return this.#random.below(limit);
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)];
  }

  some<Item>(most: number, make: () => Item): Item[] {
    return Array.from({ length: this.below(most + 1) }, make);
  }

  // --- Arguments, as source ---

  small(): string {
    return luaNumber(this.below(24) - 8);
  }

  double(): number {
    switch (this.below(5)) {
      case 0: return this.pick(EDGES);
      case 1: return this.below(2000) / 8 - 100;
      case 2: return (this.#random.fraction() - 0.5) * 10 ** this.below(20);
      case 3: return this.below(2 ** 32) - 2 ** 31;
      default: {
        const view = new DataView(new ArrayBuffer(8));
        view.setBigUint64(0, this.#random.u64());
        return view.getFloat64(0);
      }
    }
  }

  number(): string {
    return luaNumber(this.double());
  }

  /** A number, mostly small, seldom as text. */
  index(): string {
    const choice = this.below(20);
    if (choice === 0) return this.number();
    return choice === 1 ? luaString(String(this.below(20))) : this.small();
  }

  raw(): string {
    if (this.below(4) === 0) return this.pick(WORDS);
    return this.some(this.below(3) === 0 ? 40 : 10, () => this.pick([...LETTERS])).join("");
  }

  string(): string {
    return this.below(25) === 0 ? this.number() : luaString(this.raw());
  }

  any(): string {
    return this.below(2) === 0 ? this.pick(VALUES) : this.pick([this.string(), this.number(), this.index()]);
  }

  pattern(): string {
    const single = (): string => this.pick([
      "a", "b", "c", "x", ".", "%a", "%d", "%s", "%w", "%p", "%S", "%W", "%x", "%u", "%l", "%c", "%z", "%%", "%.",
      "[abc]", "[^abc]", "[a-c]", "[%w_]", "[^%s]", "[]]", "[a-]", "[^]]", "[%a-z]", " ", ",", "=", "\xe4",
      "[\x80-\xff]", "%A", "%]",
    ]);
    const piece = (): string => {
      switch (this.below(14)) {
        case 0: return `(${single()}${this.pick(["", "*", "+", "-", "?"])})`;
        case 1: return this.pick(["%b()", "%b[]", "%baa", "%bxy"]);
        case 2: return `%f${this.pick(["[%a]", "[^%w]", "[%z]", "[abc]"])}`;
        case 3: return this.pick(["()", "(", ")", "%1", "%2", "(())", "((.)(.))"]);
        default: return single() + this.pick(["", "", "*", "+", "-", "?"]);
      }
    };
    let text = this.pick(["", "", "", "^"]) + this.some(6, piece).join("") + this.pick(["", "", "", "$"]);
    if (this.below(15) === 0) text += this.pick(BAD_ENDS);
    if (this.below(15) === 0) text = text.slice(this.below(4));
    return text;
  }

  /** A text in which its patterns have a chance. */
  subject(): string {
    if (this.below(3) === 0) return this.string();
    return luaString(this.some(16, () => this.pick([..."aabbccx ,=()[]1_\xe4A\n"])).join(""));
  }

  table(depth = 0): string {
    const value = (): string => {
      if (depth < 3 && this.below(6) === 0) return this.table(depth + 1);
      return this.pick([this.string(), this.number(), this.small(), this.pick(["true", "false", "cjson.null"])]);
    };
    const choice = this.below(8);
    if (choice === 0) return "{}";
    const key = this.pick([luaString(this.raw()), this.number().replace("(0/0)", "1"), "true", "1.5", "-1"]);
    if (choice === 1) return `{[${key}]=${value()}}`;
    if (choice === 2) return `{[${1 + this.below(30)}]=${value()}}`;
    if (choice === 3) {
      const named = (): string => `[${this.pick([luaString(this.raw()), String(this.below(20)), "1.5"])}]=${value()}`;
      return `{${[...this.some(8, named), ...this.some(2, value)].join(",")}}`;
    }
    return `{${this.some(8, value).join(",")}}`;
  }

  callback(): string {
    return this.pick(["upper", "nothing", "count", "fail", "wrong"]);
  }

  format(): string {
    const item = (): string => {
      const flags = this.some(2, () => this.pick(["-", "+", " ", "#", "0"])).join("");
      const width = this.pick(["", "", "", "1", "5", "12", "30"]);
      const precision = this.pick(["", "", "", ".", ".0", ".1", ".3", ".10", ".20", ".99"]);
      return `%${flags}${width}${precision}${this.pick([..."cdiouxXeEfgGqsdfgs"])}`;
    };
    if (this.below(20) === 0) return this.pick(BAD_FORMATS);
    return this.some(2, () => this.pick(["a", " ", "%%", "\0"])).join("") + item() + this.pick(["", "!", item()]);
  }

  json(depth = 0): string {
    const number = (): string => this.pick([
      String(this.double()), String(this.below(1000)), "-0", "1e5", "1E-3", "0.5", ".5", "5.", "-", "+1", "01", "0x1F",
      "0x", "1e", "inf", "-Infinity", "nan", "NaN(1)", "-.5", "0x1p4", "0x.8", "123456789012345678901", "1.5.2",
    ]);
    const word = (): string => `"${this.some(6, () => this.pick([
      "a", "b", "\\n", "\\u0041", "\\u00e9", "\\u20ac", "\\ud83d\\ude00", "\\ud83d", "\\udc00", "\\u12", "\\x", "\\/",
      "\xc3\xa9", "\x01", "\0", "\\", "\\\"",
    ])).join("")}"`;
    const choice = this.below(depth > 3 ? 4 : 7);
    const space = this.pick(["", "", " ", "\n", "\t"]);
    if (choice === 0) return space + this.pick(["true", "false", "null", "nul", "truex", "", "}", "]", ":", ","]);
    if (choice < 3) return space + number();
    if (choice === 3) return space + word();
    const pair = (): string => `${this.below(10) === 0 ? number() : word()}:${this.json(depth + 1)}`;
    if (choice === 4) return `${space}{${this.some(2, pair).join(",")}${space}}`;
    return `${space}[${this.some(4, () => this.json(depth + 1)).join(",")}${space}]`;
  }

  /** An object of many keys. */
  jsonObject(): string {
    const pair = (): string => `"${this.pick(["a", "b", "id", "name", ""])}${this.below(30)}":${this.json(3)}`;
    return `{${this.some(20, pair).join(",")}}`;
  }

  /** Bytes of MessagePack, or nearly so. */
  packed(depth = 0): string {
    const byte = (): string => String.fromCharCode(this.below(256));
    const bytes = (count: number): string => Array.from({ length: count }, byte).join("");
    switch (this.below(depth > 3 ? 6 : 9)) {
      case 0: return byte();
      case 1: return this.pick(["\xca", "\xce", "\xd2"]) + bytes(4);
      case 2: return this.pick(["\xcb", "\xcf", "\xd3"]) + bytes(8);
      case 3: return this.pick(["\xcc", "\xd0", "\xc0", "\xc2", "\xc3", "\xe0", "\x7f"]) + bytes(this.below(2));
      case 4: return `\xa3abc`;
      case 5: return `\xd9\x02xy${this.pick(["", "\xda\0\x01z", "\xdb\0\0\0\x01q", "\xdb\xff\xff\xff\xff"])}`;
      case 6: return `\x92${this.packed(depth + 1)}${this.packed(depth + 1)}`;
      case 7: return `\x81\xa1k${this.packed(depth + 1)}`;
      default: {
        const head = this.pick(["\xdc\0\x02", "\xde\0\x01", "\xdd\0\0\0\x01", "\xdf\0\0\0\x01", "\x81"]);
        return head + this.packed(depth + 1) + this.packed(depth + 1);
      }
    }
  }

  structFormat(): string {
    const option = (): string => this.pick([
      "b", "B", "h", "H", "l", "L", "T", "i", "I", "f", "d", "x", "s", "c", "c0", "c3", "i1", "i2", "i3", "i5", "i7",
      "i8", "i9", "i16", "I3", "I8", "I12", "i32", "<", ">", "!", "!2", "!4", "!16", " ", "i0", "h", "d",
    ]);
    if (this.below(25) === 0) return this.pick(BAD_STRUCTS);
    return this.some(5, option).join("");
  }
}

// --- Calls ---

type Maker = (g: LuaCalls) => string[];

const oneNumber: Maker = (g) => [g.number()];
const twoNumbers: Maker = (g) => [g.number(), g.number()];
const bits: Maker = (g) => [g.number(), g.pick([g.small(), g.number(), luaNumber(g.below(64))])];
const manyBits: Maker = (g) => [g.number(), ...g.some(4, () => g.number())];
const numbersAlike = (g: LuaCalls): string => `{${g.some(20, () => luaNumber(g.below(10))).join(",")}}`;

const MAKERS: Record<string, Maker> = {
  "string.byte": (g) => [g.string(), ...g.some(2, () => g.index())],
  "string.char": (g) => g.some(6, () => luaNumber(g.below(g.below(10) === 0 ? 300 : 256))),
  "string.find": (g) => {
    const optional = [...g.some(1, () => g.index()), ...g.some(1, () => g.pick(["true", "false", "nil"]))];
    return [g.subject(), luaString(g.pattern()), ...optional];
  },
  "string.format": (g) => {
    const values = g.some(3, () => g.pick([g.number(), g.number(), g.string(), g.small()]));
    return [luaString(g.format()), ...values];
  },
  "string.gmatch": (g) => [g.subject(), luaString(g.pattern())],
  "string.gsub": (g) => [
    g.subject(), luaString(g.pattern()),
    g.pick([
      luaString(g.pick(["x", "%0", "%1", "<%1%2>", "%%", "%a", "%", "", "%9"])), g.callback(), g.table(),
      "{a='1',b=2,c=false,x=true}",
    ]),
    ...g.some(1, () => g.index()),
  ],
  "string.len": (g) => [g.string()],
  "string.lower": (g) => [g.string()],
  "string.match": (g) => [g.subject(), luaString(g.pattern()), ...g.some(1, () => g.index())],
  "string.rep": (g) => [g.string(), g.small()],
  "string.reverse": (g) => [g.string()],
  "string.sub": (g) => [g.string(), g.index(), ...g.some(1, () => g.index())],
  "string.upper": (g) => [g.string()],
  "table.concat": (g) => [g.table(), ...g.some(3, () => g.pick([g.string(), g.small(), g.small()]))],
  "table.maxn": (g) => [g.table()],
  "table.getn": (g) => [g.table()],
  "table.setn": (g) => [g.table(), g.small()],
  "table.foreach": (g) => [g.table(), g.callback()],
  "table.foreachi": (g) => [g.table(), g.callback()],
  "math.abs": oneNumber, "math.ceil": oneNumber, "math.floor": oneNumber, "math.sqrt": oneNumber,
  "math.modf": oneNumber, "math.frexp": oneNumber, "math.deg": oneNumber, "math.rad": oneNumber,
  "math.fmod": twoNumbers, "math.mod": twoNumbers,
  "math.max": manyBits, "math.min": manyBits,
  "math.ldexp": (g) => [g.number(), g.pick([g.small(), g.number(), luaNumber(g.below(2400) - 1200)])],
  "bit.tobit": oneNumber, "bit.bnot": oneNumber, "bit.bswap": oneNumber, "bit.tohex": bits,
  "bit.band": manyBits, "bit.bor": manyBits, "bit.bxor": manyBits,
  "bit.lshift": bits, "bit.rshift": bits, "bit.arshift": bits, "bit.rol": bits, "bit.ror": bits,
  "cjson.encode": (g) => [g.pick([g.table(), g.string(), g.number(), g.any()])],
  "cjson.decode": (g) => [luaString(g.json())],
  "cmsgpack.pack": (g) => [g.pick([g.table(), g.string(), g.number()]), ...g.some(2, () => g.any())],
  "cmsgpack.unpack": (g) => [luaString(g.packed())],
  "cmsgpack.unpack_one": (g) => [luaString(g.packed() + g.packed()), ...g.some(1, () => g.small())],
  "cmsgpack.unpack_limit": (g) => [luaString(g.packed() + g.packed()), g.small(), ...g.some(1, () => g.small())],
  "struct.pack": (g) => {
    const values = g.some(6, () => g.pick([g.number(), g.string(), g.small(), luaNumber(g.below(300))]));
    return [luaString(g.structFormat()), ...values];
  },
  "struct.unpack": (g) => {
    const data = luaString(g.raw() + g.raw() + g.raw());
    return [luaString(g.structFormat()), data, ...g.some(1, () => g.index())];
  },
  "struct.size": (g) => [luaString(g.structFormat())],
  // what they do to a table is what counts
  inserted: (g) => [g.table(), ...g.some(2, () => g.pick([luaNumber(1 + g.below(12)), luaString(g.raw())]))],
  removed: (g) => [g.table(), ...g.some(1, () => g.small())],
  sorted: (g) => [g.pick([g.table(), numbersAlike(g)]), ...g.some(1, () => g.pick(ORDERS))],
  recoded: (g) => [luaString(g.pick([g.json(), g.jsonObject()]))],
  repacked: (g) => [luaString(g.jsonObject())],
  drawn: (g) => [g.pick([g.number(), g.small()]), ...g.some(3, () => g.pick([g.number(), g.small()]))],
  matches: (g) => [g.subject(), luaString(g.pattern())],
};

/** Functions of the prelude's own that some calls name: they show what becomes of a table, or all of an iteration. */
export const CALLED = `
local function inserted(t, ...)
  table.insert(t, ...)
  return t
end
local function removed(t, ...)
  local value = table.remove(t, ...)
  return value, t
end
local function sorted(t, ...)
  table.sort(t, ...)
  return t
end
local function recoded(json) return cjson.encode(cjson.decode(json)) end
local function repacked(json) return cjson.encode(cmsgpack.unpack(cmsgpack.pack(cjson.decode(json)))) end
local function drawn(seed, ...)
  math.randomseed(seed)
  local first = math.random(...)
  return first, math.random(...), math.random()
end
local function rounded(x) return x ~= x and 'nan' or tostring(x) end
local function matches(s, p)
  local found = {}
  for a, b, c in string.gmatch(s, p) do found[#found + 1] = show(a, b, c) end
  return found
end
`;

/** A script that makes calls and returns how each of them shows. */
export function scriptOf(calls: readonly LuaCall[]): string {
  const lines = calls.map(({ name, args }, i) =>
    `out[${i + 1}] = (function() return show(pcall(${[name, ...args].join(", ")})) end)()`);
  return `${PRELUDE}${CALLED}local out = {}\n${lines.join("\n")}\nreturn out`;
}
