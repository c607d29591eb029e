import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Endpoint } from '../../gateway/endpoint.ts'
import { createSnapshots } from '../../gateway/lookups/snapshots.ts'
import { RolloutLeases } from '../../gateway/rollout-leases.ts'
import type { TensorScorer } from '../../gateway/tensors/scorer.ts'
import type { ModelVersion, Route, RouteRollout } from '../../lib/formats/route.ts'
import { writeLease } from '../../lib/store/rollouts.ts'
import type { Store } from '../../lib/store/store.ts'
import { memoryStore } from '../../testing/memory-store.ts'

const versionOf = (version: number): ModelVersion => ({
  model: 'texts',
  version,
  digest: `sha256:${String(version).repeat(64)}`,
})
const rolloutOf = (over: Partial<RouteRollout> = {}): RouteRollout => ({
  id: 'r1',
  candidate: versionOf(2),
  mode: 'split',
  share: 1,
  salt: 'r1',
  sticky: null,
  slowMs: null,
  leased: true,
  ...over,
})
const routeOf = (revision: number, rollout: RouteRollout | null): Route => ({
  slipway: 'route/1',
  endpoint: 'texts',
  revision,
  champion: versionOf(1),
  previous: null,
  rollout,
})
const scorerOf = (modelVersion: ModelVersion): TensorScorer => ({
  modelVersion,
  facts: { kind: 'tensors', inputs: [], outputs: [] } as never,
  baseline: {},
  engine: { name: 'onnxruntime', reason: 'a test' },
  answer: async () => ({ outputs: {}, scores: new Float64Array(1) }),
  takeProfile: async () => ({}),
  close: async () => {},
})
const request = {
  id: 'a',
  version: undefined,
  arrivedAt: 0,
  deadline: Number.POSITIVE_INFINITY,
  failCandidate: false,
  incoming: { header: () => undefined },
  readTensors: () => ({ kind: 'tensors', rows: 1, inputs: {} }),
}

describe('a gateway whose rollout is watched by leases', () => {
  let folder: string
  let store: Store
  let endpoint: Endpoint
  let leases: RolloutLeases
  let now: number
  let said: string[]
  /** What a window of the time until now is of, and whom it says answered. */
  const closed = async () =>
    (await endpoint.closeWindows(0, false)).map(({ rollout, suspended, champion, candidate }) => ({
      rollout: rollout?.id ?? null,
      suspended,
      answered: [champion.requests, candidate?.requests ?? null],
    }))
  const answeredBy = async (): Promise<number> =>
    (await endpoint.infer(request as never)).version.scorer.modelVersion.version
  const word = (seq: number, ms = 10_000) => writeLease(store, { slipway: 'lease/1', rollout: 'r1', seq, ms })
  const passing = async (ms: number) => {
    now += ms
    await leases.look()
    return endpoint.suspendedAt !== undefined
  }

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'slipway-test-'))
    store = memoryStore(folder)
    now = 1_000
    said = []
    endpoint = new Endpoint({
      name: 'texts',
      captureRate: 0,
      maxWaitMs: 100,
      cacheEntries: 0,
      snapshots: createSnapshots(undefined as never, 0),
      load: async (version) => scorerOf(version),
    })
    leases = new RolloutLeases({ store, endpoints: () => [endpoint], note: (what) => said.push(what), now: () => now })
    await endpoint.apply(routeOf(1, rolloutOf()))
    await leases.look()
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  it('gives the candidate nothing when no newer word came for as long as the last one said, and all when one comes', async () => {
    await word(0)
    expect([await passing(0), await passing(9_999), await answeredBy()]).toEqual([false, false, 2])
    expect([await passing(1), await answeredBy()]).toEqual([true, 1])
    await word(1)
    expect([await passing(60_000), await answeredBy()]).toEqual([false, 2])
    expect(said).toEqual([
      expect.stringContaining('texts: rollout r1 is suspended, for nobody has looked at it for 10 s'),
      'texts: rollout r1 is watched again and goes on',
    ])
  })

  it('counts what was answered meanwhile in windows that belong to no rollout', async () => {
    await answeredBy()
    await passing(60_000)
    await answeredBy()
    await answeredBy()
    await word(0)
    await passing(0)
    await answeredBy()
    expect(await closed()).toEqual([
      { rollout: 'r1', suspended: undefined, answered: [0, 1] },
      { rollout: null, suspended: true, answered: [2, null] },
      { rollout: 'r1', suspended: undefined, answered: [0, 1] },
    ])
  })

  it('gives one that begins time for its first look, but not for ever', async () => {
    expect([await passing(33_000), await passing(1_000)]).toEqual([false, true])
  })

  it('does not take an older word for a new one', async () => {
    await word(7)
    await passing(0)
    await word(6)
    expect([await passing(9_000), await passing(1_000)]).toEqual([false, true])
  })

  it('keeps to it in the steps that follow, and not in another rollout', async () => {
    await passing(60_000)
    await endpoint.apply(routeOf(2, rolloutOf({ share: 0.5 })))
    expect(endpoint.suspendedAt).toBeDefined()
    await endpoint.apply(routeOf(3, rolloutOf({ id: 'r2', salt: 'r2' })))
    expect([endpoint.suspendedAt, await passing(0)]).toEqual([undefined, false])
    await endpoint.apply(routeOf(4, null))
    expect(await passing(90_000)).toBe(false)
  })

  it('counts a store that does not answer for nobody who watches', async () => {
    await word(0)
    await passing(0)
    store.client.send = (() => Promise.reject(Object.assign(new Error('away'), { $metadata: {} }))) as never
    await expect(passing(60_000)).rejects.toThrow('away')
    expect(endpoint.suspendedAt).toBeDefined()
  })

  it('asks nobody about a rollout of 0.16 or before, which leaves no word', async () => {
    await endpoint.apply(routeOf(2, rolloutOf({ id: 'old', leased: false })))
    expect([await passing(600_000), await answeredBy()]).toEqual([false, 2])
  })
})
