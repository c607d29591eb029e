import { DOUBLE, type DuckDBConnection, DuckDBDataChunk } from '@duckdb/node-api'
import type { Explanations } from '../formats/explain.ts'
import { name } from './duckdb.ts'

/** Column of the output with why the answer is what it is. */
export const explanationColumn = 'explanation'
/** Rows of a data chunk, DuckDB's vector size. */
const vectorRows = 2_048

/**
 * Puts explanations into the table `explained`, a row for each.
 * @returns SQL of them as one value: a struct of base, score and parts, the parts a struct with a field a feature; of
 *   several scores a row, a list of such
 */
export async function explainedColumn(connection: DuckDBConnection, chunks: readonly Explanations[]): Promise<string> {
  const [{ columns, outputs } = { columns: [], outputs: 1 }] = chunks
  const width = outputs * (columns.length + 2)
  const types = Array.from({ length: width }, () => DOUBLE)
  await connection.run(`CREATE TEMP TABLE explained (${types.map((_, i) => `c${i} DOUBLE`).join(', ')})`)
  const appender = await connection.createAppender('explained')
  for (const chunk of chunks)
    for (let from = 0; from < chunk.rows; from += vectorRows) {
      const rows = Math.min(vectorRows, chunk.rows - from)
      const data = DuckDBDataChunk.create(types, rows)
      for (let column = 0; column < width; column++) {
        const vector = data.getColumnVector(column) as unknown as { items: Float64Array; flush(): void }
        for (let row = 0; row < rows; row++) vector.items[row] = cell(chunk, from + row, column)
        vector.flush()
      }
      appender.appendDataChunk(data)
    }
  appender.closeSync()
  const fields = fieldsOf(columns)
  const structs = Array.from({ length: outputs }, (_, output) => {
    const at = output * (columns.length + 2)
    const parts = fields.map((field, i) => `${name(field)} := e.c${at + 2 + i}`)
    return `struct_pack(base := e.c${at}, score := e.c${at + 1}, parts := struct_pack(${parts.join(', ')}))`
  })
  return outputs === 1 ? (structs[0] as string) : `[${structs.join(', ')}]`
}

/** DuckDB takes names that differ in case only for one: of such the later get a number. */
function fieldsOf(columns: readonly string[]): string[] {
  const taken = new Set<string>()
  return columns.map((column) => {
    let field = column
    for (let number = 2; taken.has(field.toLowerCase()); number++) field = `${column}_${number}`
    taken.add(field.toLowerCase())
    return field
  })
}

/** Base, score and parts of each output, one after the other. */
function cell({ columns, outputs, base, scores, parts }: Explanations, row: number, column: number): number {
  const output = Math.floor(column / (columns.length + 2))
  const place = column % (columns.length + 2)
  if (place === 0) return base[output] as number
  const own = row * outputs + output
  return (place === 1 ? scores[own] : parts[own * columns.length + place - 2]) as number
}
