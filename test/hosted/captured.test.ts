import { join } from 'node:path'
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3'
import { InvokeEndpointCommand } from '@aws-sdk/client-sagemaker-runtime'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { RolloutRecord } from '../../lib/formats/records.ts'
import type { TelemetryWindow } from '../../lib/formats/telemetry.ts'
import { type SageMakerClients, sageMakerClients } from '../../lib/sagemaker/clients.ts'
import { readLastReport } from '../../lib/store/monitors.ts'
import { readRolloutEnd } from '../../lib/store/rollouts.ts'
import { readWindow } from '../../lib/store/routes.ts'
import { listRuns } from '../../lib/store/runs.ts'
import { whyNoContainers } from '../sagemaker-fake/containers.ts'
import { hostingIn } from '../sagemaker-fake/hosting.ts'
import { type Fake, startFake } from '../sagemaker-fake/server.ts'
import { type CanaryPlace, openCanaryPlace } from '../support/canary-place.ts'
import { expectUserError } from '../support/cli.ts'
import { eventually } from '../support/gateways.ts'
import { fakeRole, fakeSettings, useFake } from '../support/sagemaker.ts'

/*
 * What a fake of SageMaker writes down of requests, backwards and every line twice, decides rollouts and is watched: by
 * the command line and a worker of its own. A second of the fake is a minute of SageMaker. Candidates that shift scores
 * are stand-ins behind the package's back: what counts is what was answered.
 */
let place: CanaryPlace
let fake: Fake
let clients: SageMakerClients
const why = whyNoContainers()

const standIn = (score: number) => ({
  serve: [process.execPath, join(packageRoot, 'test/support/stand-in-model.mjs')],
  env: { STAND_IN: JSON.stringify({ score }) },
})
const images = {
  'slipway:1': {
    serve: [process.execPath, join(packageRoot, 'dist/serve.js')],
    env: { SLIPWAY_GATEWAY_HOST: '127.0.0.1' },
  },
  'high:1': standIn(0.99),
  'wrong:1': standIn(0.9),
}

beforeAll(async () => {
  if (why !== undefined) return
  fake = await startFake({ images, s3: () => place.store.store.client })
  hostingIn(fake.world).capturing = { afterMs: 300, isBackwards: true, copies: 2 }
  place = await openCanaryPlace({ ...fakeSettings(fake.address), SLIPWAY_SAGEMAKER_PERIOD_MS: '1000' })
  useFake(fake)
  clients = sageMakerClients()
})
afterAll(async () => {
  clients?.destroy()
  await fake?.stop()
  await place?.close()
})

const on = (image: string, more = ', capture: 1'): string =>
  `target: sagemakerEndpoint({ image: '${image}', role: '${fakeRole}', instance: 'ml.m5.large'${more} })`
const watching = (rule: string): string => `canary: { steps: [50], minSamples: 30, watch: [${rule}] }`

let asked = 0
async function ask(shift: number): Promise<void> {
  const i = asked++
  const income = 20_000 + shift + ((i * 7919) % 60_000)
  const row = { id: i, day: '2024-01-01T00:00:00Z', income, age: 18 + (i % 60), purpose: i % 2 ? 'car' : 'home' }
  const command = new InvokeEndpointCommand({
    EndpointName: 'credit',
    ContentType: 'application/json',
    Body: JSON.stringify({ instances: [row] }),
    InferenceId: `ask-${i}`,
  })
  await clients.runtime.send(command)
}

/** Asks all the time while something happens, and tells what became of each. */
async function withTraffic<T>(work: () => Promise<T>, { shift = 0, isTold = false } = {}): Promise<T> {
  let isOver = false
  const asking = (async () => {
    while (!isOver) {
      const first = asked
      await Promise.all(Array.from({ length: 3 }, () => ask(shift)))
      if (isTold) {
        const body = Array.from({ length: 3 }, (_, i) => ({
          requestId: `ask-${first + i}`,
          label: 0,
          endpoint: 'credit',
        }))
        const { status } = await fetch(`${place.gateway}/feedback`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        })
        expect(status).toBe(202)
      }
      await new Promise((resolve) => setTimeout(resolve, 30))
    }
  })()
  try {
    return await work()
  } finally {
    isOver = true
    await asking
  }
}

async function windows(): Promise<TelemetryWindow[]> {
  const all: TelemetryWindow[] = []
  for (;;) {
    const window = await readWindow(place.store.store, 'credit', 'sagemaker-credit', all.length)
    if (window === undefined) return all
    all.push(window)
  }
}

