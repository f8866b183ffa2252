/**
 * lua-programs: random Lua programs that end, with every statement, operator and many mistakes; and ones that are no
 * programs any more, because tokens of such were lost, doubled or swapped.
 *
 * A program logs what it works out and returns the log, so that two machines can be compared by it. What it raises is
 * part of the log: names of variables and lines are compared with it.
 */
import type { Random } from "./random.ts";

const NAMES = ["a", "b", "c", "d", "t", "u", "f", "g"];
const FIELDS = ["x", "y", "z", "n"];
const EVENTS = ["add", "sub", "mul", "div", "mod", "pow", "unm", "concat", "eq", "lt", "le", "index", "newindex",
  "call"];
const OPERATORS = ["+", "-", "*", "/", "%", "^", "..", "==", "~=", "<", "<=", ">", ">=", "and", "or"];
const LITERALS = [
  "nil", "true", "false", "0", "1", "2", "3", "-1", "0.5", "1e15", "1e100", "'10'", "'0x1F'", "' 5 '", "'x'", "''",
  "'abc'", "\"q\\n\\065\"", "[[long]]", "2^53", "1/0", "-1/0", "100", "7",
];
const NATIVES = [
  "type", "tonumber", "rawlen", "select", "unpack", "rawget", "next", "rawequal", "string.rep", "string.sub",
  "math.floor", "table.concat", "string.len",
];
const STEPS = 400;

/** What a program begins with: `log` notes values so that they are the same on each machine. */
const BEGIN = `local out, steps = {}, 0
local function shown(v)
  local kind = type(v)
  if kind == 'table' or kind == 'function' or kind == 'thread' then return kind end
  if v ~= v then return 'nan' end
  return kind .. ':' .. tostring(v)
end
local function log(...)
  steps = steps + 1
  if steps > ${STEPS} then error('enough', 0) end
  local line = {}
  for i = 1, select('#', ...) do line[i] = shown((select(i, ...))) end
  out[#out + 1] = table.concat(line, ',')
  return ...
end
local function length(t) local n = 0 for _ in pairs(t) do n = n + 1 end return n end
`;

export class ProgramGenerator {
  readonly #random: Random;
  #room = 0;
  #loops = 0;
  #functions = 0;
  #isVararg = true;

  constructor(random: Random) {
    this.#random = random;
  }

  /** A program whose result is what it logged. */
  program(): string {
    this.#room = 60;
    this.#loops = 0;
    this.#functions = 0;
    this.#isVararg = true;
    const names = NAMES.map((name) => `local ${name} = ${this.#expression(2)}\n`).join("");
    const body = `${names}${this.#block(3)}`;
    return `${BEGIN}local ok, e = pcall(function(...)\n${body}end, 1, nil, 'v')\n` +
      "out[#out + 1] = shown(ok) .. '|' .. shown(e)\nreturn out\n";
  }

