import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkContract, separateRows } from '../../lib/data/contract.ts'
import { rowsOf, withDuckDb } from '../../lib/data/duckdb.ts'
import { inspect } from '../../lib/data/inspect.ts'
import { typedSelect } from '../../lib/data/select.ts'
import type { LocalTable } from '../../lib/data/table.ts'
import { csvScanner, fieldsOf, type LineEnd } from '../../lib/formats/csv.ts'
import type { ColumnRule, RowSchema } from '../../lib/formats/row-schema.ts'
import { newProject, type TestProject } from '../support/project.ts'
import { sourceFiles } from '../support/sources.ts'

let project: TestProject
beforeAll(() => {
  project = newProject()
})
afterAll(() => project.remove())

const column = (name: string, type: ColumnRule['type'] = 'string', nullable = true): ColumnRule => ({
  name,
  type,
  nullable,
})
const [a, b] = [column('a'), column('b')]
const commas = { delimiter: ',', header: true } as const

let files = 0
/** A file of its own name with these bytes. */
function put(bytes: string | Buffer, extension = 'csv'): string {
  const file = join(project.root, `${files++}`, `t.${extension}`)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, bytes)
  return file
}

/** The rows of a table by its schema, after it was inspected as a snapshot is. */
async function read(table: Omit<LocalTable, 'rows'>): Promise<unknown[][]> {
  return withDuckDb(2, async (connection) => {
    const rows = await inspect(connection, table, 't')
    const found = await rowsOf(connection, await typedSelect(connection, table))
    expect(found).toHaveLength(rows)
    return found.map((row) => Object.values(row))
  })
}
const csv = (bytes: string | Buffer, schema: RowSchema = [a, b], dialect: LocalTable['dialect'] = commas) =>
  read({ files: [put(bytes)], format: 'csv', schema, dialect })

