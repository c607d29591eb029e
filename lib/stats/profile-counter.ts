import type { Named } from '../formats/answers.ts'
import type { Numbers } from '../formats/columns.ts'
import type { Decisions } from '../formats/decisions.ts'
import { type FeatureCounts, missingText, otherText, placedText } from '../formats/telemetry.ts'
import { numberedTexts } from '../formats/texts.ts'
import { answerColumns, decisionColumns, isAnswerColumn } from './answer-profile.ts'
import { type ColumnProfile, type Profile, roundingAt } from './profile.ts'

/** A column to count: numbers (NaN for missing) or text (null for missing). */
type Counted = Numbers | readonly (string | null)[]

/** Counts values in the bins of a baseline profile, so that windows can be compared with it and with each other. */
export interface ProfileCounter {
  /**
   * @param answers of the rows, where they are no columns
   * @param decisions what a function of the user's makes of them, where one answers
   */
  add(columns: Readonly<Record<string, Counted>>, answers?: Numbers, decisions?: Decisions | undefined): void
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

type NumericProfile = Extract<ColumnProfile, { kind: 'numeric' }>

interface ColumnCounter {
  add(values: Counted): void
  take(): FeatureCounts
}

/**
 * Counts of numbers lie as [edges + 4]: by bin, below the baseline's smallest value, above its largest, missing. Up to
 * 0.6 they lacked the two in between: what was outside the range is in the first and the last bin then.
 */
const outsideCounts = 2

/**
 * @param isRounded whether other engines make values with another last bit: that does not put them outside the range
 */
function numberCounter({ edges, min, max, infinite }: NumericProfile, isRounded: boolean): ColumnCounter {
  const [below, above, missing] = [edges.length + 1, edges.length + 2, edges.length + 3]
  const [low, high] = [min ?? Number.NEGATIVE_INFINITY, max ?? Number.POSITIVE_INFINITY]
  const none = (): number[] => new Array<number>(missing + 1).fill(0)
  let counts = none()
  return {
    add(values) {
      const isSingle = values instanceof Float32Array
      const rounding = (end: number): number =>
        isRounded && Number.isFinite(end) ? roundingAt(end, high - low, isSingle) : 0
      const [from, to] = [low - rounding(low), high + rounding(high)]
      const isKnown = (value: number): boolean => !Number.isFinite(value) && infinite?.[value > 0 ? 1 : 0] === true
      for (let i = 0; i < values.length; i++) {
        const value = values[i] as number
        const outside = value < from ? below : value > to ? above : undefined
        const cell = Number.isNaN(value)
          ? missing
          : outside === undefined || isKnown(value)
            ? binOf(edges, value)
            : outside
        counts[cell] = (counts[cell] as number) + 1
      }
    },
    take() {
      const taken = counts
      counts = none()
      return taken
    },
  }
}

/** Counts of numbers by bin, ascending, those below and above the range of the baseline first and last: [edges + 3]. */
export function numericCounts(
  counts: readonly number[],
  edges: readonly number[],
): { readonly now: number[]; readonly missing: number } {
  const bins = counts.slice(0, edges.length + 1)
  const [below = 0, above = 0] = counts.slice(edges.length + 1, -1)
  return { now: [below, ...bins, above], missing: counts.at(-1) ?? 0 }
}

function counterOf(profile: ColumnProfile, isScore: boolean, isMasked: boolean): ColumnCounter {
  if (profile.kind === 'numeric') return numberCounter(profile, isScore)
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
      const known = [...cells].map(([value, cell], i) => [isMasked ? placedText(i) : value, cell] as const)
      const all: (readonly [string, { count: number }])[] = [...known, [missingText, missing], [otherText, other]]
      const taken = all.filter(([, { count }]) => count > 0).map(([key, { count }]) => [key, count] as const)
      missing = { count: 0 }
      other = { count: 0 }
      cells = new Map(profile.top.map(([value]) => [value, { count: 0 }]))
      return Object.fromEntries(taken.sort(([a], [b]) => (a < b ? -1 : 1)))
    },
  }
}

/**
 * A counter for the columns of a baseline; columns it does not know are left out.
 * @param named what the answers of the model are called, and which of its inputs are masked: features called so are
 *   counted without their values
 */
export function profileCounter(
  baseline: Profile,
  named: Named & { readonly inputs?: readonly { readonly name: string; readonly masked?: boolean | undefined }[] } = {},
): ProfileCounter {
  const masked = new Set(named.inputs?.flatMap(({ name, masked }) => (masked === true ? [name] : [])))
  const counters = Object.entries(baseline).map(
    ([name, profile]) => [name, counterOf(profile, isAnswerColumn(name), masked.has(name))] as const,
  )
  return {
    add(columns, answers, decisions) {
      const own = answers === undefined ? {} : answerColumns(answers, named)
      const ofAnswers = decisions === undefined ? own : { ...own, ...decisionColumns(decisions) }
      for (const [name, counter] of counters) {
        const values = columns[name] ?? ofAnswers[name]
        if (values !== undefined) counter.add(values)
      }
    },
    take: () => Object.fromEntries(counters.map(([name, counter]) => [name, counter.take()])),
  }
}

/** The sum of two columns' counts; of numbers also where one was counted by 0.6. */
export function addFeatureCounts(a: FeatureCounts, b: FeatureCounts): FeatureCounts {
  if (Array.isArray(a) && Array.isArray(b)) {
    const length = Math.max(a.length, b.length)
    const [left, right] = [widened(a, length), widened(b, length)]
    return left.map((count, i) => count + (right[i] as number))
  }
  const sum: Record<string, number> = { ...(a as Record<string, number>) }
  for (const [value, count] of Object.entries(b as Record<string, number>)) sum[value] = (sum[value] ?? 0) + count
  return sum
}

const widened = (counts: readonly number[], length: number): readonly number[] =>
  counts.length === length
    ? counts
    : [...counts.slice(0, -1), ...new Array<number>(outsideCounts).fill(0), ...counts.slice(-1)]
