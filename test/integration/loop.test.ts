import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { Client, Connection } from '@temporalio/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { MonitorReport } from '../../lib/formats/monitor-report.ts'
import { readLastReport } from '../../lib/store/monitors.ts'
import { listRuns } from '../../lib/store/runs.ts'
import { type ClosedLoopPlace, loan, loans, openClosedLoop } from '../support/closed-loop-place.ts'
import { eventually } from '../support/gateways.ts'

/*
 * The closed loop with real servers and processes: drift, labels, alerts, retrainings.
 */
let place: ClosedLoopPlace
let alerts: Server
const received: { status: string; annotations: Record<string, string> }[] = []

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
  const { port } = alerts.address() as AddressInfo
  place = await openClosedLoop({
    SLIPWAY_ALERT_URL: `http://127.0.0.1:${port}/alerts`,
    SLIPWAY_CONSOLE_ADDRESS: 'https://console.example/',
  })
})
afterAll(async () => {
  await place?.close()
  alerts?.close()
})

describe('the closed loop', () => {
  it('watches what is deployed, by a schedule', async () => {
    await place.open()
    const named = async () => {
      const { stdout } = await place.run('schedule', 'list', '--json')
      return Object.fromEntries(JSON.parse(stdout).map((each: { id: string }) => [each.id, each]))
    }
    // Temporal names a schedule in its list some time after it was made.
    await eventually(async () => Object.keys(await named()).length === 2)
    expect(await named()).toMatchObject({
      'credit/monitor': { kind: 'monitor', paused: false },
      'loans/retrain': { kind: 'retrain', paused: false },
    })
    expect((await place.run('schedule', 'pause', 'credit', 'monitor', '--reason', 'a test')).code).toBe(0)
    expect((await named())['credit/monitor']).toMatchObject({ paused: true })
    expect((await place.run('schedule', 'resume', 'credit', 'monitor')).code).toBe(0)
  })

  it('says that all is well while it is, with live quality from labels', async () => {
    const report = await place.serve(4_000, 640, 0, 'calm')
    expect(report).toMatchObject({ rows: 640, change: 'none', labels: { received: 640, matched: 640, dropped: 0 } })
    expect(report.quality?.labels).toBe(640)
    expect(report.quality?.metrics.auc?.value).toBeGreaterThan(0.6)
    expect((await place.run('drift', 'check', 'credit')).code).toBe(0)
    expect(await place.retrainings()).toEqual([])
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
    const report = await place.serve(6_400, 640, 20_000, 'drifted')
    expect(report).toMatchObject({ change: 'opened' })
    expect(report.rules[0]).toMatchObject({ kind: 'drift', firing: true })
    expect(report.verdict).toMatch(/psi > 0.2: .*income/)
    // In the middle of it, everything that carries it out is killed.
    place.worker.kill()
    await place.killTemporal()
    await place.startTemporal()
    const run = await place.untilRetrained(1)
    expect(run, JSON.stringify(run.error)).toMatchObject({
      status: 'succeeded',
      origin: { user: 'supervisor', retraining: '1' },
    })
    expect(run.origin.cause).toMatch(/^drift: psi > 0.2/)
    expect(run.steps.find(({ name }) => name === 'never-worse')?.summary).toMatch(/^\d of \d passed/)
    expect(await place.champion()).toBe(2)
    expect(await place.retrainings()).toHaveLength(1)
    await eventually(async () => received.length >= 1)
    expect(received[0]).toMatchObject({
      status: 'firing',
      annotations: { playbook: 'Look at the incomes first.', command: 'npx slipway drift show credit' },
    })
  })

  it('leads from Temporal’s web UI to the console: its run, its supervisor, its schedules', async () => {
    const [run] = await place.retrainings()
    const connection = await Connection.connect({ address: place.temporal })
    try {
      const { workflow, schedule } = new Client({ connection })
      const detailsOf = async (id: string) => (await workflow.getHandle(id).describe()).staticDetails()
      const page = (path: string): string => `[Look at it in the console](https://console.example${path})`
      expect(await detailsOf(`run/${run?.runId}`)).toBe(page(`/runs/${run?.runId}`))
      expect(await detailsOf('supervisor/loans')).toBe(page('/pipelines/loans'))
      const { action } = await schedule.getHandle('credit/monitor').describe()
      expect(action.staticDetails).toBe(page('/monitors/credit'))
    } finally {
      await connection.close()
    }
  })

  it('is calm with the new version, and says once that the incident has ended', async () => {
    const report = await place.serve(7_040, 640, 20_000, 'after')
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
    const answers = await Promise.all(Array.from({ length: 8 }, () => place.post('/hooks/alertmanager', webhook)))
    expect(answers.map(({ status }) => status)).toEqual(new Array(8).fill(202))
    const run = await place.untilRetrained(2)
    expect(run.origin.cause).toBe('alertmanager: IncomesMoved: said Prometheus')
    expect((await place.post('/hooks/alertmanager', webhook)).status).toBe(202)
    // Asked after it was told: it has begun nothing for it.
    await place.untilRetrained(2)
    expect(await place.retrainings()).toHaveLength(2)
    const unknown = { ...webhook, alerts: [{ ...webhook.alerts[0], labels: { slipway_pipeline: 'nothing' } }] }
    const beside = await place.post('/hooks/alertmanager', {
      ...webhook,
      alerts: [...unknown.alerts, ...webhook.alerts],
    })
    expect([beside.status, await beside.json()]).toMatchObject([202, { signalled: ['loans'] }])
    const answer = await place.post('/hooks/alertmanager', unknown)
    expect([answer.status, await answer.text()]).toEqual([
      404,
      expect.stringContaining('no pipeline \\"nothing\\" is watched'),
    ])
  })

  it('retrains when it is time, too', async () => {
    const before = await place.retrainings()
    expect((await place.run('schedule', 'trigger', 'loans', 'retrain')).code).toBe(0)
    expect((await place.untilRetrained(before.length + 1)).origin.cause).toBe('schedule: it is time')
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
    const report = await place.check()
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
