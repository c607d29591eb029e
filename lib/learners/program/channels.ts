import { open } from 'node:fs/promises'
import { DOUBLE, DuckDBDataChunk, FLOAT, VARCHAR } from '@duckdb/node-api'
import { name, text, withDuckDb } from '../../data/duckdb.ts'
import { columnOf as answersIn } from '../../formats/answers.ts'
import type { Numbers } from '../../formats/columns.ts'
import { SlipwayError } from '../../formats/errors.ts'
import type { LearnerRows, ModelInput } from '../learner.ts'
import { type CsvColumn, csvRows, quoted } from './csv-rows.ts'

/** What the label is called in a channel, and the weight and the number of the group where rows have one. */
export const labelColumn = 'label'
export const weightColumn = 'weight'
/** What labels are called: of several targets after each of them. */
export const labelColumns = (targets: number, outputs: readonly string[] = []): readonly string[] =>
  targets === 1 ? [labelColumn] : outputs.map((name) => `${labelColumn}:${name}`)
export const groupColumn = 'group'

export const channelFormats = { csv: 'text/csv', parquet: 'application/x-parquet' } as const

/** Rows that are written at once: DuckDB's vector size. */
const vectorRows = 2_048

/** Rows of a channel; those without labels are only predicted. */
export type ChannelRows = Pick<LearnerRows, 'features' | 'weights' | 'groups'> & {
  readonly labels?: LearnerRows['labels']
  /** What several targets are called. */
  readonly targets?: readonly string[] | undefined
}

/**
 * Writes rows as a table: features as the model takes them (numbers float32, texts), the label, the weight and the
 * group where there are some. Missing values are empty in CSV and null in parquet.
 * @throws SlipwayError FEATURES_TYPE where a feature is called as the label, the weight or the group
 */
export async function writeChannel(
  inputs: readonly ModelInput[],
  rows: ChannelRows,
  format: keyof typeof channelFormats,
  file: string,
): Promise<void> {
  const names = inputs.map((input) => input.name)
  const { labels, targets } = rows
  const labelNames = labelColumns(targets?.length ?? 1, targets)
  const others = [...labelNames, rows.weights && weightColumn, rows.groups && groupColumn]
  const taken = others.find((each) => each !== undefined && names.includes(each))
  if (taken !== undefined)
    throw new SlipwayError('FEATURES_TYPE', `a feature is called "${taken}", as a column that programs are given`, {
      next: 'give that feature another name',
    })
  const columns = [
    ...inputs.map((input, i) => columnOf(input, rows.features[i] as Float32Array)),
    ...(labels === undefined
      ? []
      : labelNames.map((each, i) => labelsOf(each, answersIn(labels, i, labelNames.length)))),
    ...(rows.weights === undefined ? [] : [columnOf({ name: weightColumn, kind: 'number' }, rows.weights)]),
    ...(rows.groups === undefined ? [] : [labelsOf(groupColumn, Float64Array.from(rows.groups))]),
  ]
  await (format === 'csv' ? writeCsv : writeParquet)(columns, rows.features[0]?.length ?? 0, file)
}

interface ChannelColumn {
  readonly name: string
  readonly type: typeof DOUBLE | typeof FLOAT | typeof VARCHAR
  readonly cells: CsvColumn
  at(row: number): number | string | null
}

function columnOf(input: ModelInput, values: Float32Array): ChannelColumn {
  const { name } = input
  if (input.kind === 'category')
    return {
      name,
      type: VARCHAR,
      cells: { kind: 'text', values, texts: input.categories },
      at: (row) => input.categories[values[row] as number] ?? null,
    }
  return {
    name,
    type: FLOAT,
    cells: { kind: 'float32', values },
    at: (row) => (Number.isNaN(values[row]) ? null : (values[row] as number)),
  }
}

const labelsOf = (called: string, labels: Numbers): ChannelColumn => ({
  name: called,
  type: DOUBLE,
  cells: { kind: 'float64', values: labels as Float64Array },
  at: (row) => labels[row] as number,
})

/** Numbers are written so that who reads them as float64 has just the float32 that the model will be given. */
async function writeCsv(columns: readonly ChannelColumn[], rows: number, file: string): Promise<void> {
  const lines = csvRows(
    columns.map(({ cells }) => cells),
    vectorRows,
  )
  const handle = await open(file, 'w')
  try {
    await handle.writeFile(`${columns.map((column) => quoted(column.name)).join(',')}\n`)
    for (let at = 0; at < rows; at += vectorRows) await handle.writeFile(lines(at, Math.min(rows, at + vectorRows)))
  } finally {
    await handle.close()
  }
}

async function writeParquet(columns: readonly ChannelColumn[], rows: number, file: string): Promise<void> {
  const types = columns.map(({ type }) => type)
  await withDuckDb(1, async (connection) => {
    await connection.run(
      `CREATE TEMP TABLE channel (${columns.map((column) => `${name(column.name)} ${column.type}`).join(', ')})`,
    )
    const appender = await connection.createAppender('channel')
    for (let at = 0; at < rows; at += vectorRows) {
      const chunk = DuckDBDataChunk.create(types, Math.min(vectorRows, rows - at))
      for (const [i, column] of columns.entries())
        chunk.setColumnValues(
          i,
          Array.from({ length: chunk.rowCount }, (_, row) => column.at(at + row)),
        )
      appender.appendDataChunk(chunk)
    }
    appender.closeSync()
    await connection.run(`COPY channel TO ${text(file)} (FORMAT parquet, COMPRESSION zstd)`)
  })
}
