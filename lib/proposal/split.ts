import type { ColumnProfile, TableProfile } from './profile.ts'
import { isGroup } from './roles.ts'
import type { ProposedTarget } from './target.ts'
import { isNameOfBirth, literal } from './words.ts'

/** How rows are parted into what is learnt from, what training stops by, and what the model is judged by. */
export interface ProposedSplit {
  readonly kind: 'time' | 'group' | 'strata' | 'random'
  readonly column: ColumnProfile | undefined
  /** The rule as the definition has it. */
  readonly rule: string
  readonly why: string
}

const [minute, hour, day] = [60_000, 3_600_000, 86_400_000]
export const seed = 7

/** By time where rows have one; else so that rows of one thing stay together; else with equal shares of each class. */
export function chooseSplit(profile: TableProfile, target: ProposedTarget): ProposedSplit {
  const others = profile.columns.filter((column) => column !== target.column)
  for (const column of others) {
    const windows = windowsOf(column, profile)
    if (windows === undefined) continue
    const { test, validation, share } = windows
    return {
      kind: 'time',
      column,
      rule: `{ by: ${literal(column.name)}, test: '${test}', validation: '${validation}' }`,
      why: `by ${column.name}: the newest ${inWords(test)} (about ${percent(share)} of the rows) judge the model, the ${inWords(validation)} before tell training when to stop, for in use a model only meets days that it has not learnt from`,
    }
  }
  const group = others.find((column) => isGroup(column, profile))
  if (group !== undefined)
    return {
      kind: 'group',
      column: group,
      rule: `{ byHashOf: ${literal(group.name)}, validation: 0.2, test: 0.2, seed: ${seed} }`,
      why: `by ${group.name}, so that all rows of one are in the same part: a model must not be judged by those it has met`,
    }
  if (target.task !== 'regression')
    return {
      kind: 'strata',
      column: undefined,
      rule: `{ stratifiedBy: ${literal(target.column.name)}, validation: 0.2, test: 0.2, seed: ${seed} }`,
      why: `at random, with as much of each class in every part: no column says when a row happened`,
    }
  return {
    kind: 'random',
    column: undefined,
    rule: `{ random: { validation: 0.2, test: 0.2 }, seed: ${seed} }`,
    why: `at random: no column says when a row happened`,
  }
}

/** The newest rows, and those before, about a fifth each; undefined where a column of times does not part rows so. */
function windowsOf(column: ColumnProfile, { looked }: TableProfile) {
  const { reading, times, distinct, present, stray, name } = column
  if (reading.kind !== 'time' || isNameOfBirth(name) || distinct < 10 || present - stray < looked * 0.99)
    return undefined
  const at = (share: number): number => times[Math.floor(share * (times.length - 1))] as number
  const newest = at(1)
  const test = roundUp(newest - at(0.8))
  const validation = roundUp(newest - test.ms - at(0.6))
  if (test.ms <= 0 || validation.ms <= 0) return undefined
  const from = [newest - test.ms, newest - test.ms - validation.ms] as const
  const share = (isIn: (time: number) => boolean): number => times.filter(isIn).length / times.length
  const tested = share((time) => time > from[0])
  const validated = share((time) => time > from[1] && time <= from[0])
  if (tested < 0.05 || tested > 0.5 || validated < 0.05 || 1 - tested - validated < 0.3) return undefined
  return { test: test.text, validation: validation.text, share: tested }
}

/** A duration as definitions have it, in whole days where it is some. */
function roundUp(ms: number): { readonly text: string; readonly ms: number } {
  const [unit, letter] = ms >= 2 * day ? [day, 'd'] : ms >= 2 * hour ? [hour, 'h'] : [minute, 'm']
  const count = Math.ceil(ms / unit)
  return { text: `${count}${letter}`, ms: count * unit }
}

const units: Readonly<Record<string, string>> = { d: 'days', h: 'hours', m: 'minutes' }
const inWords = (duration: string): string => `${duration.slice(0, -1)} ${units[duration.at(-1) as string]}`
const percent = (share: number): string => `${Math.round(share * 100)} %`
