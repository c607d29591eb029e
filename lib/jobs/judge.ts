import { readFile } from 'node:fs/promises'
import { ruleOf } from '../code/run-features.ts'
import type { LocalTable } from '../data/table.ts'
import { wholeColumns } from '../data/whole-columns.ts'
import { classesIn, type Named, underNames, widthOf } from '../formats/answers.ts'
import { BacktestReport } from '../formats/backtest-report.ts'
import { backtestOf, type Check, describeCheck } from '../formats/check.ts'
import { classUnseen } from '../formats/class-unseen.ts'
import { SlipwayError } from '../formats/errors.ts'
import { Evaluation } from '../formats/evaluation.ts'
import type { Scored } from '../formats/metrics/metric.ts'
import { outputsOf } from '../formats/metrics/several.ts'
import type { StepOf } from '../formats/plan.ts'
import type { GateResult } from '../formats/records.ts'
import { answersOf, type LoadedModel, type LocalModel } from '../models/model.ts'
import { withModels } from '../models/with-models.ts'
import { judgeWorst } from '../stats/backtest.ts'
import { type GateEvidence, judge, type Slice } from '../stats/gates.ts'
import { judgeLatency, type LatencyBlock, type LatencyVerdict, latencyInWords } from '../stats/latency.ts'
import { rowsByCode } from './evaluate.ts'
import { firstRows, measureLatency } from './measure-latency.ts'
import { judgeOwn, loadOwn, type OwnCode, type OwnFunctions, ownMeasure } from './own-measures.ts'
import type { Progress } from './step-work.ts'

/** Predictions of an evaluation, as local files. */
export interface LocalEvaluation {
  readonly report: string
  readonly predictions: string
  readonly labels: string
  /** Of a ranking. */
  readonly groups?: string | undefined
  readonly slices: Readonly<Record<string, string>>
}

export interface GateOrder {
  readonly step: StepOf<'gate'>
  readonly candidate: LocalEvaluation
  readonly baseline: LocalEvaluation | undefined
  readonly model: LocalModel
  readonly table: LocalTable
  /** Metrics and gates of the user's that the step names. */
  readonly code: readonly OwnCode[]
  /** Reports of the backtests that checks are about, by name: files. */
  readonly backtests: Readonly<Record<string, string>>
}

/**
 * Judges every gate of a step on evaluations made before.
 * @throws SlipwayError MEASURE_FAILED where a function of the user's does, LATENCY_UNDECIDED where all others pass and
 * the machine is too busy to say how fast the model is
 */
export async function judgeGates(order: GateOrder, onProgress: Progress): Promise<GateResult[]> {
  const { step, model, table } = order
  const functions = await loadOwn(order.code)
  const report = await readEvaluation(order.candidate)
  requireSeen(report, model.facts.target)
  const backtests = await readBacktests(order)
  const evidence = await evidenceOf(order, report, functions)
  return withModels([model], async (loaded) => {
    const latency = await latencyOf(loaded, table, step.must, onProgress)
    const undecided = step.must.filter((check) => isUndecided(check, latency))
    const outcomes = step.must
      .filter((check) => !undecided.includes(check))
      .map((check, i, decided) => {
        onProgress(`gate ${i + 1} of ${decided.length}`, i / decided.length)
        if (check.rule === 'own') return judgeOwn(check, report, functions)
        const past = backtestOf(check)
        return past !== undefined
          ? judgeWorst(check, requireBacktest(backtests, past))
          : judge(check, { ...evidence, sizeBytes: loaded.sizeBytes, latency })
      })
    // A candidate that fails by another gate has failed, however busy the machine is.
    const [open] = undecided
    if (open !== undefined && outcomes.every(({ passed }) => passed)) throw undecidedError(open, latency)
    return outcomes
  })
}

function requireBacktest(backtests: ReadonlyMap<string, BacktestReport>, name: string): BacktestReport {
  const found = backtests.get(name)
  if (found === undefined) throw new Error(`a gate is about backtest "${name}", which its step does not read`)
  return found
}

