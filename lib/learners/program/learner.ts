import { readFile } from 'node:fs/promises'
import { ascendingRows, columnOf } from '../../formats/answers.ts'
import { isOfClasses } from '../../formats/code-ref.ts'
import type { Numbers } from '../../formats/columns.ts'
import { SlipwayError } from '../../formats/errors.ts'
import { type ContainerLearner, ProgramLearner } from '../../formats/learner.ts'
import type { TrainingReport } from '../../formats/training-report.ts'
import { unitOfDifferences } from '../../stats/standard.ts'
import { byProgram } from '../finished/brought.ts'
import { importanceInWords, importanceOf } from '../finished/importance.ts'
import { type FeatureRows, openFinished } from '../finished/open.ts'
import {
  type CategoryOrder,
  type Learned,
  type Learner,
  type LearnerOrder,
  type LearnerRows,
  type ModelInput,
  type ProgramPlace,
  targetsOf,
} from '../learner.ts'
import { requireProgram } from './command.ts'
import { type UsedEnvironment, useEnvironment } from './environment.ts'
import type { Ended } from './guard.ts'
import { type Guard, runGuarded, startGuard } from './guarded.ts'
import { environmentOf, type Layout, layOut, layoutIn } from './layout.ts'
import { madeUpRows, makeUpRows } from './made-up.ts'
import { readModel, readPredictions, requirePredictions } from './results.ts'

/** Largest log that is kept, bytes. */
const logBytes = 4e6
/** Which values of texts programs are told of. */
export const valuesTold: CategoryOrder = { by: 'frequency', most: 1_000 }
/** Characters of a failure file that the contract reads. */
const failureLength = 1_024

/** Any program that keeps the contract of SageMaker's training containers. */
export const programLearner = {
  kind: 'program',
  parameters: ProgramLearner,
  categoryOrder: () => valuesTold,

  async train(order, onProgress) {
    const { parameters, inputs } = order
    const place = requirePlace(order)
    const layout = layoutIn(place.root)
    onProgress('writing what the program reads', 0)
    const madeUp = makeUpRows(inputs, order.train, order.seed)
    const guard = startGuard()
    const ended = await readied(order, place, { layout, madeUp }, onProgress)
      .then(({ path, release }) => runProgram(order, place, { layout, path, guard }, onProgress).finally(release))
      .finally(() => guard.kill('SIGKILL'))
    await requireSuccess(ended, layout, parameters, place.log)
    onProgress('reading its model', 0.9)
    return readLearned(order, layout, madeUp, {
      said: ended.metrics,
      processorSeconds: ended.processorSeconds,
      words: wordsOf(parameters),
    })
  },
} satisfies Learner<ProgramLearner>

/** What is known of a training besides what it left in its folder. */
interface Told {
  readonly said: Learned['said']
  readonly processorSeconds: number | undefined
  readonly words: NonNullable<TrainingReport['words']>
}

/**
 * Reads what a program left, wherever it ran: its model, and what it predicts itself.
 * @param madeUp [inputs][rows], as in its channel
 * @throws SlipwayError PROGRAM_FAILED
 */
export async function readLearned(
  order: LearnerOrder<ContainerLearner>,
  layout: Layout,
  madeUp: readonly Float32Array[],
  { said: metrics, processorSeconds, words }: Told,
): Promise<Learned> {
  const { inputs, task, classes, outputs, validation } = order
  const own = await ownPredictions(order, layout)
  const model = await openFinished(byProgram, { task, classes, outputs }, await readModel(layout.model), inputs)
  try {
    const rows = rowsOf(inputs, validation.features)
    const said = own.validation
    // Packaging scores these rows: where the program has, a row is enough to see in what precision.
    const scored = await model.predict(said === undefined ? rows : firstRow(rows))
    return {
      onnx: model.onnx(),
      predictions: said === undefined ? scored : inPrecisionOf(scored, said),
      importance: await importanceOf(model, inputs, rows),
      said: metrics,
      processorSeconds,
      report: {
        ...(own.madeUp !== undefined && {
          madeUp: compared(order, own.madeUp, await model.predictAny(rowsOf(inputs, madeUp))),
        }),
        words,
      },
    }
  } finally {
    await model.release()
  }
}

