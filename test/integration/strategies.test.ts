import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { Client, Connection } from '@temporalio/client'
import getPort from 'get-port'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RolloutRecord, RunRecord } from '../../lib/formats/records.ts'
import type { Route } from '../../lib/formats/route.ts'
import { readModel } from '../../lib/store/registry.ts'
import { readRolloutEnd } from '../../lib/store/rollouts.ts'
import { readRoute } from '../../lib/store/routes.ts'
import { readRun } from '../../lib/store/runs.ts'
import { progressQuery, rolloutStatusQuery, rolloutWorkflowId, runWorkflowId } from '../../workflows/messages.ts'
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts'
import { eventually } from '../support/gateways.ts'
import { openPlace, type Place } from '../support/place.ts'
import { loansSql, writeLoans } from '../support/project.ts'

/*
 * What docs/rollouts.md and docs/serving.md promise of approvals, strategies, several gateways and TLS, on real servers
 * and processes.
 */
let place: Place
let second: GatewayProcess
let connection: Connection
let temporal: Client

/**
 * A pipeline whose model differs by its number of trees, judged by little, brought to its endpoint in one of the ways.
 */
function definition(trees: number, deploy: string, before = '', after = ''): void {
  writeLoans(place.project, {
    body: `import { auc, binary, errors, pipeline, trees } from 'slipway'
import { features } from './features.ts'
import { Loan } from './schema.ts'
import { bad } from './target.ts'

export default pipeline('loans', (p) => {
  const loans = p.snapshot('loans', { from: 'data/loans.parquet', schema: Loan })
  const parts = p.split(p.validate(loans), { byHashOf: 'id', validation: 0.2, test: 0.3, seed: 3 })
  const model = p.train('risk', { on: parts, features, target: binary('defaulted', bad), learner: trees({ trees: ${trees}, leaves: 7, minRowsPerLeaf: 10 }), seed: 1 })
  const candidate = p.package(model)
  p.gate(candidate, { on: parts.test, must: [auc.atLeast(0.6), auc.notWorseThan('champion', { by: 0.2 })] })
  ${before}
  const live = p.deploy(candidate, { endpoint: 'credit', ${deploy} })
  ${after}
})
`,
  })
}
const watch = 'minSamples: 20, watch: [errors.notWorseBy(0.05)]'

const route = async (): Promise<Route> => (await readRoute(place.store.store, 'credit')) as Route
const champions = async (): Promise<number[]> => [...((await readModel(place.store.store, 'loans'))?.champions ?? [])]

async function start(): Promise<string> {
  const { code, stdout, stderr } = await place.run('run', 'loans', '--json')
  expect(code, stderr).toBe(0)
  return JSON.parse(stdout).runId
}

async function ended(runId: string): Promise<RunRecord> {
  let record: RunRecord | undefined
  await eventually(async () => {
    record = await readRun(place.store.store, runId)
    return record !== undefined
  })
  return record as RunRecord
}

/** Asks both gateways, one after the other, until the run has ended. */
async function endedUnderTraffic(runId: string): Promise<RunRecord & { decided: RolloutRecord }> {
  let isOver = false
  const traffic = (async () => {
    for (let i = 0; !isOver; i++) {
      const address = i % 2 === 0 ? place.gateway : second.address
      // A gateway that is being killed answers nobody; its clients go to the other one.
      await predict(address, i).catch(() => {})
    }
  })()
  const record = await ended(runId).finally(() => {
    isOver = true
  })
  await traffic
  const decided = await readRolloutEnd(place.store.store, record.rollout?.id ?? '')
  return { ...record, decided: decided as RolloutRecord }
}

const predict = (address: string, i: number): Promise<Response> =>
  fetch(`${address}/v1/models/credit:predict`, {
    method: 'POST',
    body: JSON.stringify({
      instances: [{ id: i, day: 0, income: 20_000 + ((i * 7_919) % 60_000), age: 40, purpose: 'car' }],
    }),
  })

const steps = ({ decisions }: RolloutRecord): string[] => decisions.map(({ stage, action }) => `${stage} ${action}`)

