import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { rowsOf, text, withDuckDb } from '../../lib/data/duckdb.ts'
import { wholeColumns } from '../../lib/data/whole-columns.ts'
import { writeColumns } from '../../lib/data/write-columns.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import type { RowSchema } from '../../lib/formats/row-schema.ts'
import { runOwnStep, runTable } from '../../lib/jobs/run-code.ts'
import { digestOf } from '../../lib/store/digest.ts'
import { folderMaker } from '../support/folders.ts'

const newFolder = folderMaker()

const rule = (name: string, type: RowSchema[number]['type'], nullable = true) => ({ name, type, nullable })
const All: RowSchema = [
  rule('number', 'number'),
  rule('whole', 'integer'),
  rule('digits', 'bigint'),
  rule('yes', 'boolean'),
  rule('text', 'string'),
  rule('time', 'timestamp'),
]
const whole = {
  number: Float64Array.of(1.5, Number.NaN, -0.1),
  whole: Int32Array.of(1, 2, 3),
  digits: ['9007199254740993', null, '-1'],
  yes: [true, false, null],
  text: ['a', '', null],
  time: [0, 1_700_000_000_123, Number.NaN],
}
const failure = async (work: Promise<unknown>): Promise<SlipwayError> => {
  const error = await work.then(
    () => undefined,
    (thrown) => thrown,
  )
  expect(error).toBeInstanceOf(SlipwayError)
  return error as SlipwayError
}

describe('columns that a function made', () => {
  const write = (made: unknown, schema = All) => writeColumns(made, schema, 'table "t"', join(newFolder(), 't.parquet'))

  it('are a table that reads as they were written', async () => {
    const file = join(newFolder(), 't.parquet')
    expect(await writeColumns(whole, All, 'table "t"', file)).toBe(3)
    const rows = await withDuckDb(1, (connection) => rowsOf(connection, `FROM read_parquet(${text(file)})`))
    expect(rows).toEqual([
      { number: 1.5, whole: 1, digits: '9007199254740993', yes: true, text: 'a', time: new Date(0) },
      { number: null, whole: 2, digits: null, yes: false, text: '', time: new Date(1_700_000_000_123) },
      { number: -0.1, whole: 3, digits: '-1', yes: null, text: null, time: null },
    ])
    const again = await wholeColumns({ files: [file], format: 'parquet', schema: All, rows: 3 })
    expect(again.number).toEqual(whole.number)
    expect(again.yes).toEqual(Float64Array.of(1, 0, Number.NaN))
    expect(again.text).toEqual(whole.text)
  })

  it('may be more than a vector holds, and are the same bytes every time', async () => {
    const rows = 10_001
    const schema = [rule('n', 'integer'), rule('t', 'string')]
    const made = {
      t: Array.from({ length: rows }, (_, i) => `t${i}`),
      n: Float64Array.from({ length: rows }, (_, i) => i),
    }
    const files = [join(newFolder(), 'a.parquet'), join(newFolder(), 'b.parquet')]
    for (const file of files) expect(await writeColumns(made, schema, 'table "t"', file)).toBe(rows)
    expect(readFileSync(files[0] as string).equals(readFileSync(files[1] as string))).toBe(true)
    const read = await wholeColumns({ files: [files[0] as string], format: 'parquet', schema, rows })
    expect(read).toEqual({ n: made.n, t: made.t })
  })

  it.each<[string, unknown, RegExp]>([
    ['are no columns', [1, 2], /table "t" is made of a list, not of columns/],
    ['are nothing', undefined, /table "t" is made of nothing/],
    ['lack one', { ...whole, text: undefined }, /has a column "text" of nothing, the schema says string/],
    ['lack a name', { number: whole.number }, /has no column "whole"; it has number/],
    ['are too many', { ...whole, more: [1, 2, 3] }, /has a column "more" that its schema does not name/],
    ['are of two lengths', { ...whole, whole: [1] }, /has 3 values in "number" and 1 in "whole"/],
    [
      'hold text for a number',
      { ...whole, number: [1, '2', 3] },
      /holds a string in "number" at row 2, the schema says number/,
    ],
    [
      'hold a number for text',
      { ...whole, text: ['a', 2, null] },
      /holds a number in "text" at row 2, the schema says string/,
    ],
    ['hold a Date', { ...whole, time: [0, new Date(5), 0] }, /in "time" at row 2, the schema says timestamp/],
  ])('are refused where they %s', async (_, made, message) => {
    const error = await failure(write(made))
    expect([error.code, error.exitCode]).toEqual(['TABLE_SCHEMA', 10])
    expect(error.message).toMatch(message)
  })

  it('do not become true, or a time, from what is neither', async () => {
    const file = join(newFolder(), 't.parquet')
    await writeColumns({ yes: [2, 0, 1] }, [rule('yes', 'boolean')], 'table "t"', file).then(
      () => expect.unreachable('2 is no truth value'),
      ({ message, facts }) => {
        expect(message).toContain('holds a number in "yes" at row 1')
        expect(facts.inFull).toContain('holds 2 in "yes" at row 1')
      },
    )
    const infinite = await failure(write({ ...whole, time: [0, Number.POSITIVE_INFINITY, 0] }))
    expect(infinite.message).toContain('in "time" at row 2')
  })
})