/** Writes what a program reads, and meanwhile finds or makes its environment. */
async function readied(
  order: LearnerOrder<ProgramLearner>,
  { environments, log }: ProgramPlace,
  { layout, madeUp }: { readonly layout: Layout; readonly madeUp: readonly Float32Array[] },
  onProgress: (what: string, done: number) => void,
): Promise<UsedEnvironment> {
  const [environment, written] = await Promise.allSettled([
    useEnvironment(
      { made: order.parameters.environment, code: layout.code, environments, log: `${log}.environment` },
      (line) => onProgress(`making its environment: ${line}`, 0),
    ),
    layOut(order, madeUp, layout),
  ])
  if (environment.status === 'rejected') throw environment.reason
  if (written.status === 'fulfilled') return environment.value
  environment.value.release()
  throw written.reason
}

async function runProgram(
  order: LearnerOrder<ProgramLearner>,
  place: ProgramPlace,
  { layout, path, guard }: { readonly layout: Layout; readonly path: string; readonly guard: Guard },
  onProgress: (what: string, done: number) => void,
): Promise<Ended> {
  const { command, metrics = {}, limits = {} } = order.parameters
  requireProgram(command[0] as string, path, layout.code)
  return runGuarded(
    {
      command,
      workingFolder: layout.code,
      env: environmentOf(order, layout, path),
      folder: layout.root,
      log: { file: place.log, bytes: logBytes, metrics: Object.entries(metrics) },
      limits,
      graceMs: place.graceMs,
    },
    (line) => onProgress(line, 0.1),
    guard,
  )
}

/** Rows as the model takes them: text as it is, and null where it is missing or not known. */
function rowsOf(inputs: readonly ModelInput[], features: LearnerRows['features']): FeatureRows {
  return Object.fromEntries(
    inputs.map((input, i) => {
      const values = features[i] as Float32Array
      if (input.kind === 'number') return [input.name, values]
      return [input.name, Array.from(values, (code) => input.categories[code] ?? null)]
    }),
  )
}

const firstRow = (rows: FeatureRows): FeatureRows =>
  Object.fromEntries(Object.entries(rows).map(([name, values]) => [name, values.slice(0, 1)]))

/** What a program predicts itself, as far as it has to say it. */
async function ownPredictions(order: LearnerOrder<ContainerLearner>, { outputData }: Layout) {
  const { predictions, madeUp } = order.parameters
  if (predictions === false) return {}
  const { outputs, task } = order
  const several = { classes: order.classes?.length, outputs }
  const rows = order.validation.labels.length / targetsOf(order)
  const inOrder = <Values extends Float64Array | undefined>(values: Values): Values =>
    values !== undefined && task === 'quantiles' ? (ascendingRows(values, outputs?.length ?? 1) as Values) : values
  const validation = inOrder(await requirePredictions(outputData, { file: 'predictions.csv', rows, ...several }))
  if (predictions === 'validation') return { validation }
  const read = madeUp === 'required' ? requirePredictions : readPredictions
  return { validation, madeUp: inOrder(await read(outputData, { file: 'parity.csv', rows: madeUpRows, ...several })) }
}

