import { pickRows } from '../formats/answers.ts'
import type { Column } from '../formats/columns.ts'
import { groupRows } from '../formats/metrics/groups.ts'
import { type MetricsOf, measureAll } from '../formats/metrics/index.ts'
import type { Scored } from '../formats/metrics/metric.ts'
import { labelWidthOf, rowsOf } from '../formats/metrics/several.ts'

export type BinaryMetrics = Record<MetricsOf<'binary'>, number>
export type RegressionMetrics = Record<MetricsOf<'regression'>, number>

export const binaryMetricsOf = (scored: Scored): BinaryMetrics => measureAll('binary', scored)
export const regressionMetricsOf = (scored: Scored): RegressionMetrics => measureAll('regression', scored)

/** The rows at some positions. */
export function selectRows(scored: Scored, rows: Uint32Array): Scored {
  const { predictions, labels, columns, groups, outputs } = scored
  const all = rowsOf(scored)
  return {
    predictions: pickRows(predictions, rows, all === 0 ? 1 : predictions.length / all),
    labels: pickRows(labels, rows, labelWidthOf(scored)) as Float64Array,
    ...(outputs !== undefined && { outputs }),
    ...(groups !== undefined && { groups: Uint32Array.from(rows, (row) => groups[row] as number) }),
    ...(columns !== undefined && {
      columns: Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, selectCells(column, rows)])),
    }),
  }
}

/** Rows that lie evenly among all, at most about so many: of a ranking whole groups. */
export function thinned(scored: Scored, most: number): Scored {
  const { groups } = scored
  const rows = rowsOf(scored)
  if (rows <= most) return scored
  if (groups === undefined)
    return selectRows(
      scored,
      Uint32Array.from({ length: most }, (_, i) => Math.floor((i * rows) / most)),
    )
  const grouped = groupRows(groups)
  const every = Math.ceil(rows / most)
  return selectRows(
    scored,
    Uint32Array.from(grouped.placeOf.keys()).filter((row) => (grouped.placeOf[row] as number) % every === 0),
  )
}

function selectCells(column: Column, rows: Uint32Array): Column {
  if (!ArrayBuffer.isView(column)) return Array.from(rows, (row) => column[row] as string | null)
  return new (column.constructor as Float64ArrayConstructor)(rows.length).map(
    (_, i) => column[rows[i] as number] as number,
  )
}
