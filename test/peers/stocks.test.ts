import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { openPlace, type Place } from '../support/place.ts'
import { startPostgres, type TestPostgres } from '../support/postgres-server.ts'
import {
  cellsOf,
  copyStocks,
  editStocks,
  outputOf,
  packagesOf,
  ranIn,
  readingFrom,
  runStocks,
  stockNames,
} from '../support/stocks-project.ts'

/*
 * The third example with its prices in a table of Postgres and its index in S3: nothing of its definition but the two
 * addresses is another.
 */
let missing: string | undefined
const server = await startPostgres().catch((error: Error) => {
  missing = `PostgreSQL cannot be had: ${error.message.split('\n').slice(0, 2).join(' ')}`
  return undefined as unknown as TestPostgres
})
let place: Place

beforeAll(async () => {
  if (missing !== undefined) return
  place = await openPlace()
  copyStocks(place.project)
  const rows = cellsOf('stocks.csv').map(([symbol, date, price]) => `('${symbol}', '${date}', ${price})`)
  // In another order than the file's: rows of a derived table are in the order of their values.
  await server.sql(`CREATE SCHEMA market;
    CREATE TABLE market.quotes (symbol text, date text, price float8, PRIMARY KEY (date, symbol));
    INSERT INTO market.quotes VALUES ${rows.reverse().join(', ')}`)
  const { client, bucket } = place.store.store
  const body = readFileSync(join(packageRoot, 'node_modules/vega-datasets/data/sp500.csv'))
  await client.send(new PutObjectCommand({ Bucket: bucket, Key: 'lake/sp500.csv', Body: body }))
})
beforeEach((context) => {
  if (missing !== undefined) context.skip(missing)
})
afterAll(async () => {
  await place?.close()
  await server?.stop()
})

describe('the example stocks, from Postgres and S3', () => {
  let first: Awaited<ReturnType<typeof runStocks>>

  it('makes a model a stock, each past its gates and registered', async () => {
    const from = {
      quotes: server.address('table=market.quotes'),
      levels: `s3://${place.store.store.bucket}/lake/sp500.csv`,
    }
    editStocks(place.project, readingFrom(from))
    first = await runStocks(place)
    expect(first.branches).toEqual(
      stockNames.map((name) => ({ name, status: 'succeeded', model: `stocks-${name} version 1`, failure: null })),
    )
    expect(first.gates.every(({ passed }) => passed)).toBe(true)
  })

  it('is all reused the second time', async () => {
    expect(ranIn(await runStocks(place))).toEqual([])
  })

  it('comes from the files to the same rows, and so to the same models, to the byte', async () => {
    editStocks(place.project, [])
    const fromFiles = await runStocks(place)
    // The index is the same bytes here and there. The prices are read anew, and nothing is made of them that was not
    // there.
    expect(ranIn(fromFiles)).toEqual(['months', 'quotes', 'validate'])
    expect(outputOf(fromFiles, 'quotes', 'table')).not.toBe(outputOf(first, 'quotes', 'table'))
    expect(outputOf(fromFiles, 'months', 'table')).toBe(outputOf(first, 'months', 'table'))
    expect(packagesOf(fromFiles)).toEqual(packagesOf(first))
  })
})
