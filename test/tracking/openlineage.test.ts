import { createServer, type Server } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, it } from 'vitest'
import { lineageEvents, runUuid } from '../../lib/tracking/openlineage.ts'
import { sendLineage } from '../../lib/tracking/send-lineage.ts'
import { endedRun, flightsTable } from '../support/lineage-runs.ts'

/*
 * Runs as events of OpenLineage. That its own client would write the very same is test/peers/openlineage.test.ts.
 */
const eventsOf = (over = {}, table = {}) =>
  lineageEvents({ namespace: 'ml', record: endedRun(over), tables: [flightsTable(table)] }) as {
    eventType: string
    eventTime: string
    run: { runId: string; facets: Record<string, object> }
    inputs: { namespace: string; name: string }[]
    outputs: { namespace: string; name: string; facets: Record<string, object> }[]
  }[]

describe('events of a run', () => {
  it('say when it began and ended, what it read and what it made', () => {
    const [start, complete] = eventsOf()
    expect(start).toMatchObject({ eventType: 'START', eventTime: '2026-11-22T03:45:12.000Z', outputs: [] })
    expect(complete).toMatchObject({ eventType: 'COMPLETE', eventTime: '2026-11-22T03:46:00.500Z' })
    expect(start?.run.runId).toBe(complete?.run.runId)
    expect(complete?.inputs).toMatchObject([
      {
        namespace: 's3://lake',
        name: 'flights/2026.parquet',
        inputFacets: { dataQualityMetrics: { rowCount: 1_000 } },
      },
    ])
    expect(complete?.outputs.map(({ namespace, name }) => `${namespace} ${name}`)).toEqual([
      'ml flights.flights',
      'ml models/flights',
    ])
    expect(complete?.outputs[1]?.facets.version).toMatchObject({ datasetVersion: `3 sha256:${'b'.repeat(64)}` })
  })

  it.each([
    ['failed', 'FAIL'],
    ['gate failed', 'FAIL'],
    ['rolled back', 'FAIL'],
    ['cancelled', 'ABORT'],
  ] as const)('that ended as %s end as %s', (status, eventType) => {
    const error = { code: 'X', message: 'the very words', step: null, next: null }
    const [, end] = eventsOf({ status, error, model: null })
    expect(end).toMatchObject({ eventType, run: { facets: { errorMessage: { message: 'the very words' } } } })
    expect(end?.outputs.map(({ name }) => name)).toEqual(['flights.flights'])
  })

  it.each([
    ['data/flights.parquet', 'file', 'data/flights.parquet'],
    ['s3://lake/a/b.csv', 's3://lake', 'a/b.csv'],
    ['https://example.com/a.csv?signature=s3cret', 'https://example.com', 'a.csv'],
    ['postgres://ann:s3cret@db:5432/shop?table=sales.orders', 'postgres://db:5432', 'shop.sales.orders'],
  ])('name the source %s without what is secret', (from, namespace, name) => {
    const [start] = eventsOf({}, { from })
    expect(start?.inputs).toMatchObject([{ namespace, name }])
    expect(JSON.stringify(start)).not.toContain('s3cret')
  })

  it('have an id that is a UUID of version 7, the same whenever it is made, and in the order of time', () => {
    const id = runUuid('flights-1', '2026-11-22T03:45:12.000Z')
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(runUuid('flights-1', '2026-11-22T03:45:12.000Z')).toBe(id)
    expect(runUuid('flights-2', '2026-11-22T03:45:12.000Z')).not.toBe(id)
    expect(runUuid('flights-2', '2026-11-22T03:45:12.001Z') > id).toBe(true)
    // Milliseconds of 2026-11-22T03:45:12Z, by date(1).
    expect(Number.parseInt(id.replace('-', '').slice(0, 12), 16)).toBe(1_795_319_112_000)
  })
})

describe('a server of OpenLineage', () => {
  let server: Server | undefined
  afterEach(() => void server?.close())

  async function answering(status: number) {
    const asked: { url: string; body: string; authorization: string | undefined }[] = []
    server = createServer(async (request, response) => {
      asked.push({ url: request.url ?? '', body: await text(request), authorization: request.headers.authorization })
      response.writeHead(status).end('the event is odd')
    })
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
    return { asked, address: `http://127.0.0.1:${(server.address() as { port: number }).port}` }
  }

  it('is posted every event, at its usual path or at the one given', async () => {
    const { asked, address } = await answering(201)
    await sendLineage(address, [{ a: 1 }, { a: 2 }], 'Bearer t0ken')
    await sendLineage(`${address}/lineage/v2`, [{ a: 3 }], undefined)
    expect(asked).toEqual([
      { url: '/api/v1/lineage', body: '{"a":1}', authorization: 'Bearer t0ken' },
      { url: '/api/v1/lineage', body: '{"a":2}', authorization: 'Bearer t0ken' },
      { url: '/lineage/v2', body: '{"a":3}', authorization: undefined },
    ])
  })

  it('that refuses, or is not there, is quoted', async () => {
    const { address, asked } = await answering(400)
    await expect(sendLineage(address, [{}, {}], undefined)).rejects.toThrow('400 the event is odd')
    expect(asked).toHaveLength(1)
    await expect(sendLineage('http://127.0.0.1:9', [{}], undefined)).rejects.toMatchObject({ code: 'USAGE' })
  })
})
