import { type Feature, isNumbers, ruleOf } from '../code/run-features.ts'
import { readColumns } from '../data/columns.ts'
import { withDuckDb } from '../data/duckdb.ts'
import { sortTable } from '../data/select.ts'
import type { LocalTable } from '../data/table.ts'
import type { Column, Numbers } from '../formats/columns.ts'
import type { MonitorPolicy } from '../formats/monitor-policy.ts'
import { type LocalModel, loadModel } from '../models/model.ts'
import { judgeRules } from '../stats/monitor.ts'
import { driftOfAll } from '../stats/monitor-check.ts'
import type { Profile } from '../stats/profile.ts'
import { profileCounter } from '../stats/profile-counter.ts'
import { seededRandom } from '../stats/random.ts'

export interface CalibrationOrder {
  readonly model: LocalModel
  readonly baseline: Profile
  readonly importances: Readonly<Record<string, number>>
  readonly policy: MonitorPolicy
  /** The rows the model was trained on: what happened without drift. */
  readonly table: LocalTable
  /** Column that orders them in time; undefined takes them as they lie. */
  readonly time: string | undefined
  /** Rows a check sees, the time they come from (ms; without a time column rows that follow each other), and checks to pretend. */
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
 * How often drift rules cry wolf: checks are pretended on stretches of time from the training part, drawn by chance with a fixed seed
 * (moving blocks: Künsch, Annals of Statistics 17, 1989). Rows of one time are alike: an hour is not a week, and a rule that takes that
 * for drift is of no use. One check each: `.for(n)` only makes alarms rarer.
 */
export async function falseAlarms(order: CalibrationOrder): Promise<FalseAlarms[]> {
  const { model: local, baseline, importances, policy, table, time, rows, spanMs, runs, scratch } = order
  const model = await loadModel(local)
  const columns: Record<string, Feature[]> = {}
  const times = new Float64Array(time === undefined ? 0 : table.rows)
  const read = [...model.facts.inputs]
  if (time !== undefined && !read.some(({ name }) => name === time)) read.push(ruleOf(table.schema, time))
  try {
    await withDuckDb(2, async (connection) => {
      const sorted = time === undefined ? table : await sortTable(connection, table, time, scratch)
      let at = 0
      for await (const chunk of readColumns(connection, sorted, read)) {
        if (time !== undefined) times.set(chunk[time] as Float64Array, at)
        const own = Object.fromEntries(model.facts.inputs.map(({ name }) => [name, chunk[name] as Column]))
        const features = model.makeFeatures(own, at + 1)
        const all = { ...features, 'score:': await model.scoreFeatures(features) }
        for (const [name, values] of Object.entries(all)) {
          columns[name] ??= []
          columns[name].push(values)
        }
        at += Object.values(chunk)[0]?.length ?? 0
      }
    })
  } finally {
    await model.release()
  }
  const whole = Object.fromEntries(Object.entries(columns).map(([name, parts]) => [name, join(parts)]))
  const total = table.rows
  const random = seededRandom(total)
  const draw = (below: number): number => (random() / 2 ** 32) * below
  const breaches = new Map<string, number>()
  for (let run = 0; run < runs; run++) {
    const chosen =
      time === undefined ? rowsFrom(draw(total - rows), rows, total) : rowsOfStretch(times, spanMs, rows, draw)
    const counter = profileCounter(baseline)
    counter.add(Object.fromEntries(Object.entries(whole).map(([name, values]) => [name, pick(values, chosen)])))
    const drifts = driftOfAll(counter.take(), baseline, importances)
    const judged = judgeRules(
      { ...policy, minRows: 1, quality: [], volume: [] },
      { rows: chosen.length, columns: drifts, labels: 0, metrics: {}, rowsBefore: [] },
      {},
    )
    for (const { rule, state } of judged) breaches.set(rule, (breaches.get(rule) ?? 0) + (state === 'breached' ? 1 : 0))
  }
  return [...breaches].map(([rule, count]) => ({ rule, breaches: count, runs }))
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
