import { createWriteStream, mkdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { checkPlan } from '../../client/check-plan.ts'
import { firstFiles } from '../../client/first-files.ts'
import type { LookAt } from '../../client/rehearsal.ts'
import { hostVersions, packageRoot } from '../../lib/code/host.ts'
import { planPipeline } from '../../lib/code/plan.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { openSources } from '../../lib/sources/open-sources.ts'
import { findSource } from '../../lib/sources/take.ts'
import { expectAt } from '../support/expect-place.ts'
import { loansSql, newProject, writeLoans } from '../support/project.ts'
import { noStore } from '../support/sources.ts'

/* What `plan` and `run` find out from the beginning of the sources and from the types, before anything is stored. */
const project = newProject()
beforeAll(() => project.data('data/loans.parquet', loansSql(600)))
beforeEach(() => writeLoans(project))
afterAll(() => project.remove())

async function check(types = false): Promise<string[]> {
  const planned = await planPipeline(project.root, 'loans', hostVersions())
  const sources = openSources(noStore, { root: project.root, confined: false })
  const lookAt: LookAt = async (step) => firstFiles(noStore, await findSource(sources, step))
  return checkPlan(project.root, planned, lookAt, { types })
}

async function failure(types = false): Promise<SlipwayError> {
  const error = await check(types).then(
    (said) => said,
    (reason) => reason,
  )
  expect(error).toBeInstanceOf(SlipwayError)
  return error as SlipwayError
}

const features = 'pipelines/loans/features.ts'
const signature = 'export function features({ income, age }: { income: Float64Array; age: Float64Array }) {'

describe('a plan whose sources and functions are well', () => {
  it('says what was looked at, and looks again only when something has changed', async () => {
    const said = ['data/loans.parquet: the first 256 rows were read; 64 went through the functions', expect.any(String)]
    expect(await check()).toEqual(said)
    const kept = join(project.root, '.slipway/checks/loans.rehearsal.json')
    const before = readFileSync(kept, 'utf8')
    expect(await check()).toEqual(said)
    expect(readFileSync(kept, 'utf8')).toBe(before)
    writeLoans(project, { features: `${signature}\n  return { income, older: age.map((x) => x + 1) }\n}\n` })
    expect(await check()).toEqual(said)
    expect(readFileSync(kept, 'utf8')).not.toBe(before)
  })

  it('leaves rows out that break the contract, as a run would', async () => {
    await project.data(
      'data/some.parquet',
      `SELECT * REPLACE (CASE WHEN id < 10 THEN 999 ELSE age END AS age) FROM (${loansSql(50)})`,
    )
    writeLoans(project, {
      from: 'data/some.parquet',
      validate: '{ maxBadRows: 0.5 }',
      features: `${signature}\n  if (age.some((x) => x > 100)) throw new Error('too old')\n  return { income, age }\n}\n`,
    })
    expect((await check())[0]).toBe(
      'data/some.parquet: the first 50 rows were read, 10 of them break the contract; 40 went through the functions',
    )
  })
})

describe('a source', () => {
  it.each<[string, string, string, string, string]>([
    [
      'a missing column',
      `SELECT * EXCLUDE (income) FROM (${loansSql(50)})`,
      'COLUMN_MISSING',
      'no column "income"',
      'correct the schema',
    ],
    [
      'a column of a name that is near',
      `SELECT * RENAME (income AS incomes) FROM (${loansSql(50)})`,
      'COLUMN_MISSING',
      'it has id, day, incomes',
      'did you mean "incomes"?',
    ],
    [
      'a column of another type',
      `SELECT * REPLACE ('much' AS income) FROM (${loansSql(50)})`,
      'COLUMN_TYPE',
      'row 1 holds "much"',
      '',
    ],
    ['no rows', `SELECT * FROM (${loansSql(50)}) WHERE false`, 'SOURCE_EMPTY', 'has no rows', ''],
  ])('with %s, in parquet and CSV', async (_, sql, code, says, next) => {
    for (const file of ['data/bad.parquet', 'data/bad.csv']) {
      await project.data(file, sql)
      writeLoans(project, { from: file })
      const error = await failure()
      expect(error.exitCode).toBe(10)
      if (code === 'COLUMN_TYPE' && file.endsWith('.csv')) {
        expect(error).toMatchObject({ code: 'DATA_CONTRACT' })
        expect(error.message).toContain('column "income" of data/bad.csv is no number in any of the first 50 rows')
        continue
      }
      expect(error.code).toBe(code)
      expect(error.facts.inFull ?? error.message).toContain(says)
      expect(error.facts.next).toContain(next)
    }
  })

  it('that is not there, a folder, empty, or cut off', async () => {
    writeLoans(project, { from: 'data/nowhere.parquet' })
    expect(await failure()).toMatchObject({
      code: 'SOURCE_MISSING',
      message: expect.stringContaining('does not exist'),
    })
    mkdirSync(join(project.root, 'data/folder.parquet'), { recursive: true })
    writeLoans(project, { from: 'data/folder.parquet' })
    expect(await failure()).toMatchObject({
      code: 'SOURCE_MISSING',
      facts: { next: 'for all its files write "data/folder.parquet/"' },
    })
    writeFileSync(join(project.root, 'data/none.csv'), '')
    writeLoans(project, { from: 'data/none.csv' })
    expect(await failure()).toMatchObject({ code: 'SOURCE_EMPTY' })
    await project.data('data/cut.parquet', loansSql(4_000))
    truncateSync(join(project.root, 'data/cut.parquet'), 9_000)
    writeLoans(project, { from: 'data/cut.parquet' })
    expect(await failure()).toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: expect.stringContaining('data/cut.parquet'),
    })
  })

  it.each(['csv', 'json', 'csv.gz', 'array.json'])('is not read to its end: %s', async (ending) => {
    // What comes behind the beginning is no table at all; a run says so, and a plan cannot know.
    const rows = Array.from({ length: 40_000 }, (_, id) => ({
      id,
      day: '2024-01-01T00:00:00Z',
      income: 5,
      age: 20,
      purpose: 'car',
      defaulted: id % 2,
      'a "note"': `{[${id}, "]`,
    }))
    const csv = [
      'id,day,income,age,purpose,defaulted',
      ...rows.map(({ id, day, defaulted }) => `${id},${day},5,20,car,${defaulted}`),
    ].join('\n')
    const text = ending.includes('csv')
      ? csv
      : ending === 'json'
        ? rows.map((row) => JSON.stringify(row, null, 1)).join('\n')
        : `[${rows.map((row) => JSON.stringify(row)).join(',\n')}`
    const whole = Buffer.concat([Buffer.from(text), Buffer.from('\n"{[,'), Buffer.alloc(1000, 0xff)])
    project.write(`data/long.${ending}`, '')
    writeFileSync(join(project.root, `data/long.${ending}`), ending.endsWith('gz') ? gzipSync(whole) : whole)
    writeLoans(project, { from: `data/long.${ending}` })
    expect((await check())[0]).toBe(`data/long.${ending}: the first 256 rows were read; 64 went through the functions`)
  })

  it('of which a key of JSON comes later than its beginning is no fault', async () => {
    const out = createWriteStream(join(project.root, 'data/late.json'))
    for (let id = 0; id < 30_000; id++)
      out.write(
        `${JSON.stringify({ id, day: '2024-01-01T00:00:00Z', income: 5, age: 20, purpose: 'car', defaulted: 0, ...(id > 29_000 && { more: 1 }) })}\n`,
      )
    await new Promise((resolve) => out.end(resolve))
    writeLoans(project, {
      from: 'data/late.json',
      schema:
        "import { z } from 'zod'\nexport const Loan = z.object({ id: z.int(), day: z.date(), income: z.number(), age: z.int(), purpose: z.string(), defaulted: z.int(), more: z.number().nullable() })\n",
    })
    expect((await check())[0]).toContain('64 went through the functions')
  })
})

