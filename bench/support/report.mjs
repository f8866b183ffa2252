// What the benches found: numbers for the result file, and how each keeps to the limit that the project set itself.

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

/** A number in a column. */
export const number = (value, digits = 2) => value.toFixed(digits).padStart(9);

/** The geometric mean. */
export function geometricMean(values) {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}
