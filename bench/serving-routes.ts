import { readRoute, writeRoute } from '../lib/store/routes.ts'
import type { Store } from '../lib/store/store.ts'
import { eventually } from '../test/support/gateways.ts'
import { type Figure, median } from './measure.ts'
import { infer, load, rounds, type Server, tensors } from './serving-load.ts'
import type { ServingModels } from './serving-model.ts'

/** Mirroring every request, at a load that leaves the machine idle time. */
export async function measureShadow(store: Store, models: ServingModels, gateway: Server): Promise<Figure> {
  const request = [infer(gateway.port, 'columns', tensors(1, 'FP32'))]
  const shadow = { ...models.columns, version: 2, digest: models.dataframe.digest }
  const p99: { with: number[]; without: number[] } = { with: [], without: [] }
  const rollout = (id: string) =>
    ({ id, candidate: shadow, mode: 'shadow', share: 1, salt: id, sticky: null, slowMs: 250 }) as const
  for (let round = 0; round <= rounds; round++) {
    const without = await load(gateway, request, 8, 300)
    await writeRoute(store, 'columns', { kind: 'begin', rollout: rollout(`r${round}`) }, 'bench')
    await settled(store, gateway)
    const shadowed = await load(gateway, request, 8, 300)
    await writeRoute(
      store,
      'columns',
      { kind: 'finish', rollout: `r${round}`, candidate: shadow, promote: false },
      'bench',
    )
    await settled(store, gateway)
    if (round === 0) continue
    p99.with.push(shadowed.p99)
    p99.without.push(without.p99)
  }
  return {
    what: '99th percentile with every request mirrored to a shadow, 300 requests a second, against without',
    ours: `${median(p99.with).toFixed(2)} ms`,
    theirs: `${median(p99.without).toFixed(2)} ms`,
    ratio: median(p99.with) / median(p99.without),
    limit: 1.1,
  }
}

/** Waits until the gateway applies what the route says. */
async function settled(store: Store, { port }: Server): Promise<void> {
  const revision = (await readRoute(store, 'columns'))?.revision
  await eventually(async () => {
    const health = (await (await fetch(`http://127.0.0.1:${port}/health`)).json()) as {
      endpoints: Record<string, { revision: number }>
    }
    return health.endpoints.columns?.revision === revision
  })
}

/** A hundred swaps of real versions by the route in the store, under constant load. */
export async function measureSwaps(store: Store, models: ServingModels, gateway: Server): Promise<Figure> {
  const other = { ...models.dataframe, model: 'columns', version: 3 }
  const request = [infer(gateway.port, 'columns', tensors(1, 'FP64'))]
  let swapping = true
  let failed = 0
  let answered = 0
  const loading = (async () => {
    while (swapping) {
      const { statuses } = await load(gateway, request, 4)
      for (const [status, count] of Object.entries(statuses)) {
        if (status === '200') answered += count
        else failed += count
      }
    }
  })()
  for (let i = 0; i < 100; i++) {
    const from = (await readRoute(store, 'columns'))?.revision ?? 1
    await writeRoute(store, 'columns', { kind: 'rollback', from, to: i % 2 === 0 ? other : models.columns }, 'bench')
    await settled(store, gateway)
  }
  swapping = false
  await loading
  return {
    what: 'failed requests in 100 version swaps under constant load, against all',
    ours: String(failed),
    theirs: String(answered),
    ratio: failed / answered,
    limit: 0,
  }
}
