import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { allFiles } from '../client/first-files.ts'
import { loadFunction } from '../lib/code/load.ts'
import type { PlannedPipeline } from '../lib/code/plan.ts'
import { ruleOf } from '../lib/code/run-features.ts'
import { runTarget } from '../lib/code/run-target.ts'
import { readColumns } from '../lib/data/columns.ts'
import { withDuckDb } from '../lib/data/duckdb.ts'
import { sampleBetween, timeRange } from '../lib/data/replay.ts'
import { type Column, rowCount } from '../lib/formats/columns.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import type { StepOf } from '../lib/formats/plan.ts'
import { isOfBacktest } from '../lib/formats/split-rule.ts'
import { findSource } from '../lib/sources/take.ts'
import type { Store } from '../lib/store/store.ts'
import { readableFrom } from '../workers/planned.ts'
import { cellOf } from './traffic.ts'

/** A stretch of a pipeline's past as traffic: rows as requests, and what became of them. */
export interface Stretch {
  readonly from: number
  readonly to: number
  /** Request bodies of several rows each, in the order of their time. */
  readonly bodies: readonly string[]
  /** Labels of the rows, by body. */
  readonly labels: readonly (readonly number[])[]
  /** Time of the last row of each body, ms since 1970. */
  readonly times: readonly number[]
}

/** The past of a pipeline's source, as far as it is needed to live through it again. */
export interface Past {
  readonly first: number
  readonly last: number
  /** Rows of the source between two times: a sample of at most `rows`. */
  stretch(from: number, to: number, rows: number): Promise<Stretch>
  /**
   * For a label that says whether a column is above something: the value to turn the column around so that labels say
   * the opposite.
   */
  turningPoint(): Promise<number>
  readonly source: {
    readonly files: readonly string[]
    readonly format: 'parquet' | 'csv' | 'json'
    readonly schema: StepOf<'snapshot'>['schema']
  }
  readonly target: StepOf<'train'>['target']
}

/** Rows a request holds: gateways keep that many of one. */
const rowsARequest = 16

/** Opens the past of a pipeline whose split is by age. @throws SlipwayError USAGE for another split */
export async function openPast(store: Store, { plan, bundles }: PlannedPipeline, root: string): Promise<Past> {
  const find = <Kind extends 'snapshot' | 'split' | 'train'>(
    kind: Kind,
    isMeant: (step: StepOf<Kind>) => boolean = () => true,
  ): StepOf<Kind> => plan.steps.find((step) => step.kind === kind && isMeant(step as StepOf<Kind>)) as StepOf<Kind>
  const snapshot = find('snapshot')
  const past = new Set(plan.steps.flatMap((step) => (step.kind === 'split' && isOfBacktest(step.rule) ? step.id : [])))
  const split = find('split', ({ id }) => !past.has(id))
  const train = find('train', ({ split }) => !past.has(split))
  if (split.rule.by !== 'age') throw new SlipwayError('USAGE', `pipeline "${plan.pipeline}" does not split by age`)
  const { column } = split.rule
  const files = await allFiles(store, await findSource(await readableFrom(root, store), snapshot))
  const source = { files: files.map(({ path }) => path), format: snapshot.format, schema: snapshot.schema }
  const { code } = train.target
  const target = code === undefined ? undefined : loadFunction(bundles.get(code.digest)?.code ?? '', code.digest)
  const range = await withDuckDb(2, (connection) => timeRange(connection, source, column))
  return {
    ...range,
    source,
    target: train.target,
    async turningPoint() {
      const folder = await mkdtemp(join(tmpdir(), 'slipway-replay-'))
      const file = join(folder, 'rows.parquet')
      try {
        return await withDuckDb(2, async (connection) => {
          const rows = await sampleBetween(
            connection,
            source,
            { column, between: [range.first, range.last], rows: 20_000 },
            file,
          )
          const rule = ruleOf(source.schema, train.target.column)
          let [highestZero, lowestOne] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]
          for await (const chunk of readColumns(
            connection,
            { files: [file], format: 'parquet', schema: source.schema, rows },
            [rule],
          )) {
            const values = chunk[rule.name] as Float64Array
            const labels = runTarget(target, train.task, rule.name, values, 1)
            for (const [i, label] of labels.entries()) {
              if (label === 0) highestZero = Math.max(highestZero, values[i] as number)
              else lowestOne = Math.min(lowestOne, values[i] as number)
            }
          }
          return highestZero + lowestOne
        })
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    },
    async stretch(from, to, rows) {
      const folder = await mkdtemp(join(tmpdir(), 'slipway-replay-'))
      const file = join(folder, 'rows.parquet')
      try {
        return await withDuckDb(2, async (connection) => {
          const found = await sampleBetween(connection, source, { column, between: [from, to], rows }, file)
          const bodies: string[] = []
          const labels: number[][] = []
          const times: number[] = []
          const table = { files: [file], format: 'parquet' as const, schema: source.schema, rows: found }
          for await (const chunk of readColumns(connection, table, source.schema)) {
            const all = runTarget(target, train.task, train.target.column, chunk[train.target.column] as Column, 1)
            for (let at = 0; at < rowCount(chunk); at += rowsARequest) {
              const count = Math.min(rowsARequest, rowCount(chunk) - at)
              const instances = Array.from({ length: count }, (_, i) =>
                Object.fromEntries(
                  train.inputs.map(({ name, type }) => [name, cellOf((chunk[name] as Column)[at + i], type)]),
                ),
              )
              bodies.push(JSON.stringify({ instances }))
              labels.push(Array.from(all.subarray(at, at + count)))
              times.push((chunk[column] as Float64Array)[at + count - 1] as number)
            }
          }
          return { from, to, bodies, labels, times }
        })
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    },
  }
}
