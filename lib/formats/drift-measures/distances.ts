/** The sum of counts. */
export const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0)

/**
 * Population stability index of two histograms over the same k bins: Σ (q − p) ln(q / p), with Jeffreys' half a row
 * added to every bin (no bin is empty) and the expectation of sampling noise, (k − 1)(1/n + 1/m), taken off; never
 * below 0. (Yurdakul, Statistical Properties of Population Stability Index, 2018, for the noise.)
 */
export function stabilityIndex(baseline: readonly number[], now: readonly number[]): number {
  return Math.max(0, rawStabilityIndex(baseline, now) - (baseline.length - 1) * (1 / sum(baseline) + 1 / sum(now)))
}

function rawStabilityIndex(baseline: readonly number[], now: readonly number[]): number {
  const k = baseline.length
  const [n, m] = [sum(baseline), sum(now)]
  let index = 0
  for (let i = 0; i < k; i++) {
    const p = ((baseline[i] as number) + 0.5) / (n + 0.5 * k)
    const q = ((now[i] as number) + 0.5) / (m + 0.5 * k)
    index += (q - p) * Math.log(q / p)
  }
  return index
}

/** Jensen–Shannon distance: the square root of the divergence in bits (Endres & Schindelin, 2003); 0 to 1. */
export function jensenShannonDistance(baseline: readonly number[], now: readonly number[]): number {
  const [n, m] = [sum(baseline), sum(now)]
  let divergence = 0
  for (let i = 0; i < baseline.length; i++) {
    const [p, q] = [(baseline[i] as number) / n, (now[i] as number) / m]
    const middle = (p + q) / 2
    if (p > 0) divergence += (p / 2) * Math.log2(p / middle)
    if (q > 0) divergence += (q / 2) * Math.log2(q / middle)
  }
  return Math.sqrt(Math.max(0, divergence))
}

/**
 * Kolmogorov–Smirnov statistic of two histograms over ascending values: the largest difference of their distribution
 * functions.
 */
export function kolmogorovSmirnov(baseline: readonly number[], now: readonly number[]): number {
  const [n, m] = [sum(baseline), sum(now)]
  let [a, b, largest] = [0, 0, 0]
  for (let i = 0; i < baseline.length; i++) {
    a += (baseline[i] as number) / n
    b += (now[i] as number) / m
    largest = Math.max(largest, Math.abs(a - b))
  }
  return largest
}

/** Wasserstein-1 distance of two histograms over ascending values: the area between their distribution functions. */
export function wassersteinDistance(
  values: readonly number[],
  baseline: readonly number[],
  now: readonly number[],
): number {
  const [n, m] = [sum(baseline), sum(now)]
  let [a, b, area] = [0, 0, 0]
  for (let i = 0; i + 1 < values.length; i++) {
    a += (baseline[i] as number) / n
    b += (now[i] as number) / m
    area += Math.abs(a - b) * ((values[i + 1] as number) - (values[i] as number))
  }
  return area
}

/**
 * Pearson's chi-square of a two-row contingency table. Cells in which fewer than five rows are expected are pooled into
 * one first (Cochran, 1954), so that a rare category cannot make it large.
 */
export function chiSquare(
  baseline: readonly number[],
  now: readonly number[],
): { statistic: number; degrees: number; rows: number } {
  const [n, m] = [sum(baseline), sum(now)]
  const total = n + m
  const cells: [number, number][] = []
  let rest: [number, number] = [0, 0]
  for (let i = 0; i < baseline.length; i++) {
    const [a, b] = [baseline[i] as number, now[i] as number]
    const expected = ((a + b) * Math.min(n, m)) / total
    if (expected < 5) rest = [rest[0] + a, rest[1] + b]
    else cells.push([a, b])
  }
  if (rest[0] + rest[1] > 0) cells.push(rest)
  let statistic = 0
  for (const [a, b] of cells) {
    const [ea, eb] = [((a + b) * n) / total, ((a + b) * m) / total]
    statistic += (a - ea) ** 2 / ea + (b - eb) ** 2 / eb
  }
  return { statistic, degrees: Math.max(0, cells.length - 1), rows: total }
}

/** Cramér's V of a two-row table, bias-corrected (Bergsma, J. Korean Statist. Soc. 42, 2013). */
export function cramersV(baseline: readonly number[], now: readonly number[]): number {
  const { statistic, degrees, rows } = chiSquare(baseline, now)
  if (degrees === 0) return 0
  const columns = degrees + 1
  const phi = Math.max(0, statistic / rows - degrees / (rows - 1))
  const size = Math.min(2 - 1 / (rows - 1), columns - (columns - 1) ** 2 / (rows - 1)) - 1
  return size <= 0 ? 0 : Math.sqrt(phi / size)
}

/**
 * Categories as PSI compares them: those with less than a hundredth of the baseline count as one, for noise of hundreds
 * of small bins is not drift; those that the baseline does not have at all count as one as well, apart, for they are
 * news.
 */
export function pooled(baseline: readonly number[], now: readonly number[]): [number[], number[]] {
  const least = sum(baseline) / 100
  const [a, b]: [number[], number[]] = [[], []]
  let rest: [number, number] = [0, 0]
  let unseen = 0
  for (let i = 0; i < baseline.length; i++) {
    const [before, after] = [baseline[i] as number, now[i] as number]
    if (before === 0) unseen += after
    else if (before >= least) {
      a.push(before)
      b.push(after)
    } else rest = [rest[0] + before, rest[1] + after]
  }
  const more = [rest, [0, unseen] as const].filter(([before, after]) => before + after > 0)
  return [
    [...a, ...more.map(([before]) => before)],
    [...b, ...more.map(([, after]) => after)],
  ]
}
