import { randomUUID } from 'node:crypto'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Route } from '../../../lib/formats/route.ts'
import type { CapturedOrder } from '../../../lib/formats/sagemaker-capture.ts'
import type { TelemetryWindow } from '../../../lib/formats/telemetry.ts'
import { publishApplied, publishBegun } from '../../../lib/store/hosted.ts'
import { readWindow } from '../../../lib/store/routes.ts'
import { hourFolder } from '../../../lib/targets/sagemaker/capture-files.ts'
import { type Counting, collectWindows } from '../../../lib/targets/sagemaker/evidence.ts'
import { paceOf } from '../../../lib/targets/sagemaker/pace.ts'
import { openTestBucket, type TestBucket } from '../../support/servers.ts'

/*
 * Files as SageMaker's documentation has them, in a real store, written by the tests; CloudWatch counts nothing. What a
 * period holds is computed by hand: periods are seconds, and requests are named after theirs.
 */
let server: TestBucket
beforeAll(async () => {
  server = await openTestBucket()
})
afterAll(() => server?.stop())

const digest = (number: number) => `sha256:${String(number).repeat(64)}` as const
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
let count = 0

/** An endpoint that two versions answer for, with equal shares, since two minutes ago. */
async function endpoint({ variant }: { variant?: string } = {}) {
  const name = `c${++count}`
  const { store } = server
  const start = Math.floor(Date.now() / 1000) * 1000 - 120_000
  const served = (number: number) => ({ digest: digest(number), version: number, variant: variant ?? `v${number}` })
  const begin = async (revision: number, at: number, champion: number, candidate: number | null) => {
    await publishBegun(store, name, {
      slipway: 'hosting/1',
      revision,
      at,
      champion: served(champion),
      candidate: candidate === null ? null : served(candidate),
      capture: 1,
      rollout: candidate === null ? null : { id: 'r', mode: 'split', share: 0.5, sticky: null, slowMs: null },
    })
    await publishApplied(store, name, revision, at + 500)
  }
  await begin(1, start, 1, variant === undefined ? 2 : null)
  const route = { endpoint: name, revision: 1, champion: { model: 'loans', version: 1, digest: digest(1) } } as Route
  const orders: CapturedOrder[] = []
  const counting = (over: Partial<Counting> = {}): Counting => ({
    store,
    clients: { cloudWatch: { send: async () => ({ MetricDataResults: [] }) } as never },
    pace: { ...paceOf({ SLIPWAY_SAGEMAKER_PERIOD_MS: '1000' }), capturedMs: 0, listedMs: 0 },
    name,
    known: new Map(),
    spans: new Map(),
    async readCaptured(order) {
      orders.push(order)
      const rows = (by: string) => order.events.filter((event) => event.by === by).length
      const counts = (by: string) => ({ rows: rows(by), scores: [], profile: {} })
      // The ids stand for the rows.
      const capture = Buffer.from(JSON.stringify(order.events.map(({ requestId }) => requestId)))
      return { champion: counts('champion'), candidate: order.candidate && counts('candidate'), capture, unreadable: 0 }
    },
    ...over,
  })
  const line = (id: string, second: number, inferenceId?: string): string => {
    const body = (mode: string, data: string) => ({
      observedContentType: 'application/json',
      mode,
      data,
      encoding: 'JSON',
    })
    return `${JSON.stringify({
      captureData: {
        endpointInput: body('INPUT', '{"instances":[{"income":1}]}'),
        endpointOutput: body('OUTPUT', '{"predictions":[0.5]}'),
      },
      eventMetadata: { eventId: id, inferenceId, inferenceTime: new Date(start + second * 1000).toISOString() },
      eventVersion: '0',
    })}\n`
  }
  return {
    orders,
    route,
    begin,
    start,
    counting,
    line,
    put: (by: string, lines: string[], second = 5) =>
      store.client.send(
        new PutObjectCommand({
          Bucket: store.bucket,
          Key: `sagemaker/capture/${name}/${name}/${by}/${hourFolder(start + second * 1000)}/${randomUUID()}.jsonl`,
          Body: lines.join(''),
        }),
      ),
    async windows(): Promise<TelemetryWindow[]> {
      const all: TelemetryWindow[] = []
      for (;;) {
        const window = await readWindow(store, name, `sagemaker-${name}`, all.length)
        if (window === undefined) return all
        all.push(window)
      }
    },
  }
}

/** Requests by the second that they are of, and who answered. */
const told = (windows: readonly TelemetryWindow[], start: number) =>
  windows.map(({ to, champion, candidate }) => [(to - start) / 1000 - 1, champion.rows, candidate?.rows])

