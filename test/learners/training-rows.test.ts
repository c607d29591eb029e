import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { withDuckDb } from '../../lib/data/duckdb.ts'
import type { LocalTable } from '../../lib/data/table.ts'
import { linear } from '../../lib/definition/index.ts'
import type { StepOf, Task } from '../../lib/formats/plan.ts'
import type { RowSchema } from '../../lib/formats/row-schema.ts'
import { readTrainingRows } from '../../lib/learners/training-rows.ts'
import { digestOf } from '../../lib/store/digest.ts'

const number = (name: string): RowSchema[number] => ({ name, type: 'number', nullable: false })

/** Reads four rows through a feature function that calls its one feature so. */
async function readAs(feature: string, task: Task) {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-rows-'))
  const file = join(folder, 'rows.parquet')
  await withDuckDb(1, (connection) =>
    connection.run(
      `COPY (SELECT i::DOUBLE AS x, (i % 2)::DOUBLE AS y FROM range(4) t(i)) TO '${file}' (FORMAT parquet)`,
    ),
  )
  const code = `module.exports.default = ({ x }) => ({ ${feature}: Float32Array.from(x) })`
  writeFileSync(join(folder, 'features.js'), code)
  const table: LocalTable = { files: [file], format: 'parquet', schema: [number('x'), number('y')], rows: 4 }
  return readTrainingRows({
    step: { task, inputs: [number('x')], target: { column: 'y' }, learner: linear() } as unknown as StepOf<'train'>,
    model: 'm',
    train: table,
    validation: table,
    features: { file: join(folder, 'features.js'), digest: digestOf(code), name: 'features' },
    target: undefined,
    folder,
  })
}

it('reads both parts', async () => {
  const { train, validation } = await readAs('x', 'binary')
  expect([...train.labels]).toEqual([0, 1, 0, 1])
  expect(validation).toEqual(train)
})

it.each([
  ['label', 'binary'],
  ['probabilities', 'binary'],
  ['prediction', 'regression'],
] as const)('refuses a feature "%s" before it trains: the graph calls an output so', async (name, task) => {
  await expect(readAs(name, task)).rejects.toMatchObject({
    code: 'FEATURES_TYPE',
    message: `features: feature "${name}" is called as what the model answers`,
    facts: { next: 'give that feature another name' },
  })
  const other = task === 'binary' ? 'regression' : 'binary'
  await expect(readAs(name, other)).resolves.toBeDefined()
})
