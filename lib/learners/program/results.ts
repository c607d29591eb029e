import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { SlipwayError } from '../../formats/errors.ts'
import { byProgram } from '../finished/brought.ts'
import { readWhole } from '../finished/external-data.ts'
import type { LearnerOrder } from '../learner.ts'

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

/**
 * The program's own predictions for the validation rows: `predictions.csv`, a number a line in the order of the rows,
 * or of several classes a number each; perhaps below a line with names.
 * @returns [rows], of several classes [rows · classes]
 * @throws SlipwayError PROGRAM_FAILED
 */
export async function readPredictions(
  folder: string,
  { validation: { labels }, classes }: Pick<LearnerOrder<unknown>, 'validation' | 'classes'>,
): Promise<Float64Array> {
  const width = classes?.length ?? 1
  const numbers = classes === undefined ? 'one number' : `${width} numbers, the probabilities of the classes,`
  const which = classes === undefined ? ', the probability of class 1 or the predicted number' : ''
  const refuse = (what: string): never => {
    throw new SlipwayError('PROGRAM_FAILED', what, {
      next: `write ${numbers} for each of the ${labels.length} validation rows to predictions.csv in SM_OUTPUT_DATA_DIR${which}; or say \`predictions: false\` and have the export compared with nothing`,
    })
  }
  const text = await readFile(join(folder, 'predictions.csv'), 'utf8').catch(() => undefined)
  if (text === undefined) return refuse('the program ended well but handed over no predictions.csv')
  const lines = text.trimEnd().split(/\r?\n/)
  if (lines.length === labels.length + 1) lines.shift()
  if (lines.length !== labels.length)
    return refuse(`predictions.csv has ${lines.length} lines for ${labels.length} validation rows`)
  const predictions = new Float64Array(lines.length * width)
  for (const [row, line] of lines.entries()) {
    const cells = width === 1 ? [line] : line.split(',')
    const values = cells.map((cell) => (cell.trim() === '' ? Number.NaN : Number(cell)))
    if (values.length !== width || !values.every(Number.isFinite))
      return refuse(`predictions.csv says "${line.slice(0, 80)}" of row ${row + 1}`)
    predictions.set(values, row * width)
  }
  return predictions
}
