import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { rowsOf, withDuckDb } from '../../lib/data/duckdb.ts'
import { formatOf } from '../../lib/formats/table-format.ts'
import { openSources } from '../../lib/sources/open-sources.ts'
import { mappedTypes } from '../../lib/sources/postgres/types.ts'
import { postgresSource } from '../../lib/sources/postgres.ts'
import type { FoundFile, Source } from '../../lib/sources/source.ts'
import { findSource, takeSource } from '../../lib/sources/take.ts'
import { digestOfFile, hexOf } from '../../lib/store/digest.ts'
import { listObjects } from '../../lib/store/documents.ts'
import { describeSource } from '../contracts/source.ts'
import { eventually } from '../support/gateways.ts'
import { readersPassword, startPostgres, type TestPostgres } from '../support/postgres-server.ts'
import { startTestStore } from '../support/servers.ts'

/*
 * Tables and queries of a real server, read into parquet files. What they hold is read back by DuckDB and compared with
 * what was written into the tables, by hand or by Postgres' own words for it.
 */
const folder = mkdtempSync(join(tmpdir(), 'slipway-from-postgres-'))
const cache = join(folder, 'cache')
let missing: string | undefined
const server = await startPostgres().catch((error: Error) => {
  missing = `PostgreSQL cannot be had: ${error.message.split('\n').slice(0, 2).join(' ')}`
  return undefined as unknown as TestPostgres
})
let source: Source

beforeEach((context) => {
  if (missing !== undefined) context.skip(missing)
  source = postgresSource(cache)
})
afterAll(async () => {
  await server?.stop()
  rmSync(folder, { recursive: true, force: true })
})

const pathsOf = (files: readonly FoundFile[]): string[] =>
  files.map(({ digest }) => join(cache, hexOf(digest as string)))
const read = async (files: readonly FoundFile[]): Promise<Record<string, unknown>[]> =>
  withDuckDb(1, (connection) =>
    rowsOf(connection, `SELECT * FROM read_parquet([${pathsOf(files).map((path) => `'${path}'`)}])`),
  )
const typesOf = async (files: readonly FoundFile[]): Promise<Record<string, unknown>> =>
  withDuckDb(1, async (connection) => {
    const rows = await rowsOf(connection, `DESCRIBE SELECT * FROM read_parquet('${pathsOf(files)[0]}')`)
    return Object.fromEntries(rows.map((row) => [row.column_name, row.column_type]))
  })
const find = (what: string, user?: string): Promise<FoundFile[]> => source.find(server.address(what, user), undefined)
/** Parquet files and folders that a failure might leave. */
const left = (): string[] => (existsSync(cache) ? readdirSync(cache).sort() : [])

if (missing === undefined)
  describeSource(
    'tables of Postgres',
    async () => {
      const tableOf = (name: string): string => name.replace('.csv', '')
      process.env.PGPASSWORD = readersPassword
      await server.sql(`CREATE USER stranger PASSWORD '${readersPassword}'`)
      return {
        source: postgresSource(cache),
        addressOf: (name) => server.address(`table=${tableOf(name)}`),
        async put(name, bytes) {
          const table = `"${tableOf(name)}"`
          const numbers = bytes.toString().split('\n').slice(1, -1)
          await server.sql(`BEGIN; DROP TABLE IF EXISTS ${table}; CREATE TABLE ${table} (n int);
            INSERT INTO ${table} SELECT unnest('{${numbers}}'::int[]); COMMIT`)
        },
        remove: async (name) => void (await server.sql(`DROP TABLE "${tableOf(name)}"`)),
        async isAsPut(read, put) {
          const path = join(folder, 'read.parquet')
          writeFileSync(path, read)
          const rows = await withDuckDb(1, (connection) => rowsOf(connection, `SELECT n FROM '${path}'`))
          return put.toString() === `n\n${rows.map(({ n }) => n).join('\n')}\n`
        },
        whileDenied: (_, work) =>
          work({ ...postgresSource(cache), find: (uri) => find(uri.replace(/.*\?/, ''), 'stranger') }),
        async stop() {
          delete process.env.PGPASSWORD
        },
      }
    },
    // Its files are what was read of it: they have no versions, and no connection is needed to read them again.
    ['folders', 'versions', 'connections'],
  )

