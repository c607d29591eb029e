import { gatewayClient } from '../client/gateway-client.ts'
import { readColumns } from '../lib/data/columns.ts'
import { withDuckDb } from '../lib/data/duckdb.ts'
import { inspect } from '../lib/data/inspect.ts'
import type { LocalTable } from '../lib/data/table.ts'
import type { Column } from '../lib/formats/columns.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import type { RowSchema } from '../lib/formats/row-schema.ts'

export interface TrafficOptions {
  readonly address: string
  readonly endpoint: string
  /** Rows to send, over and over. */
  readonly bodies: readonly string[]
  /** Requests a second; asked every moment where it changes. */
  readonly rate: number | (() => number)
  /** Share of requests that ask the gateway to let the candidate fail: a drill. */
  readonly faults: number
  /** Asked every moment: whether to go on. */
  goesOn(sent: number): boolean
}

/** What became of the requests. */
export interface TrafficReport {
  readonly sent: number
  readonly answered: number
  /** Requests without a good answer, by status (0: no answer at all). */
  readonly failed: Readonly<Record<string, number>>
  /** Good answers by version and role. */
  readonly answeredBy: Readonly<Record<string, number>>
  readonly p50: number
  readonly p99: number
}

/**
 * Requests that may be under way at once: more, and the gateway is not keeping up; then fewer are sent. At usual rates
 * no more than a gateway lets in whatever happens.
 */
const mostAt = (rate: number): number => Math.max(8, Math.ceil(rate / 60))

/** Sends rows to an endpoint at a steady rate. The report may be read while it goes on. */
export function sendTraffic(options: TrafficOptions): { report(): TrafficReport; done: Promise<TrafficReport> } {
  const { address, endpoint, bodies, faults, goesOn } = options
  const given = options.rate
  const rate = typeof given === 'number' ? () => given : given
  const client = gatewayClient(address, Number.POSITIVE_INFINITY)
  const path = `/v1/models/${endpoint}:predict`
  const failed: Record<string, number> = {}
  const answeredBy: Record<string, number> = {}
  const times: number[] = []
  let sent = 0
  let answered = 0
  let underWay = 0
  const send = async (): Promise<void> => {
    const body = bodies[sent % bodies.length] as string
    // Evenly spread, not by chance: a drill of 5 % is every twentieth request.
    const isFault = Math.floor((sent + 1) * faults) > Math.floor(sent * faults)
    sent++
    underWay++
    const answer = await client
      .post(path, body, isFault ? { 'x-slipway-fault': 'candidate' } : {})
      .catch(() => undefined)
    underWay--
    if (answer?.status === 200) {
      answered++
      const by = `version ${answer.version} (${answer.role})`
      answeredBy[by] = (answeredBy[by] ?? 0) + 1
      if (times.length < 200_000) times.push(answer.ms)
    } else {
      const status = String(answer?.status ?? 0)
      failed[status] = (failed[status] ?? 0) + 1
    }
  }
  const report = (): TrafficReport => {
    const sorted = [...times].sort((a, b) => a - b)
    const at = (share: number): number => sorted[Math.floor(share * sorted.length)] ?? 0
    return { sent, answered, failed: { ...failed }, answeredBy: { ...answeredBy }, p50: at(0.5), p99: at(0.99) }
  }
  const run = async (): Promise<TrafficReport> => {
    let last = performance.now()
    let due = 0
    while (goesOn(sent)) {
      const now = performance.now()
      const mostUnderWay = mostAt(rate())
      // Time in which the gateway was busy is not made up for.
      due = Math.min(due + ((now - last) * rate()) / 1000, mostUnderWay)
      last = now
      for (; due >= 1 && underWay < mostUnderWay; due--) void send()
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    while (underWay > 0) await new Promise((resolve) => setTimeout(resolve, 10))
    client.close()
    return report()
  }
  return { report, done: run() }
}

/** Rows of a file as request bodies, one row each. @param most how many at most */
export async function bodiesFrom(
  source: Pick<LocalTable, 'files' | 'format' | 'dialect'>,
  schema: RowSchema,
  most: number,
): Promise<string[]> {
  return withDuckDb(1, async (connection) => {
    const table = { ...source, schema }
    const rows = await inspect(connection, table, 'the file')
    const bodies: string[] = []
    for await (const chunk of readColumns(connection, { ...table, rows }, schema)) {
      const count = (Object.values(chunk)[0] as Column).length
      // Rows from all over the file, not its first ones: what follows each other is often alike.
      const every = Math.max(1, Math.floor(rows / most))
      for (let i = 0; i < count && bodies.length < most; i += every) {
        const row = schema.map(({ name, type }) => [name, cellOf((chunk[name] as Column)[i], type)])
        bodies.push(JSON.stringify({ instances: [Object.fromEntries(row)] }))
      }
      if (bodies.length >= most) break
    }
    return bodies
  })
}

/** Bodies with one row each, of bodies with several: the first row of each. */
export function bodiesOfOneRow(bodies: readonly string[]): string[] {
  return bodies.map((body) =>
    JSON.stringify({ instances: (JSON.parse(body) as { instances: unknown[] }).instances.slice(0, 1) }),
  )
}

/** A cell as JSON has it. */
export function cellOf(value: Column[number] | undefined, type: RowSchema[number]['type']): unknown {
  if (value === null || value === undefined || Number.isNaN(value)) return null
  if (type === 'timestamp') return new Date(value as number).toISOString()
  return type === 'boolean' ? value === 1 : value
}

/** `errors=5%@candidate` as a share. */
export function faultShare(text: string): number {
  const share = Number(/^errors=(\d+(?:\.\d+)?)%@candidate$/.exec(text)?.[1])
  if (share >= 0 && share <= 100) return share / 100
  throw new SlipwayError('USAGE', `--fault ${text}: expected errors=<share>%@candidate`, {
    next: 'for example --fault errors=5%@candidate',
  })
}
