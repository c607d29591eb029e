import { readFile } from 'node:fs/promises'
import { decisionAt } from '../formats/decisions.ts'
import { SlipwayError } from '../formats/errors.ts'
import { CompiledModelReport } from '../models/compiled-model.ts'
import { type LoadedModel, type LocalModel, newAnswers } from '../models/model.ts'
import { readRecords } from '../models/names.ts'
import { type RowReader, rowReader } from '../models/rows.ts'
import { madeUpRows, type Row } from './made-up-rows.ts'
import type { Probe } from './manifest.ts'

const probeRows = 64
/** Rows that are made up for them: feature code may refuse most. */
const tries = 4_000
/** Another build of ONNX Runtime sums in another order: in parts of 1, or of an answer that is larger. */
const toleranceOfOnnx = 1e-5

/**
 * Rows and what a model answers to them here: where it is loaded or updated, it has to answer the same.
 * @param given rows of the user's, where none are to be made up
 * @throws SlipwayError REQUEST_INVALID for one that breaks the contract, NOT_FOUND where none can be made up
 */
export async function makeProbe(local: LocalModel, model: LoadedModel, given?: readonly Row[]): Promise<Probe> {
  const reader = rowReader(model.facts.inputs)
  const rows = given ?? (await takenRows(local, model, reader))
  if (rows.length === 0)
    throw new SlipwayError('NOT_FOUND', 'no row can be made up that the contract and the feature code take', {
      next: 'give some that may go along with the model: --probe rows.json, an array of objects',
    })
  const { columns } = readRecords(reader, rows, '--probe')
  const answers = await model.score(columns)
  const decisions = model.decide?.(answers, columns)
  const { buffer, byteOffset, byteLength } = answers
  return {
    rows,
    answers: Buffer.from(buffer, byteOffset, byteLength).toString('base64'),
    ...(decisions && { decisions: rows.map((_, row) => decisionAt(decisions, row)) }),
    tolerance: model.engine.name === 'compiled' ? 0 : toleranceOfOnnx,
  }
}

/** Made-up rows that the contract and the model's code take. */
async function takenRows(local: LocalModel, model: LoadedModel, reader: RowReader): Promise<Row[]> {
  const taken: Row[] = []
  let tried = 0
  for (const row of madeUpRows(model.facts.inputs, await textsOf(local))) {
    if (taken.length === probeRows || tried++ === tries) break
    try {
      const { columns } = readRecords(reader, [row], 'rows')
      const answers = await model.score(columns)
      model.decide?.(answers, columns)
      if (answers.length === newAnswers(model.facts, 1).length) taken.push(row)
    } catch (error) {
      if (!(error instanceof SlipwayError)) throw error
    }
  }
  return taken
}

/** Texts that the model tells apart, as its compiled trees say, and some that none does. */
async function textsOf({ compiledModel }: LocalModel): Promise<string[]> {
  const report =
    compiledModel === undefined
      ? undefined
      : CompiledModelReport.parse(JSON.parse(await readFile(compiledModel.reportFile, 'utf8')))
  const inputs = report?.status === 'proven' ? report.plan.inputs : []
  const known = inputs.flatMap((input) => (input.kind === 'category' ? input.keys.slice(0, 200) : []))
  return [...new Set([...known, 'unknown', 'a', '1', '2001-01-01'])]
}