beforeAll(async () => {
  place = await openPlace({ SLIPWAY_CONSOLE_ADDRESS: 'https://console.example' })
  await place.project.data('data/loans.parquet', loansSql())
  definition(5, 'allAtOnce: true')
  expect((await ended(await start())).status).toBe('succeeded')
  second = await startGatewayProcess(place.store.store)
  connection = await Connection.connect({ address: place.temporal })
  temporal = new Client({ connection })
  await eventually(
    async () => (await fetch(`${place.gateway}/v2/models/credit/ready`).catch(() => undefined))?.ok === true,
    120_000,
  )
}, 300_000)
afterAll(async () => {
  await connection?.close()
  second?.kill()
  await place?.close()
})

describe('an approval', () => {
  const waits = async (runId: string): Promise<boolean> => {
    const asked = temporal.workflow.getHandle(runWorkflowId(runId)).query(progressQuery)
    // No worker may be there at the moment.
    return ((await asked.catch(() => undefined))?.waitingFor ?? null) !== null
  }
  const approve = "p.approve(candidate, { role: 'ml-lead', within: '1h', otherwise: 'reject' })"

  it('is waited for, whatever is killed meanwhile; who gave it is on record; then the model takes over', async () => {
    definition(6, 'allAtOnce: true', approve)
    const runId = await start()
    await eventually(() => waits(runId))
    place.worker.kill()
    const before = await champions()
    const answer = await place.run('approve', runId, '--reason', 'it is good')
    expect(answer, answer.stderr).toMatchObject({ code: 0 })
    const record = await ended(runId)
    expect(record).toMatchObject({ status: 'succeeded', model: { champion: true } })
    expect(record.steps.find(({ kind }) => kind === 'approve')?.summary).toMatch(/^approved by .*it is good/)
    expect(await champions()).toEqual([...before, record.model?.version])
  })

  it('that is refused ends the run with 13, and the champion stays', async () => {
    definition(7, 'allAtOnce: true', approve)
    const runId = await start()
    await eventually(() => waits(runId))
    const before = await champions()
    expect((await place.run('reject', runId, '--reason', 'not today')).code).toBe(0)
    expect(await ended(runId)).toMatchObject({
      status: 'rejected',
      exitCode: 13,
      error: { code: 'REJECTED', message: expect.stringContaining('not today') },
    })
    expect(await champions()).toEqual(before)
  })
})

describe('a rollout', () => {
  it('blue-green: everything at once when both gateways have it, the old one is asked beside until the bake is over', async () => {
    definition(8, `blueGreen: { bake: '3s', ${watch} }`)
    const { status, decided } = await endedUnderTraffic(await start())
    expect(status, decided?.reason).toBe('succeeded')
    expect(decided.outcome).toBe('promoted')
    expect(steps(decided)).toEqual(['0 % advance', '0 % advance', 'all, baking promote'])
    expect((await route()).champion).toEqual(decided.candidate)
  })

  it('A/B: one share for its time, and ends with the difference and its interval', async () => {
    definition(9, `ab: { share: 50, for: '4s', ${watch} }`)
    const { status, decided } = await endedUnderTraffic(await start())
    expect(status, decided?.reason).toBe('succeeded')
    expect(steps(decided)).toEqual(['50 % advance', '50 % promote'])
    expect(decided.reason).toMatch(/difference (at most )?-?[\d.]+ points/)
  })

  it('in the shadow first, then the canary, and waits for an approval before it takes over for good', async () => {
    definition(10, `shadow: { minSamples: 40 }, canary: { steps: [50], approval: { role: 'ml-lead' }, ${watch} }`)
    const runId = await start()
    const over = endedUnderTraffic(runId)
    let id = ''
    await eventually(async () => {
      id = (await route()).rollout?.id ?? id
      if (id === '') return false
      // The route names it before its workflow is there.
      const asked = temporal.workflow.getHandle(rolloutWorkflowId(id)).query(rolloutStatusQuery)
      return (await asked.catch(() => undefined))?.waitingForApproval === 'ml-lead'
    })
    expect((await route()).champion.digest).not.toBe((await route()).rollout?.candidate.digest)
    const described = await temporal.workflow.getHandle(rolloutWorkflowId(id)).describe()
    expect(await described.staticDetails()).toBe(
      '[Look at it in the console](https://console.example/endpoints/credit)',
    )
    const answer = await place.run('rollout', 'approve', 'credit')
    expect(answer, answer.stderr).toMatchObject({ code: 0 })
    const { decided } = await over
    expect(decided.outcome).toBe('promoted')
    expect(steps(decided).slice(0, 2)).toEqual(['shadow of 100 % advance', 'shadow of 100 % advance'])
    expect(decided.reason).toMatch(/approved by/)
  })

  it('goes on when one gateway of several is killed for good', async () => {
    definition(11, `canary: { steps: [10, 50], ${watch} }`)
    const runId = await start()
    const over = endedUnderTraffic(runId)
    await eventually(async () => (await route()).rollout?.share === 0.1)
    second.kill()
    const { decided } = await over
    expect(decided.outcome, decided.reason).toBe('promoted')
    expect(steps(decided)).toEqual(['10 % advance', '10 % advance', '50 % promote'])
  })
})