describe('a CSV file', () => {
  it.each([
    [
      'line ends of Windows',
      'a,b\r\n1,2\r\n3,4\r\n',
      [
        ['1', '2'],
        ['3', '4'],
      ],
    ],
    [
      'line ends of old',
      'a,b\r1,2\r3,4\r',
      [
        ['1', '2'],
        ['3', '4'],
      ],
    ],
    [
      'mixed line ends',
      'a,b\n1,2\r\n3,4\r5,6',
      [
        ['1', '2'],
        ['3', '4'],
        ['5', '6'],
      ],
    ],
    [
      'other line ends within quotes',
      'a,b\r\n"1\n1","2\r2"\r\n3,4\r\n',
      [
        ['1\n1', '2\r2'],
        ['3', '4'],
      ],
    ],
    ['a byte order mark', '\ufeffa,b\n1,2\n', [['1', '2']]],
    ['no line end at its end', 'a,b\n1,2', [['1', '2']]],
    ['blank lines', 'a,b\n\n1,2\n\n\n', [['1', '2']]],
    [
      'what others take for comments',
      '#a,b\n#1,2\n//,4\n',
      [
        ['#1', '2'],
        ['//', '4'],
      ],
      [column('#a'), b],
    ],
    ['doubled and lone quotes', 'a,b\n"say ""x""",5" pipe\n', [['say "x"', '5" pipe']]],
    ['blanks, which count', 'a,b\n 1 , x\n', [[' 1 ', ' x']]],
    ['another order of columns', 'b,c,a\n2,9,1\n', [['1', '2']]],
    ['names that differ by case', 'A,a,b\n0,1,2\n', [['1', '2']]],
    [
      'a record longer than DuckDB takes by itself',
      `a,b\n1,${'x'.repeat(3_000_000)}\n`,
      [['1', 'x'.repeat(3_000_000)]],
    ],
    ['a name with a line end', '"a\nz",b\n1,2\n', [['1', '2']], [column('a\nz'), b]],
  ] as [string, string, string[][], RowSchema?][])('with %s is read whole', async (_, bytes, rows, schema) => {
    expect(await csv(bytes, schema)).toEqual(rows)
  })

  it('of one column keeps its blank lines: each is a missing value', async () => {
    expect(await csv('a\n1\n\n2\n', [a])).toEqual([['1'], [null], ['2']])
  })

  it('without a header has the columns of the schema, in its order', async () => {
    expect(await csv('1,2\n3,4\n', [a, b], { delimiter: ',', header: false })).toEqual([
      ['1', '2'],
      ['3', '4'],
    ])
    await expect(csv('1,2,3\n', [a, b], { delimiter: ',', header: false })).rejects.toMatchObject({
      code: 'COLUMN_MISSING',
    })
  })

  it('has the delimiter it is said to have, and another one is named', async () => {
    expect(await csv('a\tb\n1,5\t2\n', [a, b], { delimiter: '\t', header: true })).toEqual([['1,5', '2']])
    await expect(csv('a;b\n1;2\n')).rejects.toMatchObject({
      code: 'COLUMN_MISSING',
      facts: { next: expect.stringContaining('";"') },
    })
  })

  it.each([
    ['Latin-1', Buffer.from('a,b\n1,2\n3,M\xfcller\n', 'latin1'), 'row 2 is no UTF-8 (byte 0xfc)'],
    ['UTF-16', Buffer.from('\ufeffa,b\n1,2\n', 'utf16le'), 'UTF-16'],
    ['a quote that never closes', Buffer.from('a,b\n1,2\n"3,4\n5,6\n'), 'a quote that opens in row 2 never closes'],
    ['half of a gzip', gzipSync('a,b\n1,2\n'.repeat(10_000)).subarray(0, 100), 'gzip cannot be read'],
  ])('in %s is refused by name', async (what, bytes, message) => {
    const isPacked = what === 'half of a gzip'
    const table = {
      files: [{ path: put(bytes), name: 'x.csv', ...(isPacked ? { compression: 'gzip' as const } : {}) }],
      format: 'csv' as const,
      schema: [a, b],
    }
    await expect(read(table)).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: expect.stringContaining(message),
    })
  })

  it('packed by gzip or zstd is read, and a folder of them', async () => {
    await withDuckDb(1, (connection) =>
      connection.run(
        `COPY (SELECT '1' AS a, '2' AS b) TO '${join(project.root, 'z.csv.zst')}' (FORMAT csv, HEADER, COMPRESSION zstd)`,
      ),
    )
    writeFileSync(join(project.root, 'g.csv.gz'), gzipSync('b,a\n4,3\n'))
    const files = await sourceFiles(project.root, '*.csv.*')
    expect(await read({ files, format: 'csv', schema: [a, b] })).toEqual([
      ['3', '4'],
      ['1', '2'],
    ])
  })

  it('with ragged rows sets them aside with their number and what they hold, and keeps all others', async () => {
    const table: LocalTable = {
      files: [{ path: put('a,b\n1,2\n3\n"4"x,5\n6,7,8\n9,10\n'), name: 'r.csv' }],
      format: 'csv',
      schema: [column('a', 'integer', false), b],
      rows: 5,
    }
    const rules = { maxBadRows: 0.9, completeness: {}, unique: [] }
    const report = await withDuckDb(1, (connection) => checkContract(connection, table, rules))
    expect(report).toMatchObject({
      rows: 5,
      badRows: 3,
      findings: [{ rule: 'record', rows: 3, firstRow: 2, file: 'r.csv' }],
    })
    const [kept, quarantine] = [join(project.root, 'kept.parquet'), join(project.root, 'bad.parquet')]
    expect(await withDuckDb(1, (connection) => separateRows(connection, table, rules, kept, quarantine))).toBe(2)
    expect(
      await withDuckDb(1, (connection) =>
        rowsOf(connection, `SELECT source_row, reasons FROM '${quarantine}' ORDER BY 1`),
      ),
    ).toEqual([
      { source_row: 2, reasons: '1 fields instead of 2: 3' },
      { source_row: 3, reasons: 'text behind a closing quote: "4"x,5' },
      { source_row: 4, reasons: '3 fields instead of 2: 6,7,8' },
    ])
  })
})

describe('the scanner of CSV', () => {
  it('finds the records that were written, however the bytes are cut', () => {
    const field = fc.string({ unit: fc.constantFrom('a', ',', '"', '\n', '\r', 'é', ' '), maxLength: 4 })
    const records = fc.array(fc.array(field, { minLength: 2, maxLength: 3 }), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(
        records,
        fc.constantFrom<LineEnd>('lf', 'crlf', 'cr'),
        fc.integer({ min: 1, max: 5 }),
        (rows, end, step) => {
          const text = rows
            .map((row) => row.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(','))
            .join({ lf: '\n', crlf: '\r\n', cr: '\r' }[end])
          const bytes = Buffer.from(text)
          const found: string[][] = []
          const scanner = csvScanner(
            ',',
            (record) => void found.push(fieldsOf(Buffer.from(record.bytes as Uint8Array).toString(), ',')),
            true,
          )
          for (let at = 0; at < bytes.length; at += step) scanner.push(bytes.subarray(at, at + step))
          expect(scanner.end()).toBe(false)
          expect(found).toEqual(rows)
        },
      ),
    )
  })
})

