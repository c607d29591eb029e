import type { Features } from '../code/run-features.ts'
import { withDuckDb } from '../data/duckdb.ts'
import { inspect } from '../data/inspect.ts'
import type { LocalTable } from '../data/table.ts'
import { SlipwayError } from '../formats/errors.ts'
import { type Explanations, explainedRows } from '../formats/explain.ts'
import { openExplainer } from '../models/explainer.ts'
import type { LocalModel } from '../models/model.ts'
import { withModels } from '../models/with-models.ts'
import { scoreTable } from './score-table.ts'

/**
 * Explains the rows of a file.
 * @param file its rows are checked by the model's contract
 * @throws SlipwayError EXPLAIN_UNAVAILABLE where the package keeps nothing to explain by; USAGE for too many rows
 */
export async function explainRows(
  local: LocalModel,
  file: Pick<LocalTable, 'files' | 'format' | 'dialect'>,
  from: string,
): Promise<{ readonly explanations: Explanations; readonly features: Features }> {
  const { name, inputs } = local.facts
  const source = { ...file, schema: inputs }
  const rows = await withDuckDb(1, (connection) => inspect(connection, source, from))
  return withModels([local], async (model) => {
    const explainer = await openExplainer(local, model)
    if (explainer === undefined) throw unexplained(name)
    const most = explainedRows[explainer.method]
    if (rows > most)
      throw new SlipwayError(
        'USAGE',
        `${from} has ${rows} rows; ${most} at once are explained by ${explainer.method}`,
        {
          next: 'give fewer rows, or score the table with slipway batch score --explain',
        },
      )
    let features: Features | undefined
    await scoreTable({ models: [model], table: { ...source, rows } }, ({ scored: [own] }) => {
      features = own.features
    })
    if (features === undefined) throw new SlipwayError('USAGE', `${from} has no rows`, { next: 'give one at least' })
    return { explanations: await explainer.explain(features), features }
  })
}

export const unexplained = (model: string): SlipwayError =>
  new SlipwayError('EXPLAIN_UNAVAILABLE', `the version of ${model} keeps nothing to explain its predictions with`, {
    next: 'package it with p.package(…, { explain: true }) and run the pipeline',
  })