describe('a table of Postgres', () => {
  it('becomes parquet files of a limited size, in the order of its primary key, with digest and size', async () => {
    await server.sql(`CREATE TABLE trips (day date, id int, town text, PRIMARY KEY (id, day));
      INSERT INTO trips SELECT '2024-01-01'::date + i % 7, 9999 - i, 'town ' || i FROM generate_series(0, 9999) i`)
    source = postgresSource(cache, { limits: { rows: 4_000, bytes: 1e9 } })
    const files = await find('table=trips')
    expect(files.map(({ name }) => name)).toEqual([0, 1, 2].map((i) => `public.trips/part-0000${i}.parquet`))
    expect(files[0]?.uri).toBe(`postgres://postgres@127.0.0.1:${server.port}/postgres?table=trips#part-00000.parquet`)
    for (const [i, path] of pathsOf(files).entries())
      expect(await digestOfFile(path)).toEqual({ digest: files[i]?.digest, size: files[i]?.size })
    const rows = await read(files)
    expect(Object.keys(rows[0] ?? {})).toEqual(['day', 'id', 'town'])
    expect(rows.map(({ id }) => id)).toEqual(Array.from({ length: 10_000 }, (_, i) => i))
    expect(rows.every(({ id, town }) => town === `town ${9_999 - Number(id)}`)).toBe(true)
  })

  it('gives the same bytes for the same rows, however they came into the table, and others for others', async () => {
    const digests = async (): Promise<unknown[]> => (await find('table=trips')).map(({ digest }) => digest)
    const before = await digests()
    await server.sql('CREATE TABLE copy AS SELECT * FROM trips ORDER BY random(); TRUNCATE trips')
    await server.sql('INSERT INTO trips SELECT * FROM copy')
    expect(await digests()).toEqual(before)
    await server.sql(`UPDATE trips SET town = 'elsewhere' WHERE id = 5000`)
    expect(await digests()).not.toEqual(before)
  })

  it('is streamed as it was found, as long as the cache has it', async () => {
    const [file] = await find('table=trips')
    const chunks: Buffer[] = []
    for await (const chunk of await source.open(file as FoundFile)) chunks.push(chunk)
    expect(Buffer.concat(chunks)).toEqual(readFileSync(pathsOf([file as FoundFile])[0] as string))
    await expect(postgresSource(join(folder, 'other')).open(file as FoundFile)).rejects.toMatchObject({
      code: 'SOURCE_CHANGED',
    })
  })

  it('is read in one snapshot while others write', async () => {
    await server.sql(`CREATE TABLE moving (id int PRIMARY KEY, generation int, filler text);
      INSERT INTO moving SELECT i, 0, repeat('x', 200) FROM generate_series(1, 60000) i`)
    const writer = new pg.Client({ host: '127.0.0.1', port: server.port, user: 'postgres', database: 'postgres' })
    await writer.connect()
    let [generation, isReading] = [0, true]
    const writing = (async () => {
      while (isReading) await writer.query(`UPDATE moving SET generation = ${++generation} WHERE id % 1000 = 0`)
    })()
    await eventually(() => generation > 1)
    source = postgresSource(cache, { limits: { rows: 6_000, bytes: 1e9 } })
    const first = await find('table=moving')
    const begun = generation
    await eventually(() => generation > begun + 1)
    const second = await find('table=moving')
    isReading = false
    await writing
    await writer.end()
    const generations = async (files: FoundFile[]): Promise<unknown[]> => [
      ...new Set((await read(files)).filter(({ id }) => Number(id) % 1_000 === 0).map((row) => row.generation)),
    ]
    const [one, other] = [await generations(first), await generations(second)]
    expect([one.length, other.length]).toEqual([1, 1])
    expect(Number(other[0])).toBeGreaterThan(Number(one[0]))
  })

  it('without rows is SOURCE_EMPTY, and one that is not there names the nearest', async () => {
    await server.sql('CREATE SCHEMA shop; CREATE TABLE shop.orders (id int); CREATE TABLE "Odd Name" (id int)')
    const before = left()
    await expect(find('table=shop.orders')).rejects.toMatchObject({ code: 'SOURCE_EMPTY' })
    await expect(find('table=shop.order')).rejects.toMatchObject({
      code: 'SOURCE_MISSING',
      facts: { next: 'the nearest is shop.orders' },
    })
    await expect(find('table=odd_name')).rejects.toMatchObject({ facts: { next: 'the nearest is "Odd Name"' } })
    await server.sql('INSERT INTO "Odd Name" VALUES (7)')
    expect(await read(await find('table="Odd%20Name"'))).toEqual([{ id: 7 }])
    expect(left().length).toBe(before.length + 1)
  })
})

