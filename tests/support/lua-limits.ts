/**
 * lua-limits: Lua texts just below and just above each limit of the compiler: nesting, variables, registers, constants,
 * long lists; and functions that call each other until a limit of the machine ends it.
 */

const repeated = (count: number, make: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => make(index)).join("");

const listed = (count: number, make: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => make(index)).join(",");

/** Nested constructs, as deep as `n`. */
function nested(n: number): string[] {
  return [
    `return ${"(".repeat(n)}1${")".repeat(n)}`,
    `return #${"{".repeat(n)}1${"}".repeat(n)}`,
    `return ${"- ".repeat(n)}1`,
    `return ${"not ".repeat(n)}1`,
    `${"do ".repeat(n)}${"end ".repeat(n)}return 5`,
    `${"if true then ".repeat(n)}${"end ".repeat(n)}return 6`,
    `${"while true do ".repeat(n)}break ${"end break ".repeat(n - 1)} end return 6`,
    `local x ${"x = function() ".repeat(n)}${"end ".repeat(n)}return 5`,
    `return ${"1 .. ".repeat(n)}1`,
    `return ${"2^".repeat(n)}1`,
    `local f f = function(x) return f end return f${"(f".repeat(n)}${")".repeat(n)} and 1`,
    `local a = {} ${listed(n, () => "a.x")} = 1 return 3`,
    `return loadstring('return ${"(".repeat(n)}1${")".repeat(n)}')()`,
    `return {pcall(function() return (assert(loadstring('return ${"(".repeat(n)}1${")".repeat(n)}')))() end)}`,
  ];
}

/** Functions that use `n` registers. */
function wide(n: number): string[] {
  return [
    `return select('#', ${listed(n, () => "1")})`,
    `local a return {${Array.from({ length: n }, () => "a").join("..")}}`,
    `local t = {${"{},".repeat(n)}} return #t`,
    `local f = function(${listed(n, (i) => `p${i}`)}) end return 1`,
    `for ${listed(n, (i) => `p${i}`)} in pairs({}) do end return 1`,
    `local t = {} t.f = function(...) return select('#', ...) end return t.f(${listed(n, () => "t")})`,
    `${repeated(n, (i) => `local a${i}\n`)}return 1`,
  ];
}

/** Calls without an end, counted. */
const ENDLESS = [
  "local t = setmetatable({}, {__index = function(t, k) DEEPER return t[k] end}) " +
    "local ok, e = pcall(function() return t.x end)",
  "local t t = setmetatable({}, {__add = function(a, b) DEEPER return a + b end}) " +
    "local ok, e = pcall(function() return t + t end)",
  "local t t = setmetatable({}, {__eq = function(a, b) DEEPER return a == b end}) " +
    "local ok, e = pcall(function() return t == setmetatable({}, getmetatable(t)) end)",
  "local function f() DEEPER for x in f do end end local ok, e = pcall(f)",
  "local function f() DEEPER pcall(f) end f() local e = ''",
  "local function f() DEEPER local ok, e = pcall(f) if not ok then error(e, 0) end end local ok, e = pcall(f)",
  "local function f() DEEPER return (string.gsub('a', 'a', f)) end local ok, e = pcall(f)",
  "local function f() DEEPER local ok, e = coroutine.resume(coroutine.create(f)) if not ok then error(e, 0) end end " +
    "local ok, e = pcall(f)",
  "local e = select(2, xpcall(function() error('a') end, function(e) DEEPER error('b') end))",
];

/** All of them. */
export function limitScripts(): string[] {
  const keys = repeated(300, (i) => `t.k${i} = 'v${i}' `);
  return [
    ...[197, 198, 199, 200, 201, 220].flatMap(nested),
    ...[198, 200, 201, 240, 245, 247, 248, 249, 250, 251, 255].flatMap(wide),
    ...[59, 60, 61].map((n) => `${repeated(n, (i) => `local a${i} `)}
      local function f() return ${repeated(n, (i) => `a${i} + `)}1 end`),
    ...[50, 51, 600, 30_000].map((n) => `local t = {${listed(n, String)}} return {#t, t[1], t[${n}]}`),
    `local t = {${listed(600, (i) => `k${i} = ${i}`)}} return {t.k0, t.k599, t.k300}`,
    `local s = 0 ${repeated(600, (i) => `s = s + ${i}.5 `)}return s`,
    ...["return {t.zz == 'xx', t.k299 == 'v299', t.k299 < 'zzz', -5 + t.q}", "return t.qq.zz", "t:nomethod()",
      "t.field()", "return t.field + 1"].map((use) => `local t = {} ${keys}${use}`),
    ...ENDLESS.map((script) => `local d = 0 ${script.replace("DEEPER", "d = d + 1")} return {d, e}`),
  ];
}