describe('a function of the user’s', () => {
  const onProgress = (): void => {}
  const codeOf = (body: string) => {
    const source = `module.exports.default = ${body}`
    const file = join(newFolder(), 'code.js')
    writeFileSync(file, source)
    return { file, digest: digestOf(source), name: 'made' }
  }
  const orders = async () => {
    const file = join(newFolder(), 'orders.parquet')
    const schema = [rule('id', 'integer', false), rule('amount', 'number', false)]
    await writeColumns({ id: [1, 2, 3], amount: [10, 20, 30] }, schema, 'orders', file)
    return { files: [file], format: 'parquet', schema, rows: 3 } as const
  }
  const tableBy = async (body: string, order?: string[]) => {
    const file = join(newFolder(), 'made.parquet')
    const local = await orders()
    const made = await runTable(
      {
        name: 't',
        code: codeOf(body),
        host: {},
        tables: { a: local, b: local },
        order,
        schema: [rule('x', 'number')],
        file,
      },
      onProgress,
    )
    expect(made).toBeGreaterThan(0)
    return (await withDuckDb(1, (connection) => rowsOf(connection, `FROM read_parquet(${text(file)})`))).map(
      ({ x }) => x,
    )
  }
  const outputs = { page: { mediaType: 'text/plain' }, rows: { schema: [rule('x', 'number')] } }
  const stepBy = async (body: string) => {
    const folder = newFolder()
    const page = join(newFolder(), 'page')
    writeFileSync(page, 'hällo')
    const inputs = { orders: { table: await orders() }, page: { file: page, mediaType: 'text/plain' } }
    return {
      folder,
      ...(await runOwnStep({ name: 's', code: codeOf(body), host: {}, inputs, outputs, folder }, onProgress)),
    }
  }

  it('makes a table of whole columns, by their names or one by one', async () => {
    expect(await tableBy('({ a, b }) => ({ x: a.amount.map((value, i) => value + b.id[i]) })')).toEqual([11, 22, 33])
    expect(await tableBy('(b, a) => ({ x: [a.id.length + b.amount[2]] })', ['b', 'a'])).toEqual([33])
  })

  it('makes what a step declares, of tables and of other artifacts', async () => {
    const made = await stepBy(
      '({ orders, page }) => ({ outputs: { page: page.text() + page.bytes.length + page.mediaType, rows: { x: orders.id } }, facts: { n: 1 } })',
    )
    expect(readFileSync(join(made.folder, 'page'), 'utf8')).toBe('hällo6text/plain')
    expect(made.outputs).toEqual({ page: { file: 'page' }, rows: { file: 'rows', rows: 3 } })
    expect(made.facts).toEqual({ n: 1 })
    const bytes = await stepBy('() => ({ outputs: { page: Uint8Array.of(1, 2), rows: { x: [] } } })')
    expect([...readFileSync(join(bytes.folder, 'page'))]).toEqual([1, 2])
    expect(bytes.outputs.rows).toEqual({ file: 'rows', rows: 0 })
  })

  it.each([
    ['throws', '() => { throw new TypeError("no") }', /made of step "s" throws: TypeError: no/],
    ['is async', 'async () => ({ outputs: {} })', /made of step "s" returns a Promise/],
    ['returns nothing', '() => {}', /step "s" returns no outputs/],
    ['leaves an output out', '() => ({ outputs: { page: "" } })', /step "s" does not make "rows"/],
    ['makes one too many', '() => ({ outputs: { page: "", rows: { x: [] }, z: "" } })', /makes "z", which it does not/],
    ['makes a page of a number', '() => ({ outputs: { page: 1, rows: { x: [] } } })', /makes "page" of number/],
    [
      'has facts that are no JSON',
      '() => ({ outputs: { page: "", rows: { x: [] } }, facts: { n: NaN } })',
      /are no JSON/,
    ],
    [
      'has facts that are data',
      '() => ({ outputs: { page: "", rows: { x: [] } }, facts: { n: "x".repeat(1e5) } })',
      /characters of JSON/,
    ],
  ])('fails its step where it %s', async (_, body, message) => {
    const error = await failure(stepBy(body))
    expect([error.code, error.exitCode]).toEqual(['STEP_FAILED', 11])
    expect(error.message).toMatch(message)
  })

  it('keeps nothing from one run to the next', async () => {
    const counting = '(() => { let n = 0; return () => ({ x: [++n] }) })()'
    expect(await tableBy(counting)).toEqual([1])
    expect(await tableBy(counting)).toEqual([1])
  })
})
