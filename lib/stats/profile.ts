import { z } from 'zod'
import { sortNumbers } from './sort-numbers.ts'

/**
 * What a column of numbers looked like. Bins are right-closed: bin i holds edges[i-1] < x ≤ edges[i]; the last is open.
 * Infinite values count in the outer bins and enter no other number.
 */
export const NumericProfile = z.object({
  kind: z.literal('numeric'),
  rows: z.int(),
  missing: z.int(),
  min: z.number().nullable(),
  max: z.number().nullable(),
  mean: z.number().nullable(),
  /** Population standard deviation (ddof 0). */
  std: z.number().nullable(),
  /** Different values; profiles of 0.6 and before do not say. */
  distinct: z.int().optional(),
  /** Whether -Infinity and Infinity were among the values, where one was: then they are no news. */
  infinite: z.tuple([z.boolean(), z.boolean()]).optional(),
  edges: z.array(z.number()),
  counts: z.array(z.int()),
})
/** What a column of text looked like: its most frequent values, by count, then by name. */
export const CategoricalProfile = z.object({
  kind: z.literal('categorical'),
  rows: z.int(),
  missing: z.int(),
  distinct: z.int(),
  top: z.array(z.tuple([z.string(), z.int()])),
  /** Rows whose value is not among `top`. */
  other: z.int(),
})
export const ColumnProfile = z.discriminatedUnion('kind', [NumericProfile, CategoricalProfile])
export type ColumnProfile = z.infer<typeof ColumnProfile> & {
  /** Whether its values are shown to nobody: said by whoever reads a profile beside its schema, and in no file. */
  readonly masked?: boolean
}
export type Profile = Record<string, ColumnProfile>

/** Bins of a numeric profile: twenty quantiles of equal weight, fewer where values repeat. */
export const profileQuantiles: readonly number[] = Array.from({ length: 19 }, (_, i) => (i + 1) / 20)
/** How many values of a categorical column are kept by name. */
export const profileTop = 256

/** Where the edges of bins lie: see `profileNumbers`. */
type EdgesAt = 'values' | 'between' | 'around'

/**
 * Profile of numbers; NaN counts as missing.
 * @param edgesAt `between` puts the edges of bins halfway to the next larger value instead of on a value: for numbers
 *   that others compute with another last bit, scores above all, where many rows may have the very value an edge would
 *   be. `around` gives every value of a column of few, known well, a bin of its own, and what lies between them others:
 *   for features, where a new value is news.
 */
export function profileNumbers(values: Float32Array | Float64Array, edgesAt: EdgesAt = 'values'): ColumnProfile {
  return profileInPlace(values.slice(), edgesAt)
}

/** The same for numbers that nobody needs any more: they are overwritten, and no copy is made of them. */
export function profileInPlace(values: Float32Array | Float64Array, edgesAt: EdgesAt = 'values'): ColumnProfile {
  const infinite: [number, number] = [0, 0]
  let n = 0
  for (const value of values)
    if (Number.isFinite(value)) values[n++] = value
    else if (!Number.isNaN(value)) infinite[value < 0 ? 0 : 1]++
  return profileAscending(sortNumbers(values.subarray(0, n)), values.length, infinite, edgesAt)
}

/**
 * The same profile of numbers that somebody has counted.
 * @param values ascending, each once; NaN behind them
 * @param counts how often each is there
 */
export function profileCounted(values: Float64Array, counts: Float64Array): ColumnProfile {
  const rows = counts.reduce((sum, count) => sum + count, 0)
  const all = new Float64Array(rows)
  let at = 0
  for (let i = 0; i < values.length; i++) {
    all.fill(values[i] as number, at, at + (counts[i] as number))
    at += counts[i] as number
  }
  const countOf = (value: number): number => counts[values.indexOf(value)] ?? 0
  const infinite = [countOf(-Infinity), countOf(Infinity)] as const
  const missing = counts.reduce((sum, count, i) => (Number.isNaN(values[i]) ? sum + count : sum), 0)
  return profileAscending(all.subarray(infinite[0], rows - missing - infinite[1]), rows, infinite, 'values')
}

