import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { loadFunction } from '../code/load.ts'
import { ruleOf, runTarget } from '../code/run-features.ts'
import { readColumns } from '../data/columns.ts'
import { withDuckDb } from '../data/duckdb.ts'
import type { LocalTable } from '../data/table.ts'
import { canonicalJson } from '../formats/canonical.ts'
import type { Column } from '../formats/columns.ts'
import type { Evaluation } from '../formats/evaluation.ts'
import type { StepOf } from '../formats/plan.ts'
import { type LocalModel, loadModel, newAnswers } from '../models/model.ts'
import { binaryMetricsOf, regressionMetricsOf, reliability, type Scored, selectRows } from '../stats/metrics.ts'
import { importanceOf, sampler } from './permute.ts'

export const evaluationFiles = {
  report: 'evaluation.json',
  predictions: 'predictions.f32',
  labels: 'labels.f64',
} as const
export const sliceFile = (column: string): string => `slice-${column}.i32`

export interface EvaluationOrder {
  readonly step: StepOf<'evaluate'>
  readonly model: LocalModel
  readonly table: LocalTable
  /** Share of the trees' gain, by feature. */
  readonly gains: Readonly<Record<string, number>>
  readonly target: { readonly file: string; readonly digest: string } | undefined
  readonly folder: string
}

type Progress = (what: string, done: number) => void

/** Scores a table and measures the result; predictions, labels and slices are kept for comparisons. */
export async function evaluateModel(order: EvaluationOrder, onProgress: Progress): Promise<Evaluation> {
  const { step, table, folder } = order
  const target =
    order.target === undefined
      ? undefined
      : loadFunction(await readFile(order.target.file, 'utf8'), order.target.digest)
  const model = await loadModel(order.model)
  const predictions = newAnswers(model.facts, table.rows)
  const labels = new Float64Array(table.rows)
  const slices = step.slices.map((column) => ({
    column,
    values: new Map<string, number>(),
    codes: new Int32Array(table.rows),
  }))
  const inputs = model.facts.inputs
  const names = inputs.map(({ name }) => name)
  const sample = sampler(table.rows, model.facts.features.length)
  const columns = [
    ...inputs,
    ...[step.target.column, ...step.slices]
      .filter((name, i, names) => names.indexOf(name) === i && !inputs.some((input) => input.name === name))
      .map((name) => ruleOf(table.schema, name)),
  ]
  await withDuckDb(2, async (connection) => {
    let at = 0
    for await (const chunk of readColumns(connection, table, columns)) {
      const features = model.makeFeatures(pick(chunk, names), at + 1)
      predictions.set(await model.scoreFeatures(features), at)
      labels.set(runTarget(target, step.task, step.target.column, chunk[step.target.column] as Column, at + 1), at)
      for (const { column, values, codes } of slices) {
        const cells = chunk[column] as Column
        for (let i = 0; i < cells.length; i++) {
          const value = String(cells[i])
          let code = values.get(value)
          if (code === undefined) {
            code = values.size
            values.set(value, code)
          }
          codes[at + i] = code
        }
      }
      sample.take(features, labels, at)
      at += (chunk[step.target.column] as Column).length
      onProgress(`scored ${at} of ${table.rows} rows`, at / table.rows)
    }
  })
  onProgress('shuffling features', 1)
  const importance = await importanceOf(model, sample.features, sample.labels, order.gains)
  await model.release()
  const scored: Scored = { predictions, labels }
  const evaluation: Evaluation = {
    rows: table.rows,
    task: step.task,
    metrics: metricsOf(step.task, scored),
    reliability: step.task === 'binary' ? reliability(scored) : [],
    importance,
    slices: Object.fromEntries(
      slices.map(({ column, values, codes }) => {
        const rows = rowsByCode(codes, values.size)
        return [
          column,
          [...values.keys()].map((value, code) => ({
            value,
            rows: rows[code]?.length ?? 0,
            metrics: metricsOf(step.task, selectRows(scored, rows[code] as Uint32Array)),
          })),
        ]
      }),
    ),
  }
  await writeFile(join(folder, evaluationFiles.report), canonicalJson(evaluation))
  await writeFile(join(folder, evaluationFiles.predictions), predictions)
  await writeFile(join(folder, evaluationFiles.labels), labels)
  for (const { column, codes } of slices) await writeFile(join(folder, sliceFile(column)), codes)
  return evaluation
}

function metricsOf(task: 'binary' | 'regression', scored: Scored): Record<string, number> {
  const metrics: Record<string, number> = task === 'binary' ? binaryMetricsOf(scored) : regressionMetricsOf(scored)
  return Object.fromEntries(Object.entries(metrics).filter(([, value]) => Number.isFinite(value)))
}

/** Rows by the code of a slicing column: [values][rows of it]. */
export function rowsByCode(codes: Int32Array, values: number): Uint32Array[] {
  const counts = new Uint32Array(values)
  for (const code of codes) counts[code] = (counts[code] as number) + 1
  const rows = Array.from(counts, (count) => new Uint32Array(count))
  const at = new Uint32Array(values)
  codes.forEach((code, row) => {
    ;(rows[code] as Uint32Array)[at[code] as number] = row
    at[code] = (at[code] as number) + 1
  })
  return rows
}

function pick(columns: Readonly<Record<string, Column>>, names: readonly string[]): Record<string, Column> {
  return Object.fromEntries(names.map((name) => [name, columns[name] as Column]))
}
