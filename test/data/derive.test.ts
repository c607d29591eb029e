import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { checkQuery, deriveTable } from '../../lib/data/derive.ts'
import { rowsOf, text, withDuckDb } from '../../lib/data/duckdb.ts'
import { readQuery } from '../../lib/data/query.ts'
import type { LocalTable } from '../../lib/data/table.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import type { RowSchema } from '../../lib/formats/row-schema.ts'
import { folderMaker } from '../support/folders.ts'

const newFolder = folderMaker()

const rule = (name: string, type: RowSchema[number]['type'], nullable = false) => ({ name, type, nullable })
const Orders: RowSchema = [rule('id', 'integer'), rule('customer', 'string', true), rule('amount', 'number')]
const Daily: RowSchema = [rule('customer', 'string', true), rule('total', 'number')]
const sums = 'SELECT customer, sum(amount) AS total FROM orders GROUP BY customer'

/** 20,000 made-up orders, written by SQL. */
async function orders(format: 'parquet' | 'csv' = 'parquet', rows = 20_000): Promise<LocalTable> {
  const file = join(newFolder(), `orders.${format}`)
  await withDuckDb(1, (connection) =>
    connection.run(
      `COPY (SELECT i AS id, CASE WHEN i % 11 = 0 THEN NULL ELSE 'c' || (i * 7919) % 97 END AS customer, ((i * 104729) % 1000) / 7 AS amount
        FROM range(${rows}) t(i)) TO ${text(file)} (FORMAT ${format})`,
    ),
  )
  return { files: [file], format, schema: Orders, rows }
}

const derive = async (sql: string, schema: RowSchema, tables?: Record<string, LocalTable>) => {
  const folder = newFolder()
  const file = join(folder, 'made.parquet')
  const rows = await deriveTable({ name: 'daily', sql, schema }, tables ?? { orders: await orders() }, { folder, file })
  return { rows, file, digest: createHash('sha256').update(readFileSync(file)).digest('hex') }
}
const read = (file: string, more = ''): Promise<Record<string, unknown>[]> =>
  withDuckDb(1, (connection) => rowsOf(connection, `SELECT * FROM read_parquet(${text(file)}) ${more}`))
const check = (sql: string, schema = Daily) => checkQuery({ name: 'daily', sql, schema }, { orders: Orders })
const failure = async (work: Promise<unknown>): Promise<SlipwayError> => {
  const error = await work.then(
    () => undefined,
    (thrown) => thrown,
  )
  expect(error).toBeInstanceOf(SlipwayError)
  return error as SlipwayError
}

describe('a table derived by SQL', () => {
  it('holds what the SELECT says, in the types of its schema', async () => {
    const { rows, file } = await derive(sums, Daily)
    const expected = new Map<string | null, number>()
    for (let i = 0; i < 20_000; i++) {
      const customer = i % 11 === 0 ? null : `c${(i * 7919) % 97}`
      expected.set(customer, (expected.get(customer) ?? 0) + ((i * 104729) % 1000) / 7)
    }
    const made = await read(file)
    expect(rows).toBe(expected.size)
    expect(made.map(({ customer }) => customer).sort()).toEqual([...expected.keys()].sort())
    for (const { customer, total } of made)
      expect(total).toBeCloseTo(expected.get(customer as string | null) as number, 6)
  })

  it('is the same bytes every time, of CSV as of parquet, and in whatever order the query has its tables', async () => {
    const [first, again, ofText] = [
      await derive(sums, Daily),
      await derive(sums, Daily),
      await derive(sums, Daily, { orders: await orders('csv') }),
    ]
    expect(again.digest).toBe(first.digest)
    expect(ofText.digest).toBe(first.digest)
  })

  it('is in the order of its values, or in the order it says with its values behind', async () => {
    const schema: RowSchema = [rule('customer', 'string', true), rule('id', 'integer')]
    const plain = await read((await derive('SELECT customer, id FROM orders WHERE id < 50', schema)).file)
    expect(plain.map(({ customer }) => customer)).toEqual(plain.map(({ customer }) => customer).sort(nullsLast))
    const byFew = await read(
      (await derive('SELECT customer, id FROM orders WHERE id < 500 ORDER BY id % 2 DESC', schema)).file,
    )
    const keys = byFew.map(({ customer, id }) => [1 - (Number(id) % 2), customer ?? '~', id] as const)
    expect(keys).toEqual([...keys].sort((a, b) => compare(a[0], b[0]) || compare(a[1], b[1]) || compare(a[2], b[2])))
  })

  it('keeps the same rows of a LIMIT whose order leaves them open', async () => {
    const [, ...others] = await Promise.all(
      [1, 2].map(async () => {
        const { file } = await derive(
          'SELECT customer, id FROM orders ORDER BY customer NULLS LAST, id % 2 LIMIT 7; ',
          [rule('customer', 'string', true), rule('id', 'integer')],
        )
        return read(file)
      }),
    )
    const c0 = Array.from({ length: 20_000 }, (_, i) => i).filter((i) => i % 11 !== 0 && (i * 7919) % 97 === 0)
    const expected = [...c0].sort((a, b) => (a % 2) - (b % 2) || a - b).slice(0, 7)
    for (const rows of others) expect(rows.map(({ id }) => id)).toEqual(expected)
  })

  it('says which row it cannot go through with, as TABLE_FAILED', async () => {
    const error = await failure(derive('SELECT customer, customer::DOUBLE AS total FROM orders', Daily))
    expect(error.code).toBe('TABLE_FAILED')
    const what = 'the SQL of table "daily" fails on its rows: '
    expect(error.message).toBe(`${what}a value cannot be converted to DOUBLE (column "customer")`)
    expect(error.facts.inFull).toMatch(/fails on its rows: Could not convert string 'c\d+' to DOUBLE/)
  })

  it('ends when it is cancelled', async () => {
    const folder = newFolder()
    const stop = new AbortController()
    const endless = 'WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT n AS total FROM t'
    const made = deriveTable(
      { name: 'daily', sql: endless, schema: [rule('total', 'number')] },
      { orders: await orders('parquet', 10) },
      { folder, file: join(folder, 'made.parquet'), signal: stop.signal },
    )
    const reason = new Error('cancelled')
    setImmediate(() => stop.abort(reason))
    await expect(made).rejects.toBe(reason)
  })
})

