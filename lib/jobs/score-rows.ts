import { readColumns } from '../data/columns.ts'
import { withDuckDb } from '../data/duckdb.ts'
import type { LocalTable } from '../data/table.ts'
import { type Numbers, rowCount } from '../formats/columns.ts'
import type { FeatureCounts } from '../formats/telemetry.ts'
import { type LoadedModel, type LocalModel, loadModel, newAnswers } from '../models/model.ts'
import type { Profile } from '../stats/profile.ts'
import { profileCounter } from '../stats/profile-counter.ts'

/** Runs a table through a loaded model, chunk by chunk: features and predictions, and how many rows came before. */
async function eachChunk(
  local: LocalModel,
  table: LocalTable,
  take: (features: ReturnType<LoadedModel['makeFeatures']>, predictions: Numbers, at: number) => void,
): Promise<void> {
  const model = await loadModel(local)
  try {
    await withDuckDb(2, async (connection) => {
      let at = 0
      for await (const chunk of readColumns(connection, table, model.facts.inputs)) {
        const features = model.makeFeatures(chunk, at + 1)
        take(features, await model.scoreFeatures(features), at)
        at += rowCount(chunk)
      }
    })
  } finally {
    await model.release()
  }
}

/** Predictions for the rows of a table [rows]. */
export async function scoreRows(local: LocalModel, table: LocalTable): Promise<Numbers> {
  const all = newAnswers(local.facts, table.rows)
  await eachChunk(local, table, (_, predictions, at) => all.set(predictions, at))
  return all
}

/**
 * Counts the rows of a table as a gateway would that was asked for them: features and predictions in the bins of the model's
 * baseline, so that a file is judged by the very code that judges telemetry.
 */
export async function countRows(
  local: LocalModel,
  baseline: Profile,
  table: LocalTable,
): Promise<Record<string, FeatureCounts>> {
  const counter = profileCounter(baseline)
  await eachChunk(local, table, (features, predictions) => counter.add(features, predictions))
  return counter.take()
}
