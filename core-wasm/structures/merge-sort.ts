/**
 * Merge sort of an array of u32 (numbers, addresses), in the order that a function tells. Equal ones keep their order.
 *
 *   values   u32 x n, sorted in place
 *   spare    u32 x n to merge into
 *
 * Costs: n log n comparisons whatever the order was: what clients send decides the order, so insertion alone would let
 * them ask for n * n.
 */

/** Runs that are sorted by insertion before they are merged. */
const RUN: i32 = 8;

function at(values: usize, i: i32): usize {
  return values + (<usize>i << 2);
}

function sortRun(values: usize, from: i32, to: i32, isBefore: (b: u32, a: u32) => bool): void {
  for (let i = from + 1; i < to; i++) {
    const moving = load<u32>(at(values, i));
    let j = i;
    for (; j > from && isBefore(moving, load<u32>(at(values, j - 1))); j--) {
      store<u32>(at(values, j), load<u32>(at(values, j - 1)));
    }
    store<u32>(at(values, j), moving);
  }
}

/** Merges the runs [low, middle) and [middle, high) of `from` into `to`. */
function mergeRuns(
  from: usize, to: usize, low: i32, middle: i32, high: i32, isBefore: (b: u32, a: u32) => bool,
): void {
  let a = low;
  let b = middle;
  for (let i = low; i < high; i++) {
    const takesB = a >= middle || (b < high && isBefore(load<u32>(at(from, b)), load<u32>(at(from, a))));
    store<u32>(at(to, i), load<u32>(at(from, takesB ? b : a)));
    if (takesB) b++;
    else a++;
  }
}

/** Sorts; `isBefore` says of a value `b`, which comes after `a` now, that it has to stand before it. */
export function mergeSort(values: usize, spare: usize, n: i32, isBefore: (b: u32, a: u32) => bool): void {
  for (let low = 0; low < n; low += RUN) sortRun(values, low, min<i32>(low + RUN, n), isBefore);
  let from = values;
  let to = spare;
  for (let width = RUN; width < n; width <<= 1) {
    for (let low = 0; low < n; low += width << 1) {
      const middle = min<i32>(low + width, n);
      mergeRuns(from, to, low, middle, min<i32>(middle + width, n), isBefore);
    }
    const other = from;
    from = to;
    to = other;
  }
  if (from != values) memory.copy(values, from, <usize>n << 2);
}
