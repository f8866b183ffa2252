// What the benches found: numbers for the result file, and how each keeps to the limit that the project set itself.
import { median } from "./servers.mjs";

/** Every number, for the result file. */
export const results = [];
/** Every comparison with a limit: { what, value, limit, good }. */
export const verdicts = [];

/** Says whether a value keeps to its limit, and remembers it for the summary. */
export function judge(what, value, limit, unit = "") {
  const good = value <= limit;
  const by = Math.abs(value / limit - 1) * 100;
  const verdict = good ? "PASS" : `short by ${by.toFixed(0)} %`;
  verdicts.push({ what, value, limit, good });
  return `limit ${limit}${unit}  ${verdict}`;
}

/** The same for a value that has to reach its limit. */
export function judgeAtLeast(what, value, limit, unit = "") {
  const good = value >= limit;
  const verdict = good ? "PASS" : `short by ${((1 - value / limit) * 100).toFixed(0)} %`;
  verdicts.push({ what, value, limit, good });
  return `limit ${limit}${unit}  ${verdict}`;
}

/**
 * Measures each contestant some times with `measure`; gives the median of its CPU a request, and the ratio to Valkey's,
 * which is not a number where Valkey takes no part.
 */
export async function compareCpu(what, taking, rounds, measure) {
  const found = [];
  let reference = NaN;
  for (const contestant of taking) {
    const { name } = contestant;
    const rows = [];
    for (let round = 0; round < rounds; round++) rows.push(await measure(contestant));
    const cpu = median(rows.map((row) => row.cpu));
    if (name === "valkey") reference = cpu;
    const ratio = cpu / reference;
    results.push({ what, name, ratio, rounds: rows });
    found.push({ contestant, name, cpu, ratio });
  }
  return found;
}

/** A number in a column. */
export const number = (value, digits = 2) => value.toFixed(digits).padStart(9);

/** The geometric mean. */
export function geometricMean(values) {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}
