import papaparse from 'papaparse'
import type { RowSchema } from '../../pipelines/row-schema.ts'
import type { Input } from '../inference.ts'
import { invalid, type Rows } from '../rows.ts'
import type { LoadedVersion } from '../versions.ts'
import { parseJson } from './json.ts'
import { type Asked, numbersJson, type Written } from './protocol.ts'

/*
 * `/invocations`: what SageMaker asks of a container, and MLflow of a scoring server (mlflow.org, Deploy Model Locally, "input
 * formats"): JSON with `dataframe_split`, `dataframe_records`, `inputs` or `instances`, and CSV.
 */

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const formats = ['dataframe_split', 'dataframe_records', 'inputs', 'instances'] as const

/** @param accept what the client wants back: CSV, or JSON by default */
export function readInvocation(body: Buffer, contentType: string, accept: string): Asked {
  const isCsv = /^text\/csv\b/i.test(contentType)
  return {
    read: isCsv ? readCsv(body) : readJson(parseJson(body)),
    write: ({ predictions }): Written =>
      /text\/csv/i.test(accept)
        ? { contentType: 'text/csv', body: `${predictions.join('\n')}\n` }
        : { contentType: 'application/json', body: `{"predictions":${numbersJson(predictions)}}` },
  }
}

const asInput = ({ rows, columns }: Rows): Input => ({ kind: 'rows', rows, columns })

function readJson(request: unknown): Asked['read'] {
  const format = isObject(request) ? formats.find((name) => Object.hasOwn(request, name)) : undefined
  if (!isObject(request) || format === undefined) throw invalid(`expected an object with one of ${formats.join(', ')}`)
  const value = request[format]
  if (format === 'dataframe_split') {
    if (!isObject(value) || !Array.isArray(value.columns) || !value.columns.every((name) => typeof name === 'string'))
      throw invalid('expected { columns: [names], data: [[values]] }', format)
    const { columns, data } = value
    return ({ reader }) => asInput(reader.fromMatrix(columns as string[], data, `${format}.data`))
  }
  if (format === 'dataframe_records') return ({ reader }) => asInput(reader.fromRecords(value, format))
  return (version) => readRowsOrColumns(value, version, format)
}

/** `[{…}]`, `[[…]]` in the schema's order, or `{ name: […] }`. */
export function readRowsOrColumns(value: unknown, { reader }: LoadedVersion, path: string): Input {
  if (!Array.isArray(value)) return asInput(reader.fromColumns(value, path))
  return asInput(
    Array.isArray(value[0])
      ? reader.fromMatrix(
          reader.schema.map(({ name }) => name),
          value,
          path,
        )
      : reader.fromRecords(value, path),
  )
}

/** CSV with a header line of column names (MLflow), or without one in the order of the schema (SageMaker). */
function readCsv(body: Buffer): Asked['read'] {
  const { data, errors } = papaparse.parse<string[]>(body.toString('utf8'), { skipEmptyLines: 'greedy' })
  const [problem] = errors.filter(({ code }) => code !== 'UndetectableDelimiter')
  if (problem !== undefined) throw invalid(`the CSV breaks off: ${problem.message}`, `row ${problem.row ?? 0}`)
  return ({ reader }) => {
    const names = reader.schema.map(({ name }) => name)
    const [first = []] = data
    const hasHeader = first.every((cell) => names.includes(cell.trim())) && first.length > 0
    const header = hasHeader ? first.map((cell) => cell.trim()) : names
    const rows = hasHeader ? data.slice(1) : data
    for (const [i, row] of rows.entries())
      if (row.length !== header.length)
        throw invalid(`has ${row.length} cells, ${header.length} are expected (${header.join(', ')})`, `row ${i + 1}`)
    const typed = rows.map((row) => row.map((cell, c) => typedCell(cell, header[c] as string, reader.schema)))
    return asInput(reader.fromMatrix(header, typed, 'rows'))
  }
}

/** A cell of text as the schema's type; what cannot be read stays text, and is refused with its place. */
function typedCell(cell: string, name: string, schema: RowSchema): unknown {
  const type = schema.find((rule) => rule.name === name)?.type
  if (cell === '') return null
  if (type === 'number' || type === 'integer') {
    const value = Number(cell)
    return Number.isNaN(value) ? cell : value
  }
  if (type === 'boolean' && /^(true|false)$/i.test(cell)) return cell.toLowerCase() === 'true'
  return cell
}