describe('the SQL of a table', () => {
  it.each([
    ['a table it does not have', 'SELECT customer, total FROM customers', /reads "customers", which is none/],
    ['a file', `SELECT customer, 1 AS total FROM '/etc/passwd'`, /reads "\/etc\/passwd"/],
    ['a file by a function', `SELECT * FROM read_csv('/etc/passwd')`, /reads read_csv\(\)/],
    ['a parquet file', `SELECT * FROM read_parquet('x.parquet')`, /reads read_parquet\(\)/],
    ['a folder', `SELECT file AS customer, 1 AS total FROM glob('/*')`, /reads glob\(\)/],
    ['a file in a step', `WITH a AS (SELECT * FROM read_text('/etc/hosts')) SELECT * FROM a`, /reads read_text\(\)/],
    ['a query in a text', `SELECT * FROM query('SELECT 1')`, /reads query\(\)/],
    ['the catalogue', 'SELECT * FROM information_schema.tables', /reads "information_schema.tables"/],
    ['the settings', 'SELECT * FROM duckdb_settings()', /reads duckdb_settings\(\)/],
    ['a setting', `SELECT current_setting('threads') AS customer, 1 AS total FROM orders`, /calls current_setting\(\)/],
    ['a row that it writes', `INSERT INTO orders VALUES (1, 'a', 2)`, /is no SELECT: INSERT/],
    ['a file that it writes', `COPY orders TO 'x.csv'`, /is no SELECT: COPY/],
    ['a table that it makes', 'CREATE TABLE x AS SELECT 1', /is no SELECT: CREATE/],
    ['a database', `ATTACH 'x.db'`, /is no SELECT: ATTACH/],
    ['an extension', 'INSTALL httpfs', /is no SELECT: INSTALL/],
    ['a PRAGMA', 'PRAGMA version', /is no SELECT: PRAGMA/],
    ['a setting that it sets', 'SET threads = 8', /is no SELECT: SET/],
    ['two statements', 'SELECT 1; SELECT 2', /is 2 statements/],
    ['a description', 'DESCRIBE orders', /describes a table/],
    ['a parameter', 'SELECT customer, ? AS total FROM orders', /has a parameter/],
    ['now()', 'SELECT customer, epoch(now()) AS total FROM orders', /calls now\(\)/],
    ['current_date', 'SELECT customer, year(current_date) AS total FROM orders', /reads the clock: current_date/],
    ['today()', 'SELECT customer, year(today()) AS total FROM orders', /calls today\(\)/],
    ['age()', `SELECT customer, epoch(age(TIMESTAMP '2020-01-01')) AS total FROM orders`, /reads the clock: age\(\)/],
    [
      'a macro',
      `SELECT customer, epoch(ago(INTERVAL 1 DAY)) AS total FROM orders`,
      /calls ago\(\), which reads the clock: current_timestamp/,
    ],
    ['random()', 'SELECT customer, random() AS total FROM orders', /calls random\(\)/],
    ['random() in a step', 'WITH a AS (SELECT customer, (SELECT random()) AS total FROM orders) FROM a', /random\(\)/],
    ['a uuid', 'SELECT uuid()::VARCHAR AS customer, 1 AS total FROM orders', /calls uuid\(\)/],
    ['a sample', 'SELECT customer, amount AS total FROM orders USING SAMPLE 10', /takes a sample/],
    ['a sample of a table', 'SELECT customer, amount AS total FROM orders TABLESAMPLE 10%', /takes a sample/],
    ['a LIMIT by chance', 'SELECT customer, amount AS total FROM orders LIMIT 3', /LIMIT without an ORDER BY/],
    ['a LIMIT by chance within', 'SELECT customer, 1 AS total FROM (SELECT * FROM orders LIMIT 3)', /LIMIT without/],
    ['what is no SQL', 'SELCT customer FROM orders', /cannot be read: .*syntax error at or near "SELCT"/],
    ['nothing', '  ', /is 0 statements/],
  ])('may not have %s', async (_, sql, message) => {
    const error = await failure(check(sql))
    expect([error.code, error.exitCode]).toEqual(['SQL_INVALID', 2])
    expect(error.message).toMatch(message)
  })

  it('may have what only reads: steps, windows, joins, lists, numbers, a step called as a file is', async () => {
    for (const sql of [
      `WITH "a.csv" AS (SELECT * FROM orders) SELECT customer, amount AS total FROM "a.csv"`,
      'SELECT customer, sum(amount) OVER (PARTITION BY customer ORDER BY id) AS total FROM ORDERS',
      'SELECT a.customer, b.amount AS total FROM orders a ASOF JOIN orders b ON a.customer = b.customer AND a.id >= b.id',
      'SELECT customer, unnest([1, 2]) AS total FROM orders',
      `SELECT 'x' AS customer, range AS total FROM range(3)`,
      `SELECT customer, list_sum([amount, 1]) AS total FROM orders WHERE split_part(customer, 'c', 2) <> '' AND user IS NOT NULL`,
      'SELECT customer, amount AS total FROM orders UNION ALL SELECT NULL, 1 ORDER BY ALL',
      'SELECT NULL::VARCHAR AS customer, count(*) AS total FROM orders -- all of them',
      `SELECT customer, CASE WHEN amount < 0 THEN error('below nothing') ELSE amount END AS total FROM orders`,
    ])
      await check(sql)
  })

  it('gets the nearest name of a column that there is not', async () => {
    const error = await failure(check('SELECT custmer AS customer, amount AS total FROM orders'))
    expect(error.code).toBe('SQL_INVALID')
    expect(error.message).toContain('"custmer"')
    expect(error.facts.next).toBe('did you mean "customer"?')
    const qualified = await failure(check('SELECT o.customer, o.amont AS total FROM orders o'))
    expect(qualified.facts.next).toBe('did you mean "amount"?')
    const called = await failure(check('SELECT customer, summ(amount) AS total FROM orders GROUP BY ALL'))
    expect(called.facts.next).toBe('did you mean "sum"?')
  })

  it('makes the columns of its schema: one that is missing, too many or of another type is named', async () => {
    const missing = await failure(check('SELECT customer, amount FROM orders'))
    expect([missing.code, missing.message]).toEqual([
      'TABLE_SCHEMA',
      'table "daily" has no column "total"; it has customer, amount',
    ])
    const extra = await failure(check('SELECT customer, amount AS total, id FROM orders'))
    expect(extra.message).toBe('table "daily" has a column "id" that its schema does not name')
    const other = await failure(check('SELECT customer, [amount] AS total FROM orders'))
    expect(other.message).toBe('table "daily" has a column "total" of DOUBLE[], the schema says number')
    const twice = await failure(check('SELECT customer, amount AS total, total FROM orders, (SELECT 1 AS total)'))
    expect(twice.code).toBe('TABLE_SCHEMA')
  })

  it('cannot write beside its table even where nothing looked at it', async () => {
    // What the lock keeps out is not what the look at the query refuses: both hold alone.
    const target = join(newFolder(), 'stolen.csv')
    await failure(derive(`COPY (SELECT 1) TO ${text(target)}`, Daily))
    expect(existsSync(target)).toBe(false)
  })

  it('calls no function whose answer differs from one moment, user or machine to the next', async () => {
    await withDuckDb(1, async (connection) => {
      const functions = await rowsOf(
        connection,
        `SELECT DISTINCT function_name AS name FROM duckdb_functions()
          WHERE function_type IN ('scalar', 'macro') AND len(parameters) = 0 AND function_name NOT IN ('sleep_ms', 'error')`,
      )
      const passed: string[] = []
      for (const { name } of functions) {
        const query = { name: 'x', sql: `SELECT ${name}()::VARCHAR AS x` }
        const isFine = await readQuery(connection, query, []).then(
          () => true,
          () => false,
        )
        if (isFine) passed.push(String(name))
      }
      const values = async (): Promise<unknown[]> =>
        withDuckDb(1, (other) =>
          Promise.all(passed.map((name) => rowsOf(other, `SELECT ${name}()::VARCHAR AS x`).catch(() => undefined))),
        )
      expect(passed).toContain('pi')
      expect(passed).not.toContain('random')
      expect(await values()).toEqual(await values())
    })
  })
})

const compare = (a: unknown, b: unknown): number => ((a as number) < (b as number) ? -1 : a === b ? 0 : 1)
const nullsLast = (a: unknown, b: unknown): number => (a === null ? 1 : 0) - (b === null ? 1 : 0) || compare(a, b)
