import { pickRows } from '../formats/answers.ts'
import type { Column } from '../formats/columns.ts'
import { type MetricsOf, measureAll } from '../formats/metrics/index.ts'
import type { Scored } from '../formats/metrics/metric.ts'

export type BinaryMetrics = Record<MetricsOf<'binary'>, number>
export type RegressionMetrics = Record<MetricsOf<'regression'>, number>

export const binaryMetricsOf = (scored: Scored): BinaryMetrics => measureAll('binary', scored)
export const regressionMetricsOf = (scored: Scored): RegressionMetrics => measureAll('regression', scored)

/** The rows at some positions. */
export function selectRows({ predictions, labels, columns }: Scored, rows: Uint32Array): Scored {
  return {
    predictions: pickRows(predictions, rows, labels.length === 0 ? 1 : predictions.length / labels.length),
    labels: Float64Array.from(rows, (row) => labels[row] as number),
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
