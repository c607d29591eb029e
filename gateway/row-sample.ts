import { likeliest, type Named, numbersIn } from '../lib/formats/answers.ts'
import type { Column, Numbers } from '../lib/formats/columns.ts'
import { decisionAt } from '../lib/formats/decisions.ts'
import type { ModelVersion } from '../lib/formats/route.ts'
import { servedQuantile, servedScore, servedScores } from '../lib/formats/telemetry.ts'
import { isCandidates } from '../lib/stats/assignment.ts'
import type { InferRequest } from './ask-version.ts'
import { Packed } from './bodies/packed.ts'
import type { CapturedRow, Outcome, Recorder } from './recorder.ts'
import type { AnyInput } from './scoring.ts'
import type { LoadedRows, LoadedTensors } from './versions.ts'

/**
 * Rows of one request that are kept at most. Those of a ranking are a group: they are kept whole, or not at all where
 * there are more.
 */
const mostRows = 16
const mostOfGroup = 256

/** An answer of which rows may be kept. */
export interface Sampled extends Pick<CapturedRow, 'role' | 'first'> {
  readonly request: Pick<InferRequest, 'id'>
  readonly version: (Pick<LoadedRows, 'kind' | 'facts'> | Pick<LoadedTensors, 'kind'>) & {
    readonly scorer: { readonly modelVersion: Pick<ModelVersion, 'version'> }
  }
  /** When, ms since 1970; now, if it is not said. */
  readonly at?: number
  readonly input: AnyInput
  readonly outcome: Outcome
}

/** By the outputs of a version, which stay the same as long as it is loaded. */
const columns = new WeakMap<readonly string[], readonly string[]>()

function columnsOf(outputs: readonly string[]): readonly string[] {
  const known = columns.get(outputs) ?? servedScores(outputs)
  columns.set(outputs, known)
  return known
}

function scoreOf(predictions: Numbers, row: number, named: Named): Pick<CapturedRow, 'score' | 'classes' | 'numbers'> {
  const { outputs } = named
  if (outputs === undefined) return { score: predictions[row] as number }
  const scores = predictions.subarray(row * outputs.length, (row + 1) * outputs.length)
  if (numbersIn(named) !== undefined) {
    const areQuantiles = named.task === 'quantiles'
    const columnOf = areQuantiles ? servedQuantile : servedScore
    return {
      score: scores[areQuantiles ? Math.floor((outputs.length - 1) / 2) : 0] as number,
      numbers: Object.fromEntries(outputs.map((name, column) => [columnOf(name), scores[column] as number])),
    }
  }
  const best = likeliest(scores, 0, outputs.length)
  return {
    score: scores[best] as number,
    classes: {
      likeliest: outputs[best] as string,
      scores: Object.fromEntries(columnsOf(outputs).map((name, column) => [name, scores[column] as number])),
    },
  }
}

/** Keeps rows of a share of the requests, with their answers. @param rate the share, 0 to 1 */
export function sampleRows(recorder: Recorder, rate: number, sampled: Sampled): void {
  const { request, version, input, outcome, role, first, at = Date.now() } = sampled
  if (rate === 0 || outcome.predictions === undefined) return
  // Features alone are no rows, nor are tensors, which may be large.
  if (input.kind !== 'rows' || version.kind !== 'rows') return
  // By the request's id, not by chance: a retry is captured again or not at all.
  if (!isCandidates('capture', request.id, rate)) return
  const given = input.columns instanceof Packed ? (input.head ?? {}) : input.columns
  const isGroup = version.facts.task === 'ranking'
  if (isGroup && input.rows > mostOfGroup) return
  for (let row = 0; row < (isGroup ? input.rows : Math.min(input.rows, mostRows)); row++) {
    const cells: Record<string, Column[number]> = {}
    for (const { name, masked } of version.facts.inputs)
      cells[name] = masked === true ? null : ((given[name] as Column)[row] as Column[number])
    recorder.capture({
      requestId: request.id,
      at,
      role,
      first,
      version: version.scorer.modelVersion.version,
      row,
      ...scoreOf(outcome.predictions, row, version.facts),
      ...(outcome.decisions !== undefined && { decision: decisionAt(outcome.decisions, row) }),
      input: cells,
    })
  }
}
