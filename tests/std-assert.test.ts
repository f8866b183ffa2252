/** Tests of tests/support/std-assert: each assertion passes where it must and fails where it must. */
import { describe, it } from "node:test";
import * as std from "@std/assert";

const { assertEquals, assertThrows, AssertionError } = std;

/** One call that must pass and one that must fail for each synchronous assertion. */
const CASES: Record<string, [pass: () => void, fail: () => void]> = {
  assert: [() => std.assert(1), () => std.assert("")],
  assertFalse: [() => std.assertFalse(0), () => std.assertFalse("x")],
  assertEquals: [() => assertEquals({ a: [NaN] }, { a: [NaN] }), () => assertEquals<unknown>({ a: 1 }, { a: "1" })],
  assertNotEquals: [() => std.assertNotEquals([1], [2]), () => std.assertNotEquals([1], [1])],
  assertStrictEquals: [() => std.assertStrictEquals("a", "a"), () => std.assertStrictEquals([1], [1])],
  assertNotStrictEquals: [() => std.assertNotStrictEquals([1], [1]), () => std.assertNotStrictEquals(2, 2)],
  assertExists: [() => std.assertExists(0), () => std.assertExists(null)],
  assertStringIncludes: [() => std.assertStringIncludes("abc", "bc"), () => std.assertStringIncludes("abc", "x")],
  assertMatch: [() => std.assertMatch("abc", /b/), () => std.assertMatch("abc", /x/)],
  assertNotMatch: [() => std.assertNotMatch("abc", /x/), () => std.assertNotMatch("abc", /b/)],
  assertInstanceOf: [() => std.assertInstanceOf(new Map(), Map), () => std.assertInstanceOf({}, Map)],
  assertAlmostEquals: [() => std.assertAlmostEquals(0.1 + 0.2, 0.3), () => std.assertAlmostEquals(1, 2, 0.5)],
  assertGreater: [() => std.assertGreater(2, 1), () => std.assertGreater(1, 1)],
  assertGreaterOrEqual: [() => std.assertGreaterOrEqual(1, 1), () => std.assertGreaterOrEqual(0, 1)],
  assertLess: [() => std.assertLess(1, 2), () => std.assertLess(1, 1)],
  assertLessOrEqual: [() => std.assertLessOrEqual(1, 1), () => std.assertLessOrEqual(2, 1)],
  fail: [() => {}, () => std.fail("on purpose")],
  unreachable: [() => {}, () => std.unreachable("on purpose")],
};

/** Runs a function and gives back what it threw. */
function thrownBy(run: () => void): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

/** Ends the test without help of the assertions under test. */
function mustHold(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

describe("std-assert", () => {
  for (const [name, [pass, failing]] of Object.entries(CASES)) {
    it(`${name} passes and fails`, () => {
      mustHold(thrownBy(pass) === undefined, `${name} failed on a good value`);
      mustHold(thrownBy(failing) instanceof AssertionError, `${name} let a bad value pass`);
    });
  }

  it("assertEquals tells typed arrays, maps, sets and negative zero apart", () => {
    assertEquals(new Uint8Array([1, 2]), new Uint8Array([1, 2]));
    assertEquals(new Map([["a", new Set([1])]]), new Map([["a", new Set([1])]]));
    const pairs: [unknown, unknown][] = [
      [new Uint8Array([1]), new Uint8Array([2])], [new Set([1]), new Set([2])], [0, -0], [undefined, null],
    ];
    for (const [a, b] of pairs) mustHold(thrownBy(() => assertEquals(a, b)) instanceof AssertionError, "took as equal");
  });

  it("a failure shows the caller's message and the difference", () => {
    const error = assertThrows(() => assertEquals(1, 2, "counts"), AssertionError, "counts");
    std.assertStringIncludes(error.message, "2");
  });

  it("assertThrows checks class and message and returns the error", () => {
    const error = assertThrows(() => { throw new TypeError("no such thing"); }, TypeError, "such");
    assertEquals(error.message, "no such thing");
    const bad = [
      () => assertThrows(() => 1),
      () => assertThrows(() => { throw new TypeError("x"); }, RangeError),
      () => assertThrows(() => { throw new TypeError("x"); }, TypeError, "y"),
      () => assertThrows(() => { throw "text"; }),
    ];
    for (const run of bad) mustHold(thrownBy(run) instanceof AssertionError, `passed: ${run}`);
  });

  it("assertRejects checks class and message and returns the error", async () => {
    const error = await std.assertRejects(() => Promise.reject(new TypeError("late")), TypeError, "late");
    assertEquals(error.message, "late");
    await std.assertRejects(() => std.assertRejects(() => Promise.resolve(1)), AssertionError);
    await std.assertRejects(() => std.assertRejects(() => Promise.reject(new Error("a")), TypeError), AssertionError);
    await std.assertRejects(() => std.assertRejects(() => { throw new Error("at once"); }), AssertionError, "reject");
  });
});
