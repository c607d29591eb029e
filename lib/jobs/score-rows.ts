import type { LocalTable } from '../data/table.ts'
import { widthOf } from '../formats/answers.ts'
import type { Numbers } from '../formats/columns.ts'
import type { FeatureCounts } from '../formats/telemetry.ts'
import { type LocalModel, newAnswers } from '../models/model.ts'
import { withModels } from '../models/with-models.ts'
import type { Profile } from '../stats/profile.ts'
import { profileCounter } from '../stats/profile-counter.ts'
import { scoreTable } from './score-table.ts'

/** Predictions for the rows of a table [rows · width]. */
export async function scoreRows(local: LocalModel, table: LocalTable): Promise<Numbers> {
  const all = newAnswers(local.facts, table.rows)
  const width = widthOf(local.facts)
  await withModels([local], (model) =>
    scoreTable({ models: [model], table }, ({ at, scored: [{ predictions }] }) => all.set(predictions, at * width)),
  )
  return all
}

/**
 * Counts the rows of a table as a gateway would that was asked for them: features and predictions in the bins of the
 * model's baseline, so that a file is judged by the very code that judges telemetry.
 */
export async function countRows(
  local: LocalModel,
  baseline: Profile,
  table: LocalTable,
): Promise<Record<string, FeatureCounts>> {
  const counter = profileCounter(baseline, local.facts)
  await withModels([local], (model) =>
    scoreTable({ models: [model], table }, ({ scored: [{ features, predictions, decisions }] }) =>
      counter.add(features, predictions, decisions),
    ),
  )
  return counter.take()
}