describe('a function', () => {
  it.each<[string, string, string, string, string]>([
    [
      'throws',
      "  if (income.length > 0) throw new Error('no income')\n  return { age }",
      'FEATURES_FAILED',
      'new Error',
      'no income',
    ],
    [
      'returns too few',
      '  return { income: income.slice(1), age }',
      'FEATURES_LENGTH',
      'function features',
      '63 rows for 64',
    ],
    [
      'makes NaN',
      '  return { income: income.map((x, i) => Math.log(-x - age[i]!)) }',
      'FEATURES_NOT_FINITE',
      'function features',
      'NaN in row 1',
    ],
    [
      'depends on the chunks',
      '  const first = income[0]!\n  return { income: income.map((x) => x - first), age }',
      'FEATURES_DEPEND_ON_CHUNKS',
      'function features',
      'among 64 rows',
    ],
    [
      'leaves a promise behind',
      "  void Promise.resolve().then(() => {\n    throw new Error('later')\n  })\n  return { income, age }",
      'FEATURES_FAILED',
      'new Error',
      'later',
    ],
  ])('that %s is said with its line', async (_, lines, code, words, says) => {
    const text = `${signature}\n${lines}\n}\n`
    writeLoans(project, { features: text })
    const error = await failure()
    expect(error.exitCode).toBe(11)
    expect(error.message).toContain(says)
    expectAt(error, code, features, text, words)
  })

  it('of the target too', async () => {
    const text = 'export function bad(defaulted: Float64Array) {\n  return defaulted.map(() => Number.NaN)\n}\n'
    writeLoans(project, { target: text })
    expectAt(await failure(), 'TARGET_INVALID', 'pipelines/loans/target.ts', text, 'function bad')
  })
})

