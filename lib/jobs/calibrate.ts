import { type Feature, isNumbers, ruleOf } from '../code/run-features.ts'
import { withDuckDb } from '../data/duckdb.ts'
import { sortTable } from '../data/select.ts'
import type { LocalTable } from '../data/table.ts'
import type { Numbers } from '../formats/columns.ts'
import type { MonitorPolicy } from '../formats/monitor-policy.ts'
import type { LocalModel } from '../models/model.ts'
import { withModels } from '../models/with-models.ts'
import { answerColumns } from '../stats/answer-profile.ts'
import { judgeRules } from '../stats/monitor.ts'
import { driftOfAll } from '../stats/monitor-check.ts'
import type { Profile } from '../stats/profile.ts'
import { profileCounter } from '../stats/profile-counter.ts'
import { seededRandom } from '../stats/random.ts'
import { loadDistances, type OwnCode } from './own-measures.ts'
import { scoreTable } from './score-table.ts'

export interface CalibrationOrder {
  readonly model: LocalModel
  readonly baseline: Profile
  readonly importances: Readonly<Record<string, number>>
  readonly policy: MonitorPolicy
  /** Drift measures of the user's that the policy names. */
  readonly code: readonly OwnCode[]
  /** The rows the model was trained on: what happened without drift. */
  readonly table: LocalTable
  /** Column that orders them in time; undefined takes them as they lie. */
  readonly time: string | undefined
  /**
   * Rows a check sees, the time they come from (ms; without a time column rows that follow each other), and checks to
   * pretend.
   */
  readonly rows: number
  readonly spanMs: number
  readonly runs: number
  /** File for the sorted rows. */
  readonly scratch: string
}

/** How often a rule was breached in checks without drift. */
export interface FalseAlarms {
  readonly rule: string
  readonly breaches: number
  readonly runs: number
}

/**
 * How often drift rules cry wolf: checks are pretended on stretches of time from the training part, drawn by chance
 * with a fixed seed (moving blocks: Künsch, Annals of Statistics 17, 1989). Rows of one time are alike: an hour is not
 * a week, and a rule that takes that for drift is of no use. One check each: `.for(n)` only makes alarms rarer.
 */
export async function falseAlarms(order: CalibrationOrder): Promise<FalseAlarms[]> {
  const { baseline, importances, policy, table, time, rows, spanMs, runs } = order
  const { columns: whole, times } = await scoredInTime(order)
  const own = await loadDistances(policy, order.code)
  const total = table.rows
  const random = seededRandom(total)
  const draw = (below: number): number => (random() / 2 ** 32) * below
  const breaches = new Map<string, number>()
  for (let run = 0; run < runs; run++) {
    const chosen =
      time === undefined ? rowsFrom(draw(total - rows), rows, total) : rowsOfStretch(times, spanMs, rows, draw)
    const counter = profileCounter(baseline)
    counter.add(Object.fromEntries(Object.entries(whole).map(([name, values]) => [name, pick(values, chosen)])))
    const drifts = driftOfAll(counter.take(), baseline, importances, own)
    const judged = judgeRules(
      { ...policy, minRows: 1, quality: [], volume: [] },
      { rows: chosen.length, columns: drifts, labels: 0, metrics: {}, rowsBefore: [] },
      {},
    )
    for (const { rule, state } of judged) breaches.set(rule, (breaches.get(rule) ?? 0) + (state === 'breached' ? 1 : 0))
  }
  return [...breaches].map(([rule, count]) => ({ rule, breaches: count, runs }))
}

/**
 * Features and scores of all rows in the order of time, by column, and their times; as they lie where there is no time.
 */
async function scoredInTime({ model: local, table, time, scratch }: CalibrationOrder) {
  const parts: Record<string, Feature[]> = {}
  const times = new Float64Array(time === undefined ? 0 : table.rows)
  const columns = [...local.facts.inputs]
  if (time !== undefined && !columns.some(({ name }) => name === time)) columns.push(ruleOf(table.schema, time))
  const sorted =
    time === undefined ? table : await withDuckDb(2, (connection) => sortTable(connection, table, time, scratch))
  await withModels([local], (model) =>
    scoreTable({ models: [model], table: sorted, columns }, ({ columns: read, at, scored: [own] }) => {
      if (time !== undefined) times.set(read[time] as Float64Array, at)
      for (const [name, values] of Object.entries({
        ...own.features,
        ...answerColumns(own.predictions, model.facts),
      })) {
        parts[name] ??= []
        parts[name].push(values)
      }
    }),
  )
  return { columns: Object.fromEntries(Object.entries(parts).map(([name, all]) => [name, join(all)])), times }
}

function rowsFrom(from: number, rows: number, total: number): Uint32Array {
  const first = Math.max(0, Math.floor(from))
  return Uint32Array.from({ length: Math.min(rows, total) }, (_, i) => first + i)
}

/** Rows spread evenly over a stretch of time. */
function rowsOfStretch(
  times: Float64Array,
  spanMs: number,
  rows: number,
  draw: (below: number) => number,
): Uint32Array {
  const [first, last] = [times[0] as number, times.at(-1) as number]
  const from = first + draw(Math.max(0, last - first - spanMs))
  const [low, high] = [firstAtLeast(times, from), firstAtLeast(times, from + spanMs)]
  const count = Math.min(rows, high - low)
  return Uint32Array.from({ length: count }, (_, i) => low + Math.floor((i * (high - low)) / count))
}

function firstAtLeast(ascending: Float64Array, value: number): number {
  let [low, high] = [0, ascending.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((ascending[middle] as number) < value) low = middle + 1
    else high = middle
  }
  return low
}

function pick(values: Feature, rows: Uint32Array): Feature {
  if (!isNumbers(values)) return Array.from(rows, (row) => values[row] as string | null)
  return roomLike(values, rows.length).map((_, i) => values[rows[i] as number] as number)
}

function join(parts: readonly Feature[]): Feature {
  const [first] = parts
  if (first === undefined || !isNumbers(first)) return (parts as (string | null)[][]).flat()
  const all = roomLike(
    first,
    parts.reduce((sum, { length }) => sum + length, 0),
  )
  let at = 0
  for (const part of parts) {
    all.set(part as Numbers, at)
    at += part.length
  }
  return all
}

const roomLike = (values: Numbers, rows: number): Numbers => new (values.constructor as Float64ArrayConstructor)(rows)
