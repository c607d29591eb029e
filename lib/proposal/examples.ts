import type { Proposal, ProposedColumn } from './propose.ts'

/** A feature as the model gets it: its name, and how it is made of a column. */
export interface ProposedFeature {
  readonly name: string
  readonly column: ProposedColumn
  readonly made: 'as it is' | 'weekday' | 'month' | 'hour'
}

const day = 86_400_000

/**
 * The features: what a finished model takes; or columns as they are, and of the time that rows are split by what comes
 * again.
 */
export function featuresOf({
  columns,
  split,
  taken,
}: Pick<Proposal, 'columns' | 'split' | 'taken'>): ProposedFeature[] {
  return columns.flatMap((column): ProposedFeature[] => {
    const { profile, role, variable } = column
    if (taken !== undefined)
      return taken.includes(profile.name) ? [{ name: profile.name, column, made: 'as it is' }] : []
    if (role === 'feature') return [{ name: variable, column, made: 'as it is' }]
    if (role !== 'split' || split.kind !== 'time') return []
    const span = (profile.max ?? 0) - (profile.min ?? 0)
    const made = [
      'weekday' as const,
      ...(profile.hasTimeOfDay ? ['hour' as const] : []),
      // Less than a year holds no month twice, and no model knows what the missing ones are like.
      ...(span > 400 * day ? ['month' as const] : []),
    ]
    return made.map((part) => ({ name: `${variable}_${part}`, column, made: part }))
  })
}

/** Some rows of made-up values, by column, in which no two columns and features are alike and none is constant. */
export interface Examples {
  /** Numbers, times (ms since 1970), truths as 0 and 1, and texts. */
  readonly columns: ReadonlyMap<ProposedColumn, readonly (number | string)[]>
  readonly features: ReadonlyMap<ProposedFeature, readonly (number | string)[]>
}

/**
 * Example rows by which a broken feature function is noticed, whatever it exchanges, turns round or leaves out: the
 * values of each column are in an order of their own.
 */
export function examplesOf(proposal: Proposal): Examples {
  const features = featuresOf(proposal)
  const used = [...new Set(features.map(({ column }) => column))]
  // So many rows that there are more orders of two values than columns.
  const rows = Math.max(3, Math.ceil(Math.log2(used.length + 3)))
  const seen = new Set<string>()
  const columns = new Map<ProposedColumn, readonly (number | string)[]>()
  for (const [j, column] of used.entries()) {
    const values = valuesOf(column, rows)
    const rotated = values.map((_, i) => values[(i + j) % values.length] as number | string)
    const distinct = rotated.slice(0, rows)
    const isOwn = distinct.length === rows && !seen.has(String(distinct))
    const chosen = isOwn ? distinct : inOwnOrder(values, j + 1, rows)
    seen.add(String(chosen))
    columns.set(column, chosen)
  }
  return { columns, features: new Map(features.map((feature) => [feature, madeOf(feature, columns)])) }
}

/** Two values in the order of the bits of a number: no column's is another one's. */
function inOwnOrder(values: readonly (number | string)[], code: number, rows: number): (number | string)[] {
  const [low, high] = [values[0], values[1] ?? values[0]] as [number | string, number | string]
  return Array.from({ length: rows }, (_, i) => ((code >> i) & 1 ? high : low))
}

/** Different values of a column, ascending. */
function valuesOf({ profile }: ProposedColumn, rows: number): (number | string)[] {
  const { reading, pool, min = 0, max = min } = profile
  if (reading.kind === 'boolean') return [0, 1]
  if (reading.kind === 'time') {
    const start = Math.floor(min / day) * day
    const hours = profile.hasTimeOfDay ? 5 * 3_600_000 : 0
    // No multiple of a week, and more than a month.
    return Array.from({ length: rows }, (_, i) => start + i * (36 * day + hours))
  }
  if (reading.kind !== 'number') return [...pool].sort().slice(0, rows)
  const numbers = reading.convert === undefined ? pool.map(Number) : [min, (min + max) / 2, max].map(Math.round)
  const different = [...new Set(numbers)].sort((a, b) => a - b)
  if (different.length < 2) return [min, max]
  const step = (different.length - 1) / (rows - 1)
  return different.length < rows
    ? different
    : Array.from({ length: rows }, (_, i) => different[Math.round(i * step)] as number)
}

/** What the function that is written makes of them. */
function madeOf(
  { column, made }: ProposedFeature,
  columns: ReadonlyMap<ProposedColumn, readonly (number | string)[]>,
): (number | string)[] {
  const values = columns.get(column) ?? []
  if (made === 'as it is') return [...values]
  return values.map((value) => {
    const time = new Date(value as number)
    if (made === 'weekday') return time.getUTCDay()
    return made === 'hour' ? time.getUTCHours() : time.getUTCMonth() + 1
  })
}
