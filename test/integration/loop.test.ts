import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { MonitorReport } from '../../pipelines/monitor-report.ts'
import type { RunRecord } from '../../pipelines/records.ts'
import { readLastReport } from '../../store/monitors.ts'
import { readRoute } from '../../store/routes.ts'
import { listRuns } from '../../store/runs.ts'
import { eventually, untilSent } from '../support/gateways.ts'
import { openPlace, type Place } from '../support/place.ts'
import { writeLoans } from '../support/project.ts'

/*
 * The closed loop with real servers and processes: drift, labels, alerts, retrainings, and what must not get through.
 */
let place: Place
let alerts: Server
const received: { status: string; annotations: Record<string, string> }[] = []

/** Loans of a stretch of time; `shift` raises the incomes, and with them what they mean stays the same. */
const loans = (from: number, rows: number, shift = 0): string => `
  SELECT i AS id, TIMESTAMP '2024-01-01' + INTERVAL (i) HOUR AS day,
    20000 + ${shift} + (i * 7919) % 60000 AS income, 18 + (i * 104729) % 60 AS age,
    ['car', 'home', 'travel', 'tools'][1 + (i * 31) % 4] AS purpose,
    CASE WHEN ((i * 2654435761) % 1000) / 1000.0 < 1 / (1 + exp((20000 + ${shift} + (i * 7919) % 60000 - 45000) / 12000.0)) THEN 1 ELSE 0 END AS defaulted
  FROM range(${from}, ${from + rows}) t(i)`

/** What a loan in traffic turns out to be: the same law as the data. */
function loan(i: number, shift: number) {
  const income = 20_000 + shift + ((i * 7919) % 60_000)
  const row = {
    id: i,
    day: new Date(Date.UTC(2024, 0, 1) + i * 3_600_000).toISOString(),
    income,
    age: 18 + ((i * 104_729) % 60),
    purpose: ['car', 'home', 'travel', 'tools'][(i * 31) % 4],
  }
  const chance = 1 / (1 + Math.exp((income - 45_000) / 12_000))
  return { row, label: ((i * 2_654_435_761) % 1000) / 1000 < chance ? 1 : 0 }
}

async function post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${place.gateway}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
}

/** Serves loans and tells what became of them, then has the monitor look. */
async function serve(from: number, rows: number, shift: number, name: string): Promise<MonitorReport> {
  for (let at = from; at < from + rows; at += 16) {
    const batch = Array.from({ length: 16 }, (_, i) => loan(at + i, shift))
    const answer = await post(
      '/v1/models/credit:predict',
      { instances: batch.map(({ row }) => row) },
      { 'x-request-id': `${name}-${at}` },
    )
    expect(answer.status, await answer.clone().text()).toBe(200)
    const labels = batch.map(({ label }, row) => ({ requestId: `${name}-${at}`, row, label }))
    expect((await post('/feedback', labels)).status).toBe(202)
  }
  return check()
}

async function check(): Promise<MonitorReport> {
  const before = (await readLastReport(place.store.store, 'credit'))?.seq ?? -1
  await untilSent(place.store.store)
  const triggered = await place.run('schedule', 'trigger', 'credit', 'monitor')
  expect(triggered, triggered.stderr).toMatchObject({ code: 0 })
  await eventually(async () => ((await readLastReport(place.store.store, 'credit'))?.seq ?? -1) > before)
  return (await readLastReport(place.store.store, 'credit')) as MonitorReport
}

const champion = async (): Promise<number> => (await readRoute(place.store.store, 'credit'))?.champion.version ?? 0
const retrainings = async (): Promise<RunRecord[]> =>
  (await listRuns(place.store.store, 'loans', 50)).filter(({ origin }) => origin.retraining !== undefined)
/** Waits until so many retrainings have ended, and the supervisor is done with them. */
async function untilRetrained(count: number): Promise<RunRecord> {
  await eventually(async () => (await retrainings()).length >= count)
  await eventually(async () => {
    const { code, stdout } = await place.run('retrain', 'status', 'loans', '--json')
    return code === 0 && JSON.parse(stdout).state !== 'running'
  })
  return (await retrainings())[0] as RunRecord
}

