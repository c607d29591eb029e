import { readFile } from 'node:fs/promises'
import type { LocalTable } from '../data/table.ts'
import { columnOf, widthOf } from '../formats/answers.ts'
import { isOfClasses } from '../formats/code-ref.ts'
import type { Numbers } from '../formats/columns.ts'
import { SlipwayError } from '../formats/errors.ts'
import { isOfContainer } from '../formats/learner.ts'
import type { TrainingReport } from '../formats/training-report.ts'
import { answersOf, type LocalModel, type ModelFacts, newAnswers } from '../models/model.ts'
import { withModels } from '../models/with-models.ts'
import { unitOfDifferences } from '../stats/standard.ts'
import { scoreTable } from './score-table.ts'

/** The trainer's own predictions for the first rows of a table, and how much others may differ from them. */
export interface TrainersPredictions {
  readonly predictions: string
  readonly limit: number
}

/** Rows compared, and the largest difference: of probabilities as it is, of numbers in units of their spread. */
export interface Parity {
  readonly rows: number
  readonly largest: number
}

const nextStep = {
  program:
    'what the program exports is not what it trained: convert it otherwise, or allow more by `parity` in p.package',
  own: 'this is a fault in the export: report it, with the run',
} as const

/**
 * Refuses the model of a program that differs too much from the program on rows that were made up.
 * @throws SlipwayError PARITY
 */
export function requireMadeUpParity(madeUp: TrainingReport['madeUp'], limit: number): void {
  if (madeUp === undefined || (madeUp.largest !== null && madeUp.largest <= limit)) return
  const { rows, largest } = madeUp
  const differ = largest === null ? 'differ in whether they answer a number' : `differ by ${largest}`
  throw new SlipwayError(
    'PARITY',
    `ONNX Runtime and the trainer ${differ} on ${rows} made-up rows, with zeros, missing values and combinations that the training rows lack; ${limit} is allowed`,
    { next: nextStep.program },
  )
}

/** Compares predictions, as they come, with the trainer's. */
export async function parityMeter({ predictions, limit }: TrainersPredictions, facts: ModelFacts) {
  const bytes = await readFile(predictions)
  const width = widthOf(facts)
  const rows = bytes.length / newAnswers(facts, 1).byteLength
  const expected = answersOf(bytes, rows * width)
  const units = Array.from({ length: width }, (_, column) =>
    isOfClasses(facts.task) ? 1 : unitOfDifferences(columnOf(expected, column, width)),
  )
  let largest = 0
  return {
    rows,
    /** @param row that the predictions begin with */
    take(predictions: Numbers, row: number): void {
      const at = row * width
      const count = Math.min(predictions.length, expected.length - at)
      for (let i = 0; i < count; i++) {
        const difference =
          Math.abs((predictions[i] as number) - (expected[at + i] as number)) / (units[i % width] as number)
        // One that is not a number stays.
        if (!(difference <= largest) && !Number.isNaN(largest)) largest = difference
      }
    },
    /** @throws SlipwayError PARITY when the largest difference is above the limit */
    result(): Parity {
      if (largest <= limit) return { rows, largest }
      throw new SlipwayError(
        'PARITY',
        `ONNX Runtime and the trainer differ by ${largest} on ${rows} rows; ${limit} is allowed`,
        { next: nextStep[isOfContainer(facts.learner) ? 'program' : 'own'] },
      )
    },
  }
}

/**
 * Scores the first rows of a table through the package (feature code and ONNX Runtime) and compares with the trainer's
 * own predictions.
 * @throws SlipwayError PARITY
 */
export async function checkParity({
  model,
  table,
  ...trainers
}: TrainersPredictions & { readonly model: LocalModel; readonly table: LocalTable }): Promise<Parity> {
  const meter = await parityMeter(trainers, model.facts)
  await withModels([model], (loaded) =>
    scoreTable({ models: [loaded], table, rows: meter.rows }, ({ at, scored: [{ predictions }] }) =>
      meter.take(predictions, at),
    ),
  )
  return meter.result()
}
