// lib-table-sort.ts - table.sort: quicksort, its comparisons in the C implementation's order.
//
// A script can see that order: in what its function is called with, in where equal elements end up, and in how a
// function that contradicts itself is found out. So the steps are Sedgewick's as Lua has them: the median of the
// first, the middle and the last element is the pivot and waits at the end, the smaller part is sorted first. The
// parts that wait stand in a list, which is as long as the logarithm of the size.
//
// Where nothing of that can be seen (numbers only or strings only, no function), the runtime's sort does it.

import { checkFunction, checkTable, isMissing } from "./arguments.ts";
import { nativeError } from "./errors.ts";
import { comparisonError, isBelow, isTrue } from "./operators.ts";
import { Table } from "./table.ts";
import { CALLS, type CallRequest, NativeFunction, NOTHING, type Results, type Value } from "./values.ts";

/** The elements as numbers of which equal ones are the same (neither NaN nor both zeros), or undefined. */
function asNumbers(table: Table, count: number): Float64Array | undefined {
  const numbers = new Float64Array(count);
  for (let index = 1; index <= count; index++) {
    const value = table.get(index);
    if (typeof value !== "number" || value !== value || (value === 0 && 1 / value < 0)) return undefined;
    numbers[index - 1] = value;
  }
  return numbers;
}

function asStrings(table: Table, count: number): string[] | undefined {
  const strings: string[] = [];
  for (let index = 1; index <= count; index++) {
    const value = table.get(index);
    if (typeof value !== "string") return undefined;
    strings.push(value);
  }
  return strings;
}

/** Sorts numbers or strings without comparing in Lua; false when there is something else among them. */
function sortAlike(table: Table): boolean {
  if (table.isReadonly) return false;
  const count = table.length();
  const values = asNumbers(table, count) ?? asStrings(table, count);
  if (values === undefined) return false;
  values.sort();
  for (let index = 1; index <= count; index++) table.set(index, values[index - 1]);
  return true;
}

/** The call that tells whether a table is less than another one. */
function comparison(a: Value, b: Value): CallRequest {
  if (a instanceof Table && b instanceof Table) {
    const handler = a.metatable?.get("__lt");
    if (handler !== undefined && handler === b.metatable?.get("__lt")) return { callee: handler, args: [a, b] };
  }
  throw comparisonError(a, b);
}

type Calls<Answer> = Generator<CallRequest, Answer, readonly Value[]>;

/** Sorts one table. */
class Sorter {
  readonly #table: Table;
  /** The function that tells whether its first argument comes before the second, or undefined for `<`. */
  readonly #order: Value;
  /** What is asked of the machine, one and the same each time: it takes the arguments before it goes on. */
  readonly #args: Value[] = [undefined, undefined];
  readonly #request: CallRequest;

  constructor(table: Table, order: Value) {
    this.#table = table;
    this.#order = order;
    this.#request = { callee: order, args: this.#args };
  }

  /** Whether a comes before b, where that needs no call. */
  #now(a: Value, b: Value): boolean | undefined {
    return this.#order === undefined ? isBelow(a, b) : undefined;
  }

  /** The call that tells whether a comes before b. */
  #call(a: Value, b: Value): CallRequest {
    if (this.#order === undefined) return comparison(a, b);
    this.#args[0] = a;
    this.#args[1] = b;
    return this.#request;
  }

  #put(i: number, atI: Value, j: number, atJ: Value): void {
    this.#table.set(i, atI);
    this.#table.set(j, atJ);
  }

  /** Sorts all elements. The partition stands in here: each generator around a call makes it slower. */
  *sort(): Calls<void> {
    const table = this.#table;
    const waiting: number[] = [1, table.length()];
    while (waiting.length > 0) {
      let high = waiting.pop()!;
      let low = waiting.pop()!;
      while (low < high) {
        const middle = (low + high) >>> 1;
        yield* this.#orderThree(low, middle, high);
        if (high - low <= 2) break;
        const pivot = table.get(middle);
        this.#put(middle, table.get(high - 1), high - 1, pivot);
        let i = low;
        let j = high - 1;
        for (;;) {
          let a = table.get(++i);
          while (this.#now(a, pivot) ?? isTrue((yield this.#call(a, pivot))[0])) {
            if (i > high) throw nativeError("invalid order function for sorting");
            a = table.get(++i);
          }
          let b = table.get(--j);
          while (this.#now(pivot, b) ?? isTrue((yield this.#call(pivot, b))[0])) {
            if (j < low) throw nativeError("invalid order function for sorting");
            b = table.get(--j);
          }
          if (j < i) break;
          this.#put(i, b, j, a);
        }
        this.#put(high - 1, table.get(i), i, table.get(high - 1));
        if (i - low < high - i) {
          waiting.push(i + 1, high);
          high = i - 1;
        } else {
          waiting.push(low, i - 1);
          low = i + 1;
        }
      }
    }
  }

  /** Puts the first, the middle and the last element in order among themselves. */
  *#orderThree(low: number, middle: number, high: number): Calls<void> {
    const table = this.#table;
    let [a, b] = [table.get(high), table.get(low)];
    if (this.#now(a, b) ?? isTrue((yield this.#call(a, b))[0])) this.#put(low, a, high, b);
    if (high - low === 1) return;
    [a, b] = [table.get(middle), table.get(low)];
    if (this.#now(a, b) ?? isTrue((yield this.#call(a, b))[0])) {
      this.#put(middle, b, low, a);
      return;
    }
    [a, b] = [table.get(high), a];
    if (this.#now(a, b) ?? isTrue((yield this.#call(a, b))[0])) this.#put(middle, a, high, b);
  }
}

function sortQuickly(args: Value[]): Results {
  return isMissing(args, 2) && sortAlike(checkTable(args, 1)) ? NOTHING : CALLS;
}

function* sortCalling(args: Value[]): Calls<Results> {
  const table = checkTable(args, 1);
  const order = isMissing(args, 2) ? undefined : checkFunction(args, 2);
  yield* new Sorter(table, order).sort();
  return NOTHING;
}

/** table.sort. */
export const sort = NativeFunction.either("sort", sortQuickly, sortCalling);