describe('what a run takes of Postgres', () => {
  it('is stored by content: a table that did not change is found again, and not stored again', async () => {
    const bucket = await startTestStore()
    try {
      const { store } = bucket
      const from = server.address('table=trips')
      const take = async (): Promise<unknown> =>
        takeSource(
          store,
          await findSource(openSources(store, { root: undefined, confined: true }), { from }),
          formatOf(from) ?? 'csv',
        )
      const first = await take()
      const objects = (await listObjects(store, '')).length
      expect(await take()).toBe(first)
      expect((await listObjects(store, '')).length).toBe(objects)
      await server.sql(`UPDATE trips SET town = 'moved' WHERE id = 1`)
      expect(await take()).not.toBe(first)
    } finally {
      await bucket.stop()
    }
  })
})

describe('a query of Postgres', () => {
  it('keeps its columns, their order and its own', async () => {
    const files = await find(
      'query=SELECT id %25 3 AS "Rest of three", count(*)::int AS n FROM trips\nGROUP BY 1 -- by rest\n ORDER BY 1 DESC;',
    )
    expect(files.map(({ name }) => name)).toEqual(['query/part-00000.parquet'])
    expect(await read(files)).toEqual([
      { 'Rest of three': 2, n: 3333 },
      { 'Rest of three': 1, n: 3333 },
      { 'Rest of three': 0, n: 3334 },
    ])
  })

  it.each([
    ['SELECT nothing FROM trips', 'SOURCE_UNREADABLE', /column "nothing" does not exist/],
    ['SELEC 1', 'SOURCE_UNREADABLE', /syntax error/],
    ['SELECT 1 AS a) AS q; DROP TABLE trips; SELECT * FROM (SELECT 1', 'SOURCE_UNREADABLE', /multiple commands/],
    ['DELETE FROM trips RETURNING id', 'SOURCE_UNREADABLE', /syntax error/],
    ["SELECT setval('counter', 5)", 'SOURCE_UNREADABLE', /read-only transaction/],
    ['SELECT 1 AS a, 2 AS "A"', 'DEFINITION_INVALID', /two columns are called "A"/],
    ['SELECT 1 / (id - 5000) AS a FROM trips', 'SOURCE_UNREADABLE', /division by zero/],
  ])('that cannot be read ends with what the server says: %s', async (query, code, message) => {
    await server.sql('CREATE SEQUENCE IF NOT EXISTS counter')
    const before = left()
    await expect(find(`query=${query}`)).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
    expect(left()).toEqual(before)
    expect((await server.sql('SELECT count(*)::int AS n FROM trips'))[0]?.n).toBe(10_000)
  })
})

