import { readFile } from 'node:fs/promises'
import type { Numbers } from '../../formats/columns.ts'
import { SlipwayError } from '../../formats/errors.ts'
import { ProgramLearner } from '../../formats/learner.ts'
import { byProgram } from '../finished/brought.ts'
import { importanceInWords, importanceOf } from '../finished/importance.ts'
import { type FeatureRows, openFinished } from '../finished/open.ts'
import type { Learned, Learner, LearnerOrder, LearnerRows, ModelInput, ProgramPlace } from '../learner.ts'
import { requireProgram } from './command.ts'
import { useEnvironment } from './environment.ts'
import type { Ended } from './guard.ts'
import { runGuarded } from './guarded.ts'
import { environmentOf, type Layout, layOut, layoutIn } from './layout.ts'
import { readModel, readPredictions } from './results.ts'

/** Largest log that is kept, bytes. */
const logBytes = 4e6
/** Values of each text that programs are told of. */
const mostValues = 1_000
/** Characters of a failure file that the contract reads. */
const failureLength = 1_024

/** Any program that keeps the contract of SageMaker's training containers. */
export const programLearner = {
  kind: 'program',
  parameters: ProgramLearner,
  categoryOrder: () => ({ by: 'frequency', most: mostValues }),

  async train(order, onProgress) {
    const { parameters, inputs, task, classes, validation } = order
    const place = requirePlace(order)
    const layout = layoutIn(place.root)
    onProgress('writing what the program reads', 0)
    await layOut(order, layout)
    const log = { environment: `${place.log}.environment`, program: place.log }
    const environment = await useEnvironment(
      { made: parameters.environment, code: layout.code, environments: place.environments, log: log.environment },
      (line) => onProgress(`making its environment: ${line}`, 0),
    )
    requireProgram(parameters.command[0] as string, environment.path, layout.code)
    const ended = await runGuarded(
      {
        command: parameters.command,
        workingFolder: layout.code,
        env: environmentOf(order, layout, environment.path),
        folder: layout.root,
        log: { file: log.program, bytes: logBytes, metrics: Object.entries(parameters.metrics ?? {}) },
        limits: parameters.limits ?? {},
        graceMs: place.graceMs,
      },
      (line) => onProgress(line, 0.1),
    ).finally(environment.release)
    await requireSuccess(ended, layout, parameters, log.program)
    onProgress('reading its model', 0.9)
    const own = parameters.predictions === false ? undefined : await readPredictions(layout.outputData, order)
    const model = await openFinished(byProgram, { task, classes }, await readModel(layout.model), inputs)
    try {
      const rows = rowsOf(inputs, validation)
      const scored = await model.predict(rows)
      return {
        onnx: model.onnx(),
        predictions: own === undefined ? scored : inPrecisionOf(scored, own),
        importance: await importanceOf(model, inputs, rows),
        said: ended.metrics,
        report: { words: wordsOf(parameters) },
      } satisfies Learned
    } finally {
      await model.release()
    }
  },
} satisfies Learner<ProgramLearner>

/** Rows as the model takes them: text as it is, and null where it is missing or not known. */
function rowsOf(inputs: readonly ModelInput[], { features }: LearnerRows): FeatureRows {
  return Object.fromEntries(
    inputs.map((input, i) => {
      const values = features[i] as Float32Array
      if (input.kind === 'number') return [input.name, values]
      return [input.name, Array.from(values, (code) => input.categories[code] ?? null)]
    }),
  )
}

const inPrecisionOf = (others: Numbers, values: Float64Array): Numbers =>
  others instanceof Float64Array ? values : Float32Array.from(values)

function requirePlace({ place }: LearnerOrder<ProgramLearner>): ProgramPlace {
  if (place === undefined) throw new Error('a program needs a place to run in')
  return place
}

/** @throws SlipwayError PROGRAM_FAILED, PROGRAM_LIMIT */
async function requireSuccess(
  ended: Ended,
  { failure }: Layout,
  { command, limits }: ProgramLearner,
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
    ...(deterministic === false ? ['It is not byte-deterministic: the same order may make another model.'] : []),
    ...(predictions === false ? ['It handed over no predictions: its export was compared with nothing.'] : []),
  ]
  return {
    model: `${deterministic === false ? 'made, not reproducibly, by' : 'made by'} a program`,
    importance: importanceInWords,
    training: sentences.join(' '),
  }
}
