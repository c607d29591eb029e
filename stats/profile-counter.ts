import type { Numbers } from '../pipelines/columns.ts'
import { type FeatureCounts, missingText, otherText } from '../pipelines/telemetry.ts'
import { numberedTexts } from '../pipelines/texts.ts'
import type { ColumnProfile, Profile } from './profile.ts'

/** A column to count: numbers (NaN for missing) or text (null for missing). */
type Counted = Numbers | readonly (string | null)[]

/** Counts values in the bins of a baseline profile, so that windows can be compared with it and with each other. */
export interface ProfileCounter {
  /** @param scores counted as `score:`, where they are no column */
  add(columns: Readonly<Record<string, Counted>>, scores?: Numbers): void
  /** What was counted since the last time. */
  take(): Record<string, FeatureCounts>
}

/** The bin of a value: the first whose right-closed edge it does not exceed. NaN is not for this function. */
export function binOf(edges: readonly number[], value: number): number {
  let low = 0
  let high = edges.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (value > (edges[middle] as number)) low = middle + 1
    else high = middle
  }
  return low
}

const none = new Int32Array(0)

interface ColumnCounter {
  add(values: Counted): void
  take(): FeatureCounts
}

function counterOf(profile: ColumnProfile): ColumnCounter {
  if (profile.kind === 'numeric') {
    const { edges } = profile
    let counts = new Array<number>(edges.length + 2).fill(0)
    return {
      add(values) {
        for (let i = 0; i < values.length; i++) {
          const value = values[i] as number
          const bin = Number.isNaN(value) ? edges.length + 1 : binOf(edges, value)
          counts[bin] = (counts[bin] as number) + 1
        }
      },
      take() {
        const taken = counts
        counts = new Array<number>(edges.length + 2).fill(0)
        return taken
      },
    }
  }
  // One look-up a value, whatever it is: a cell of its own for known ones, one cell for all others.
  let missing = { count: 0 }
  let other = { count: 0 }
  let cells = new Map(profile.top.map(([value]) => [value, { count: 0 }]))
  const cellOf = (value: string | null): { count: number } => (value === null ? missing : (cells.get(value) ?? other))
  return {
    add(column) {
      const texts = column as readonly (string | null)[]
      const { values = [], numbers = none } = numberedTexts(texts) ?? {}
      const counts = new Float64Array(values.length)
      for (let i = 0; i < texts.length; i++) {
        const text = texts[i] as string | null
        const number = numbers[i]
        if (number !== undefined && values[number] === text) counts[number] = (counts[number] as number) + 1
        else cellOf(text).count++
      }
      for (const [number, value] of values.entries()) cellOf(value).count += counts[number] as number
    },
    take() {
      const all: [string, { count: number }][] = [...cells, [missingText, missing], [otherText, other]]
      const taken = all.filter(([, { count }]) => count > 0).map(([key, { count }]) => [key, count] as const)
      missing = { count: 0 }
      other = { count: 0 }
      cells = new Map(profile.top.map(([value]) => [value, { count: 0 }]))
      return Object.fromEntries(taken.sort(([a], [b]) => (a < b ? -1 : 1)))
    },
  }
}

/** A counter for the columns of a baseline; columns it does not know are left out. */
export function profileCounter(baseline: Profile): ProfileCounter {
  const counters = Object.entries(baseline).map(([name, profile]) => [name, counterOf(profile)] as const)
  return {
    add(columns, scores) {
      for (const [name, counter] of counters) {
        const values = columns[name] ?? (name === 'score:' ? scores : undefined)
        if (values !== undefined) counter.add(values)
      }
    },
    take: () => Object.fromEntries(counters.map(([name, counter]) => [name, counter.take()])),
  }
}

/** The sum of two columns' counts. */
export function addFeatureCounts(a: FeatureCounts, b: FeatureCounts): FeatureCounts {
  if (Array.isArray(a) && Array.isArray(b)) return a.map((count, i) => count + (b[i] ?? 0))
  const sum: Record<string, number> = { ...(a as Record<string, number>) }
  for (const [value, count] of Object.entries(b as Record<string, number>)) sum[value] = (sum[value] ?? 0) + count
  return sum
}