describe('values of Postgres', () => {
  /** Each type: what is written into a table, its type in the file, and what is read from there as text. */
  const values: [string, string, [string, string][]][] = [
    [
      'bool',
      'BOOLEAN',
      [
        ['true', 'true'],
        ['false', 'false'],
      ],
    ],
    [
      'int2',
      'SMALLINT',
      [
        ['-32768', '-32768'],
        ['32767', '32767'],
        ['-1', '-1'],
      ],
    ],
    [
      'int4',
      'INTEGER',
      [
        ['-2147483648', '-2147483648'],
        ['2147483647', '2147483647'],
        ['256', '256'],
      ],
    ],
    [
      'int8',
      'BIGINT',
      [
        ['-9223372036854775808', '-9223372036854775808'],
        ['9223372036854775807', '9223372036854775807'],
        ['4294967296', '4294967296'],
        ['-1', '-1'],
      ],
    ],
    [
      'float4',
      'FLOAT',
      [
        ['1.5', '1.5'],
        ['NaN', 'nan'],
        ['Infinity', 'inf'],
        ['3.4028235e38', '3.4028235e+38'],
      ],
    ],
    [
      'float8',
      'DOUBLE',
      [
        ['0.1', '0.1'],
        ['NaN', 'nan'],
        ['-Infinity', '-inf'],
        ['-0', '-0.0'],
        ['5e-324', '5e-324'],
        ['1.7976931348623157e308', '1.7976931348623157e+308'],
      ],
    ],
    [
      'numeric(3,1)',
      'DECIMAL(3,1)',
      [
        ['-99.9', '-99.9'],
        ['0', '0.0'],
        ['0.1', '0.1'],
      ],
    ],
    [
      'numeric(9,0)',
      'DECIMAL(9,0)',
      [
        ['-999999999', '-999999999'],
        ['10000', '10000'],
      ],
    ],
    [
      'numeric(12,6)',
      'DECIMAL(12,6)',
      [
        ['999999.999999', '999999.999999'],
        ['-0.000001', '-0.000001'],
        ['5000.5', '5000.500000'],
      ],
    ],
    [
      'numeric(12,11)',
      'DECIMAL(12,11)',
      [
        ['9.99999999999', '9.99999999999'],
        ['-0.00000000001', '-0.00000000001'],
      ],
    ],
    [
      'numeric(18,2)',
      'DECIMAL(18,2)',
      [
        ['9999999999999999.99', '9999999999999999.99'],
        ['-0.01', '-0.01'],
        ['1000000', '1000000.00'],
      ],
    ],
    [
      'numeric(38,10)',
      'DECIMAL(38,10)',
      [
        ['9999999999999999999999999999.9999999999', '9999999999999999999999999999.9999999999'],
        ['-18446744073709551616.5', '-18446744073709551616.5000000000'],
      ],
    ],
    [
      'text',
      'VARCHAR',
      [
        ['', ''],
        ['twelve bytes', 'twelve bytes'],
        ['thirteen byte', 'thirteen byte'],
        ['ümläut ✓ 🙂', 'ümläut ✓ 🙂'],
        ['a\tb\\n"c"\n', 'a\tb\\n"c"\n'],
        ['\\N', '\\N'],
      ],
    ],
    ['varchar(20)', 'VARCHAR', [['short', 'short']]],
    ['char(6)', 'VARCHAR', [['abc', 'abc   ']]],
    ['name', 'VARCHAR', [['pg_class', 'pg_class']]],
    [
      'uuid',
      'VARCHAR',
      [
        ['00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000001'],
        ['ffeeddcc-bbaa-9988-7766-554433221100', 'ffeeddcc-bbaa-9988-7766-554433221100'],
      ],
    ],
    ['json', 'VARCHAR', [['{"b": 1,  "a": [null]}', '{"b": 1,  "a": [null]}']]],
    ['jsonb', 'VARCHAR', [['{"b": 1,  "a": [null]}', '{"a": [null], "b": 1}']]],
    [
      'mood',
      'VARCHAR',
      [
        ['glad', 'glad'],
        ['beside oneself', 'beside oneself'],
      ],
    ],
    [
      'date',
      'DATE',
      [
        ['1970-01-01', '1970-01-01'],
        ['2000-02-29', '2000-02-29'],
        ['0044-03-15 BC', '0044-03-15 (BC)'],
        ['9999-12-31', '9999-12-31'],
      ],
    ],
    [
      'timestamp',
      'TIMESTAMP',
      [
        ['1969-12-31 23:59:59.999999', '1969-12-31 23:59:59.999999'],
        ['2024-02-29 12:34:56.789012', '2024-02-29 12:34:56.789012'],
        ['1582-10-04 00:00:00', '1582-10-04 00:00:00'],
        ['9999-12-31 23:59:59.999999', '9999-12-31 23:59:59.999999'],
      ],
    ],
    [
      'timestamptz',
      'TIMESTAMP WITH TIME ZONE',
      [
        ['2024-03-31 02:30:00+02', '2024-03-31 00:30:00+00'],
        ['1999-12-31 16:00:00-08', '2000-01-01 00:00:00+00'],
      ],
    ],
  ]

  beforeAll(async () => {
    if (missing === undefined) await server.sql(`CREATE TYPE mood AS ENUM ('glad', 'beside oneself')`)
  })

  it('has a test for every type of the table', () => {
    const tested = values.map(([type]) => type.replace(/\(.*/, '').replace(/^char$/, 'bpchar'))
    expect(Object.keys(mappedTypes).filter((type) => !tested.includes(type))).toEqual([])
  })

  it.each(values)('are the same in the file: %s', async (type, fileType, cases) => {
    await server.sql('DROP TABLE IF EXISTS typed')
    await server.sql(`CREATE TABLE typed (id serial PRIMARY KEY, value ${type})`)
    for (const [value] of cases) await server.sql(`INSERT INTO typed (value) VALUES (NULL), ($v$${value}$v$::${type})`)
    const files = await find('table=typed')
    expect((await typesOf(files)).value).toBe(fileType)
    const [path] = pathsOf(files)
    const rows = await withDuckDb(1, (connection) =>
      rowsOf(connection, `SELECT value::VARCHAR AS text FROM read_parquet('${path}') ORDER BY id`),
    )
    expect(rows.map(({ text }) => text)).toEqual(cases.flatMap(([, text]) => [null, text]))
  })

  it('are those that Postgres itself has, for many rows, texts of all lengths and NULLs in between', async () => {
    await server.sql(`CREATE TABLE many AS SELECT i AS id, CASE WHEN i % 3 > 0 THEN repeat(chr(97 + i % 26), i % 40) END AS t,
      CASE WHEN i % 5 > 0 THEN (i * 7919 % 100003)::numeric / 100 END::numeric(12, 2) AS n,
      CASE WHEN i % 7 > 0 THEN '1950-01-01'::timestamp + i * interval '17 minutes' END AS moment, i % 2 = 0 AS even
      FROM generate_series(1, 30000) i; ALTER TABLE many ADD PRIMARY KEY (id)`)
    source = postgresSource(cache, { limits: { rows: 1e9, bytes: 300_000 } })
    const files = await find('table=many')
    expect(files.length).toBeGreaterThan(3)
    const ours = await read(files)
    const theirs = await server.sql('SELECT id, t, n::text, moment::text, even FROM many ORDER BY id')
    const own = await withDuckDb(1, (connection) =>
      rowsOf(
        connection,
        `SELECT id, t, n::VARCHAR AS n, moment::VARCHAR AS moment, even FROM read_parquet([${pathsOf(files).map((path) => `'${path}'`)}])`,
      ),
    )
    expect(ours.length).toBe(30_000)
    expect(own).toEqual(theirs)
  })

  it.each([
    ['date', 'infinity', /column "value" holds an infinite date/],
    ['timestamp', '-infinity', /column "value" holds an infinite timestamp/],
    ['timestamptz', 'infinity', /column "value" holds an infinite timestamp/],
    ['timestamp', '294276-12-31', /column "value" holds a timestamp after the year 294246/],
    ['numeric(5,2)', 'NaN', /column "value" holds NaN/],
  ])('that a file cannot hold end the reading: %s %s', async (type, value, message) => {
    const before = left()
    await expect(find(`query=SELECT '${value}'::${type} AS value`)).rejects.toMatchObject({
      code: 'COLUMN_TYPE',
      message: expect.stringMatching(message),
      facts: { next: expect.stringContaining('?query=') },
    })
    expect(left()).toEqual(before)
  })

  it.each([
    ['int4[]', 'integer[]', `'{1,2}'`, 'to_json("value")'],
    ['bytea', 'bytea', `'\\x00ff'`, `encode("value", 'base64')`],
    ['interval', 'interval', `'1 day'`, 'extract(epoch from "value")::float8'],
    ['numeric', 'numeric', `'1.5'`, '"value"::float8'],
    ['numeric(50,2)', 'numeric(50,2)', `'1.5'`, '"value"::float8'],
    ['time', 'time without time zone', `'12:00'`, '"value"::text'],
    ['inet', 'inet', `'::1'`, '"value"::text'],
    ['pair', 'pair', `'(1,2)'`, 'to_json("value")'],
  ])('of a type without a mapping are refused with a cast that works: %s', async (type, name, value, cast) => {
    await server.sql('DROP TYPE IF EXISTS pair; CREATE TYPE pair AS (a int, b int)')
    const before = left()
    const failure = await find(`query=SELECT ${value}::${type} AS value`).catch((error) => error)
    expect(failure).toMatchObject({ code: 'COLUMN_TYPE', facts: { next: expect.stringContaining(cast) } })
    expect(failure.message).toBe(`column "value" of query is ${name}, which has no mapping`)
    expect(left()).toEqual(before)
    expect(await find(`query=SELECT ${cast} AS value FROM (SELECT ${value}::${type} AS value) AS given`)).toHaveLength(
      1,
    )
  })
})

describe('the way to a server', () => {
  const kept = { ...process.env }
  const set = (env: Record<string, string>): unknown => Object.assign(process.env, env)
  beforeAll(async () => {
    if (missing !== undefined) return
    for (const user of ['reader', 'tls_only'])
      await server.sql(`CREATE USER ${user} PASSWORD '${readersPassword}'; GRANT SELECT ON trips TO ${user}`)
    await server.sql('CREATE TABLE private (id int)')
  })
  beforeEach(() => {
    for (const name of Object.keys(process.env)) if (name.startsWith('PG')) delete process.env[name]
  })
  afterAll(() => {
    Object.assign(process.env, kept)
  })

  it('takes the password from PGPASSWORD, from PGPASSFILE, or from a service', async () => {
    set({ PGPASSWORD: readersPassword })
    expect(await find('table=trips', 'reader')).toHaveLength(1)
    delete process.env.PGPASSWORD
    writeFileSync(join(folder, 'pgpass'), `127.0.0.1:${server.port}:*:reader:${readersPassword}\n`, { mode: 0o600 })
    set({ PGPASSFILE: join(folder, 'pgpass') })
    expect(await find('table=trips', 'reader')).toHaveLength(1)
    delete process.env.PGPASSFILE
    const service = `[mine]\nhost=127.0.0.1\nport=${server.port}\nuser=reader\ndbname=postgres\npassword=${readersPassword}\n`
    writeFileSync(join(folder, 'services'), `[other]\nhost=elsewhere\n\n${service}`)
    set({ PGSERVICE: 'mine', PGSERVICEFILE: join(folder, 'services') })
    const [file] = await source.find('postgres:///?table=trips', undefined)
    expect(file?.uri).toContain(`reader@127.0.0.1:${server.port}/postgres?table=trips`)
    expect(JSON.stringify(file)).not.toContain(readersPassword)
  })

  it('is denied with a wrong password, which is said to nobody', async () => {
    set({ PGPASSWORD: 'wrong-and-secret' })
    const failure = await find('table=trips', 'reader').catch((error) => error)
    expect(failure).toMatchObject({ code: 'STORE_DENIED', message: expect.stringContaining('user "reader"') })
    const shown = `${failure.message} ${JSON.stringify(failure.facts)} ${failure.stack} ${failure.cause?.stack}`
    expect(shown).not.toContain('wrong-and-secret')
    delete process.env.PGPASSWORD
    await expect(find('table=trips', 'reader')).rejects.toMatchObject({
      code: 'STORE_DENIED',
      message: expect.stringContaining('asks for a password'),
    })
    set({ PGPASSWORD: readersPassword })
    await expect(find('table=private', 'reader')).rejects.toMatchObject({
      code: 'STORE_DENIED',
      message: expect.stringContaining('permission denied for table private'),
    })
    await expect(
      source.find(`postgres://postgres@127.0.0.1:${server.port}/nowhere?table=trips`, undefined),
    ).rejects.toMatchObject({ code: 'SOURCE_MISSING' })
  })

  it('uses TLS as sslmode says', async () => {
    set({ PGPASSWORD: readersPassword })
    const asked = (mode: string, host = '127.0.0.1', more = ''): Promise<FoundFile[]> =>
      source.find(
        `postgres://tls_only@${host}:${server.port}/postgres?sslmode=${mode}${more}&query=SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()`,
        undefined,
      )
    for (const mode of ['allow', 'prefer', 'require']) expect(await read(await asked(mode))).toEqual([{ ssl: true }])
    await expect(asked('disable')).rejects.toMatchObject({ code: 'STORE_DENIED' })
    await expect(asked('verify-full', 'localhost', '&sslrootcert=system')).rejects.toMatchObject({
      code: 'STORE_UNREACHABLE',
      message: expect.stringContaining('self-signed certificate'),
    })
    const trusted = `&sslrootcert=${server.certificate}`
    expect(await read(await asked('verify-full', 'localhost', trusted))).toEqual([{ ssl: true }])
    expect(await read(await asked('verify-ca', '127.0.0.1', trusted))).toEqual([{ ssl: true }])
    await expect(asked('verify-full', '127.0.0.1', trusted)).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' })
    await expect(asked('verify-ca', 'localhost', '&sslrootcert=/nowhere.crt')).rejects.toMatchObject({
      code: 'DEFINITION_INVALID',
    })
  })
})

describe('a server that goes', () => {
  it('in the middle leaves nothing: neither the parts that were whole nor one that was not', async () => {
    const other = await startPostgres()
    try {
      // It comes to its end when it is killed, and not before.
      const rows = `SELECT i AS id, repeat('x', 100) AS filler FROM generate_series(1, 50000) i UNION ALL SELECT 0, pg_sleep(3600)::text`
      const before = left()
      source = postgresSource(cache, { limits: { rows: 10_000, bytes: 1e9 } })
      const reading = source.find(other.address(`query=${rows}`), undefined).catch((error) => error)
      const mine = (): string | undefined => left().find((name) => !before.includes(name))
      await eventually(() => mine() !== undefined && readdirSync(join(cache, mine() as string)).length > 1)
      await other.kill()
      expect(await reading).toMatchObject({ code: 'STORE_UNREACHABLE', retryable: true })
      expect(left()).toEqual(before)
    } finally {
      await other.stop()
    }
  })

  it('silent is given up after its time', async () => {
    const before = left()
    const impatient = postgresSource(cache, { silence: 500 })
    const failure = await impatient
      .find(server.address('query=SELECT pg_sleep(3600)::text AS slept'), undefined)
      .catch((error) => error)
    expect(failure).toMatchObject({ code: 'STORE_UNREACHABLE', message: expect.stringContaining('nothing for 0.5 s') })
    expect(left()).toEqual(before)
  })
})
