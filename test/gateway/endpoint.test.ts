import { describe, expect, it } from 'vitest'
import { Endpoint } from '../../gateway/endpoint.ts'
import { createSnapshots } from '../../gateway/lookups/snapshots.ts'
import type { TensorScorer } from '../../gateway/tensors/scorer.ts'
import type { ModelVersion, Route } from '../../lib/formats/route.ts'
import { eventually } from '../support/gateways.ts'

const versionOf = (version: number): ModelVersion => ({
  model: 'texts',
  version,
  digest: `sha256:${String(version).repeat(64)}`,
})
const [champion, candidate] = [versionOf(1), versionOf(2)]

/** An endpoint whose versions are loaded when the test says so; those that were let go are noted. */
function openEndpoint() {
  const begun = new Map<number, (scorer: TensorScorer) => void>()
  const closed: number[] = []
  const endpoint = new Endpoint({
    name: 'texts',
    captureRate: 0,
    maxWaitMs: 100,
    cacheEntries: 0,
    snapshots: createSnapshots(undefined as never, 0),
    load: ({ version }) => new Promise((resolve) => begun.set(version, resolve)),
  })
  const loaded = (modelVersion: ModelVersion): void =>
    begun.get(modelVersion.version)?.({
      modelVersion,
      facts: { kind: 'tensors', inputs: [], outputs: [] } as never,
      baseline: {},
      engine: { name: 'onnxruntime', reason: 'a test' },
      answer: async () => ({ outputs: {}, scores: new Float64Array(0) }),
      takeProfile: async () => ({}),
      close: async () => void closed.push(modelVersion.version),
    })
  return { endpoint, loaded, closed }
}

const routeOf = (revision: number, rollout: boolean): Route => ({
  slipway: 'route/1',
  endpoint: 'texts',
  revision,
  champion,
  previous: null,
  rollout: rollout ? { id: 'r1', candidate, mode: 'split', share: 1, salt: 'r1', sticky: null, slowMs: 60_000 } : null,
})

describe('an endpoint with two revisions that are loading', () => {
  it('keeps what the newer one loads when the older one is applied first', async () => {
    const { endpoint, loaded, closed } = openEndpoint()
    const older = endpoint.apply(routeOf(1, false))
    const newer = endpoint.apply(routeOf(2, true))
    loaded(champion)
    await older
    expect(endpoint.route?.revision).toBe(1)
    loaded(candidate)
    await newer
    expect(endpoint.route?.revision).toBe(2)
    expect(endpoint.versions.numbers()).toEqual([1, 2])
    await endpoint.closeWindows(Date.now(), false)
    expect(closed).toEqual([])
  })

  it('lets go of what only the older one loaded when the newer one is applied first', async () => {
    const { endpoint, loaded, closed } = openEndpoint()
    const older = endpoint.apply(routeOf(1, true))
    const newer = endpoint.apply(routeOf(2, false))
    loaded(champion)
    await newer
    loaded(candidate)
    await older
    expect(endpoint.route?.revision).toBe(2)
    expect(endpoint.versions.numbers()).toEqual([1])
    await eventually(() => closed.length > 0)
    expect(closed).toEqual([2])
  })
})
