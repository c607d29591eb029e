import type { FeatureColumns } from '../formats/columns.ts'

/** The features of a model that is registered without a pipeline: its columns as they are. */
export function allColumns(columns: FeatureColumns): FeatureColumns {
  return columns
}