/** Ids of all requests that stand in files, up to a time. */
async function written(upTo: number): Promise<Set<string>> {
  const { client, bucket } = place.store.store
  const ids = new Set<string>()
  let token: string | undefined
  do {
    const page = await client.send(
      new ListObjectsV2Command({ Bucket: bucket, Prefix: 'sagemaker/capture/credit/', ContinuationToken: token }),
    )
    for (const { Key } of page.Contents ?? []) {
      const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key }))
      for (const line of ((await Body?.transformToString()) ?? '').trim().split('\n')) {
        const { eventId, inferenceTime } = JSON.parse(line).eventMetadata
        if (Date.parse(inferenceTime) < upTo) ids.add(eventId)
      }
    }
    token = page.NextContinuationToken
  } while (token !== undefined)
  return ids
}

describe.skipIf(why !== undefined)(`captured requests${why === undefined ? '' : ` (${why})`}`, () => {
  it('are asked for where a rule rests on them', async () => {
    place.define(10, `${watching('errors.notWorseBy(0.02), scores.unchanged()')}, ${on('slipway:1', '')}`)
    expect(expectUserError(await place.run('run', 'loans'), 2, 'DEFINITION_INVALID')).toContain(
      'add the share of requests',
    )
  })

  it('roll a candidate back whose scores are others, each counted once, with the worker killed while it collects', async () => {
    place.define(10, `${watching('errors.notWorseBy(0.02), scores.unchanged()')}, ${on('slipway:1')}`)
    const opened = await place.run('run', 'loans', '--wait', '--json')
    expect(opened, opened.stderr).toMatchObject({ code: 0 })
    place.define(12, `${watching('errors.notWorseBy(0.02), scores.unchanged()')}, ${on('high:1')}`)
    const result = await withTraffic(async () => {
      const running = place.run('run', 'loans', '--wait', '--json')
      await eventually(async () => (await windows()).some(({ candidate }) => (candidate?.rows ?? 0) > 0))
      place.worker.kill()
      return running
    })
    expect(result, result.stderr).toMatchObject({ code: 14 })
    const { rollout } = JSON.parse(result.stdout)
    const record = RolloutRecord.parse(await readRolloutEnd(place.store.store, rollout.id))
    expect([record.outcome, rollout.reason]).toEqual(['rolled back', expect.stringContaining('scores')])
    const all = await windows()
    const ids = await written(all.at(-1)?.to ?? 0)
    const sum = (of: (window: TelemetryWindow) => number): number => all.reduce((total, each) => total + of(each), 0)
    const told = sum(({ sampled }) => sampled?.events ?? 0)
    expect(told).toBe(ids.size)
    expect(sum(({ sampled }) => sampled?.repeated ?? 0)).toBe(told)
    expect(sum(({ champion, candidate }) => champion.rows + (candidate?.rows ?? 0))).toBe(told)
    expect(sum(({ sampled }) => (sampled?.late ?? 0) + (sampled?.unreadable ?? 0))).toBe(0)
  })

  it('are judged by labels that name them', async () => {
    place.define(13, `${watching("labelErrors({ after: '5s' }).notWorseBy(0.05)")}, ${on('wrong:1')}`)
    await place.untilServed()
    const result = await withTraffic(() => place.run('run', 'loans', '--wait', '--json'), { isTold: true })
    expect(result, result.stderr).toMatchObject({ code: 14 })
    expect(JSON.parse(result.stdout).rollout.reason).toMatch(/label/)
  })

  it('are watched: drift of what SageMaker was asked is an alarm, and begins a retraining', async () => {
    const monitor =
      "{ every: '1h', drift: psi.over(0.2), minRows: 100, retrain: { cooldown: '0s', notWorse: { by: 0.05 } } }"
    place.define(10, `${watching('errors.notWorseBy(0.05)')}, ${on('slipway:1')}`, monitor)
    const watched = await place.run('run', 'loans', '--wait', '--json')
    expect(watched, watched.stderr).toMatchObject({ code: 0 })
    const { store } = place.store
    await withTraffic(
      async () => {
        const since = Date.now()
        await eventually(
          async () => (await windows()).filter(({ from }) => from > since).length >= 8 || since + 12_000 < Date.now(),
        )
      },
      { shift: 100_000 },
    )
    await eventually(async () => {
      await place.run('schedule', 'trigger', 'credit', 'monitor')
      await new Promise((resolve) => setTimeout(resolve, 3_000))
      return (await readLastReport(store, 'credit'))?.incident != null
    })
    const report = await readLastReport(store, 'credit')
    expect(report?.incident?.reasons.join()).toContain('income')
    expect(report?.rows).toBeGreaterThanOrEqual(100)
    await eventually(async () =>
      (await listRuns(store, 'loans', 50)).some(({ origin }) => origin.retraining !== undefined),
    )
  })
})
