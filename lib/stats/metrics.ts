import { pickRows } from '../formats/answers.ts'
import type { Column } from '../formats/columns.ts'
import { type MetricsOf, measureAll } from '../formats/metrics/index.ts'
import type { Scored } from '../formats/metrics/metric.ts'
import { labelWidthOf, rowsOf } from '../formats/metrics/several.ts'

export type BinaryMetrics = Record<MetricsOf<'binary'>, number>
export type RegressionMetrics = Record<MetricsOf<'regression'>, number>

export const binaryMetricsOf = (scored: Scored): BinaryMetrics => measureAll('binary', scored)
export const regressionMetricsOf = (scored: Scored): RegressionMetrics => measureAll('regression', scored)

/** The rows at some positions. */
export function selectRows(scored: Scored, rows: Uint32Array): Scored {
  const { predictions, labels, columns, outputs } = scored
  const all = rowsOf(scored)
  return {
    predictions: pickRows(predictions, rows, all === 0 ? 1 : predictions.length / all),
    labels: pickRows(labels, rows, labelWidthOf(scored)) as Float64Array,
    ...(outputs !== undefined && { outputs }),
    ...(columns !== undefined && {
      columns: Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, selectCells(column, rows)])),
    }),
  }
}

function selectCells(column: Column, rows: Uint32Array): Column {
  if (!ArrayBuffer.isView(column)) return Array.from(rows, (row) => column[row] as string | null)
  return new (column.constructor as Float64ArrayConstructor)(rows.length).map(
    (_, i) => column[rows[i] as number] as number,
  )
}