/** @param infinite how often -Infinity and Infinity were there */
function profileAscending(
  present: Float32Array | Float64Array,
  rows: number,
  [low, high]: readonly [number, number],
  edgesAt: EdgesAt,
): ColumnProfile {
  const n = present.length
  if (n === 0)
    return {
      kind: 'numeric',
      rows,
      missing: rows,
      min: null,
      max: null,
      mean: null,
      std: null,
      distinct: 0,
      edges: [],
      counts: [],
    }
  let sum = 0
  let distinct = 1
  for (let i = 0; i < n; i++) {
    sum += present[i] as number
    if (i > 0 && present[i] !== present[i - 1]) distinct++
  }
  const mean = sum / n
  let squares = 0
  for (const value of present) squares += (value - mean) ** 2
  const edges = edgesOf(present, edgesAt)
  const counts = new Array<number>(edges.length + 1).fill(0)
  for (let i = 0, bin = 0; i < n; i++) {
    while (bin < edges.length && (present[i] as number) > (edges[bin] as number)) bin++
    counts[bin] = (counts[bin] as number) + 1
  }
  counts[0] = (counts[0] as number) + low
  counts[edges.length] = (counts[edges.length] as number) + high
  return {
    kind: 'numeric',
    rows,
    missing: rows - n - low - high,
    min: present[0] as number,
    max: present[n - 1] as number,
    mean,
    std: Math.sqrt(squares / n),
    distinct,
    ...(low + high > 0 ? { infinite: [low > 0, high > 0] as [boolean, boolean] } : {}),
    edges,
    counts,
  }
}

function edgesOf(ascending: Float32Array | Float64Array, edgesAt: EdgesAt): number[] {
  const n = ascending.length
  // quantile_disc: the smallest value that at least a share q of all values does not exceed.
  const quantiles = profileQuantiles.map((q) => ascending[Math.max(0, Math.ceil(q * n) - 1)] as number)
  if (edgesAt === 'between') return [...new Set(quantiles.map((edge) => halfwayUp(ascending, edge)))]
  const few = edgesAt === 'around' ? fewValues(ascending) : undefined
  return few === undefined
    ? [...new Set(quantiles)]
    : edgesAround(few, ascending instanceof Float32Array ? 2 ** -24 : 2 ** -52)
}

/**
 * Values of a column of few are known well when each is there this often on average: one more is hardly chance then.
 */
const wellKnown = 50
/** Values a column of few has at most: then each can have a bin. */
export const mostFew = profileQuantiles.length + 1
export const areFew = (values: number, rows: number): boolean => values <= mostFew && rows >= wellKnown * values

/** The different values, if they are few. */
function fewValues(ascending: Float32Array | Float64Array): number[] | undefined {
  const values: number[] = []
  for (const value of ascending) {
    if (value === values.at(-1)) continue
    values.push(value)
    if (!areFew(values.length, ascending.length)) return undefined
  }
  return values
}

/** Edges at ascending values and just below each. @param precision of the numbers to come, relative */
export function edgesAround(values: readonly number[], precision: number): number[] {
  const below = (value: number): number => (value === 0 ? -Number.MIN_VALUE : value - Math.abs(value) * precision)
  return values.flatMap((value, i) => (i === 0 ? [value] : [below(value), value]))
}

/**
 * How far numbers may lie from a value that are the same but for rounding: a millionth of the range, whatever its unit,
 * and some steps of float32 where values are of that.
 */
export const roundingAt = (value: number, range: number, isSingle: boolean): number =>
  Math.max(range * 1e-6, Math.abs(value) * (isSingle ? 1e-6 : 2 ** -50))

/**
 * Halfway between a value and the next one that is larger by more than rounding; a bit more than the value where there
 * is none.
 */
function halfwayUp(ascending: Float32Array | Float64Array, value: number): number {
  const range = (ascending.at(-1) as number) - (ascending[0] as number)
  const rounding = roundingAt(value, range, ascending instanceof Float32Array)
  const next = ascending.find((each) => each > value + rounding)
  return next === undefined ? value + rounding : (value + next) / 2
}

/** Profile of a dictionary-encoded column: `codes` index into `values`, negative ones are missing. */
export function profileCategories(values: readonly string[], codes: Int32Array): ColumnProfile {
  const counts = new Float64Array(values.length)
  let missing = 0
  for (const code of codes) {
    if (code < 0) missing++
    else counts[code] = (counts[code] as number) + 1
  }
  const ranked = values
    .map((value, code): [string, number] => [value, counts[code] as number])
    .filter(([, count]) => count > 0)
  return categoricalProfile(ranked, codes.length, missing)
}

/** Profile from the counts of all values. */
function categoricalProfile(counts: [string, number][], rows: number, missing: number): ColumnProfile {
  const ranked = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
  const top = ranked.slice(0, profileTop)
  const other = ranked.slice(profileTop).reduce((sum, [, count]) => sum + count, 0)
  return { kind: 'categorical', rows, missing, distinct: ranked.length, top, other }
}
