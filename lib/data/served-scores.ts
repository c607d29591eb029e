import type { DuckDBConnection } from '@duckdb/node-api'
import { classesIn, type Named, numbersIn, underNames } from '../formats/answers.ts'
import { classNumbers } from '../formats/classes.ts'
import type { Numbers } from '../formats/columns.ts'
import { groupNumbers } from '../formats/groups.ts'
import type { Scored } from '../formats/metrics/metric.ts'
import { servedQuantile, servedScore, servedScores } from '../formats/telemetry.ts'
import { name, rowsOf } from './duckdb.ts'
import { columnsIn, parquet } from './served.ts'

/*
 * What versions answered, and what became known of it, in tables of what was served.
 */

/**
 * Scores and labels of a labelled table, of one version; of a ranking the rows of a request are a group.
 * @param named what its answers are called, and its task
 */
export async function readLabelled(
  connection: DuckDBConnection,
  paths: readonly string[],
  version: number,
  named: Named = {},
): Promise<Scored> {
  const classes = classesIn(named)
  if (classes !== undefined) return labelledClasses(connection, paths, version, classes)
  const numbers = numbersIn(named)
  if (numbers !== undefined) return labelledNumbers(connection, paths, version, { ...named, outputs: numbers })
  const rows = await rowsOf(
    connection,
    `SELECT slipway_score AS score, slipway_label AS label, slipway_request AS request FROM ${parquet(paths)} WHERE slipway_version = ${version} ORDER BY slipway_request, slipway_row`,
  )
  const scored = scoredOf(rows)
  // What was asked for together is ranked together.
  if (named.task !== 'ranking') return scored
  return { ...scored, groups: groupNumbers().numbersOf(rows.map(({ request }) => String(request))) }
}

/** Classes that the version does not know are behind its own, with a probability of 0. */
async function labelledClasses(
  connection: DuckDBConnection,
  paths: readonly string[],
  version: number,
  outputs: readonly string[],
): Promise<Scored> {
  const there = await columnsIn(connection, parquet(paths))
  const byCase = new Map([...there].map((column) => [column.toLowerCase(), column]))
  const columns = servedScores(outputs).map((column) => (there.has(column) ? column : byCase.get(column.toLowerCase())))
  // Rows of other versions only: they may know other classes.
  if (columns.includes(undefined)) return { predictions: new Float32Array(0), labels: new Float64Array(0) }
  const scores = columns.map((column, i) => `${name(column as string)} AS "${i}"`)
  const rows = await rowsOf(
    connection,
    `SELECT ${scores.join(', ')}, slipway_label AS label FROM ${parquet(paths)} WHERE slipway_version = ${version} ORDER BY slipway_request, slipway_row`,
  )
  const classes = classNumbers(outputs)
  const labels = classes.numbersOf(rows.map(({ label }) => String(label)))
  const predictions = Float32Array.from({ length: rows.length * outputs.length }, (_, i) =>
    Number(rows[Math.floor(i / outputs.length)]?.[i % outputs.length]),
  )
  return { predictions: underNames(predictions, outputs, classes.names), labels }
}

/** Several targets with as many labels a row, or several quantiles with one. */
async function labelledNumbers(
  connection: DuckDBConnection,
  paths: readonly string[],
  version: number,
  { task, outputs }: Named & { readonly outputs: readonly string[] },
): Promise<Scored> {
  const columnOf = task === 'quantiles' ? servedQuantile : servedScore
  const there = await columnsIn(connection, parquet(paths))
  if (!outputs.every((output) => there.has(columnOf(output))))
    return { predictions: new Float32Array(0), labels: new Float64Array(0), outputs }
  const width = outputs.length
  const scores = outputs.map((output, i) => `${name(columnOf(output))} AS "s${i}"`)
  const labels =
    task === 'quantiles' ? ['slipway_label AS "l0"'] : outputs.map((_, i) => `slipway_label[${i + 1}] AS "l${i}"`)
  const rows = await rowsOf(
    connection,
    `SELECT ${[...scores, ...labels].join(', ')} FROM ${parquet(paths)} WHERE slipway_version = ${version} ORDER BY slipway_request, slipway_row`,
  )
  const flat = (mark: string, count: number): Float64Array =>
    Float64Array.from({ length: rows.length * count }, (_, i) =>
      Number(rows[Math.floor(i / count)]?.[`${mark}${i % count}`]),
    )
  return { predictions: asGiven(flat('s', width)), labels: flat('l', labels.length), outputs }
}

/** Scores as the model gave them: float32 where they all are. */
function scoresOf(rows: readonly Record<string, unknown>[]): Numbers {
  return asGiven(Float64Array.from(rows, ({ score }) => Number(score)))
}

function asGiven(scores: Float64Array): Numbers {
  return scores.every((score) => Object.is(Math.fround(score), score)) ? Float32Array.from(scores) : scores
}

const scoredOf = (rows: readonly Record<string, unknown>[]): Scored => ({
  predictions: scoresOf(rows),
  labels: Float64Array.from(rows, ({ label }) => Number(label)),
})

/** Scores of a served table, of one version. */
export async function readScores(
  connection: DuckDBConnection,
  paths: readonly string[],
  version: number,
): Promise<Numbers> {
  const rows = await rowsOf(
    connection,
    `SELECT slipway_score AS score FROM ${parquet(paths)} WHERE slipway_version = ${version} ORDER BY slipway_request, slipway_row`,
  )
  return scoresOf(rows)
}