async function readBacktests({ backtests }: GateOrder): Promise<Map<string, BacktestReport>> {
  const read = Object.entries(backtests).map(
    async ([name, file]): Promise<[string, BacktestReport]> => [
      name,
      BacktestReport.parse(JSON.parse(await readFile(file, 'utf8'))),
    ],
  )
  return new Map(await Promise.all(read))
}

/** What the gates are judged on, but for what is measured of the model. */
async function evidenceOf(
  { step, candidate, baseline, table }: GateOrder,
  report: Evaluation,
  functions: OwnFunctions,
): Promise<Omit<GateEvidence, 'sizeBytes' | 'latency'>> {
  const wanted = step.must.flatMap((check) => (check.rule === 'own' ? [] : (check.own?.columns ?? [])))
  for (const column of wanted) ruleOf(table.schema, column)
  const columns = wanted.length === 0 ? undefined : await wholeColumns(table, wanted)
  const opponent = baseline && (await readEvaluation(baseline))
  // Each knows classes of its own; both are judged by all.
  const known = classesIn(report)
  const classes = known && [...new Set([...known, ...(opponent?.outputs ?? [])])]
  const scoredOf = async (evaluation: LocalEvaluation, own: Evaluation): Promise<Scored> => {
    const scored = inClasses(await readScored(evaluation, own), classesIn(own), classes)
    return columns === undefined ? scored : { ...scored, columns }
  }
  const slices = await slicesOf(candidate, report)
  return {
    candidate: await scoredOf(candidate, report),
    baseline: baseline === undefined || opponent === undefined ? undefined : await scoredOf(baseline, opponent),
    slicesOf: (column) => slices.get(column) ?? [],
    task: report.task,
    seed: step.seed,
    measureOf: (metric, own) => ownMeasure(metric, own, functions(own.code)),
  }
}

async function slicesOf({ slices: files }: LocalEvaluation, report: Evaluation): Promise<Map<string, Slice[]>> {
  const slices = new Map<string, Slice[]>()
  for (const [column, file] of Object.entries(files)) {
    const values = report.slices[column] ?? []
    const rows = rowsByCode(new Int32Array(Uint8Array.from(await readFile(file)).buffer), values.length)
    slices.set(
      column,
      values.map(({ value }, code) => ({ value, rows: rows[code] as Uint32Array })),
    )
  }
  return slices
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
  check.rule !== 'own' && check.rule !== 'notWorseThan' && check.metric === 'latencyP99Ms' ? check.limit : undefined

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

export async function readEvaluation({ report }: Pick<LocalEvaluation, 'report'>): Promise<Evaluation> {
  return Evaluation.parse(JSON.parse(await readFile(report, 'utf8')))
}

/**
 * A candidate is not judged on rows of classes that it has never seen: it can only be wrong about them.
 * @throws SlipwayError CLASS_UNSEEN
 */
export function requireSeen({ unseen }: Evaluation, target: string): void {
  if (unseen !== undefined) throw classUnseen(target, unseen.part, unseen.classes)
}

export async function readScored(
  { predictions, labels, groups }: Pick<LocalEvaluation, 'predictions' | 'labels' | 'groups'>,
  evaluation: Named & Pick<Evaluation, 'rows'>,
): Promise<Scored> {
  const known = new Float64Array(Uint8Array.from(await readFile(labels)).buffer)
  const answers = answersOf(await readFile(predictions), evaluation.rows * widthOf(evaluation))
  return {
    predictions: answers,
    labels: known,
    ...outputsOf(evaluation),
    ...(groups !== undefined && { groups: new Uint32Array(Uint8Array.from(await readFile(groups)).buffer) }),
  }
}

/** The same rows with other classes: all those of the rows, and maybe more. */
function inClasses(scored: Scored, own: readonly string[] | undefined, classes: readonly string[] | undefined): Scored {
  if (own === undefined || classes === undefined) return scored
  const { predictions, labels } = scored
  const places = own.map((name) => classes.indexOf(name))
  return {
    predictions: underNames(predictions, own, classes),
    labels: labels.map((label) => places[label] as number),
  }
}
