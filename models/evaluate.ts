import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { loadFunction } from '../code/load.ts'
import { ruleOf, runTarget, sliceColumns } from '../code/run-features.ts'
import { readColumns } from '../data/columns.ts'
import { withDuckDb } from '../data/duckdb.ts'
import type { LocalTable } from '../data/table.ts'
import { canonicalJson } from '../pipelines/canonical.ts'
import type { Column } from '../pipelines/columns.ts'
import { SlipwayError } from '../pipelines/errors.ts'
import type { StepOf } from '../pipelines/plan.ts'
import { type GateOutcome, judge, type Slice } from '../stats/gates.ts'
import { binaryMetricsOf, regressionMetricsOf, reliability, type Scored, selectRows } from '../stats/metrics.ts'
import { type LoadedModel, type LocalModel, loadModel } from './model.ts'

const Metrics = z.record(z.string(), z.number())
const ReliabilityBin = z.object({ rows: z.int(), meanPrediction: z.number(), positiveShare: z.number() })

/** How a model did on a table: an artifact. Metrics that are not defined (one class only) are left out. */
export const Evaluation = z.object({
  rows: z.int(),
  task: z.enum(['binary', 'regression']),
  metrics: Metrics,
  reliability: z.array(ReliabilityBin),
  /** By slicing column: its values, in the order of the codes in `slice-<column>.i32`. */
  slices: z.record(z.string(), z.array(z.object({ value: z.string(), rows: z.int(), metrics: Metrics }))),
})
export type Evaluation = z.infer<typeof Evaluation>

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
  const predictions = new Float32Array(table.rows)
  const labels = new Float64Array(table.rows)
  const slices = step.slices.map((column) => ({
    column,
    values: new Map<string, number>(),
    codes: new Int32Array(table.rows),
  }))
  const inputs = model.facts.inputs
  const columns = [
    ...inputs,
    ...[step.target.column, ...step.slices]
      .filter((name, i, names) => names.indexOf(name) === i && !inputs.some((input) => input.name === name))
      .map((name) => ruleOf(table.schema, name)),
  ]
  await withDuckDb(2, async (connection) => {
    let at = 0
    for await (const chunk of readColumns(connection, table, columns)) {
      predictions.set(
        await model.score(
          pick(
            chunk,
            inputs.map(({ name }) => name),
          ),
          at + 1,
        ),
        at,
      )
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
      at += (chunk[step.target.column] as Column).length
      onProgress(`scored ${at} of ${table.rows} rows`, at / table.rows)
    }
  })
  await model.release()
  const scored: Scored = { predictions, labels }
  const evaluation: Evaluation = {
    rows: table.rows,
    task: step.task,
    metrics: metricsOf(step.task, scored),
    reliability: step.task === 'binary' ? reliability(scored) : [],
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

/** Predictions of an evaluation, as local files. */
export interface LocalEvaluation {
  readonly report: string
  readonly predictions: string
  readonly labels: string
  readonly slices: Readonly<Record<string, string>>
}

export interface GateOrder {
  readonly step: StepOf<'gate'>
  readonly candidate: LocalEvaluation
  readonly opponent: LocalEvaluation | undefined
  readonly model: LocalModel
  readonly table: LocalTable
}

/** Judges every gate of a step on evaluations made before. */
export async function judgeGates(
  { step, candidate, opponent, model, table }: GateOrder,
  onProgress: Progress,
): Promise<GateOutcome[]> {
  const report = Evaluation.parse(JSON.parse(await readFile(candidate.report, 'utf8')))
  const own = await readScored(candidate)
  const other = opponent === undefined ? undefined : await readScored(opponent)
  const slices = new Map<string, Slice[]>()
  for (const [column, file] of Object.entries(candidate.slices)) {
    const values = report.slices[column] ?? []
    const rows = rowsByCode(new Int32Array(Uint8Array.from(await readFile(file)).buffer), values.length)
    slices.set(
      column,
      values.map(({ value }, code) => ({ value, rows: rows[code] as Uint32Array })),
    )
  }
  const loaded = await loadModel(model)
  const needsLatency = step.must.some(({ metric }) => metric === 'latencyP99Ms')
  const latencyP99Ms = needsLatency ? await measureLatency(loaded, table) : undefined
  const outcomes = step.must.map((check, i) => {
    onProgress(`gate ${i + 1} of ${step.must.length}`, i / step.must.length)
    return judge(check, {
      candidate: own,
      opponent: other,
      slicesOf: (column) => slices.get(column) ?? [],
      sizeBytes: loaded.sizeBytes,
      latencyP99Ms,
      task: report.task,
      seed: step.seed,
    })
  })
  await loaded.release()
  return outcomes
}

export interface ParityOrder {
  readonly model: LocalModel
  readonly table: LocalTable
  readonly predictions: string
  readonly limit: number
}

/**
 * Scores the first rows of a table through the package (feature code and ONNX Runtime) and compares with the trainer's own
 * predictions for them.
 * @returns the largest absolute difference
 * @throws SlipwayError PARITY when it is above the limit
 */
export async function checkParity({
  model,
  table,
  predictions,
  limit,
}: ParityOrder): Promise<{ rows: number; largest: number }> {
  const bytes = await readFile(predictions)
  const expected = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
  const loaded = await loadModel(model)
  let largest = 0
  let at = 0
  await withDuckDb(2, async (connection) => {
    for await (const chunk of readColumns(connection, table, loaded.facts.inputs)) {
      const scores = await loaded.score(sliceColumns(chunk, 0, expected.length - at), at + 1)
      scores.forEach((score, i) => {
        const difference = Math.abs(score - (expected[at + i] as number))
        if (!(difference <= largest)) largest = difference
      })
      at += scores.length
      if (at >= expected.length) break
    }
  })
  await loaded.release()
  if (!(largest <= limit)) {
    throw new SlipwayError(
      'PARITY',
      `ONNX Runtime and the trainer differ by ${largest} on ${expected.length} rows; ${limit} is allowed`,
      {
        next: 'this is a fault in the export: report it, with the run',
      },
    )
  }
  return { rows: expected.length, largest }
}

/** The 99th percentile of 300 single-row predictions, ms. */
async function measureLatency(model: LoadedModel, table: LocalTable): Promise<number> {
  const times: number[] = []
  await withDuckDb(1, async (connection) => {
    for await (const chunk of readColumns(connection, table, model.facts.inputs)) {
      const rows = Math.min(400, (Object.values(chunk)[0] as Column).length)
      for (let i = 0; i < rows; i++) {
        const row = sliceColumns(chunk, i, i + 1)
        const start = performance.now()
        await model.score(row)
        times.push(performance.now() - start)
      }
      break
    }
  })
  const measured = times.slice(Math.min(100, times.length - 1)).sort((a, b) => a - b)
  return measured[Math.ceil(0.99 * measured.length) - 1] as number
}

async function readScored({ predictions, labels }: LocalEvaluation): Promise<Scored> {
  // Fresh buffers: typed arrays need their alignment.
  return {
    predictions: new Float32Array(Uint8Array.from(await readFile(predictions)).buffer),
    labels: new Float64Array(Uint8Array.from(await readFile(labels)).buffer),
  }
}

function metricsOf(task: 'binary' | 'regression', scored: Scored): Record<string, number> {
  const metrics: Record<string, number> = task === 'binary' ? binaryMetricsOf(scored) : regressionMetricsOf(scored)
  return Object.fromEntries(Object.entries(metrics).filter(([, value]) => Number.isFinite(value)))
}

function rowsByCode(codes: Int32Array, values: number): Uint32Array[] {
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