describe('a schedule', () => {
  it('that was missed while Temporal was away fires when it is back, for the time it was meant for', async () => {
    const nightly =
      "p.batch(live, 'nightly', { cron: '0 2 * * *', from: 'in/{date}/*.csv', to: 'out/{date}/', catchup: '1h' })"
    definition(12, 'allAtOnce: true', '', nightly)
    expect((await ended(await start())).status).toBe('succeeded')
    // Every other second instead of once a night; how late it may begin stays as the definition says.
    const schedule = temporal.schedule.getHandle('loans/nightly')
    await schedule.update((before) => ({ ...before, spec: { intervals: [{ every: '2s' }] } }))
    /** Times that batches were meant for, ms. */
    const meant = async (): Promise<number[]> => {
      const times: number[] = []
      for await (const { searchAttributes } of temporal.workflow.list({
        query: 'TemporalScheduledById = "loans/nightly"',
      }))
        for (const time of (searchAttributes.TemporalScheduledStartTime ?? []) as Date[]) times.push(time.getTime())
      return times
    }
    await eventually(async () => (await meant()).length > 0)
    const from = Date.now()
    await place.killTemporal()
    await new Promise((resolve) => setTimeout(resolve, 5_000))
    const to = Date.now()
    await place.startTemporal()
    await eventually(async () => (await meant()).some((time) => time > from && time < to))
    await schedule.delete()
  })
})

describe('a gateway with TLS and tokens', () => {
  it('answers those who have both, and says 401 to those without a token', async () => {
    const { root } = place.project
    const [cert, key] = [join(root, 'cert.pem'), join(root, 'key.pem')]
    execFileSync('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'],
      ...[
        '-subj',
        '/CN=localhost',
        '-addext',
        'subjectAltName=DNS:localhost,IP:127.0.0.1',
        '-keyout',
        key,
        '-out',
        cert,
      ],
    ])
    place.project.write('tokens', 'a-long-enough-token\n')
    const port = await getPort()
    const ask = (path: string, headers: Record<string, string> = {}): Promise<number> =>
      new Promise((resolve, reject) => {
        const sent = request(`https://127.0.0.1:${port}${path}`, { ca: readFileSync(cert), headers })
        sent.once('response', (answer) => {
          answer.resume()
          resolve(answer.statusCode ?? 0)
        })
        sent.once('error', reject)
        sent.end()
      })
    const settings = {
      SLIPWAY_GATEWAY_PORT: String(port),
      SLIPWAY_TLS_CERT: cert,
      SLIPWAY_TLS_KEY: key,
      SLIPWAY_GATEWAY_TOKENS: join(root, 'tokens'),
    }
    const isReady = async () => (await ask('/v2/health/ready')) === 200
    const gateway = await startGatewayProcess(place.store.store, settings, isReady)
    try {
      expect(await ask('/v2/models/credit')).toBe(401)
      expect(await ask('/v2/models/credit', { authorization: 'Bearer another' })).toBe(401)
      expect(await ask('/v2/models/credit', { authorization: 'Bearer a-long-enough-token' })).toBe(200)
      await expect(fetch(`http://127.0.0.1:${port}/v2/health/live`)).rejects.toThrow()
    } finally {
      gateway.kill()
    }
  })
})
