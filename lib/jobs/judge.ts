import { readFile } from 'node:fs/promises'
import type { LocalTable } from '../data/table.ts'
import { type Check, describeCheck } from '../formats/check.ts'
import { SlipwayError } from '../formats/errors.ts'
import { Evaluation } from '../formats/evaluation.ts'
import type { StepOf } from '../formats/plan.ts'
import type { GateResult } from '../formats/records.ts'
import { answersOf, type LoadedModel, type LocalModel } from '../models/model.ts'
import { withModels } from '../models/with-models.ts'
import { judge, type Slice } from '../stats/gates.ts'
import { judgeLatency, type LatencyBlock, type LatencyVerdict, latencyInWords } from '../stats/latency.ts'
import type { Scored } from '../stats/metrics.ts'
import { rowsByCode } from './evaluate.ts'
import { firstRows, measureLatency } from './measure-latency.ts'

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

type Progress = (what: string, done: number) => void

/**
 * Judges every gate of a step on evaluations made before.
 * @throws SlipwayError LATENCY_UNDECIDED where all others pass and the machine is too busy to say how fast the model is
 */
export async function judgeGates(
  { step, candidate, opponent, model, table }: GateOrder,
  onProgress: Progress,
): Promise<GateResult[]> {
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
  return withModels([model], async (loaded) => {
    const latency = await latencyOf(loaded, table, step.must, onProgress)
    const undecided = step.must.filter((check) => isUndecided(check, latency))
    const outcomes = step.must
      .filter((check) => !undecided.includes(check))
      .map((check, i, decided) => {
        onProgress(`gate ${i + 1} of ${decided.length}`, i / decided.length)
        return judge(check, {
          candidate: own,
          opponent: other,
          slicesOf: (column) => slices.get(column) ?? [],
          sizeBytes: loaded.sizeBytes,
          latency,
          task: report.task,
          seed: step.seed,
        })
      })
    // A candidate that fails by another gate has failed, however busy the machine is.
    const [open] = undecided
    if (open !== undefined && outcomes.every(({ passed }) => passed)) throw undecidedError(open, latency)
    return outcomes
  })
}

/** Measures latency where a gate is about it. */
async function latencyOf(
  model: LoadedModel,
  table: LocalTable,
  must: readonly Check[],
  onProgress: Progress,
): Promise<LatencyBlock[]> {
  const limits = must.flatMap((check) => latencyLimit(check) ?? [])
  if (limits.length === 0) return []
  return measureLatency(model, await firstRows(model, table), limits, (blocks) =>
    onProgress(`measuring latency, block ${blocks + 1}`, 0),
  )
}

const latencyLimit = (check: Check): number | undefined =>
  check.metric === 'latencyP99Ms' && check.rule !== 'notWorseThan' ? check.limit : undefined

function isUndecided(check: Check, blocks: readonly LatencyBlock[]): boolean {
  const limit = latencyLimit(check)
  return limit !== undefined && judgeLatency(blocks, limit)?.state === 'undecided'
}

function undecidedError(check: Check, blocks: readonly LatencyBlock[]): SlipwayError {
  const limit = latencyLimit(check) as number
  const verdict = judgeLatency(blocks, limit) as LatencyVerdict
  return new SlipwayError('LATENCY_UNDECIDED', `${describeCheck(check)}: ${latencyInWords(verdict, limit)}`, {
    next: 'run it again when the worker has less to do: all finished steps are reused',
  })
}

async function readScored({ predictions, labels }: LocalEvaluation): Promise<Scored> {
  const known = new Float64Array(Uint8Array.from(await readFile(labels)).buffer)
  return { predictions: answersOf(await readFile(predictions), known.length), labels: known }
}
