import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { SlipwayError } from '../../formats/errors.ts'
import { byProgram } from '../finished/brought.ts'
import { readWhole } from '../finished/external-data.ts'
import type { LearnerRows } from '../learner.ts'

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
 * perhaps below a line with a name.
 * @throws SlipwayError PROGRAM_FAILED
 */
export async function readPredictions(folder: string, { labels }: LearnerRows): Promise<Float64Array> {
  const refuse = (what: string): never => {
    throw new SlipwayError('PROGRAM_FAILED', what, {
      next: `write one number for each of the ${labels.length} validation rows to predictions.csv in SM_OUTPUT_DATA_DIR, the probability of class 1 or the predicted number; or say \`predictions: false\` and have the export compared with nothing`,
    })
  }
  const text = await readFile(join(folder, 'predictions.csv'), 'utf8').catch(() => undefined)
  if (text === undefined) return refuse('the program ended well but handed over no predictions.csv')
  const lines = text.trimEnd().split(/\r?\n/)
  if (lines.length === labels.length + 1) lines.shift()
  if (lines.length !== labels.length)
    return refuse(`predictions.csv has ${lines.length} lines for ${labels.length} validation rows`)
  const predictions = Float64Array.from(lines, (line) => (line.trim() === '' ? Number.NaN : Number(line)))
  const wrong = predictions.findIndex((value) => !Number.isFinite(value))
  return wrong < 0 ? predictions : refuse(`predictions.csv says "${lines[wrong]?.slice(0, 80)}" of row ${wrong + 1}`)
}
