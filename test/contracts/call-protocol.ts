import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ProtocolRow } from './protocol.ts'

/** What a call came to: predictions, or a status code of gRPC's and words. */
export interface CallAnswer {
  readonly code: number
  readonly details: string
  readonly predictions: readonly number[]
}

/** Who is asked, where it is not the endpoint under test. */
export interface Asked {
  readonly endpoint?: string
  readonly version?: number
}

/** A protocol of calls (gRPC) to be tried, spoken by a gateway that serves one endpoint. */
export interface CallProtocolUnderTest {
  readonly endpoint: string
  readonly version: number
  /** At least three rows of different predictions. */
  readonly rows: readonly ProtocolRow[]
  /** One of their columns, of numbers. */
  readonly numbers: string
  /** The same rows' predictions, without a gateway. */
  score(rows: readonly ProtocolRow[]): Promise<readonly number[]>
  /** Bytes that a message may have. */
  readonly bodyLimit: number
  /** Asks about rows as a client does. */
  ask(rows: readonly ProtocolRow[], asked?: Asked): Promise<CallAnswer>
  /** Sends bytes in a message's place. */
  send(message: Buffer): Promise<CallAnswer>
  stop(): Promise<void>
}

/** gRPC's codes (doc/statuscodes.md of grpc). */
export const codes = {
  ok: 0,
  invalid: 3,
  deadline: 4,
  notFound: 5,
  exhausted: 8,
  unimplemented: 12,
  unavailable: 14,
  unauthenticated: 16,
} as const

/** What every protocol of calls has to keep, told as tests: `describeProtocol` for transports without paths. */
export function describeCallProtocol(name: string, setUp: () => Promise<CallProtocolUnderTest>): void {
  describe(`protocol ${name}`, () => {
    let under: CallProtocolUnderTest
    beforeAll(async () => {
      under = await setUp()
    })
    afterAll(() => under.stop())

    function expectRefused({ code, details }: CallAnswer, expected: number, words: string): void {
      expect([code, details]).toEqual([expected, expect.stringContaining(words)])
      expect(details).not.toMatch(/\.[jt]s\b|node_modules|\bat \w+ \(/)
    }

    it('answers rows in their order, bit for bit what they are worth without it, alone or together', async () => {
      const expected = await under.score(under.rows)
      expect(new Set(expected).size).toBeGreaterThanOrEqual(3)
      expect(await under.ask(under.rows)).toEqual({ code: codes.ok, details: '', predictions: expected })
      expect((await under.ask(under.rows, { version: under.version })).predictions).toEqual(expected)
      expect((await under.ask(under.rows.toReversed())).predictions).toEqual(expected.toReversed())
      for (const [i, row] of under.rows.entries()) expect((await under.ask([row])).predictions).toEqual([expected[i]])
    })

    it('answers no rows by no predictions', async () => {
      expect(await under.ask([])).toEqual({ code: codes.ok, details: '', predictions: [] })
    })

    it('refuses what it cannot read', async () => {
      expectRefused(await under.send(Buffer.alloc(64, 0xff)), codes.invalid, '')
    })

    it('refuses rows of which the model knows no column, and names one', async () => {
      const strange = under.rows.map((row) =>
        Object.fromEntries(Object.entries(row).map(([column, value]) => [`of-no-model-${column}`, value])),
      )
      expectRefused(await under.ask(strange), codes.invalid, 'of-no-model-')
    })

    it('refuses a value of another type, and names its column', async () => {
      const [first, ...others] = under.rows as [ProtocolRow, ...ProtocolRow[]]
      expectRefused(await under.ask([{ ...first, [under.numbers]: 'many' }, ...others]), codes.invalid, under.numbers)
    })

    it('refuses a message that is too large', async () => {
      expectRefused(await under.send(Buffer.alloc(under.bodyLimit + 1)), codes.exhausted, String(under.bodyLimit))
    })

    it('refuses an endpoint and a version that are not there', async () => {
      expectRefused(
        await under.ask(under.rows, { endpoint: 'nobody' }),
        codes.notFound,
        'there is no endpoint "nobody"',
      )
      const version = under.version + 1
      expectRefused(await under.ask(under.rows, { version }), codes.notFound, `no version ${version} loaded`)
    })
  })
}
