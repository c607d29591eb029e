import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { SlipwayError } from '../../formats/errors.ts'
import { byProgram } from '../finished/brought.ts'
import { readWhole } from '../finished/external-data.ts'

/** The model that a program left, with what it keeps in files beside it. @throws SlipwayError PROGRAM_FAILED */
export async function readModel(folder: string): Promise<Uint8Array> {
  const file = join(folder, 'model.onnx')
  const found = await stat(file).catch(() => undefined)
  if (found?.isFile() !== true)
    throw new SlipwayError('PROGRAM_FAILED', 'the program ended well but left no model.onnx', {
      next: 'write model.onnx to the folder that SM_MODEL_DIR names',
    })
  return readWhole(file, byProgram.refuse)
}

/** Which rows a program hands over predictions for, in a file of its own, and how many answers a row has. */
interface PredictedRows {
  readonly file: 'predictions.csv' | 'parity.csv'
  readonly rows: number
  readonly classes: number | undefined
  /** What several numbers are called. */
  readonly outputs?: readonly string[] | undefined
}

/**
 * The program's own predictions for the validation rows or for the rows of the channel `parity`: a number a line in the
 * order of the rows, or of several classes, targets or quantiles a number each; perhaps below a line with names.
 * @returns [rows], of several classes [rows · classes]; undefined where there is no such file; NaN in rows for which it
 *   predicts what is no finite number
 * @throws SlipwayError PROGRAM_FAILED
 */
export async function readPredictions(folder: string, wanted: PredictedRows): Promise<Float64Array | undefined> {
  const { file, rows, classes = 1, outputs } = wanted
  const width = outputs?.length ?? classes
  const text = await readFile(join(folder, file), 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  const lines = text.trimEnd().split(/\r?\n/)
  if (lines.length === rows + 1) lines.shift()
  if (lines.length !== rows)
    throw unusable(`${file} has ${lines.length} lines for ${rows} ${wordsFor[file].rows}`, wanted)
  const predictions = new Float64Array(rows * width)
  for (const [row, line] of lines.entries()) {
    // Nearly all lines are a number and nothing else.
    const only = width === 1 ? Number(line) : Number.NaN
    if (Number.isFinite(only) && (only !== 0 || line.trim() !== '')) {
      predictions[row] = only
      continue
    }
    const cells = (width === 1 ? [line] : line.split(',')).map((cell) => cell.trim())
    const values = cells.map((cell) => (cell === '' ? Number.NaN : Number(cell)))
    const areNumbers = values.every(Number.isFinite)
    const mayBeNone =
      file === 'parity.csv' && cells.every((cell, i) => Number.isFinite(values[i]) || noNumber.test(cell))
    if (values.length !== width || !(areNumbers || mayBeNone))
      throw unusable(`${file} says "${line.slice(0, 80)}" of row ${row + 1}`, wanted)
    predictions.set(areNumbers ? values : values.map(() => Number.NaN), row * width)
  }
  return predictions
}

/** The same, of rows that must be there. */
export async function requirePredictions(folder: string, wanted: PredictedRows): Promise<Float64Array> {
  const predictions = await readPredictions(folder, wanted)
  if (predictions !== undefined) return predictions
  throw unusable(`the program ended well but handed over no ${wanted.file}`, wanted)
}

/** How programs write a number that is none: of rows that are made up, that may be right. */
const noNumber = /^(|[-+]?(nan|inf|infinity)|na|none|null)$/i

const wordsFor = {
  'predictions.csv': {
    rows: 'validation rows',
    otherwise: '`predictions: false` and have the export compared with nothing',
  },
  'parity.csv': {
    rows: 'rows of the channel "parity"',
    otherwise: "`predictions: 'validation'` and have the export compared on validation rows only",
  },
} as const

function unusable(what: string, { file, rows, classes, outputs }: PredictedRows): SlipwayError {
  const numbers =
    outputs !== undefined
      ? `${outputs.length} numbers (${outputs.join(', ')})`
      : classes === undefined
        ? 'one number'
        : `${classes} numbers, the probabilities of the classes,`
  const which = (classes ?? outputs) === undefined ? ', the probability of class 1 or the predicted number' : ''
  return new SlipwayError('PROGRAM_FAILED', what, {
    next: `write ${numbers} for each of the ${rows} ${wordsFor[file].rows} to ${file} in SM_OUTPUT_DATA_DIR${which}; or say ${wordsFor[file].otherwise}`,
  })
}