describe('many files', () => {
  const copy = (file: string, sql: string): Promise<unknown> =>
    withDuckDb(1, (connection) => connection.run(`COPY (${sql}) TO '${join(project.root, file)}' (FORMAT parquet)`))

  it('of parquet are read each by its own types, by name, with columns of nothing', async () => {
    await copy('m1.parquet', 'SELECT 1 AS n, NULL::INTEGER AS s, 7 AS more')
    await copy('m2.parquet', "SELECT 'x' AS s, 2.5 AS n")
    await copy('m3.parquet', 'SELECT 9007199254740993 AS n, NULL AS s')
    const schema = [column('n', 'bigint', false), column('s')]
    const found = [1, 3].map((i) => join(project.root, `m${i}.parquet`))
    expect(await read({ files: found, format: 'parquet', schema })).toEqual([
      ['1', null],
      ['9007199254740993', null],
    ])
    const numbers = [column('n', 'number', false), column('s')]
    expect(
      await read({ files: [1, 2].map((i) => join(project.root, `m${i}.parquet`)), format: 'parquet', schema: numbers }),
    ).toEqual([
      [1, null],
      [2.5, 'x'],
    ])
  })

  it('that do not fit are named, with the row', async () => {
    await copy('f1.parquet', "SELECT 'x' AS s")
    await copy('f2.parquet', 'SELECT NULL::INTEGER AS s UNION ALL SELECT 5')
    const found = ['f1', 'f2'].map((name) => join(project.root, `${name}.parquet`))
    await expect(read({ files: found, format: 'parquet', schema: [column('s')] })).rejects.toMatchObject({
      code: 'COLUMN_TYPE',
      message: 'column "s" of f2.parquet is INTEGER, the schema says string (row 2 holds one)',
    })
  })

  it('that a writer parted into folders are read back, missing values and odd names too', async () => {
    await withDuckDb(1, (connection) =>
      connection.run(
        `COPY (SELECT * FROM (VALUES ('north', 1), (NULL, 2), ('50% off', 3), ('a/b', 4)) t(region, x)) TO '${join(project.root, 'parted')}' (FORMAT parquet, PARTITION_BY (region))`,
      ),
    )
    const files = await sourceFiles(project.root, 'parted/')
    const rows = await read({
      files,
      format: 'parquet',
      schema: [column('region'), column('x', 'integer')],
    })
    expect(rows.sort((p, q) => Number(p[1]) - Number(q[1]))).toEqual([
      ['north', 1],
      [null, 2],
      ['50% off', 3],
      ['a/b', 4],
    ])
  })
})

describe('JSON', () => {
  it.each([
    ['an array', '[{"a":"1","b":"x"},\n {"b":"[{\\"","a":null}]'],
    ['lines', '{"a":"1","b":"x"}\n\n{"b":"[{\\""}\n'],
  ])('as %s keeps types, and a key may be left out', async (_, text) => {
    expect(await read({ files: [put(text, 'json')], format: 'json', schema: [a, b] })).toEqual([
      ['1', 'x'],
      [null, '[{"'],
    ])
  })

  it('says which rows are of another type, or no object', async () => {
    const table: LocalTable = {
      files: [{ path: put('{"n":1}\n{"n":"1"}\n{"n":true}\n[1]\n', 'json'), name: 'j.json' }],
      format: 'json',
      schema: [column('n', 'number', false)],
      rows: 4,
    }
    const report = await withDuckDb(1, (connection) =>
      checkContract(connection, table, { maxBadRows: 0.9, completeness: {}, unique: [] }),
    )
    expect(report.findings.map(({ rule, rows, firstRow }) => [rule, rows, firstRow])).toEqual([
      ['record', 1, 4],
      ['type number', 2, 2],
    ])
  })
})

describe('rows are counted by two', () => {
  it.each([
    ['csv', 'a,b\n1,2\n3,4\n'],
    ['json', '{"a":"1","b":"2"}\n{"a":"3","b":"4"}\n'],
  ] as const)('and used by nobody where the two differ: %s', async (format, text) => {
    const table = { files: [put(text, format)], format, schema: [a, b], dialect: commas }
    const counting = (less: number) =>
      withDuckDb(1, (connection) => {
        // Stands for a reader that loses a row.
        const reader = Object.create(connection)
        reader.runAndReadAll = (sql: string) =>
          connection.runAndReadAll(sql.replace('SELECT count(*) AS rows', `SELECT count(*) - ${less} AS rows`))
        return inspect(reader, table, 't')
      })
    expect(await counting(0)).toBe(2)
    await expect(counting(1)).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: expect.stringContaining('2 rows are there and 1 were read'),
    })
  })
})
