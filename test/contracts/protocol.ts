import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PredictionRoute, Problem, Protocol } from '../../gateway/protocols/protocol.ts'

/** A row by its columns' names. */
export type ProtocolRow = Readonly<Record<string, string | number | null>>

export interface ClientRequest {
  readonly body: string | Buffer
  readonly headers?: Readonly<Record<string, string>>
}

export interface ClientAnswer {
  readonly status: number
  /** By names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** A protocol to be tried, spoken by a gateway that serves one endpoint. */
export interface ProtocolUnderTest {
  readonly protocol: Protocol
  /** The endpoint's name, and the number of the version it serves. */
  readonly endpoint: string
  readonly version: number
  /** At least three rows of different predictions. */
  readonly rows: readonly ProtocolRow[]
  /** One of their columns, of numbers. */
  readonly numbers: string
  /** The same rows' predictions, without a gateway. */
  score(rows: readonly ProtocolRow[]): Promise<readonly number[]>
  /** Asks about rows as a client does. */
  request(rows: readonly ProtocolRow[]): ClientRequest
  /** A body that the protocol cannot read. */
  readonly broken: ClientRequest
  /** What a client reads in an answer: predictions, or what was wrong. */
  predictions(answer: ClientAnswer): readonly number[]
  message(answer: ClientAnswer): string
  /** Bytes that a body may have. */
  readonly bodyLimit: number
  /** Sends a request to the gateway over the network. */
  send(method: string, path: string, request?: ClientRequest): Promise<ClientAnswer>
  stop(): Promise<void>
}

/** What every protocol has to keep, told as tests. */
export function describeProtocol(name: string, setUp: () => Promise<ProtocolUnderTest>): void {
  describe(`protocol ${name}`, () => {
    let under: ProtocolUnderTest
    beforeAll(async () => {
      under = await setUp()
    })
    afterAll(() => under.stop())

    const pathOf = ({ path }: PredictionRoute, endpoint = under.endpoint, version: number = under.version): string =>
      path.replace('{name}', endpoint).replace('{version}', String(version))
    /** Sends the same to all of its routes. */
    const sendToAll = (request: ClientRequest) =>
      Promise.all(under.protocol.routes.map((route) => under.send('POST', pathOf(route), request)))

    /** A refusal is what the protocol makes of a problem, with a message and nothing of our code. */
    function expectRefused(answer: ClientAnswer, code: Problem['code'], status: number, words: string): void {
      const message = under.message(answer)
      expect(message).toContain(words)
      const told = under.protocol.error({ code, status, message })
      expect([answer.status, answer.body.toString()]).toEqual([told.status, told.body.toString()])
      for (let i = 0; i < told.headers.length; i += 2)
        expect(answer.headers[told.headers[i] as string]).toBe(told.headers[i + 1])
      expect(answer.body.toString()).not.toMatch(/\.[jt]s\b|node_modules|\bat \w+ \(/)
    }

    it('answers rows in their order, bit for bit what they are worth without it, alone or together', async () => {
      const expected = await under.score(under.rows)
      expect(new Set(expected).size).toBeGreaterThanOrEqual(3)
      for (const answer of await sendToAll(under.request(under.rows))) {
        expect([answer.status, under.predictions(answer)]).toEqual([200, expected])
      }
      for (const answer of await sendToAll(under.request(under.rows.toReversed())))
        expect(under.predictions(answer)).toEqual(expected.toReversed())
      for (const [i, row] of under.rows.entries())
        for (const answer of await sendToAll(under.request([row])))
          expect(under.predictions(answer)).toEqual([expected[i]])
    })

    it('answers no rows by no predictions', async () => {
      for (const answer of await sendToAll(under.request([])))
        expect([answer.status, under.predictions(answer)]).toEqual([200, []])
    })

    it('answers in a media type that it names, and refuses who accepts none of them', async () => {
      const { body, headers } = under.request(under.rows)
      for (const route of under.protocol.routes) {
        const send = (accept: string) => under.send('POST', pathOf(route), { body, headers: { ...headers, accept } })
        for (const accept of [...route.answers, '*/*']) {
          const answer = await send(accept)
          expect(answer.status).toBe(200)
          expect(route.answers).toContain(answer.headers['content-type'])
        }
        expectRefused(await send('image/png'), 'NOT_ACCEPTABLE', 406, 'image/png')
      }
    })

    it('refuses what it cannot read', async () => {
      for (const answer of await sendToAll(under.broken)) expectRefused(answer, 'REQUEST_INVALID', 400, '')
      const { headers } = under.request(under.rows)
      for (const answer of await sendToAll({ body: Buffer.alloc(64, 0xff), ...(headers && { headers }) }))
        expectRefused(answer, 'REQUEST_INVALID', 400, '')
    })

    it('refuses rows of which the model knows no column, and names one', async () => {
      const strange = under.rows.map((row) =>
        Object.fromEntries(Object.entries(row).map(([column, value]) => [`of-no-model-${column}`, value])),
      )
      for (const answer of await sendToAll(under.request(strange)))
        expectRefused(answer, 'REQUEST_INVALID', 400, 'of-no-model-')
    })

    it('refuses a value of another type, and names its column', async () => {
      const [first, ...others] = under.rows as [ProtocolRow, ...ProtocolRow[]]
      const wrong = [{ ...first, [under.numbers]: 'many' }, ...others]
      for (const answer of await sendToAll(under.request(wrong)))
        expectRefused(answer, 'REQUEST_INVALID', 400, under.numbers)
    })

    it('refuses a body that is too large, also one that only becomes so', async () => {
      const body = Buffer.alloc(under.bodyLimit + 1, ' ')
      const { headers } = under.request(under.rows)
      for (const answer of await sendToAll({ body, ...(headers && { headers }) }))
        expectRefused(answer, 'REQUEST_TOO_LARGE', 413, String(under.bodyLimit))
      for (const answer of await sendToAll({
        body: gzipSync(body),
        headers: { ...headers, 'content-encoding': 'gzip' },
      }))
        expectRefused(answer, 'REQUEST_TOO_LARGE', 413, String(under.bodyLimit))
    })

    it('refuses an endpoint and a version that are not there', async () => {
      for (const route of under.protocol.routes) {
        const request = under.request(under.rows)
        if (route.path.includes('{name}'))
          expectRefused(
            await under.send('POST', pathOf(route, 'nobody'), request),
            'NOT_FOUND',
            404,
            'there is no endpoint "nobody"',
          )
        if (route.path.includes('{version}'))
          expectRefused(
            await under.send('POST', pathOf(route, under.endpoint, under.version + 1), request),
            'NOT_FOUND',
            404,
            `no version ${under.version + 1} loaded`,
          )
      }
    })

    it('is asked for predictions by POST alone', async () => {
      for (const route of under.protocol.routes) {
        const answer = await under.send('GET', pathOf(route))
        expectRefused(answer, 'NOT_FOUND', 404, 'there is nothing at GET')
        const head = await under.send('HEAD', pathOf(route))
        expect([head.status, head.body.length]).toEqual([answer.status, 0])
      }
    })

    it('is looked up by HEAD as by GET, without the body', async () => {
      const served = {
        slipway: '0.0.0',
        isReady: () => true,
        names: () => [],
        find: () => {
          throw new Error('only the paths are wanted')
        },
        index: () => [],
        statistics: () => [],
      }
      for (const { method, path } of under.protocol.lookups?.(served) ?? []) {
        if (method !== 'GET') continue
        const get = await under.send('GET', pathOf({ path, answers: [] }))
        const head = await under.send('HEAD', pathOf({ path, answers: [] }))
        expect([get.status, head.status]).toEqual([200, 200])
        expect(head.headers['content-type']).toBe(get.headers['content-type'])
        expect([head.body.length, head.headers['content-length']]).toEqual([0, get.headers['content-length']])
      }
    })

    it('tells every error in its own form', () => {
      for (const status of [400, 401, 404, 413, 422, 500, 503, 504]) {
        const told = under.protocol.error({ code: 'REQUEST_INVALID', status, message: 'the very words' })
        expect(told.status).toBeGreaterThanOrEqual(400)
        expect(told.headers).toContain('content-type')
        const headers: Record<string, string> = {}
        for (let i = 0; i < told.headers.length; i += 2)
          headers[told.headers[i] as string] = told.headers[i + 1] as string
        expect(under.message({ status: told.status, headers, body: Buffer.from(told.body as string) })).toBe(
          'the very words',
        )
      }
    })

    it('is in the OpenAPI document, of which every reference leads somewhere', async () => {
      const text = (await under.send('GET', '/openapi.json')).body.toString()
      const document = JSON.parse(text) as {
        paths: Record<string, Record<string, { operationId: string; summary: string; responses: object }>>
      }
      const named = under.protocol.routes.map((route) => document.paths[pathOf(route)]?.post).find(Boolean)
      expect(named).toMatchObject({
        summary: expect.any(String),
        requestBody: { required: true },
        responses: { '200': expect.any(Object), '400': expect.any(Object) },
      })
      const ids = Object.values(document.paths)
        .flatMap((methods) => Object.values(methods))
        .map(({ operationId }) => operationId)
      expect(new Set(ids).size).toBe(ids.length)
      for (const [, reference] of text.matchAll(/"\$ref":"#\/([^"]+)"/g))
        expect(document).toHaveProperty((reference as string).split('/'))
    })
  })
}
