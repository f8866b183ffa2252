/**
 * Random calls of the functions of Lua's libraries, made by our machine and by the real server: the same results, the
 * same errors. Numbers are compared to their last bit.
 *
 *   SEED=1 WAKEY_LUA_CALLS=1000000 node --import tsx --test tests/lua-libraries-differential.test.ts
 *
 * What may differ: the sign of a NaN isn't looked at. Functions that the runtimes compute themselves (sin, exp, pow and
 * the like) are compared to 14 digits, which is what tostring shows.
 */
import { after, before, describe, it } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { evaluate } from "./support/lua.ts";
import { type LuaCall, LuaCalls, luaNumber, scriptOf } from "./support/lua-calls.ts";
import { LIBRARY_LINES, showing } from "./support/lua-library-lines.ts";
import { Random, seeded } from "./support/random.ts";
import { items, type RespConnection } from "./support/resp.ts";
import { realProgram, type RunningServer, skipWithoutReal, startServer } from "./support/server.ts";

const CALLS = Number(process.env.WAKEY_LUA_CALLS ?? 6000);
const BATCH = 100;
const MOST_REPORTED = 5;

const skip = skipWithoutReal("valkey-server");

/** The message of a script's error, as our machine has it: without what the server says of the script. */
function errorText(reply: string): string {
  return `error: ${reply.replace(/^-ERR /, "").replace(/ script: on @user_script:\d+\.\r\n$/, "")}`;
}

describe("Lua's libraries beside the real server", { skip }, () => {
  let server: RunningServer;
  let connection: RespConnection;
  before(async () => {
    server = await startServer({ program: realProgram("valkey-server") });
    connection = await server.connect();
  });
  after(async () => {
    connection.close();
    await server.stop();
  });

  /** What differs between the two for these calls. */
  async function differences(calls: readonly LuaCall[]): Promise<object[]> {
    const script = scriptOf(calls);
    const [ours, real] = [evaluate(script), await connection.command("EVAL", script, "0")];
    if (ours === real) return [];
    assert(real.startsWith("*") && ours.startsWith("*"), `ours: ${ours.slice(0, 300)}\nreal: ${real.slice(0, 300)}`);
    const [mine, theirs] = [items(ours), items(real)];
    return calls.flatMap(({ name, args }, i) =>
      mine[i] === theirs[i] ? [] : [{ call: `${name}(${args.join(", ")})`, ours: mine[i], real: theirs[i] }]);
  }

  it("what each function gives and complains of", async () => {
    for (const [script, expected] of Object.values(LIBRARY_LINES).flatMap((groups) => Object.values(groups)).flat()) {
      const reply = await connection.command("EVAL", showing(script), "0");
      const text = reply.startsWith("$") ? items(`*1\r\n${reply}`)[0] : errorText(reply);
      await connection.command("SCRIPT", "FLUSH"); // the settings of cjson as they were
      assertEquals(`${script} -> ${text}`, `${script} -> ${expected}`);
    }
  });

  it("random calls", async () => {
    const calls = new LuaCalls(seeded("calls of Lua's libraries"));
    const found: object[] = [];
    for (let made = 0; made < CALLS && found.length < MOST_REPORTED; made += BATCH) {
      found.push(...await differences(Array.from({ length: BATCH }, () => calls.next())));
    }
    assertEquals(found.slice(0, MOST_REPORTED), []);
  });

  it("random numbers of a server that nobody gave a seed", async () => {
    const fresh = await startServer({ program: realProgram("valkey-server") });
    const other = await fresh.connect();
    const script = "local t = {} for i = 1, 100 do t[i] = tostring(math.random()) end return t";
    assertEquals(evaluate(script), await other.command("EVAL", script, "0"));
    other.close();
    await fresh.stop();
  });

  it("functions that the runtimes compute, to 14 digits", async () => {
    const calls = new LuaCalls(new Random(1));
    const names = ["sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "exp", "log", "log10", "sqrt"];
    const shown = (call: string): LuaCall => ({ name: "rounded", args: [call] });
    const made = names.flatMap((name) =>
      Array.from({ length: 40 }, () => shown(`math.${name}(${luaNumber(calls.below(4000) / 128 - 8)})`)));
    for (const name of ["pow", "atan2"]) {
      for (let i = 0; i < 100; i++) {
        made.push(shown(`math.${name}(${luaNumber(calls.below(1000) / 16)}, ${luaNumber(calls.below(200) / 8 - 12)})`));
      }
    }
    assertEquals(await differences(made), []);
  });
});