describe('the types', () => {
  const link = (name: string): void => {
    mkdirSync(join(project.root, 'node_modules'), { recursive: true })
    symlinkSync(join(packageRoot, 'node_modules', name), join(project.root, 'node_modules', name))
  }
  const wrong = `${signature}\n  const n: string = income.length\n  return { income, age, n: age.map(() => n.length) }\n}\n`

  it('are not checked without a TypeScript of the project', async () => {
    writeLoans(project, { features: wrong.replace('n.length', '1') })
    expect((await check(true))[1]).toBe('types: not checked, the project has no TypeScript')
  })

  it('are checked with it, told with their line, kept until a file changes, and can be left out', async () => {
    link('typescript')
    expect((await check(true))[1]).toMatch(/^types: checked by TypeScript \d+\.\d+\.\d+$/)
    expect((await check(true))[1]).toMatch(/ before$/)
    writeLoans(project, { features: wrong.replace('n.length', '1') })
    for (let again = 0; again < 2; again++) {
      const error = await failure(true)
      expect(error.message).toContain("TS2322: Type 'number' is not assignable to type 'string'")
      expect(error.facts.next).toContain('--no-types')
      expectAt(error, 'DEFINITION_INVALID', features, wrong.replace('n.length', '1'), 'n: string')
    }
    expect((await check(false))[1]).toContain('not checked')
  })

  it('are those of the tsconfig.json there is, whose own mistakes are said', async () => {
    project.write(
      'tsconfig.json',
      JSON.stringify({
        compilerOptions: { strict: false, composite: true, module: 'nodenext', noUnusedParameters: true },
        include: ['elsewhere'],
      }),
    )
    writeLoans(project, { features: `${signature}\n  return { income }\n}\n` })
    const error = await failure(true)
    expect(error.message).toContain("'age' is declared but its value is never read")
    project.write('tsconfig.json', '{ "compilerOptions": { "strict": "yes" } }')
    const settings = await failure(true)
    expect(settings).toMatchObject({ code: 'DEFINITION_INVALID', facts: { at: { file: 'tsconfig.json', line: 1 } } })
  })
})
