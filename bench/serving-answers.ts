import { loadModel } from '../lib/models/model.ts'
import { localModel } from '../lib/models/package.ts'
import type { Store } from '../lib/store/store.ts'
import { wire } from './load.ts'
import { type Figure, median } from './measure.ts'
import type { Peer } from './peers.ts'
import {
  compare,
  infer,
  load,
  perSecond,
  rate,
  rounds,
  type Served,
  type Server,
  seconds,
  tensors,
  values,
} from './serving-load.ts'
import type { ServingModels } from './serving-model.ts'

/** Single rows against what HTTP itself costs, and against other servers of the same model. */
export async function measureSingleRows(gateway: Server, constant: Server, peers: readonly Peer[]): Promise<Figure[]> {
  const one = (at: number): Buffer[] => [
    wire(at, '/v1/models/columns:predict', JSON.stringify({ instances: [values] })),
  ]
  // Peers speak the Open Inference Protocol: against them so do we.
  const tensor = (at: number): Buffer[] => [infer(at, 'columns', tensors(1, 'FP32'))]
  const of = await compare({
    ours: () => load(gateway, one(gateway.port), 8),
    constant: () => load(constant, one(constant.port), 8),
    tensors: () => load(gateway, tensor(gateway.port), 8),
    ...Object.fromEntries(peers.map((peer) => [peer.name, () => load(peer, tensor(peer.port), 8)])),
  } as Record<string, () => Promise<Served>>)
  const figures: Figure[] = [
    {
      what: 'single-row JSON requests, 8 connections, validation and telemetry on, against a Node server that answers a constant',
      ours: rate(of('ours', perSecond)),
      theirs: rate(of('constant', perSecond)),
      ratio: of('ours', perSecond) / of('constant', perSecond),
      limit: 0.6,
      bound: 'at least',
    },
  ]
  for (const { name, times } of peers) {
    figures.push({
      what: `the same against ${name} with the same model`,
      ours: rate(of('tensors', perSecond)),
      theirs: rate(of(name, perSecond)),
      ratio: of('tensors', perSecond) / of(name, perSecond),
      limit: times,
      bound: 'at least',
    })
  }
  const [fastApi] = peers
  if (fastApi === undefined) return figures
  const microseconds = (value: number): string => `${value.toFixed(0)} µs`
  figures.push(
    {
      what: `processor time a request, against ${fastApi.name}`,
      ours: microseconds(of('tensors', ({ cpu }) => cpu)),
      theirs: microseconds(of(fastApi.name, ({ cpu }) => cpu)),
      ratio: of('tensors', ({ cpu }) => cpu) / of(fastApi.name, ({ cpu }) => cpu),
      limit: 0.2,
    },
    {
      what: `99th percentile of latency, against ${fastApi.name}`,
      ours: `${of('tensors', ({ p99 }) => p99).toFixed(2)} ms`,
      theirs: `${of(fastApi.name, ({ p99 }) => p99).toFixed(2)} ms`,
      ratio: of('tensors', ({ p99 }) => p99) / of(fastApi.name, ({ p99 }) => p99),
      limit: 1,
    },
  )
  return figures
}

/** Rows of requests with a hundred of them, against the session alone at its batch of 64. */
export async function measureManyRows(store: Store, models: ServingModels, gateway: Server): Promise<Figure> {
  const many = [infer(gateway.port, 'columns', tensors(100, 'FP32'))]
  const local = await localModel({ store, trusted: new Map() }, models.columns.digest)
  const model = await loadModel({ ...local, compiledModel: undefined })
  const features = Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, new Float32Array(64).fill(value)]),
  )
  const rows: { ours: number[]; bare: number[] } = { ours: [], bare: [] }
  for (let round = 0; round <= rounds; round++) {
    const ours = perSecond(await load(gateway, many, 8)) * 100
    const start = performance.now()
    let count = 0
    while (performance.now() - start < seconds * 500) {
      await model.scoreFeatures(features)
      count += 64
    }
    const bare = (count / (performance.now() - start)) * 1000
    if (round === 0) continue
    rows.ours.push(ours)
    rows.bare.push(bare)
  }
  await model.release()
  return {
    what: 'rows of 100-row requests, against bare session.run at batch 64',
    ours: rate(median(rows.ours)),
    theirs: rate(median(rows.bare)),
    ratio: median(rows.ours) / median(rows.bare),
    limit: 0.6,
    bound: 'at least',
  }
}

/** What a feature function in danfojs costs, at 64 connections. */
export async function measureDataframe(gateway: Server): Promise<Figure> {
  const of = await compare({
    dataframe: () => load(gateway, [infer(gateway.port, 'dataframe', tensors(1, 'FP64'))], 64),
    columns: () => load(gateway, [infer(gateway.port, 'columns', tensors(1, 'FP64'))], 64),
  })
  return {
    what: 'single rows through a feature function in danfojs, 64 connections, against one over typed columns',
    ours: rate(of('dataframe', perSecond)),
    theirs: rate(of('columns', perSecond)),
    ratio: of('dataframe', perSecond) / of('columns', perSecond),
    limit: 0.4,
    bound: 'at least',
  }
}
