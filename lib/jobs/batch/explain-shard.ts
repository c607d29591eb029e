import type { DuckDBConnection } from '@duckdb/node-api'
import { explainedColumn } from '../../data/explained-column.ts'
import { goodRows, type ShardRows } from '../../data/shard.ts'
import { type Column, rowCount } from '../../formats/columns.ts'
import { SlipwayError } from '../../formats/errors.ts'
import type { Explanations } from '../../formats/explain.ts'
import { openExplainer } from '../../models/explainer.ts'
import type { LoadedModel, LocalModel } from '../../models/model.ts'

/** Rows of a shard that are explained by sampling, at most: a row is a second's work. */
const mostSampled = 1_000

/**
 * Explains the good rows of an opened shard, and puts what came of it beside them.
 * @param onProgress share of the rows
 * @returns what the output adds to its columns
 * @throws SlipwayError EXPLAIN_UNAVAILABLE
 */
export async function explainShard(
  connection: DuckDBConnection,
  { local, model, rows }: { readonly local: LocalModel; readonly model: LoadedModel; readonly rows: ShardRows },
  onProgress: (done: number) => void,
): Promise<string> {
  const explainer = await openExplainer(local, model)
  const { name } = model.facts
  if (explainer === undefined)
    throw new SlipwayError('EXPLAIN_UNAVAILABLE', `the version of ${name} keeps nothing to explain predictions with`, {
      next: 'package it with p.package(…, { explain: true }), or leave explain out',
    })
  if (explainer.method === 'kernel' && rows.good > mostSampled)
    throw new SlipwayError(
      'EXPLAIN_UNAVAILABLE',
      `${name} is explained by sampling, which takes a second a row: ${rows.good} rows are too many for a batch, which may have ${mostSampled}`,
      { next: 'explain single rows, by a request or by slipway explain, or score fewer rows' },
    )
  const chunks: Explanations[] = []
  let done = 0
  for await (const columns of goodRows(connection, rows, model.facts.inputs)) {
    chunks.push(await explainer.explain(model.makeFeatures(columns as Record<string, Column>)))
    done += rowCount(columns)
    onProgress(done / rows.good)
  }
  return explainedColumn(connection, chunks)
}
