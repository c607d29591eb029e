import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TelemetryWindow } from '../../../lib/formats/telemetry.ts'
import { putBytes } from '../../../lib/store/objects.ts'
import { publishWindow } from '../../../lib/store/routes.ts'
import { readLabels } from '../../../lib/targets/sagemaker/labels.ts'
import { openTestBucket, type TestBucket } from '../../support/servers.ts'

/* Windows that gateways sent, one a second from 0; the times and numbers are those that are written here. */
let server: TestBucket
beforeAll(async () => {
  server = await openTestBucket()
})
afterAll(() => server?.stop())

const digest = `sha256:${'1'.repeat(64)}` as const
const counts = { rows: 3, errors: {}, slow: 0, latency: [], scores: [2], users: null, profile: {} }
async function send(seq: number, withLabels: boolean): Promise<void> {
  const labels = withLabels ? await putBytes(server.store, `label ${seq}\n`, 'application/x-ndjson') : null
  const window: TelemetryWindow = {
    slipway: 'window/1',
    endpoint: 'loans',
    gateway: 'g',
    seq,
    revision: 1,
    rollout: { id: 'r', mode: 'split', share: 0.5, sticky: null },
    from: seq * 1000,
    to: (seq + 1) * 1000,
    champion: { digest, version: 1, requests: 3, ...counts },
    candidate: { digest, version: 1, requests: 3, ...counts },
    pairs: null,
    capture: labels,
    labels,
  }
  await publishWindow(server.store, window)
}

describe('labels of answers that SageMaker gave', () => {
  it('come from gateways, whose own answers are no evidence, and not before the answers of their time', async () => {
    for (const [seq, withLabels] of [true, false, true, true].entries()) await send(seq, withLabels)
    const read = (next: number, until: number) =>
      readLabels(server.store, 'loans', { g: next, 'sagemaker-loans': 7 }, { own: 'sagemaker-loans', until })
    const first = await read(0, 3_000)
    expect(first.windows.map(({ seq }) => seq)).toEqual([0, 2])
    expect(first.cursors).toEqual({ g: 3 })
    expect(first.windows[0]).toMatchObject({ rollout: null, candidate: null, capture: null, champion: { requests: 0 } })
    expect((await read(3, 3_999)).windows).toEqual([])
    expect(await read(3, 4_000)).toMatchObject({ windows: [{ seq: 3 }], cursors: { g: 4 } })
  })
})