beforeAll(async () => {
  alerts = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      received.push(JSON.parse(body))
      response.end()
    })
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => alerts.once('listening', resolve))
  place = await openPlace({
    SLIPWAY_CAPTURE_RATE: '1',
    SLIPWAY_ALERT_URL: `http://127.0.0.1:${(alerts.address() as AddressInfo).port}/alerts`,
  })
  await place.project.data('data/loans-1.parquet', loans(0, 4_000))
  writeLoans(place.project, {
    schema: `import { z } from 'zod'
export const Loan = z.object({
  id: z.int(), day: z.date(), income: z.number().min(0).max(200000), age: z.int().min(18).max(100),
  purpose: z.enum(['car', 'home', 'travel', 'tools']), defaulted: z.int().min(0).max(1),
})
`,
    body: `import { auc, binary, logLoss, pipeline, psi, trees } from 'slipway'
import { features } from './features.ts'
import { Loan } from './schema.ts'
import { bad } from './target.ts'

export default pipeline('loans', (p) => {
  const loans = p.snapshot('loans', { from: 'data/loans-*.parquet', schema: Loan })
  const parts = p.split(p.validate(loans, { unique: [['id']] }), { by: 'day', test: '60d', validation: '20d' })
  const model = p.train('risk', { on: parts, features, target: binary('defaulted', bad), learner: trees({ trees: 20, leaves: 7, minRowsPerLeaf: 10 }), seed: 1 })
  const candidate = p.package(model)
  p.gate(candidate, { on: parts.test, must: [auc.atLeast(0.55), logLoss.atMost(0.9)], champion: 'not compared' })
  const live = p.deploy(candidate, { endpoint: 'credit', allAtOnce: true })
  p.monitor(live, {
    every: '1h', drift: psi.over(0.2), quality: auc.below(0.5), minRows: 100, minLabels: 100,
    retrain: { every: '30d', window: '120d', cooldown: '0s', maxPerDay: 50, notWorse: { by: 0.03 } },
    playbook: 'Look at the incomes first.',
  })
})
`,
  })
})
afterAll(async () => {
  await place?.close()
  alerts?.close()
})

