import { readColumns } from '../data/columns.ts'
import { withDuckDb } from '../data/duckdb.ts'
import type { LocalTable } from '../data/table.ts'
import { rowCount } from '../pipelines/columns.ts'
import type { FeatureCounts } from '../pipelines/telemetry.ts'
import type { Profile } from '../stats/profile.ts'
import { profileCounter } from '../stats/profile-counter.ts'
import { type LocalModel, loadModel } from './model.ts'

/**
 * Counts the rows of a table as a gateway would that was asked for them: features and predictions in the bins of the model's
 * baseline, so that a file is judged by the very code that judges telemetry.
 */
export async function countRows(
  local: LocalModel,
  baseline: Profile,
  table: LocalTable,
  onProgress: (rows: number) => void,
): Promise<Record<string, FeatureCounts>> {
  const model = await loadModel(local)
  const counter = profileCounter(baseline)
  try {
    await withDuckDb(2, async (connection) => {
      let at = 0
      for await (const chunk of readColumns(connection, table, model.facts.inputs)) {
        const features = model.makeFeatures(chunk, at + 1)
        counter.add({ ...features, 'score:': await model.scoreFeatures(features) })
        at += rowCount(chunk)
        onProgress(at)
      }
    })
  } finally {
    await model.release()
  }
  return counter.take()
}