describe('requests that SageMaker wrote down', () => {
  it('are in the window of their time, by who answered, once, in whatever order and however often they are written', async () => {
    const on = await endpoint()
    const { line } = on
    await on.put('v1', [line('b', 12), line('a', 11)])
    await on.put('v1', [line('a', 11), line('c', 11)])
    await on.put('v2', [line('d', 12, 'mine'), line('d', 12, 'mine')])
    await on.put('v7', [line('e', 12)])
    expect(await collectWindows(on.counting(), on.route)).toBe(2)
    const windows = await on.windows()
    expect(told(windows, on.start)).toEqual([
      [11, 2, 0],
      [12, 1, 1],
    ])
    expect(windows.map(({ rollout }) => rollout?.share)).toEqual([0.5, 0.5])
    expect(windows.map(({ sampled }) => sampled)).toMatchObject([
      { share: 1, events: 2, repeated: 1, late: 0, unreadable: 0 },
      { share: 1, events: 2, repeated: 1, late: 0, unreadable: 0 },
    ])
    // The client's id names a request, else SageMaker's own.
    expect(on.orders.flatMap(({ events }) => events.map(({ requestId }) => requestId))).toEqual(['a', 'c', 'b', 'mine'])
    expect(await collectWindows(on.counting(), on.route)).toBe(2)
  })

  it('are counted as late where their window is closed, and count nowhere', async () => {
    const on = await endpoint()
    const { line } = on
    await on.put('v1', [line('a', 11)])
    await collectWindows(on.counting(), on.route)
    await sleep(1_200)
    await on.put('v1', [line('b', 10), line('c', 11), line('d', 13)])
    await collectWindows(on.counting(), on.route)
    await collectWindows(on.counting(), on.route)
    const windows = await on.windows()
    expect(told(windows, on.start)).toEqual([
      [11, 1, 0],
      [13, 1, 0],
    ])
    expect(windows.map(({ sampled }) => sampled?.late)).toEqual([0, 2])
  })

  it('that are no lines of its format are counted, and the others read', async () => {
    const on = await endpoint()
    const { line } = on
    const unanswered = JSON.stringify({ captureData: {}, eventMetadata: { eventId: 'x', inferenceTime: '2024' } })
    await on.put('v1', ['{"captureData":\n', line('a', 11), 'nonsense\n', `${unanswered}\n`, '\n', line('b', 11)])
    await collectWindows(on.counting(), on.route)
    const [window] = await on.windows()
    expect(window).toMatchObject({ champion: { rows: 2 }, sampled: { events: 2, unreadable: 3 } })
  })

  it('count once whoever reads them at the same time, and whoever dies before it has published', async () => {
    const on = await endpoint()
    const { line } = on
    const seconds = Array.from({ length: 12 }, (_, i) => i + 10)
    // These are written twice.
    for (let copy = 0; copy < 2; copy++)
      await on.put('v1', seconds.map((second) => line(`a${second}`, second)).reverse())
    await on.put(
      'v2',
      seconds.map((second) => line(`b${second}`, second)),
    )
    let calls = 0
    const dying = on.counting()
    const killed = collectWindows(
      {
        ...dying,
        async readCaptured(order) {
          if (++calls === 4) throw new Error('killed')
          return dying.readCaptured?.(order) as never
        },
      },
      on.route,
    )
    await expect(killed).rejects.toThrow('killed')
    expect(await on.windows()).toHaveLength(3)
    await Promise.all(Array.from({ length: 4 }, () => collectWindows(on.counting(), on.route)))
    await collectWindows(on.counting(), on.route)
    const windows = await on.windows()
    expect(told(windows, on.start)).toEqual(seconds.map((second) => [second, 1, 1]))
    expect(windows.map(({ sampled }) => sampled?.repeated)).toEqual(seconds.map(() => 1))
  })

  it('of versions that share a variant belong to the one that was in force all the time, else to nobody', async () => {
    const on = await endpoint({ variant: 'AllTraffic' })
    const { line } = on
    // From 20 s on version 3 is moved to, which is applied half a second later.
    await on.begin(2, on.start + 20_000, 3, null)
    await on.put('AllTraffic', [line('a', 12), line('b', 20), line('c', 30)])
    await collectWindows(on.counting(), { ...on.route, revision: 2 })
    const windows = await on.windows()
    expect(windows.map(({ champion, sampled }) => [champion.version, sampled?.events, sampled?.unclear])).toEqual([
      [1, 1, 0],
      [1, 0, 1],
      [3, 1, 0],
    ])
  })
})
