/**
 * Lua's libraries in a machine without a server: what their functions give and complain of, and random input for
 * everything that parses. lua-libraries-differential.test.ts holds the same lines against the real server.
 */
import { describe, it } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { replyOf, runScript } from "./support/lua.ts";
import { LuaCalls, luaString, scriptOf } from "./support/lua-calls.ts";
import { HEAVY_LINES, LIBRARY_LINES, showing } from "./support/lua-library-lines.ts";
import { seeded } from "./support/random.ts";

const FUZZ = 3000 * Number(process.env.WAKEY_FUZZ_SCALE ?? 1);
const BATCH = 100;

/** What a script shows, or its error. */
function shown(script: string): string {
  const { results, error } = runScript(showing(script));
  return error === undefined ? String(results[0]) : `error: ${String(error)}`;
}

/** Each script shows what it should. */
function check(lines: typeof HEAVY_LINES): void {
  for (const [script, expected] of lines) assertEquals(`${script} -> ${shown(script)}`, `${script} -> ${expected}`);
}

for (const [library, groups] of Object.entries(LIBRARY_LINES)) {
  describe(library, () => {
    for (const [name, lines] of Object.entries(groups)) {
      it(name, () => check(lines));
    }
  });
}

describe("limits", () => {
  it("end what would take long or much memory", () => check(HEAVY_LINES));
});

describe("patterns that take many steps", () => {
  const text = `("a"):rep(300) .. "cb"`;
  const hostile = `("a"):rep(30000)`;

  it("match as others do", () => {
    check([
      [`return string.find(${text}, "a-a-b")`, "302 302"],
      [`return string.match(${text}, "a-a-(b)")`, "b"],
      [`return string.gsub(${text}, "a-a-b", "x") == ("a"):rep(300) .. "cx"`, "true"],
      [`return string.gsub(${text}, "a-a-b", string.upper) == ("a"):rep(300) .. "cB"`, "true"],
      [`local n = 0 for found in string.gmatch(${text}, "a-a-b") do n = n + 1 end return n`, "1"],
      [`return pcall(string.find, ${text}, "a-a-b")`, "true 302 302"],
    ]);
  });

  it("let the machine pause", () => {
    const calls = [
      "find(X, 'a-a-a-b')", "match(X, '(a*)(a*)a*b')", "gsub(X, 'a-a-a-b', '')", "gsub(X, 'a-%ba1', string.upper)",
    ];
    const loops = `for found in string.gmatch(${hostile}, "a-a-a-b") do end`;
    for (const script of [...calls.map((call) => `return string.${call.replace("X", hostile)}`), loops]) {
      assertEquals(`${script} -> ${String(runScript(script, undefined, 3).error)}`, `${script} -> too long`);
    }
  });
});

describe("random input for Lua's libraries", () => {
  it("ends in results or in errors of Lua", () => {
    const calls = new LuaCalls(seeded("calls of Lua's libraries"));
    for (let made = 0; made < FUZZ; made += BATCH) {
      const batch = Array.from({ length: BATCH }, () => calls.next());
      const { results, error } = runScript(scriptOf(batch));
      assertEquals(error, undefined);
      assert(replyOf(results[0]).startsWith(`*${BATCH}\r\n`));
    }
  });

  it("of any bytes has its parsers end", () => {
    const random = seeded("bytes for the parsers of Lua's libraries");
    const parsers = [
      "cjson.decode(X)", "cmsgpack.unpack(X)", "struct.unpack(X, X)", "struct.pack(X, 1, 2, 'a')", "struct.size(X)",
      "string.format(X, 1, 'a', 2)", "string.find(X, X)", "string.gsub('aab(c)', X, X)", "tonumber(X)",
      "string.match(X, X, 2)",
    ];
    for (let made = 0; made < FUZZ; made++) {
      const input = luaString(random.bytes(random.below(24)));
      const lines = parsers.map((call) => `pcall(function() return ${call.replaceAll("X", input)} end)`);
      assertEquals(runScript(lines.join("\n")).error, undefined);
    }
  });

  it("of great depth costs no stack", () => {
    const deep = `local deep = ("["):rep(100000) cjson.decode_max_depth(2^31 - 1)`;
    assertEquals(shown(`${deep} return pcall(cjson.decode, deep)`),
      "false Found too many nested data structures (7999) at character 7999");
    assertEquals(shown(`return string.find(("a"):rep(20000), ("a?"):rep(20000))`), "1 20000");
    assertEquals(shown(`return #string.match(("a"):rep(1000000) .. "b", ".-b")`), "1000001");
    assertEquals(shown(`return #string.gsub(("x"):rep(1000000), "x", "yy")`), "2000000");
  });
});
