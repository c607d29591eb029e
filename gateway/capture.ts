import { parquetWriteBuffer } from 'hyparquet-writer'
import type { RowSchema } from '../lib/formats/row-schema.ts'
import { servedAnswer, servedClass } from '../lib/formats/telemetry.ts'
import type { CapturedRow } from './recorder.ts'

const parquetType = {
  number: 'DOUBLE',
  integer: 'DOUBLE',
  bigint: 'STRING',
  boolean: 'BOOLEAN',
  string: 'STRING',
  timestamp: 'TIMESTAMP',
} as const

/**
 * Captured rows as a parquet file: request id, time, who answered, whether it is a user's first, score, and the input
 * columns under their own names. Of several classes also which was the likeliest, and a column a class; of several
 * targets or quantiles a column each; where a function answers, its answer.
 */
export function captureFile(rows: readonly CapturedRow[], schema: RowSchema): Uint8Array {
  const plain = <T>(value: (row: CapturedRow) => T): T[] => rows.map(value)
  const columns = [
    { name: 'slipway_request', data: plain(({ requestId }) => requestId), type: 'STRING' as const },
    { name: 'slipway_row', data: plain(({ row }) => row), type: 'INT32' as const },
    { name: 'slipway_time', data: plain(({ at }) => new Date(at)), type: 'TIMESTAMP' as const },
    { name: 'slipway_role', data: plain(({ role }) => role), type: 'STRING' as const },
    { name: 'slipway_first', data: plain(({ first }) => first), type: 'BOOLEAN' as const },
    { name: 'slipway_version', data: plain(({ version }) => version), type: 'INT32' as const },
    { name: 'slipway_score', data: plain(({ score }) => score), type: 'DOUBLE' as const },
    ...classColumns(rows),
    ...numberColumns(rows),
    ...answerColumns(rows),
    ...schema.map(({ name, type }) => ({
      name,
      type: parquetType[type],
      nullable: true,
      data: rows.map(({ input }) => {
        const value = input[name]
        if (value === null || value === undefined || Number.isNaN(value)) return null
        if (type === 'timestamp') return new Date(value as number)
        return type === 'boolean' ? value === 1 : value
      }),
    })),
  ]
  return new Uint8Array(parquetWriteBuffer({ columnData: columns }))
}

function numberColumns(rows: readonly CapturedRow[]) {
  const names = [...new Set(rows.flatMap(({ numbers }) => Object.keys(numbers ?? {})))]
  return names.map((name) => ({
    name,
    data: rows.map(({ numbers }) => numbers?.[name] ?? null),
    type: 'DOUBLE' as const,
    nullable: true,
  }))
}

/** What a function answered, as text: versions may answer other kinds of things. */
function answerColumns(rows: readonly CapturedRow[]) {
  if (rows.every(({ decision }) => decision === undefined)) return []
  const data = rows.map(({ decision }) => (decision === undefined ? null : String(decision)))
  return [{ name: servedAnswer, data, type: 'STRING' as const, nullable: true }]
}

/**
 * Columns of rows that were answered with classes; versions may know different ones. Where the columns of two versions
 * differ by their case alone they share one.
 */
function classColumns(rows: readonly CapturedRow[]) {
  const folded = rows.map(({ classes }) => {
    const scores = Object.entries(classes?.scores ?? {})
    return new Map(scores.map(([name, score]) => [name.toLowerCase(), score]))
  })
  const names = new Map<string, string>()
  for (const { classes } of rows)
    for (const name of Object.keys(classes?.scores ?? {}))
      if (!names.has(name.toLowerCase())) names.set(name.toLowerCase(), name)
  if (names.size === 0) return []
  return [
    {
      name: servedClass,
      data: rows.map(({ classes }) => classes?.likeliest ?? null),
      type: 'STRING' as const,
      nullable: true,
    },
    ...[...names].map(([key, name]) => ({
      name,
      data: folded.map((scores) => scores.get(key) ?? null),
      type: 'DOUBLE' as const,
      nullable: true,
    })),
  ]
}
