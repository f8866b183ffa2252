/**
 * The machine as its owner sees it: it stops and goes on, it's ended from outside, it keeps the limits of Lua, and no
 * text exhausts JavaScript's stack.
 */
import { describe, it } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { readFileSync } from "node:fs";
import { Closure } from "../../server/scripting/lua/function.ts";
import * as opcodes from "../../server/scripting/lua/opcodes.ts";
import { compile } from "../../server/scripting/lua/parser.ts";
import type { Machine } from "../../server/scripting/lua/vm.ts";
import { evaluate, newMachine, runScript } from "../support/lua.ts";

function started(script: string): Machine {
  const machine = newMachine();
  machine.start(new Closure(compile(script, "@user_script"), machine.globals), []);
  return machine;
}

/** How often a script pauses before it's done, and what it gives. */
function slices(script: string, budget: number): { pauses: number; results: unknown } {
  const machine = started(script);
  let pauses = 0;
  while (machine.run(budget) === "paused") pauses += 1;
  return { pauses, results: machine.results };
}

describe("a machine that is stopped and goes on", () => {
  const scripts: [string, string, unknown][] = [
    ["a loop", "local s = 0 for i = 1, 1000 do s = s + i end return s", 500500],
    ["a while loop", "local i = 0 while i < 1000 do i = i + 1 end return i", 1000],
    ["a generic loop", `
      local n = 0
      for k in function(_, k) k = (k or 0) + 1 return k < 500 and k or nil end do n = n + k end
      return n`, 124750],
    ["recursion", "local function f(n) if n == 0 then return 0 end return 1 + f(n - 1) end return f(1000)", 1000],
    ["tail calls", "local function f(n) if n == 0 then return 'end' end return f(n - 1) end return f(1000)", "end"],
    ["calls from table.sort", `
      local t, n = {}, 0
      for i = 1, 200 do t[i] = (i * 37) % 211 end
      table.sort(t, function(a, b) return a < b end)
      for i = 2, 200 do if t[i - 1] < t[i] then n = n + 1 end end
      return n`, 199],
    ["metamethods", `
      local events = {__index = function(_, k) return k end, __add = function(_, b) return b end}
      local t, s = setmetatable({}, events), 0
      for i = 1, 300 do s = s + t[i] + (t + 1) end
      return s`, 45450],
    ["coroutines", `
      local c = coroutine.wrap(function() for i = 1, 300 do coroutine.yield(i) end end)
      local s = 0
      for i = 1, 300 do s = s + c() end
      return s`, 45150],
    ["pcall", `
      local n = 0
      for i = 1, 300 do
        if pcall(function() if i % 2 == 0 then error('x') end end) then n = n + 1 end
      end
      return n`, 150],
  ];
  for (const [name, script, result] of scripts) {
    it(`gives the same in slices: ${name}`, () => {
      for (const budget of [0, 1, 7, 100]) {
        const { pauses, results } = slices(script, budget);
        assertEquals(results, [result]);
        assert(pauses > 0, `never paused with a budget of ${budget}`);
      }
      assertEquals(slices(script, 1e9), { pauses: 0, results: [result] });
    });
  }
});

describe("a machine that is ended from outside", () => {
  for (const script of [
    "while true do end",
    "while true do pcall(function() while true do end end) end",
    "local function f() while true do pcall(f) end end f()",
    "coroutine.wrap(function() while true do pcall(coroutine.yield) end end)()",
    "while true do coroutine.resume(coroutine.create(function() while true do end end)) end",
    "table.sort({3, 2, 1}, function() while true do end end)",
  ]) {
    it(`fails whatever it catches: ${script}`, () => {
      const machine = started(script);
      assertEquals(machine.run(1000), "paused");
      machine.abort("killed");
      assertEquals(machine.run(1000), "failed");
      assertEquals(machine.error, "killed");
      machine.start(new Closure(compile("return 5", "@next"), machine.globals), []);
      assertEquals(machine.run(1000), "done");
      assertEquals(machine.results, [5]);
    });
  }
});

describe("a machine between two scripts", () => {
  it("keeps nothing of the first, however that ended", () => {
    const machine = newMachine();
    for (const script of [
      "return ('x'):rep(10)", "error({})", "local function f(n) return n > 0 and 1 + f(n - 1) end f(5000)",
      "coroutine.wrap(function() while true do end end)()",
    ]) {
      machine.start(new Closure(compile(script, "@first"), machine.globals), ["argument"]);
      if (machine.run(10_000) === "paused") machine.abort("killed");
      machine.run(10_000);
      machine.forget();
      assertEquals([machine.results, machine.error, machine.errorPlace], [[], undefined, undefined]);
      machine.start(new Closure(compile("local a = ... return a, select('#', ...)", "@next"), machine.globals), []);
      assertEquals(machine.run(10_000), "done");
      assertEquals(machine.results, [undefined, 0]);
    }
  });
});

