import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadModel } from '../lib/models/model.ts'
import { localModel } from '../lib/models/package.ts'
import { readRoute, writeRoute } from '../lib/store/routes.ts'
import type { Store } from '../lib/store/store.ts'
import { startGatewayProcess } from '../test/support/gateway-process.ts'
import { eventually } from '../test/support/gateways.ts'
import { startTestStore } from '../test/support/servers.ts'
import { generate, type Load, wire } from './load.ts'
import { type Figure, median } from './measure.ts'
import { type Peer, startPeers } from './peers.ts'
import { makeServingModels, type ServingModels } from './serving-model.ts'

/** A server under load, with what it costs. */
interface Served extends Load {
  /** Microseconds of processor time an answer. */
  readonly cpu: number
}

const seconds = 3
const rounds = 3

const values = { hour: 8.5, weekday: 3, day: 152, distance: 500, origin: 120, destination: 340 }
/** Row schema and features share their names: what goes to the feature code has all of the row's columns and no more. */
const tensors = (rows: number, datatype: 'FP64' | 'FP32') =>
  Object.entries(values).map(([name, value]) => ({
    name,
    datatype,
    shape: [rows],
    data: Array.from({ length: rows }, (_, i) => value + (i % 7)),
  }))

/** Processor time of a process and its threads so far, microseconds. */
function cpuOf(pid: number): number {
  const [, rest = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')
  const fields = rest.split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}

async function load(
  port: number,
  pid: number,
  requests: Buffer[],
  connections: number,
  rate?: number,
): Promise<Served> {
  const before = cpuOf(pid)
  const measured = await generate(port, requests, { connections, seconds, ...(rate === undefined ? {} : { rate }) })
  return { ...measured, cpu: (cpuOf(pid) - before) / Math.max(1, measured.answered) }
}

/** A server in Node that reads a request and answers a constant: what HTTP itself costs. */
function startConstant(): Promise<{ port: number; pid: number; stop(): void }> {
  const code = `const { createServer } = require('node:http')
const body = '{"model_name":"columns","model_version":"1","id":"133315dc-d2df-41dd-91cd-9bafe2e6b090","outputs":[{"name":"probability","datatype":"FP32","shape":[1],"data":[0.23076146841049194]}]}'
const server = createServer((request, response) => { request.on('data', () => {}); request.on('end', () => { response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length }); response.end(body) }) })
server.listen(0, '127.0.0.1', () => process.send(server.address().port))`
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  return new Promise((resolve) =>
    child.once('message', (port) =>
      resolve({ port: port as number, pid: child.pid ?? 0, stop: () => void child.kill() }),
    ),
  )
}

const perSecond = ({ answered, seconds: took }: Load): number => answered / took
const rate = (value: number): string => `${Math.round(value).toLocaleString('en')}/s`

/** Interleaved rounds of several loads; the median of what is asked of each. */
async function compare<Name extends string>(
  loads: Readonly<Record<Name, () => Promise<Served>>>,
): Promise<(name: Name, of: (served: Served) => number) => number> {
  const results: Record<string, Served[]> = {}
  for (let round = 0; round <= rounds; round++) {
    for (const [name, run] of Object.entries(loads) as [Name, () => Promise<Served>][]) {
      const served = await run()
      if (round > 0) results[name] = [...(results[name] ?? []), served]
    }
  }
  return (name, of) => median((results[name] ?? []).map(of))
}

/** What serving costs, against what it cannot go below and against what others do it with. */
export async function measureServing(): Promise<Figure[]> {
  const server = await startTestStore()
  const folder = mkdtempSync(join(tmpdir(), 'slipway-bench-'))
  const models = await makeServingModels(server.store, folder)
  for (const name of ['columns', 'dataframe'] as const)
    await writeRoute(server.store, name, { kind: 'open', variant: models[name] }, 'bench')
  const gateway = await startGatewayProcess(server.store)
  const { pid } = gateway
  const constant = await startConstant()
  const peers = await startPeers(models.onnxFile)
  try {
    const figures = [
      ...(await measureSingleRows(gateway.port, pid, constant, peers)),
      await measureManyRows(server.store, models, gateway.port, pid),
      await measureDataframe(gateway.port, pid),
      ...(await measureOverload(gateway.port, pid)),
      await measureShadow(server.store, models, gateway.port, pid),
      await measureSwaps(server.store, models, gateway.port, pid),
    ]
    return figures
  } finally {
    for (const peer of peers) peer.stop()
    constant.stop()
    gateway.kill()
    await server.stop()
  }
}

const infer = (port: number, name: string, inputs: object[]): Buffer =>
  wire(port, `/v2/models/${name}/infer`, JSON.stringify({ inputs }))

async function measureSingleRows(
  port: number,
  pid: number,
  constant: { port: number; pid: number },
  peers: readonly Peer[],
): Promise<Figure[]> {
  const one = (at: number): Buffer[] => [
    wire(at, '/v1/models/columns:predict', JSON.stringify({ instances: [values] })),
  ]
  // Peers speak the Open Inference Protocol: against them so do we.
  const tensor = (at: number): Buffer[] => [infer(at, 'columns', tensors(1, 'FP32'))]
  const of = await compare({
    ours: () => load(port, pid, one(port), 8),
    constant: () => load(constant.port, constant.pid, one(constant.port), 8),
    tensors: () => load(port, pid, tensor(port), 8),
    ...Object.fromEntries(peers.map((peer) => [peer.name, () => load(peer.port, peer.pid, tensor(peer.port), 8)])),
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
async function measureManyRows(store: Store, models: ServingModels, port: number, pid: number): Promise<Figure> {
  const many = [infer(port, 'columns', tensors(100, 'FP32'))]
  const local = await localModel({ store, trusted: new Map() }, models.columns.digest)
  const model = await loadModel({ ...local, compiledModel: undefined })
  const features = Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, new Float32Array(64).fill(value)]),
  )
  const rows: { ours: number[]; bare: number[] } = { ours: [], bare: [] }
  for (let round = 0; round <= rounds; round++) {
    const ours = perSecond(await load(port, pid, many, 8)) * 100
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
async function measureDataframe(port: number, pid: number): Promise<Figure> {
  const of = await compare({
    dataframe: () => load(port, pid, [infer(port, 'dataframe', tensors(1, 'FP64'))], 64),
    columns: () => load(port, pid, [infer(port, 'columns', tensors(1, 'FP64'))], 64),
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

/** Twice what it can answer, sent whether it answers or not. */
async function measureOverload(port: number, pid: number): Promise<Figure[]> {
  const request = [infer(port, 'columns', tensors(100, 'FP32'))]
  const measured: { capacity: number; good: number; calm: number; storm: number }[] = []
  for (let round = 0; round < rounds; round++) {
    const capacity = perSecond(await load(port, pid, request, 32))
    const calm = await load(port, pid, request, 32, capacity * 0.3)
    const memoryBefore = residentBytes(pid)
    const storm = await load(port, pid, request, 256, capacity * 2)
    const good = (storm.statuses['200'] ?? 0) / storm.seconds
    measured.push({ capacity, good, calm: calm.p99, storm: storm.p99 })
    console.log(
      `overload: capacity ${rate(capacity)}, statuses ${JSON.stringify(storm.statuses)}, unsent ${storm.unsent}, memory ${((residentBytes(pid) - memoryBefore) / 1e6).toFixed(0)} MB more`,
    )
  }
  const of = (what: keyof (typeof measured)[number]): number => median(measured.map((each) => each[what]))
  return [
    {
      what: 'goodput of 100-row requests at twice the capacity, open loop, against capacity',
      ours: rate(of('good')),
      theirs: rate(of('capacity')),
      ratio: of('good') / of('capacity'),
      limit: 0.9,
      bound: 'at least',
    },
    {
      what: '99th percentile of those answered then, against that at 0.3 of capacity',
      ours: `${of('storm').toFixed(1)} ms`,
      theirs: `${of('calm').toFixed(1)} ms`,
      ratio: of('storm') / of('calm'),
      limit: 10,
    },
  ]
}

function residentBytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
}

/** Mirroring every request, at a load that leaves the machine idle time. */
async function measureShadow(store: Store, models: ServingModels, port: number, pid: number): Promise<Figure> {
  const request = [infer(port, 'columns', tensors(1, 'FP32'))]
  const shadow = { ...models.columns, version: 2, digest: models.dataframe.digest }
  const p99: { with: number[]; without: number[] } = { with: [], without: [] }
  const rollout = (id: string) =>
    ({ id, candidate: shadow, mode: 'shadow', share: 1, salt: id, sticky: null, slowMs: 250 }) as const
  for (let round = 0; round <= rounds; round++) {
    const without = await load(port, pid, request, 8, 300)
    await writeRoute(store, 'columns', { kind: 'begin', rollout: rollout(`r${round}`) }, 'bench')
    await settled(store, port)
    const shadowed = await load(port, pid, request, 8, 300)
    await writeRoute(
      store,
      'columns',
      { kind: 'finish', rollout: `r${round}`, candidate: shadow, promote: false },
      'bench',
    )
    await settled(store, port)
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

async function settled(store: Store, port: number): Promise<void> {
  const revision = (await readRoute(store, 'columns'))?.revision
  await eventually(async () => {
    const health = (await (await fetch(`http://127.0.0.1:${port}/health`)).json()) as {
      endpoints: Record<string, { revision: number }>
    }
    return health.endpoints.columns?.revision === revision
  })
}

/** A hundred swaps of real versions by the route in the store, under constant load. */
async function measureSwaps(store: Store, models: ServingModels, port: number, pid: number): Promise<Figure> {
  const other = { ...models.dataframe, model: 'columns', version: 3 }
  const request = [infer(port, 'columns', tensors(1, 'FP64'))]
  let swapping = true
  let failed = 0
  let answered = 0
  const loading = (async () => {
    while (swapping) {
      const { statuses } = await load(port, pid, request, 4)
      for (const [status, count] of Object.entries(statuses)) {
        if (status === '200') answered += count
        else failed += count
      }
    }
  })()
  for (let i = 0; i < 100; i++) {
    const from = (await readRoute(store, 'columns'))?.revision ?? 1
    await writeRoute(store, 'columns', { kind: 'rollback', from, to: i % 2 === 0 ? other : models.columns }, 'bench')
    await settled(store, port)
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