describe('the closed loop', () => {
  it('watches what is deployed, by a schedule', async () => {
    const run = await place.run('run', 'loans', '--wait', '--json')
    expect(run, run.stderr).toMatchObject({ code: 0 })
    await eventually(
      async () => (await fetch(`${place.gateway}/v2/models/credit/ready`).catch(() => undefined))?.ok === true,
    )
    const { stdout } = await place.run('schedule', 'list', '--json')
    const named = (text: string) => Object.fromEntries(JSON.parse(text).map((each: { id: string }) => [each.id, each]))
    expect(named(stdout)).toMatchObject({
      'credit/monitor': { kind: 'monitor', paused: false },
      'loans/retrain': { kind: 'retrain', paused: false },
    })
    expect((await place.run('schedule', 'pause', 'credit', 'monitor', '--reason', 'a test')).code).toBe(0)
    expect(named((await place.run('schedule', 'list', '--json')).stdout)['credit/monitor']).toMatchObject({
      paused: true,
    })
    expect((await place.run('schedule', 'resume', 'credit', 'monitor')).code).toBe(0)
  })

  it('says that all is well while it is, with live quality from labels', async () => {
    const report = await serve(4_000, 640, 0, 'calm')
    expect(report).toMatchObject({ rows: 640, change: 'none', labels: { received: 640, matched: 640, dropped: 0 } })
    expect(report.quality?.labels).toBe(640)
    expect(report.quality?.metrics.auc?.value).toBeGreaterThan(0.6)
    expect((await place.run('drift', 'check', 'credit')).code).toBe(0)
    expect(await retrainings()).toEqual([])
  })

  it('follows a prediction back to where it comes from, and to its label', async () => {
    const { code, stdout } = await place.run('trace', 'calm-4016', '--json')
    expect(code).toBe(0)
    const traced = JSON.parse(stdout)
    const { row, label } = loan(4_017, 0)
    expect(traced).toMatchObject({ endpoint: 'credit', model: { name: 'loans', version: 1 } })
    expect(traced.rows).toHaveLength(16)
    expect(traced.rows[1]).toMatchObject({ row: 1, role: 'champion', label: { value: label } })
    expect(traced.rows[1].input).toMatchObject({ income: row.income, purpose: row.purpose })
    const [first] = await listRuns(place.store.store, 'loans', 1)
    expect(traced.run).toBe(first?.runId)
    expect(traced.snapshot).toBe(first?.steps[0]?.outputs[0]?.digest)
    const unknown = await place.run('trace', 'nobody')
    expect(unknown.code).toBe(2)
    expect(unknown.stderr).toContain('no captured row has the request id "nobody"')
  })

  it('notices drift, retrains on fresh data with the cause on record, and the new version takes over, whatever is killed', async () => {
    await place.project.data('data/loans-2.parquet', loans(4_000, 3_000, 20_000))
    const report = await serve(6_400, 640, 20_000, 'drifted')
    expect(report).toMatchObject({ change: 'opened' })
    expect(report.rules[0]).toMatchObject({ kind: 'drift', firing: true })
    expect(report.verdict).toMatch(/psi > 0.2: .*income/)
    // In the middle of it, everything that carries it out is killed.
    place.worker.kill()
    await place.killTemporal()
    await place.startTemporal()
    const run = await untilRetrained(1)
    expect(run, JSON.stringify(run.error)).toMatchObject({
      status: 'succeeded',
      origin: { user: 'supervisor', retraining: '1' },
    })
    expect(run.origin.cause).toMatch(/^drift: psi > 0.2/)
    expect(run.steps.find(({ name }) => name === 'never-worse')?.summary).toMatch(/^\d of \d passed/)
    expect(await champion()).toBe(2)
    expect(await retrainings()).toHaveLength(1)
    await eventually(async () => received.length >= 1)
    expect(received[0]).toMatchObject({
      status: 'firing',
      annotations: { playbook: 'Look at the incomes first.', command: 'npx slipway drift show credit' },
    })
  })

  it('is calm with the new version, and says once that the incident has ended', async () => {
    const report = await serve(7_040, 640, 20_000, 'after')
    expect(report).toMatchObject({ champion: { version: 2 }, change: 'resolved', incident: null })
    await eventually(async () => received.some(({ status }) => status === 'resolved'))
    // A worker that was killed while it told may have told twice; the same alert, which receivers take for one.
    expect(new Set(received.map((alert) => JSON.stringify(alert))).size).toBe(2)
  })

  it('starts exactly one run for an Alertmanager webhook, however often it is sent', async () => {
    const webhook = {
      version: '4',
      status: 'firing',
      alerts: [
        {
          status: 'firing',
          labels: { alertname: 'IncomesMoved', slipway_pipeline: 'loans' },
          annotations: { summary: 'said Prometheus' },
          startsAt: new Date().toISOString(),
          fingerprint: 'abc',
        },
      ],
    }
    const answers = await Promise.all(Array.from({ length: 8 }, () => post('/hooks/alertmanager', webhook)))
    expect(answers.map(({ status }) => status)).toEqual(new Array(8).fill(202))
    const run = await untilRetrained(2)
    expect(run.origin.cause).toBe('alertmanager: IncomesMoved: said Prometheus')
    expect((await post('/hooks/alertmanager', webhook)).status).toBe(202)
    // Asked after it was told: it has begun nothing for it.
    await untilRetrained(2)
    expect(await retrainings()).toHaveLength(2)
    const unknown = { ...webhook, alerts: [{ ...webhook.alerts[0], labels: { slipway_pipeline: 'nothing' } }] }
    const beside = await post('/hooks/alertmanager', { ...webhook, alerts: [...unknown.alerts, ...webhook.alerts] })
    expect([beside.status, await beside.json()]).toMatchObject([202, { signalled: ['loans'] }])
    const answer = await post('/hooks/alertmanager', unknown)
    expect([answer.status, await answer.text()]).toEqual([
      404,
      expect.stringContaining('no pipeline \\"nothing\\" is watched'),
    ])
  })

  it('retrains when it is time, too', async () => {
    const before = await retrainings()
    expect((await place.run('schedule', 'trigger', 'loans', 'retrain')).code).toBe(0)
    expect((await untilRetrained(before.length + 1)).origin.cause).toBe('schedule: it is time')
  })

  it.each([
    [
      'flipped labels',
      'SELECT * REPLACE (1 - defaulted AS defaulted)',
      'gate failed',
      /never-worse.*labelled rows served lately/s,
    ],
    [
      'incomes in thousands',
      'SELECT * REPLACE (income / 1000 AS income)',
      'gate failed',
      /never-worse.*labelled rows served lately/s,
    ],
    ['rows twice', 'SELECT * FROM (SELECT * FROM given) UNION ALL SELECT *', 'failed', /unique|id/],
  ])('keeps the champion when the source is poisoned: %s', async (_, poison, status, why) => {
    const before = await retrainings()
    const [serving, data] = [await champion(), loans(4_000, 3_000, 20_000)]
    await place.project.data('data/loans-1.parquet', `WITH given AS (${loans(0, 4_000)}) ${poison} FROM given`)
    await place.project.data('data/loans-2.parquet', `WITH given AS (${data}) ${poison} FROM given`)
    expect((await place.run('signal', 'drift', 'loans', '--reason', 'a drill')).code).toBe(0)
    const run = await untilRetrained(before.length + 1)
    expect(run.status).toBe(status)
    expect(`${run.error?.step}: ${run.error?.message}`).toMatch(why)
    expect(await champion()).toBe(serving)
    const { stdout } = await place.run('retrain', 'status', 'loans')
    expect(stdout).toContain(status)
    await place.project.data('data/loans-1.parquet', loans(0, 4_000))
    await place.project.data('data/loans-2.parquet', data)
  })

  it('takes labels from a file, once, and passes over a window that is none', async () => {
    const { store } = place.store
    const last = (await readLastReport(store, 'credit')) as MonitorReport
    await place.project.data(
      'data/labels.parquet',
      "SELECT 'after-7040' AS requestId, 0 AS row, 1.0 AS label, now()::TIMESTAMP AS at UNION ALL SELECT 'unknown', 0, 1.0, now()::TIMESTAMP",
    )
    expect((await place.run('labels', 'import', 'data/labels.parquet', '--json')).stdout).toContain('"accepted": 2')
    await place.store.store.client.send(
      new PutObjectCommand({
        Bucket: store.bucket,
        Key: 'windows/credit/a-broken-gateway/0000000000.json',
        Body: '{"slipway":"window/1"}',
      }),
    )
    const report = await check()
    expect(report.seq).toBe(last.seq + 1)
    expect(report.labels).toMatchObject({ received: 2, waiting: 1 })
    const wrong = await place.project.data('data/wrong.parquet', "SELECT 'a' AS requestId, 5.0 AS label")
    expect(wrong).toBeUndefined()
    const refused = await place.run('labels', 'import', 'data/wrong.parquet')
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringContaining('label is 5, expected 0, 1, true or false'),
    ])
  })

  it('judges a file as the monitor would: exit 17 on drift, 0 without', async () => {
    await place.project.data('data/moved.parquet', loans(0, 1_000, 30_000))
    await place.project.data('data/same.parquet', loans(0, 1_000))
    const moved = await place.run(
      'drift',
      'check',
      'credit',
      '--from',
      'data/moved.parquet',
      '--against',
      '1',
      '--html',
      `${place.project.root}/page.html`,
    )
    expect(moved, moved.stderr).toMatchObject({ code: 17 })
    expect(moved.stdout).toContain('income')
    const usual = await place.run('drift', 'check', 'credit', '--from', 'data/same.parquet', '--against', '1')
    expect(usual, usual.stdout).toMatchObject({ code: 0 })
    const exact = await place.run(
      'drift',
      'check',
      'credit',
      '--from',
      'data/moved.parquet',
      '--against',
      '1',
      '--exact',
    )
    expect([exact.code, exact.stdout]).toEqual([17, expect.stringMatching(/psi > 0\.2: .*income 6\.7/)])
    const broken = await place.run('drift', 'check', 'credit', '--from', 'data/nothing.parquet')
    expect(broken.code).toBe(10)
    const nobody = await place.run('drift', 'check', 'nobody')
    expect([nobody.code, nobody.stderr]).toEqual([2, expect.stringContaining('is not watched')])
  })
})