/** How far a model is from what the program predicts itself, where that are numbers. */
function compared(
  { task, outputs }: LearnerOrder<unknown>,
  own: Float64Array,
  scored: Numbers,
): NonNullable<TrainingReport['madeUp']> {
  const isNumber = (_: number, i: number): boolean => !Number.isNaN(own[i])
  const expected = inPrecisionOf(scored, own.filter(isNumber))
  const answers = scored.filter(isNumber)
  // Rows lack all their numbers or none.
  const width = outputs?.length ?? 1
  const units = Array.from({ length: width }, (_, column) =>
    isOfClasses(task) ? 1 : unitOfDifferences(columnOf(expected, column, width)),
  )
  let largest = 0
  for (let i = 0; i < expected.length; i++)
    largest = Math.max(
      largest,
      Math.abs((answers[i] as number) - (expected[i] as number)) / (units[i % width] as number),
    )
  const rows = (madeUpRows * expected.length) / own.length
  return { rows, largest: Number.isFinite(largest) ? largest : null }
}

const inPrecisionOf = (others: Numbers, values: Float64Array): Numbers =>
  others instanceof Float64Array ? values : Float32Array.from(values)

export function requirePlace({ place }: LearnerOrder<ContainerLearner>): ProgramPlace {
  if (place === undefined) throw new Error('a program needs a place to run in')
  return place
}

/** @throws SlipwayError PROGRAM_FAILED, PROGRAM_LIMIT */
export async function requireSuccess(
  ended: Ended,
  { failure }: Pick<Layout, 'failure'>,
  { command, limits }: Pick<ProgramLearner, 'command' | 'limits'>,
  log: string,
): Promise<void> {
  const { exitCode, signal, limit, notStarted } = ended
  if (exitCode === 0 && limit === undefined) return
  const called = command.join(' ')
  if (limit !== undefined)
    throw new SlipwayError('PROGRAM_LIMIT', `${called} ${limitsInWords[limit](limits?.[limit] ?? 0)}, and was ended`, {
      next: 'give it more in the pipeline, or see in its log what it was doing',
    })
  const said = (await readFile(failure, 'utf8').catch(() => '')).slice(0, failureLength).trim()
  const lastLines = (await readFile(log, 'utf8').catch(() => '')).trimEnd().split('\n').slice(-5).join('\n')
  const how = notStarted ?? (exitCode === null ? `was ended by ${signal}` : `ended with exit code ${exitCode}`)
  throw new SlipwayError('PROGRAM_FAILED', `${called} ${how}: ${said === '' ? `\n${lastLines}` : said}`, {
    next: 'mend the program; its log says more',
  })
}

const limitsInWords: Readonly<Record<NonNullable<Ended['limit']>, (limit: number) => string>> = {
  timeoutMs: (limit) => `took more than ${limit / 1000} s (timeout)`,
  processorMs: (limit) => `took more than ${limit / 1000} s of processor time (processorTime)`,
  memoryBytes: (limit) => `took more than ${limit / 1e6} MB of memory (memory)`,
  diskBytes: (limit) => `wrote more than ${limit / 1e6} MB of files (disk)`,
}

/** What the model card says of it. */
function wordsOf({ command, hyperparameters, environment, deterministic, predictions }: ProgramLearner) {
  const set = Object.entries(hyperparameters).map(([name, value]) => `${name} ${value}`)
  const sentences = [
    `Trained by \`${command.join(' ')}\`${set.length === 0 ? '' : ` with ${set.join(', ')}`}.`,
    ...(environment === 'none'
      ? []
      : [`Its packages are those of its \`requirements.txt\`, installed by ${environment}.`]),
    ...promisesInWords({ deterministic, predictions }),
  ]
  return {
    model: `${deterministic === false ? 'made, not reproducibly, by' : 'made by'} a program`,
    importance: importanceInWords,
    training: sentences.join(' '),
  }
}

/** What a program does not promise, a sentence each. */
export const promisesInWords = ({
  deterministic,
  predictions,
}: Pick<ContainerLearner, 'deterministic' | 'predictions'>): string[] => [
  ...(deterministic === false ? ['It is not byte-deterministic: the same order may make another model.'] : []),
  ...(predictions === false ? ['It handed over no predictions: its export was compared with nothing.'] : []),
  ...(predictions === 'validation' ? ['Its export was compared on the validation rows only.'] : []),
]
