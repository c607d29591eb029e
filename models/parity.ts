import { readFile } from 'node:fs/promises'
import { sliceColumns } from '../code/run-features.ts'
import { readColumns } from '../data/columns.ts'
import { withDuckDb } from '../data/duckdb.ts'
import type { LocalTable } from '../data/table.ts'
import type { Numbers } from '../pipelines/columns.ts'
import { SlipwayError } from '../pipelines/errors.ts'
import { scaleOf, standardOf } from '../stats/standard.ts'
import { answersOf, type LocalModel, loadModel, newAnswers } from './model.ts'

export interface ParityOrder {
  readonly model: LocalModel
  readonly table: LocalTable
  readonly predictions: string
  readonly limit: number
}

/**
 * Scores the first rows of a table through the package (feature code and ONNX Runtime) and compares with the trainer's own
 * predictions for them.
 * @returns the largest difference, of probabilities as it is, of numbers in units of their spread
 * @throws SlipwayError PARITY when it is above the limit
 */
export async function checkParity({
  model,
  table,
  predictions,
  limit,
}: ParityOrder): Promise<{ rows: number; largest: number }> {
  const bytes = await readFile(predictions)
  const loaded = await loadModel(model)
  const expected = answersOf(bytes, bytes.length / newAnswers(loaded.facts, 1).byteLength)
  const scale = loaded.facts.task === 'binary' ? 1 : unitOf(expected)
  let largest = 0
  let at = 0
  await withDuckDb(2, async (connection) => {
    for await (const chunk of readColumns(connection, table, loaded.facts.inputs)) {
      const scores = await loaded.score(sliceColumns(chunk, 0, expected.length - at), at + 1)
      scores.forEach((score, i) => {
        const difference = Math.abs(score - (expected[at + i] as number)) / scale
        if (!(difference <= largest)) largest = difference
      })
      at += scores.length
      if (at >= expected.length) break
    }
  })
  await loaded.release()
  if (!(largest <= limit)) {
    throw new SlipwayError(
      'PARITY',
      `ONNX Runtime and the trainer differ by ${largest} on ${expected.length} rows; ${limit} is allowed`,
      {
        next: 'this is a fault in the export: report it, with the run',
      },
    )
  }
  return { rows: expected.length, largest }
}

/** What differences of numbers are measured in: their spread, and as much of their size as lets one float32 step pass. */
function unitOf(predictions: Numbers): number {
  const standard = standardOf(predictions)
  return predictions instanceof Float64Array ? scaleOf(standard) : scaleOf(standard) + Math.abs(standard.centre) / 64
}
