import { canonicalJson } from '../formats/canonical.ts'
import { isOfClasses } from '../formats/code-ref.ts'
import { SlipwayError } from '../formats/errors.ts'
import { isOfContainer } from '../formats/learner.ts'
import { pinballOf } from '../formats/metrics/quantiles.ts'
import type { LossName, TrialOutcome } from '../formats/tuning.ts'
import type { Learned } from './learner.ts'
import { learnerOf, type OutsideLearners, type ReadyLearner } from './learners.ts'
import { encodeRows, prepareRows, textsIn } from './order.ts'
import { threadSeconds } from './processor-time.ts'
import { metricsOf } from './report.ts'
import { shareOfRows } from './share-of-rows.ts'
import { readTrainingRows, type TrainingOrder, type TrainingRows } from './training-rows.ts'

/** A training of which nothing is kept but how good it is. */
export interface TrialRun extends TrainingOrder {
  /** Of the training rows, above 0 to 1. */
  readonly share: number
  readonly loss: LossName
  /** Names the rows as they come out of the functions: trials of the same rows read them once a thread. */
  readonly rowsKey: string
  /** Threads that the learner may use. */
  readonly threads: number
}

type Encoded = ReturnType<typeof encodeRows>

/** The rows of the last trial in this thread; and as learners take them, by their share and order of texts. */
let kept: { readonly key: string; readonly rows: TrainingRows; readonly encoded: Map<string, Encoded> } | undefined
/** Shares whose rows are kept. */
const sharesKept = 3

/**
 * Trains by the parameters of a trial and measures the predictions for the validation rows. A learner that fails is a
 * result, for it may be the parameters' fault; what goes wrong before that is an error, for it goes wrong in all
 * trials.
 * @throws SlipwayError those of feature functions, and ENVIRONMENT_FAILED
 */
export async function tryParameters(
  order: TrialRun,
  onProgress: (what: string, done: number) => void,
  outside?: OutsideLearners,
): Promise<TrialOutcome> {
  const { step, model, place, threads } = order
  const [started, processor] = [performance.now(), threadSeconds()]
  const learner = learnerOf(step.learner, outside)
  const encoded = await encodedRows(order, learner, onProgress)
  const given = { model, task: step.task, seed: step.seed, place, threads, ...encoded }
  let learned: Learned | undefined
  const took = () => {
    const seconds = (performance.now() - started) / 1000
    const own = processor === undefined ? undefined : (threadSeconds() ?? 0) - processor
    if (isOfContainer(step.learner))
      return { seconds, processorSeconds: (own ?? 0) + (learned?.processorSeconds ?? seconds) }
    // Threads that help are not in the time of this one.
    return { seconds, processorSeconds: threads > 1 || own === undefined ? seconds * threads : own }
  }
  try {
    learned = await learner.train(given, onProgress)
  } catch (error) {
    if (!isOfParameters(error)) throw error
    const why = error instanceof SlipwayError ? error.code : 'INTERNAL'
    return { result: { state: 'failed', why }, message: (error as Error).message.slice(0, 1_000), ...took() }
  }
  const { labels, groups } = encoded.validation
  const metrics = metricsOf(step.task, { predictions: learned.predictions, labels, outputs: encoded.outputs, groups })
  const loss = lossIn(order, metrics, learned, labels)
  if (!Number.isFinite(loss))
    return { result: { state: 'failed', why: 'INTERNAL' }, message: 'its predictions have no loss', ...took() }
  return { result: { state: 'done', loss }, metrics, ...took() }
}

/** Writes what goes to where the learner of a trial trains, into its place. */
export async function layOutTrial(order: TrialRun, onProgress: (what: string, done: number) => void): Promise<void> {
  const { step, model, place, threads } = order
  const learner = learnerOf(step.learner)
  const encoded = await encodedRows(order, learner, onProgress)
  await learner.layOut({ model, task: step.task, seed: step.seed, place, threads, ...encoded }, onProgress)
}

/** What a trial came to, less is better; NaN where the rows do not define it. */
function lossIn(
  { loss, step: { learner } }: TrialRun,
  metrics: Readonly<Record<string, number>>,
  { predictions }: Learned,
  labels: Float64Array,
): number {
  if (loss === 'misranked') return 1 - (metrics.ndcg ?? Number.NaN)
  if (loss === 'unexplained') return 1 - (metrics.r2 ?? Number.NaN)
  if (loss !== 'pinball' || learner.kind !== 'trees' || learner.quantile === undefined)
    return metrics[loss] ?? Number.NaN
  const level = learner.quantile
  return (
    labels.reduce((sum, label, row) => sum + pinballOf(level, predictions[row] as number, label), 0) / labels.length
  )
}

/** Whether other parameters may end otherwise: not so where the place or the store is out of order. */
function isOfParameters(error: unknown): boolean {
  if (!(error instanceof SlipwayError)) return true
  return !(error.retryable && error.code !== 'INTERNAL') && !ofThePlace.includes(error.code)
}
const ofThePlace: readonly string[] = [
  ...['ENVIRONMENT_FAILED', 'HOST_MISMATCH', 'OBJECT_MISSING', 'STORE_DENIED'],
  ...['SAGEMAKER_DENIED', 'SAGEMAKER_QUOTA', 'SAGEMAKER_THROTTLED', 'SAGEMAKER_REFUSED', 'SAGEMAKER_NAME_TAKEN'],
]

/** The rows as the learner takes them, from the last trial where those are the same. */
async function encodedRows(
  order: TrialRun,
  learner: ReadyLearner,
  onProgress: (what: string, done: number) => void,
): Promise<Encoded> {
  const { step, share, rowsKey } = order
  if (kept?.key !== rowsKey) {
    onProgress('reading rows', 0)
    kept = { key: rowsKey, rows: await readTrainingRows(order), encoded: new Map() }
  }
  const { rows, encoded } = kept
  const categories = learner.categoryOrder(textsIn(rows))
  const key = canonicalJson({ share, categories, crosses: step.crosses ?? [], seed: step.seed })
  const known = encoded.get(key)
  if (known !== undefined) return known
  const part = shareOfRows(rows.train, { share, seed: step.seed, isOfClasses: isOfClasses(step.task) })
  const made = encodeRows(prepareRows(step, { train: part, validation: rows.validation }), categories)
  for (const [oldest] of encoded) if (encoded.size >= sharesKept) encoded.delete(oldest)
  encoded.set(key, made)
  return made
}
