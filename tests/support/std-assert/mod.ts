/**
 * std-assert: the names of the real @std/assert that our tests use, over node:assert.
 *
 * For tests only. Tests import the specifier `@std/assert`; package.json (Node, Bun) and deno.json (Deno) resolve
 * it to this file. Pointing those two lines at the real package replaces it, so the signatures and the meaning of
 * the arguments here are the real package's. Not a place for assertions that the real package does not have.
 *
 *   assertEquals(actual, expected, message?)       deep, strict, NaN equals NaN, -0 differs from 0
 *   assertThrows(run, ErrorClass?, part?, message?) returns the error that was thrown
 *
 * Every failure is an AssertionError; its message holds node:assert's difference of the two values.
 */
import nodeAssert from "node:assert";
import { inspect, isDeepStrictEqual } from "node:util";

/** What every failed assertion throws. */
export class AssertionError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "AssertionError";
  }
}

type AnyConstructor = new (...args: never[]) => unknown;
type ErrorClass<E extends Error> = abstract new (...args: never[]) => E;

// --- Internals ---

/** Puts the caller's own words, where there are some, behind the reason. */
function reason(what: string, message?: string): string {
  return message ? `${what}: ${message}` : what;
}

/** The difference of two values as node:assert prints it. */
function difference(actual: unknown, expected: unknown): string {
  try {
    nodeAssert.deepStrictEqual(actual, expected);
  } catch (error) {
    return (error as Error).message;
  }
  return `${inspect(actual)} is not ${inspect(expected)}`;
}

/** Checks an error that was thrown against the class and the part of its message that a test asked for. */
function checkError<E extends Error>(
  error: unknown,
  errorClass: ErrorClass<E> | undefined,
  part: string | undefined,
  message: string | undefined,
): E {
  if (!(error instanceof Error)) throw new AssertionError(reason("A non-Error object was thrown", message));
  if (errorClass && !(error instanceof errorClass)) {
    const what = `Expected error to be instance of "${errorClass.name}", but was "${error.constructor.name}"`;
    throw new AssertionError(reason(what, message), { cause: error });
  }
  if (part !== undefined && !error.message.includes(part)) {
    const what = `Expected error message to include ${inspect(part)}, but got ${inspect(error.message)}`;
    throw new AssertionError(reason(what, message), { cause: error });
  }
  return error as E;
}

/** Sorts out the two argument orders of assertThrows and assertRejects. */
function errorArguments<E extends Error>(
  first: ErrorClass<E> | string | undefined,
  second: string | undefined,
  third: string | undefined,
): { errorClass?: ErrorClass<E>; part?: string; message?: string } {
  if (typeof first === "string") return { message: first };
  return { errorClass: first, part: second, message: third };
}

// --- API ---

/** Fails unless the value is truthy. */
export function assert(condition: unknown, message = ""): asserts condition {
  if (!condition) throw new AssertionError(message || `Expected a truthy value, got ${inspect(condition)}`);
}

/** Fails unless the value is falsy. */
export function assertFalse(condition: unknown, message = ""): asserts condition is false | 0 | "" | null | undefined {
  if (condition) throw new AssertionError(message || `Expected a falsy value, got ${inspect(condition)}`);
}

/** Fails unless both are deeply and strictly equal. */
export function assertEquals<T>(actual: T, expected: T, message?: string): void {
  if (isDeepStrictEqual(actual, expected)) return;
  throw new AssertionError(reason("Values are not equal", message) + `\n${difference(actual, expected)}`);
}

/** Fails when both are deeply and strictly equal. */
export function assertNotEquals<T>(actual: T, expected: T, message?: string): void {
  if (!isDeepStrictEqual(actual, expected)) return;
  throw new AssertionError(reason(`Expected values to differ, both are ${inspect(actual)}`, message));
}

/** Fails unless both are the same value or the same object (Object.is). */
export function assertStrictEquals<T>(actual: unknown, expected: T, message?: string): asserts actual is T {
  if (Object.is(actual, expected)) return;
  const what = isDeepStrictEqual(actual, expected)
    ? `Values have the same structure but are not reference-equal: ${inspect(actual)}`
    : `Values are not strictly equal\n${difference(actual, expected)}`;
  throw new AssertionError(reason(what, message));
}

/** Fails when both are the same value or the same object. */
export function assertNotStrictEquals<T>(actual: T, expected: T, message?: string): void {
  if (Object.is(actual, expected)) {
    throw new AssertionError(reason(`Expected another value than ${inspect(expected)}`, message));
  }
}

