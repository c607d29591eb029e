import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../lib/code/host.ts'
import { withDuckDb } from '../lib/data/duckdb.ts'
import { profileFiles } from '../lib/data/profile.ts'
import type { RowSchema } from '../lib/formats/row-schema.ts'
import { pythonEnvironment } from '../test/support/python.ts'
import { type Figure, interleaved, median } from './measure.ts'
import { lastLine } from './programs.ts'

const rows = 600

/**
 * Profiling tables of many columns: 700 columns of 600 rows against pandas' `describe` and counts of values, and what a
 * column costs among 2,000 against one among 100.
 */
export async function measureWide(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-wide-'))
  try {
    for (const columns of [100, 700, 2_000]) await writeTable(folder, columns)
    const python = await pythonEnvironment(join(packageRoot, 'bench/peers/pandas-requirements.txt'))
    const peer = [join(packageRoot, 'bench/peers/pandas_profile.py'), fileOf(folder, 700)]
    const pandas: { ours: number[]; theirs: number[] } = { ours: [], theirs: [] }
    for (let round = 0; round < 3; round++) {
      const start = performance.now()
      await profile(folder, 700)
      pandas.ours.push((performance.now() - start) / 1_000)
      pandas.theirs.push(lastLine<{ seconds: number }>(join(python, 'python'), peer).seconds)
    }
    const [ours, theirs] = [median(pandas.ours), median(pandas.theirs)]
    const perColumn = await interleaved(
      5,
      () => profile(folder, 2_000),
      () => profile(folder, 100),
    )
    return [
      {
        what: `profile of ${rows} rows x 700 columns, against pandas' describe, nunique and value_counts`,
        ours: `${ours.toFixed(2)} s`,
        theirs: `${theirs.toFixed(2)} s`,
        ratio: ours / theirs,
        limit: 3,
      },
      {
        what: `time a column of the profile of ${rows} rows, among 2,000 columns against among 100`,
        ours: `${((1_000 * perColumn.ours) / 2_000).toFixed(2)} ms`,
        theirs: `${((1_000 * perColumn.theirs) / 100).toFixed(2)} ms`,
        ratio: perColumn.ours / 2_000 / (perColumn.theirs / 100),
        limit: 1.5,
      },
    ]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const fileOf = (folder: string, columns: number): string => join(folder, `${columns}.parquet`)

async function writeTable(folder: string, columns: number): Promise<void> {
  const values = Array.from({ length: columns }, (_, j) => `(hash(i * 4096 + ${j}) % 1000) / 1000 AS c${j}`)
  const sql = `COPY (SELECT ${values.join(', ')} FROM range(${rows}) t(i)) TO '${fileOf(folder, columns)}' (FORMAT parquet)`
  await withDuckDb(1, (connection) => connection.run(sql))
}

function profile(folder: string, columns: number): Promise<unknown> {
  const schema: RowSchema = Array.from({ length: columns }, (_, j) => ({
    name: `c${j}`,
    type: 'number',
    nullable: true,
  }))
  return profileFiles({ table: { files: [fileOf(folder, columns)], format: 'parquet', schema, rows }, folder })
}
