import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { expectAgreement, referenceTables, titleOf } from '../support/reference-tables.ts'

/*
 * Tables of packages that are installed anyway; `npm run test:peers` reads all of tables.json. See
 * test/reference/tables.py.
 */
const modules = join(import.meta.dirname, '../../node_modules')
const installed = referenceTables.filter(({ package: from }) => from === 'vega-datasets' || from === 'csv-spectrum')
const dialects = ['quoted line end', 'BOM', 'CRLF', 'semicolons', 'not UTF-8']

describe('pandas, pyarrow and ours read the same', () => {
  it.each(installed.map((table) => [titleOf(table), table] as const))('%s', async (_, table) => {
    await expectAgreement(table, join(modules, table.package, table.path))
  })

  it('is held over hundreds of tables of many packages, of every dialect and of parquet', () => {
    expect(referenceTables.length).toBeGreaterThanOrEqual(200)
    expect(new Set(referenceTables.map(({ package: from }) => from)).size).toBeGreaterThan(8)
    expect(referenceTables.filter(({ format }) => format === 'parquet').length).toBeGreaterThanOrEqual(40)
    for (const dialect of dialects)
      expect(referenceTables.filter(({ traits }) => traits?.includes(dialect)).length).toBeGreaterThan(3)
    expect(
      referenceTables.filter(({ traits = [] }) => dialects.some((dialect) => traits.includes(dialect))).length,
    ).toBeGreaterThanOrEqual(20)
  })
})