describe("limits", () => {
  const message = (script: string): unknown => runScript(script).error;

  it("of nesting: a text of any depth gives Lua's error", () => {
    for (const [open, close] of [["(", ")"], ["{", "}"], ["do ", "end "], ["f(", ")"], ["a = function() ", "end "],
      ["if a then ", "end "], ["not ", ""], ["- ", ""], ["{[", "]=1}"], ["a[", "]"], ["1 .. ", "1"], ["2^", "2"]]) {
      for (const depth of [1000, 200_000]) {
        const start = /^(do|if|a =)/.test(open) ? "" : "return ";
        assertEquals(message(start + open.repeat(depth) + close.repeat(depth)),
          "user_script:1: chunk has too many syntax levels", `${open} ${depth}`);
      }
    }
  });

  it("of time: a text of a million parts is read in steps as many", () => {
    const n = 200_000;
    for (const script of [
      `local a if a then ${"elseif a then ".repeat(n)}end`,
      `local a while a do ${"if a then break end ".repeat(n)}end`,
      `local a = ${"a and ".repeat(n)}1`,
      `local a = a ${"or a ".repeat(n)}`,
      `local t = {${"1,".repeat(n)}} return #t`,
      `local a ${"a = a.b.c ".repeat(n)}`,
      `return tonumber('${"1".repeat(n)}x'), tonumber('${" ".repeat(n)}x'), tonumber('1${" ".repeat(n)}x')`,
      `return tonumber('0x${"1".repeat(n)}x'), tonumber('${"1".repeat(n)}x', 16)`,
      `return ${"1".repeat(n)}`,
      `return [[${"]=".repeat(n)}]]`,
      `return "${"\\n".repeat(n)}"`,
      `--[[${"]".repeat(n)}`,
    ]) {
      const start = performance.now();
      runScript(script);
      assert(performance.now() - start < 5000, `${script.slice(0, 60)} took ${performance.now() - start} ms`);
    }
  });

  it("of a million parentheses", () => {
    assertEquals(message(`return ${"(".repeat(1e6)}`), "user_script:1: chunk has too many syntax levels");
  });

  it("of a function's variables and registers", () => {
    const locals = (count: number): string => Array.from({ length: count }, (_, i) => `local a${i}`).join(" ");
    assertEquals(message(locals(200)), undefined);
    assertEquals(message(locals(201)), "user_script:1: main function has more than 200 local variables");
    const names = Array.from({ length: 61 }, (_, i) => `a${i}`);
    assertEquals(message(`local ${names} local function f() return ${names.join("+")} end`),
      "user_script:1: function at line 1 has more than 60 upvalues");
    assertEquals(message(`local a return {${Array.from({ length: 260 }, () => "a").join("..")}}`),
      "user_script:1: chunk has too many syntax levels");
    assertEquals(message(`local f = type f(${Array.from({ length: 260 }, () => "1")})`),
      "user_script:1: function or expression too complex near '1'");
  });

  it("of calls: deep recursion is a stack overflow, also caught and again", () => {
    assertEquals(message("local function f() return 1 + f() end f()"), "user_script:1: stack overflow");
    const again = "local n = 0 for i = 1, 5 do n = n + (pcall(f) and 1 or 0) end return n";
    assertEquals(evaluate(`local function f() return 1 + f() end ${again}`), ":0\r\n");
    assertEquals(message("local t = setmetatable({}, {__index = function(t, k) return t[k] end}) return t.x"),
      "user_script:1: C stack overflow");
  });

  it("of memory: what the runtime can't hold is Lua's error", () => {
    assertEquals(message("local s = 'x' for i = 1, 40 do s = s .. s end"), "not enough memory");
  });
});

describe("the dispatch loop", () => {
  it("has the opcodes that opcodes.ts names", () => {
    const text = readFileSync(new URL("../../server/scripting/lua/vm.ts", import.meta.url), "utf8");
    const cases = [...text.matchAll(/case (\d+): (?:\{ )?\/\/ (\w+)$/gm)].map(([, code, name]) => [name, Number(code)]);
    const names = Object.entries(opcodes).filter(([name]) => name.startsWith("OP_"))
      .map(([name, code]) => [name.slice(3), code]).sort((a, b) => Number(a[1]) - Number(b[1]));
    assertEquals([...cases, ["SETFIELD", opcodes.OP_SETFIELD]], names);
  });
});
