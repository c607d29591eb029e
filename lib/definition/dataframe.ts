import * as danfo from 'danfojs-node'
import { type Column, type FeatureColumns, rowCount } from '../formats/columns.ts'

type Danfo = typeof danfo
type DataFrame = InstanceType<Danfo['DataFrame']>

/**
 * A feature function written with danfojs DataFrames instead of columns. Packaging and guarantees are the same: it runs
 * on any number of rows, one included, and its result may not depend on how rows are cut into chunks.
 * Dates arrive as milliseconds since 1970 (UTC).
 *
 * ```ts
 * export const features = dataframe((df) => df.addColumn('logWind', df['wind'].apply(Math.log1p)))
 * ```
 */
export function dataframe(
  transform: (df: DataFrame, dfd: Danfo) => DataFrame,
): (columns: FeatureColumns) => FeatureColumns {
  return (columns) => {
    const data: Record<string, unknown[]> = {}
    for (const name in columns) data[name] = Array.from(columns[name] as ArrayLike<unknown>)
    const result = transform(new danfo.DataFrame(data), danfo)
    const features: Record<string, Column> = {}
    for (const name of result.columns) {
      const values = result.column(name).values as unknown[]
      const text = values.some((value) => typeof value === 'string')
      features[name] = text
        ? values.map((value) => (value === null || value === undefined ? null : String(value)))
        : Float64Array.from(values, (value) => (value === null || value === undefined ? Number.NaN : Number(value)))
    }
    if (rowCount(features) === 0 && rowCount(columns) > 0)
      throw new TypeError('the DataFrame returned has no columns or no rows')
    return features
  }
}
