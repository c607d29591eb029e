import { mkdirSync, mkdtempSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hostVersions, packageRoot } from '../../lib/code/host.ts'
import { type PlannedPipeline, planPipeline } from '../../lib/code/plan.ts'
import { deriveTable } from '../../lib/data/derive.ts'
import { rowsOf, text, withDuckDb } from '../../lib/data/duckdb.ts'
import { joinInTime } from '../../lib/data/join-in-time.ts'
import type { LocalTable } from '../../lib/data/table.ts'
import type { StepKind, StepOf } from '../../lib/formats/plan.ts'
import { runOwnStep, runTable } from '../../lib/jobs/run-code.ts'
import { newProject, type TestProject } from '../support/project.ts'
import { typeCheck } from '../support/type-check.ts'

/*
 * The tables of tables of docs/definition.md, as a reader copies them.
 */
const page = readFileSync(join(packageRoot, 'docs/definition.md'), 'utf8')
const files = [...page.matchAll(/`(pipelines\/shop\/\w+\.ts)`[^`]*?\n\n```ts\n(.*?)```/gs)]

let project: TestProject
let planned: PlannedPipeline
let folder: string
beforeAll(async () => {
  project = newProject()
  for (const [, file = '', text = ''] of files) project.write(file, text)
  const modules = join(project.root, 'node_modules')
  mkdirSync(modules)
  for (const name of ['zod', '@types']) symlinkSync(join(packageRoot, 'node_modules', name), join(modules, name))
  symlinkSync(packageRoot, join(modules, 'slipway'))
  planned = await planPipeline(project.root, 'shop', hostVersions())
  folder = mkdtempSync(join(project.root, 'made-'))
})
afterAll(() => project?.remove())

const step = <Kind extends StepKind>(kind: Kind, id: string) =>
  planned.plan.steps.find((each) => each.kind === kind && each.id === id) as StepOf<Kind>
const codeOf = ({ digest, name }: { digest: string; name: string }) => {
  const file = join(folder, `${name}.js`)
  project.write(file.slice(project.root.length + 1), planned.bundles.get(digest)?.code ?? '')
  return { file, digest, name }
}
const read = (file: string): Promise<Record<string, unknown>[]> =>
  withDuckDb(1, (connection) => rowsOf(connection, `FROM read_parquet(${text(file)})`))

describe('the tables of tables of the documentation', () => {
  it('are three files, and type-check strictly', () => {
    expect(files.map(([, file]) => file)).toEqual(
      ['schema', 'functions', 'pipeline'].map((name) => `pipelines/shop/${name}.ts`),
    )
    const compile = () => typeCheck(project)
    expect(compile).not.toThrow()
  })

  it('and a mistake in a name is said with its line', async () => {
    const file = 'pipelines/shop/pipeline.ts'
    const whole = readFileSync(join(project.root, file), 'utf8')
    for (const [right, wrong] of [
      ["p.step('months'", "p.step('Months!'"],
      ["p.table('known'", "p.table('Known!'"],
    ] as const) {
      project.write(file, whole.replace(right, wrong))
      await expect(planPipeline(project.root, 'shop', hostVersions())).rejects.toMatchObject({
        code: 'DEFINITION_INVALID',
        facts: { at: { file, text: expect.stringContaining(wrong) } },
      })
    }
    project.write(file, whole)
  })

  it('come out as the page says, from rows to a page', async () => {
    await project.data(
      'data/orders.parquet',
      `SELECT i AS id, 'a' AS customer, TIMESTAMP '2024-01-20' + INTERVAL (i * 10) DAY AS placed, 1 + i AS amount FROM range(4) t(i)`,
    )
    await project.data(
      'data/scores.parquet',
      `SELECT * FROM (VALUES ('a', TIMESTAMP '2024-01-25', TIMESTAMP '2024-02-05', 1.5), ('a', TIMESTAMP '2024-02-10', TIMESTAMP '2024-03-01', 2.5))
        t(customer, scored, loaded, score)`,
    )
    const source = (id: string, rows: number): LocalTable => ({
      files: [join(project.root, step('snapshot', id).from)],
      format: 'parquet',
      schema: step('snapshot', id).schema,
      rows,
    })
    const made = (id: string): string => join(folder, `${id}.parquet`)
    const joined = step('join', 'join')
    await withDuckDb(2, (connection) =>
      joinInTime(connection, source('orders', 4), source('scores', 2), joined, { file: made('seen') }),
    )
    const { sql = '', schema } = step('table', 'spending')
    const seen: LocalTable = { files: [made('seen')], format: 'parquet', schema: joined.schema, rows: 4 }
    const rows = await deriveTable({ name: 'spending', sql, schema }, { seen }, { folder, file: made('spending') })
    // Loaded on the 5th of February: known to the order of the 9th, not to that of the 30th of January. The second
    // score comes too late.
    expect((await read(made('spending'))).map(({ score, before }) => [score, before])).toEqual([
      [null, 0],
      [null, 1],
      [1.5, 3],
      [1.5, 6],
    ])
    const spending: LocalTable = { files: [made('spending')], format: 'parquet', schema, rows }
    const known = step('table', 'known')
    const run = known.run as NonNullable<typeof known.run>
    const tables = { spending }
    const order = { name: 'known', code: codeOf(run), host: run.host, tables, order: undefined, schema: known.schema }
    await runTable({ ...order, file: made('known') }, () => {})
    expect((await read(made('known'))).map((row) => row.known)).toEqual([false, false, true, true])
    const own = step('step', 'months')
    const ownRun = own.run as NonNullable<typeof own.run>
    const inputs = {
      rows: { table: { files: [made('known')], format: 'parquet', schema: known.schema, rows } as const },
    }
    const { facts } = await runOwnStep(
      { name: 'months', code: codeOf(ownRun), host: ownRun.host, inputs, outputs: own.outputs, folder },
      () => {},
    )
    expect(facts).toEqual({ months: 2 })
    expect(await read(join(folder, 'months'))).toEqual([
      { month: 1, orders: 2 },
      { month: 2, orders: 2 },
    ])
    expect(readFileSync(join(folder, 'page'), 'utf8')).toBe('1: 2\n2: 2')
  })
})