  /** A program of which some tokens were changed: most are none any more. */
  broken(): string {
    this.#room = 12;
    const text = this.#block(2);
    const tokens = text.match(/\w+|'[^'\n]*'|"[^"\n]*"|\s+|[=<>~]=|\.\.\.?|[^\w\s]/g) ?? [];
    for (let count = this.#random.below(3) + 1; count > 0; count -= 1) {
      const at = this.#random.below(tokens.length);
      const other = this.#random.below(tokens.length);
      switch (this.#random.below(5)) {
        case 0: tokens.splice(at, 1); break;
        case 1: tokens.splice(at, 0, tokens[other]); break;
        case 2: tokens[at] = tokens[other]; break;
        case 3: tokens.splice(at, 0, this.#random.pick(SOUP)); break;
        default: tokens.length = at;
      }
    }
    return tokens.join("");
  }

  /** Tokens in any order. */
  soup(): string {
    const length = this.#random.below(30) + 1;
    return Array.from({ length }, () => this.#random.pick(SOUP)).join(this.#random.chance(50) ? " " : "");
  }

  /** A table that is filled, and the order in which pairs goes through it. */
  order(): string {
    const random = this.#random;
    const key = (): string => {
      switch (random.below(6)) {
        case 0: return String(random.below(30) - 3);
        case 1: return String(random.below(20) / 4);
        case 2: return String(random.chance(50));
        default: return `'${"key-".repeat(random.below(4))}${random.below(50)}'`;
      }
    };
    const first = Array.from({ length: random.below(8) }, () => random.chance(60) ? `[${key()}] = 1` : "1");
    const later = Array.from({ length: random.below(60) }, () => `t[${key()}] = 1`);
    return `local t, o = {${first.join(", ")}}, {} ${later.join(" ")} ` +
      "for k in pairs(t) do o[#o + 1] = tostring(k) end return {#t, table.concat(o, ' ')}";
  }

  // --- Statements ---

  #block(depth: number): string {
    const count = this.#random.below(4) + 1;
    let text = "";
    for (let index = 0; index < count && this.#room > 0; index += 1) text += this.#statement(depth);
    return text;
  }

  #statement(depth: number): string {
    const random = this.#random;
    this.#room -= 1;
    const inner = depth > 0;
    switch (random.below(inner ? 18 : 9)) {
      case 0: return `local ${this.#name()} = ${this.#expression(2)}\n`;
      case 1: return `${this.#name()} = ${this.#expression(2)}\n`;
      case 2: return `${this.#target()} = ${this.#expression(2)}\n`;
      case 3: return `${this.#target()}, ${this.#target()} = ${this.#expression(1)}, ${this.#expression(1)}\n`;
      case 4: case 5: case 6: return `log(${this.#expressions(2)})\n`;
      case 7: return `local ${this.#name()}, ${this.#name()} = ${this.#expressions(2)}\n`;
      case 8: return `${this.#call(1)}\n`;
      case 9: return `if ${this.#expression(2)} then\n${this.#block(depth - 1)}${this.#otherwise(depth)}end\n`;
      case 10: return this.#loop(depth);
      case 11: return `for ${this.#name()}, ${this.#name()} in ${this.#iteration()} do\n${this.#block(depth - 1)}end\n`;
      case 12: return `do\n${this.#block(depth - 1)}end\n`;
      case 13: return this.#counted(depth);
      case 14: return `local function ${this.#name()}${this.#body(depth)}`;
      case 15: return `setmetatable(${this.#name()}, ${this.#metatable()})\n`;
      case 16: return `log(pcall(function(...)\n${this.#block(depth - 1)}end, ${this.#expressions(1)}))\n`;
      default: return this.#coroutine(depth);
    }
  }

  #otherwise(depth: number): string {
    if (this.#random.chance(60)) return "";
    return this.#random.chance(50) ? `else\n${this.#block(depth - 1)}`
      : `elseif ${this.#expression(1)} then\n${this.#block(depth - 1)}`;
  }

  #loop(depth: number): string {
    if (this.#loops >= 3) return this.#statement(0);
    const step = this.#random.chance(30) ? `, ${this.#random.pick(["2", "-1", "0.5", "'1'", "nil"])}` : "";
    const from = this.#random.pick(["1", "3", "0", "'2'", "-1", "{}"]);
    this.#loops += 1;
    const body = this.#block(depth - 1);
    this.#loops -= 1;
    return `for ${this.#name()} = ${from}, ${this.#random.pick(["3", "1", "5", "'4'", "nil"])}${step} do\n${body}end\n`;
  }

  #counted(depth: number): string {
    if (this.#loops >= 3) return this.#statement(0);
    this.#loops += 1;
    const body = this.#block(depth - 1);
    this.#loops -= 1;
    const leave = this.#random.chance(30) ? `if ${this.#expression(1)} then break end\n` : "";
    const count = `local i = 0\n`;
    if (this.#random.chance(50)) return `do ${count}while i < 3 do i = i + 1\n${body}${leave}end end\n`;
    const until = `until i > 2 or ${this.#expression(1)}`;
    return `do ${count}repeat i = i + 1 local ${this.#name()} = i\n${body}${leave}${until} end\n`;
  }

  #coroutine(depth: number): string {
    return `do local co = coroutine.create(function(...)\n${this.#block(depth - 1)}` +
      `log(coroutine.yield(${this.#expressions(1)}))\n${this.#block(0)}end)\n` +
      `log(coroutine.resume(co, ${this.#expressions(1)}))\nlog(coroutine.resume(co, ${this.#expressions(1)}))\n` +
      "log(coroutine.status(co), coroutine.resume(co)) end\n";
  }

  #iteration(): string {
    const table = this.#random.chance(60) ? "{10, 20, nil, 40}" : this.#expression(1);
    const others = ["ipairs({1, 2, 3})", "pairs({5, 6})", "next, {7}", this.#expression(0)];
    return this.#random.pick([`ipairs(${table})`, ...others]);
  }

  #metatable(): string {
    const parts = Array.from({ length: this.#random.below(4) + 1 }, () => {
      const event = this.#random.pick(EVENTS);
      const value = this.#random.chance(15) ? this.#name() : `function(p, q, ...) ${this.#handled()} end`;
      return `__${event} = ${value}`;
    });
    return `{${parts.join(", ")}}`;
  }