/** Fails for null and undefined. */
export function assertExists<T>(actual: T, message?: string): asserts actual is NonNullable<T> {
  if (actual === null || actual === undefined) {
    throw new AssertionError(reason(`Expected a value that is neither null nor undefined, got ${actual}`, message));
  }
}

/** Fails unless the string contains the expected part. */
export function assertStringIncludes(actual: string, expected: string, message?: string): void {
  if (!actual.includes(expected)) {
    throw new AssertionError(reason(`Expected ${inspect(actual)} to contain ${inspect(expected)}`, message));
  }
}

/** Fails unless the pattern matches the string. */
export function assertMatch(actual: string, expected: RegExp, message?: string): void {
  if (!expected.test(actual)) {
    throw new AssertionError(reason(`Expected ${inspect(actual)} to match ${expected}`, message));
  }
}

/** Fails when the pattern matches the string. */
export function assertNotMatch(actual: string, expected: RegExp, message?: string): void {
  if (expected.test(actual)) {
    throw new AssertionError(reason(`Expected ${inspect(actual)} not to match ${expected}`, message));
  }
}

/** Fails unless the value is an instance of the class. */
export function assertInstanceOf<T extends AnyConstructor>(
  actual: unknown,
  expectedType: T,
  message = "",
): asserts actual is InstanceType<T> {
  if (actual instanceof expectedType) return;
  throw new AssertionError(reason(`Expected an instance of ${expectedType.name}, got ${inspect(actual)}`, message));
}

/** Fails unless the numbers differ by at most the tolerance (default: a 1e-7 part of the expected one). */
export function assertAlmostEquals(actual: number, expected: number, tolerance?: number, message?: string): void {
  if (Object.is(actual, expected)) return;
  const limit = tolerance ?? (Number.isFinite(expected) ? Math.abs(expected * 1e-7) : 1e-7);
  const delta = Math.abs(expected - actual);
  if (delta <= limit) return;
  throw new AssertionError(reason(`Expected ${actual} to be ${expected} +- ${limit}, it is off by ${delta}`, message));
}

/** Fails unless actual > expected. */
export function assertGreater<T>(actual: T, expected: T, message?: string): void {
  if (!(actual > expected)) throw new AssertionError(reason(`Expected ${actual} > ${expected}`, message));
}

/** Fails unless actual >= expected. */
export function assertGreaterOrEqual<T>(actual: T, expected: T, message?: string): void {
  if (!(actual >= expected)) throw new AssertionError(reason(`Expected ${actual} >= ${expected}`, message));
}

/** Fails unless actual < expected. */
export function assertLess<T>(actual: T, expected: T, message?: string): void {
  if (!(actual < expected)) throw new AssertionError(reason(`Expected ${actual} < ${expected}`, message));
}

/** Fails unless actual <= expected. */
export function assertLessOrEqual<T>(actual: T, expected: T, message?: string): void {
  if (!(actual <= expected)) throw new AssertionError(reason(`Expected ${actual} <= ${expected}`, message));
}

/** Fails unless the function throws, where given an error of the class with the part in its message; returns it. */
export function assertThrows<E extends Error = Error>(
  run: () => unknown,
  errorClassOrMessage?: ErrorClass<E> | string,
  messageIncludes?: string,
  message?: string,
): E {
  const expected = errorArguments(errorClassOrMessage, messageIncludes, message);
  try {
    run();
  } catch (error) {
    return checkError(error, expected.errorClass, expected.part, expected.message);
  }
  throw new AssertionError(reason("Expected function to throw", expected.message));
}

/** Fails unless the promise rejects; class, part and result as in assertThrows. */
export async function assertRejects<E extends Error = Error>(
  run: () => PromiseLike<unknown>,
  errorClassOrMessage?: ErrorClass<E> | string,
  messageIncludes?: string,
  message?: string,
): Promise<E> {
  const expected = errorArguments(errorClassOrMessage, messageIncludes, message);
  let promise: PromiseLike<unknown>;
  try {
    promise = run();
  } catch (error) {
    throw new AssertionError(reason("Function throws when expected to reject", expected.message), { cause: error });
  }
  try {
    await promise;
  } catch (error) {
    return checkError(error, expected.errorClass, expected.part, expected.message);
  }
  throw new AssertionError(reason("Expected function to reject", expected.message));
}

/** Fails always. */
export function fail(message?: string): never {
  throw new AssertionError(reason("Failed assertion", message));
}

/** Fails always: marks a place that a test must not reach. */
export function unreachable(why?: string): never {
  throw new AssertionError(reason("Unreachable", why));
}
