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
 * The median of the rounds' ratios, each to the Valkey of its own round: a machine that is slower for some minutes, as
 * shared ones are, is so for both. Rows are { round, cpu }. Not a number where Valkey took no part.
 */
export function ratioOf(rows, references) {
  const cpuOf = new Map(references.map(({ round, cpu }) => [round, cpu]));
  const paired = rows.filter(({ round }) => cpuOf.has(round));
  return paired.length === 0 ? NaN : median(paired.map(({ round, cpu }) => cpu / cpuOf.get(round)));
}

/**
 * Measures each contestant once a round with `measure`; gives the median of its CPU a request, and the ratio to
 * Valkey's.
 */
export async function compareCpu(what, taking, rounds, measure) {
  const measured = new Map(taking.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const contestant of taking) {
      measured.get(contestant.name).push({ ...await measure(contestant), round });
    }
  }
  return taking.map((contestant) => {
    const { name } = contestant;
    const rows = measured.get(name);
    const ratio = ratioOf(rows, measured.get("valkey") ?? []);
    results.push({ what, name, ratio, rounds: rows });
    return { contestant, name, cpu: median(rows.map(({ cpu }) => cpu)), ratio };
  });
}

/** A number in a column. */
export const number = (value, digits = 2) => value.toFixed(digits).padStart(9);

/** The geometric mean. */
export function geometricMean(values) {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}
