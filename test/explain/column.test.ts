import { expect, it } from 'vitest'
import { rowsOf, withDuckDb } from '../../lib/data/duckdb.ts'
import { explainedColumn } from '../../lib/data/explained-column.ts'
import type { Explanations } from '../../lib/formats/explain.ts'

it('puts base, score and parts of every output into structs, names that differ in case only kept apart', async () => {
  const explanations: Explanations = {
    ...{ method: 'path-dependent', of: 'score', columns: ['age', 'Age', 'a "b"'], rows: 1, outputs: 2 },
    base: Float64Array.of(1, 2),
    scores: Float64Array.of(7, 17),
    parts: Float64Array.of(1, 2, 3, 4, 5, 6),
  }
  const [row] = await withDuckDb(1, async (connection) => {
    const sql = await explainedColumn(connection, [explanations])
    return rowsOf(connection, `SELECT to_json(${sql})::VARCHAR AS json FROM explained e`)
  })
  expect(JSON.parse(String(row?.json))).toEqual([
    { base: 1, score: 7, parts: { age: 1, Age_2: 2, 'a "b"': 3 } },
    { base: 2, score: 17, parts: { age: 4, Age_2: 5, 'a "b"': 6 } },
  ])
})
