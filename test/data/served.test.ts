import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { rowsOf, withDuckDb } from '../../lib/data/duckdb.ts'
import {
  countLabelErrors,
  findRequest,
  gatherServed,
  joinLabels,
  type LabelJoin,
  latestLabels,
} from '../../lib/data/served.ts'
import { splitTable } from '../../lib/data/split.ts'
import type { Label } from '../../lib/formats/telemetry.ts'

const folder = mkdtempSync(join(tmpdir(), 'slipway-served-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let count = 0
const path = (ending: string): string => join(folder, `${++count}.${ending}`)

/** Captured rows: request, row, score, and a business key. */
async function captured(...rows: [string, number, number, string?][]): Promise<string> {
  const file = path('parquet')
  const values = rows.map(
    ([request, row, score, key = '']) =>
      `('${request}', ${row}::INTEGER, TIMESTAMP '2001-04-01 10:00:00', 'champion', 1::INTEGER, ${score}::DOUBLE, '${key}')`,
  )
  await withDuckDb(1, (connection) =>
    connection.run(
      `COPY (SELECT * FROM (VALUES ${values.join(', ')}) t(slipway_request, slipway_row, slipway_time, slipway_role, slipway_version, slipway_score, flight)) TO '${file}' (FORMAT parquet)`,
    ),
  )
  return file
}
function told(...labels: Partial<Label>[]): string {
  const file = path('ndjson')
  const whole = labels.map((label) => ({ request: null, row: 0, key: null, label: 1, at: 100, ...label }))
  writeFileSync(file, whole.map((label) => `${JSON.stringify(label)}\n`).join(''))
  return file
}
async function joined(over: Partial<LabelJoin>) {
  const [labelled, waiting] = [path('parquet'), path('parquet')]
  return withDuckDb(1, async (connection) => {
    const join = {
      labels: [],
      waiting: undefined,
      served: [],
      labelled: [],
      key: null,
      now: 1_000,
      waitSince: 50,
      ...over,
    }
    const counts = await joinLabels(connection, join, labelled, waiting)
    const rows =
      counts.matched === 0
        ? []
        : await rowsOf(connection, `SELECT * FROM read_parquet('${labelled}') ORDER BY slipway_request, slipway_row`)
    return {
      counts,
      rows: rows.map((row) => [row.slipway_request, row.slipway_row, row.slipway_label]),
      labelled,
      waiting,
    }
  })
}

describe('labels join the rows they are about', () => {
  it('late, out of order, by request and row', async () => {
    const served = [await captured(['a', 0, 0.1], ['a', 1, 0.2]), await captured(['b', 0, 0.3])]
    const labels = [
      told({ request: 'b', label: 0 }, { request: 'a', row: 1 }),
      told({ request: 'a', row: 0, label: 0 }),
    ]
    const { counts, rows } = await joined({ served, labels })
    expect(counts).toEqual({ received: 3, matched: 3, waiting: 0, dropped: 0 })
    expect(rows).toEqual([
      ['a', 0, 0],
      ['a', 1, 1],
      ['b', 0, 0],
    ])
  })
  it('once, however often they are told', async () => {
    const served = [await captured(['a', 0, 0.1])]
    const first = await joined({ served, labels: [told({ request: 'a' }, { request: 'a' }, { request: 'a' })] })
    expect(first.counts).toMatchObject({ received: 3, matched: 1 })
    const again = await joined({ served, labels: [told({ request: 'a', at: 200 })], labelled: [first.labelled] })
    expect(again.counts).toMatchObject({ matched: 0, waiting: 0, dropped: 0 })
  })
  it('as they were corrected last, and a correction counts anew', async () => {
    const served = [await captured(['a', 0, 0.1])]
    const labels = [told({ request: 'a', label: 0, at: 300 }, { request: 'a', label: 1, at: 200 })]
    const first = await joined({ served, labels })
    expect(first.rows).toEqual([['a', 0, 0]])
    const later = await joined({
      served,
      labels: [told({ request: 'a', label: 1, at: 400 })],
      labelled: [first.labelled],
    })
    expect(later.rows).toEqual([['a', 0, 1]])
    const file = path('parquet')
    await withDuckDb(1, async (connection) => {
      expect(await latestLabels(connection, [first.labelled, later.labelled], file, undefined)).toBe(1)
      expect((await rowsOf(connection, `SELECT slipway_label AS l FROM read_parquet('${file}')`))[0]?.l).toBe(1)
    })
  })
  it('never before they are known: one from the future waits', async () => {
    const served = [await captured(['a', 0, 0.1])]
    const early = await joined({ served, labels: [told({ request: 'a', at: 5_000 })] })
    expect(early.counts).toMatchObject({ matched: 0, waiting: 1 })
    const due = await joined({ served, waiting: early.waiting, now: 6_000 })
    expect(due.rows).toEqual([['a', 0, 1]])
  })
  it('when their row comes after them', async () => {
    const early = await joined({ served: [], labels: [told({ request: 'a' })] })
    expect(early.counts).toMatchObject({ matched: 0, waiting: 1 })
    const later = await joined({ served: [await captured(['a', 0, 0.1])], waiting: early.waiting })
    expect(later.rows).toEqual([['a', 0, 1]])
  })
  it('or are dropped after a while, and counted', async () => {
    const { counts } = await joined({
      served: [await captured(['a', 0, 0.1])],
      labels: [told({ request: 'nobody', at: 10 })],
    })
    expect(counts).toEqual({ received: 1, matched: 0, waiting: 0, dropped: 1 })
  })
  it('by a business key where the monitor names its column', async () => {
    const served = [await captured(['a', 0, 0.1, 'UA1'], ['b', 0, 0.2, 'UA2'])]
    const { rows } = await joined({ served, key: 'flight', labels: [told({ key: 'UA2', label: 0 })] })
    expect(rows).toEqual([['b', 0, 0]])
  })
  it('by a key that both name, each label once: the older of two does not come back', async () => {
    const served = [await captured(['a', 0, 0.1, 'UA1'])]
    const labels = [told({ request: 'a', label: 0, at: 300 }, { key: 'UA1', label: 1, at: 200 })]
    const { counts, rows } = await joined({ served, key: 'flight', labels })
    expect(rows).toEqual([['a', 0, 0]])
    expect(counts).toEqual({ received: 2, matched: 1, waiting: 0, dropped: 0 })
  })
  it('as they became known, in whatever order they are told: back again counts, an older word does not', async () => {
    const served = [await captured(['a', 0, 0.1])]
    const first = await joined({ served, labels: [told({ request: 'a', label: 1, at: 100 })] })
    const second = await joined({
      served,
      labels: [told({ request: 'a', label: 0, at: 300 })],
      labelled: [first.labelled],
    })
    const before = [first.labelled, second.labelled]
    const late = await joined({ served, labels: [told({ request: 'a', label: 1, at: 200 })], labelled: before })
    expect(late.counts).toMatchObject({ matched: 0, waiting: 0, dropped: 0 })
    const back = await joined({ served, labels: [told({ request: 'a', label: 1, at: 400 })], labelled: before })
    expect(back.rows).toEqual([['a', 0, 1]])
  })
  it('and none by a column that was never captured', async () => {
    const { counts } = await joined({
      served: [await captured(['a', 0, 0.1, 'UA1'])],
      key: 'tail number',
      labels: [told({ key: 'UA1' })],
    })
    expect(counts).toMatchObject({ received: 1, matched: 0, waiting: 1 })
  })
  it('whatever lines are broken', async () => {
    const file = told({ request: 'a' })
    writeFileSync(file, '{"request": "a", "row": 0, "label": 1, "at": 100}\n{"request": "b", "ro')
    const { counts } = await joined({ served: [await captured(['a', 0, 0.1])], labels: [file] })
    expect(counts.matched).toBe(1)
  })
})

describe('served rows', () => {
  it('are kept once when a request was sent twice, sorted, and found by their request', async () => {
    const file = path('parquet')
    const captures = [await captured(['c', 0, 0.1], ['a', 0, 0.2]), await captured(['a', 0, 0.2], ['b', 0, 0.3])]
    await withDuckDb(1, async (connection) => {
      expect(await gatherServed(connection, captures, file)).toBe(3)
      const [row] = await findRequest(connection, [file], 'b')
      expect(row).toMatchObject({ slipway_request: 'b', slipway_score: 0.3 })
      expect(await findRequest(connection, [file], "x' OR 1=1 --")).toEqual([])
      expect(await findRequest(connection, [], 'b')).toEqual([])
    })
  })
})

describe('a split by age', () => {
  const table = async () => {
    const file = path('parquet')
    await withDuckDb(1, (connection) =>
      connection.run(
        `COPY (SELECT TIMESTAMP '2001-01-01 06:00:00' + INTERVAL (i) DAY AS day, i FROM range(100) t(i)) TO '${file}' (FORMAT parquet)`,
      ),
    )
    return {
      files: [file],
      format: 'parquet' as const,
      rows: 100,
      schema: [
        { name: 'day', type: 'timestamp' as const, nullable: false },
        { name: 'i', type: 'integer' as const, nullable: false },
      ],
    }
  }
  const day = 86_400_000
  const rule = {
    by: 'age' as const,
    column: 'day',
    validationMs: 7 * day,
    testMs: 7 * day,
    windowMs: null,
    until: null,
  }
  it('tests on the newest rows, up to the end of the last day', async () => {
    const rows = await withDuckDb(1, async (connection) =>
      splitTable(connection, await table(), rule, (part) => `${folder}/split-${part}.parquet`),
    )
    expect(rows).toEqual({ train: 86, validation: 7, test: 7 })
  })
  it('uses nothing from after its moment, and nothing older than its window', async () => {
    const asOf = { ...rule, until: '2001-03-02T00:00:00.000Z', windowMs: 30 * day }
    const files: Record<string, string> = {}
    await withDuckDb(1, async (connection) => {
      const rows = await splitTable(connection, await table(), asOf, (part) => {
        files[part] = `${folder}/asof-${part}.parquet`
        return files[part]
      })
      expect(rows).toEqual({ train: 16, validation: 7, test: 7 })
      const [range] = await rowsOf(
        connection,
        `SELECT min(i)::INTEGER AS low, max(i)::INTEGER AS high FROM read_parquet(['${Object.values(files).join("','")}'])`,
      )
      expect(range).toEqual({ low: 30, high: 59 })
    })
  })
  it('says when a moment leaves a part without rows', async () => {
    const early = { ...rule, until: '2001-01-08T00:00:00.000Z' }
    const splitting = withDuckDb(1, async (connection) =>
      splitTable(connection, await table(), early, (part) => `${folder}/split-${part}.parquet`),
    )
    await expect(splitting).rejects.toMatchObject({ code: 'SPLIT_EMPTY' })
  })
})

describe('label errors of a rollout', () => {
  const served = Date.UTC(2001, 3, 1, 10)
  /** Answers: request, version, score; `rest` may say otherwise what is usual. */
  async function answers(
    ...rows: [
      request: string,
      version: number,
      score: number,
      rest?: { row?: number; first?: boolean; order?: string },
    ][]
  ): Promise<string> {
    const file = path('parquet')
    const values = rows.map(
      ([request, version, score, { row = 0, first = true, order = '' } = {}]) =>
        `('${request}', ${row}::INTEGER, TIMESTAMP '2001-04-01 10:00:00', ${first}, ${version}::INTEGER, ${score}::DOUBLE, '${order}')`,
    )
    await withDuckDb(1, (connection) =>
      connection.run(
        `COPY (SELECT * FROM (VALUES ${values.join(', ')}) t(slipway_request, slipway_row, slipway_time, slipway_first, slipway_version, slipway_score, "order")) TO '${file}' (FORMAT parquet)`,
      ),
    )
    return file
  }
  const count = (captures: string[], labels: string[], mode: 'split' | 'pairs', over: object = {}) =>
    withDuckDb(1, (connection) =>
      countLabelErrors(
        connection,
        { captures, labels, candidate: 2, offBy: 0.5, afterMs: 60_000, key: null, ...over },
        mode,
      ),
    )

  it('are answers on the other side of their label, by version; answers without a label do not count', async () => {
    const file = await answers(['a', 1, 0.9], ['b', 1, 0.2], ['c', 1, 0.9], ['d', 2, 0.1], ['e', 2, 0.8], ['f', 2, 0.8])
    const labels = told(...['a', 'b', 'd', 'e'].map((request) => ({ request, label: 1, at: served + 1_000 })), {
      request: 'nobody',
      at: served,
    })
    expect(await count([file], [labels], 'split')).toEqual({ arms: { nA: 2, kA: 1, nB: 2, kB: 1 }, pairs: null })
    expect((await count([file], [labels], 'split', { offBy: 0.95 })).arms).toEqual({ nA: 2, kA: 0, nB: 2, kB: 0 })
  })

  it('are judged by what was known at their age, the last word counting, and never twice', async () => {
    const file = await answers(['a', 1, 0.9], ['b', 2, 0.9])
    const early = told({ request: 'a', label: 0, at: served + 1_000 }, { request: 'b', label: 0, at: served + 61_000 })
    const later = told({ request: 'a', label: 1, at: served + 2_000 }, { request: 'a', label: 0, at: served + 90_000 })
    expect((await count([file], [early, later, early], 'split')).arms).toEqual({ nA: 1, kA: 0, nB: 0, kB: 0 })
  })

  it('count the first row of a request, and of users their first request', async () => {
    const file = await answers(['a', 1, 0.9], ['a', 1, 0.1, { row: 1 }], ['b', 2, 0.9, { first: false }])
    const labels = told(
      { request: 'a', at: served },
      { request: 'a', row: 1, at: served },
      { request: 'b', label: 0, at: served },
    )
    expect((await count([file], [labels], 'split')).arms).toEqual({ nA: 1, kA: 0, nB: 0, kB: 0 })
  })

  it('find their label by a key of the row as well', async () => {
    const file = await answers(['a', 1, 0.9, { order: '7' }], ['b', 2, 0.9, { order: '8' }])
    const labels = told({ key: '7', at: served }, { key: '8', label: 0, at: served })
    expect((await count([file], [labels], 'split', { key: 'order' })).arms).toEqual({ nA: 1, kA: 0, nB: 1, kB: 1 })
    expect((await count([file], [labels], 'split')).arms).toEqual({ nA: 0, kA: 0, nB: 0, kB: 0 })
  })

  it('of requests that both answered are compared pair by pair', async () => {
    const both = (request: string, champion: number, candidate: number) =>
      [
        [request, 1, champion],
        [request, 2, candidate],
      ] satisfies [string, number, number][]
    const file = await answers(
      ...both('a', 0.9, 0.9),
      ...both('b', 0.9, 0.1),
      ...both('c', 0.1, 0.1),
      ...both('d', 0.1, 0.8),
      ['e', 1, 0.9],
    )
    const labels = told(...['a', 'b', 'c', 'd', 'e'].map((request) => ({ request, at: served })))
    expect(await count([file], [labels], 'pairs')).toEqual({
      arms: { nA: 4, kA: 2, nB: 4, kB: 2 },
      pairs: { n: 4, only: { champion: 1, candidate: 1 } },
    })
  })
})