  #handled(): string {
    return this.#random.pick([
      "return 1", "return q", "return p, q", "log('event') return 'e'", "return nil", "return type(p) .. type(q)",
      "error('in event')", "return q == nil", "return p.x", "local z = q return z()",
    ]);
  }

  // --- Expressions ---

  #name(): string {
    return this.#random.pick(NAMES);
  }

  #expressions(depth: number): string {
    return Array.from({ length: this.#random.below(3) + 1 }, () => this.#expression(depth)).join(", ");
  }

  #target(): string {
    switch (this.#random.below(4)) {
      case 0: return this.#name();
      case 1: return `${this.#name()}.${this.#random.pick(FIELDS)}`;
      case 2: return `t[ ${this.#expression(0)} ]`;
      default: return `t.${this.#random.pick(FIELDS)}`;
    }
  }

  #expression(depth: number): string {
    const random = this.#random;
    if (depth === 0 || random.chance(25)) return random.chance(50) ? this.#name() : random.pick(LITERALS);
    switch (random.below(12)) {
      case 0: case 1: case 2: case 3: {
        const right = this.#expression(depth - 1);
        return `${this.#expression(depth - 1)} ${random.pick(OPERATORS)} ${right}`;
      }
      case 4: return `(${this.#expression(depth - 1)} ${random.pick(OPERATORS)} ${this.#expression(depth - 1)})`;
      case 5: return `${random.pick(["-", "not ", "#"])}${this.#expression(depth - 1)}`;
      case 6: return `${this.#name()}.${random.pick(FIELDS)}`;
      case 7: return `${this.#name()}[ ${this.#expression(depth - 1)} ]`;
      case 8: return this.#call(depth - 1);
      case 9: return this.#constructorText(depth - 1);
      case 10: return this.#functions > 4 ? this.#name() : `function${this.#body(1)}`.trimEnd();
      default:
        return random.pick(this.#isVararg ? ["...", "(...)", "select('#', ...)"] : ["length(t)", "type(a)", "#t"]);
    }
  }

  #constructorText(depth: number): string {
    const parts = Array.from({ length: this.#random.below(4) }, () => {
      switch (this.#random.below(4)) {
        case 0: return `${this.#random.pick(FIELDS)} = ${this.#expression(depth)}`;
        case 1: return `[ ${this.#expression(0)} ] = ${this.#expression(depth)}`;
        default: return this.#expression(depth);
      }
    });
    return `{${parts.join(", ")}}`;
  }

  #call(depth: number): string {
    const args = this.#random.chance(80) ? this.#expressions(depth) : "";
    switch (this.#random.below(7)) {
      case 0: return `log(${args})`;
      case 1: return `t:${this.#random.pick(FIELDS)}(${args})`;
      case 2: return `t.${this.#random.pick(FIELDS)}(${args})`;
      case 3: case 4: return `${this.#random.pick(NATIVES)}(${args})`;
      case 5: return `pcall(${this.#name()}, ${this.#expression(depth)})`;
      default: return `${this.#name()}(${args})`;
    }
  }

  #body(depth: number): string {
    this.#functions += 1;
    const parameters = this.#random.pick(["", "a", "a, b", "c, ...", "..."]);
    const outside = this.#isVararg;
    this.#isVararg = parameters.includes("...");
    const inside = this.#block(Math.max(0, depth - 1));
    const back = this.#random.chance(60) ? `return ${this.#expressions(1)}\n` : "";
    this.#functions -= 1;
    this.#isVararg = outside;
    // A function may call itself by its name: the log ends that.
    return `(${parameters})\nlog('in')\n${inside}${back}end\n`;
  }
}

/** What token soup is made of. */
export const SOUP: readonly string[] = [
  "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "if", "in", "local", "nil", "not", "or",
  "repeat", "return", "then", "true", "until", "while", "+", "-", "*", "/", "%", "^", "#", "==", "~=", "<=", ">=", "<",
  ">", "=", "(", ")", "{", "}", "[", "]", ";", ":", ",", ".", "..", "...", "a", "b", "t", "f", "1", "0x1F", "3.5e2",
  "'s'", "\"d\"", "[[l]]", "[==[k]==]", "--c\n", "--[[m]]", "\n", "1e", "'", "\"", "[[",
  "~", "$", "\0", "\xff", "\\", "!",
  "@",
];
