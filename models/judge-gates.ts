import { readFile } from 'node:fs/promises'
import { sliceColumns } from '../code/run-features.ts'
import { readColumns } from '../data/columns.ts'
import { withDuckDb } from '../data/duckdb.ts'
import type { LocalTable } from '../data/table.ts'
import type { Column } from '../pipelines/columns.ts'
import { Evaluation } from '../pipelines/evaluation.ts'
import type { StepOf } from '../pipelines/plan.ts'
import { type GateOutcome, judge, type Slice } from '../stats/gates.ts'
import type { Scored } from '../stats/metrics.ts'
import { rowsByCode } from './evaluate.ts'
import { answersOf, type LoadedModel, type LocalModel, loadModel } from './model.ts'

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
  onProgress: (what: string, done: number) => void,
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
  const known = new Float64Array(Uint8Array.from(await readFile(labels)).buffer)
  return { predictions: answersOf(await readFile(predictions), known.length), labels: known }
}
