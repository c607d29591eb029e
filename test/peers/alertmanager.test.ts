import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import getPort from 'get-port'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { alertOf, sendAlert } from '../../activities/alert.ts'
import type { Gateway } from '../../gateway/gateway.ts'
import type { PipelineCause } from '../../lib/formats/alerts.ts'
import type { MonitorReport } from '../../lib/formats/monitor-report.ts'
import { digestOf } from '../../lib/store/digest.ts'
import type { Monitor } from '../../lib/store/monitors.ts'
import { debianPackage } from '../support/debian.ts'
import { eventually, startTestGateway } from '../support/gateways.ts'
import { startTestStore, type TestStore } from '../support/servers.ts'

/*
 * With Prometheus' own Alertmanager on the other side: it takes our alerts by its API, and we take its groups by its
 * webhook.
 */
const run = promisify(execFile)
const folder = mkdtempSync(join(tmpdir(), 'slipway-alertmanager-'))
const causes: PipelineCause[] = []
let missing: string | undefined
let alertmanager: ChildProcess
let address = ''
let server: TestStore
let gateway: Gateway

// Debian's build reads its template below /usr/share and nowhere else: it gets a view of its own of that folder.
const laidOver = (root: string): string =>
  `mount -t overlay overlay -o lowerdir=${join(root, 'usr/share')}:/usr/share /usr/share`

beforeAll(async () => {
  const root = await debianPackage('prometheus-alertmanager', '0.25.0-1+b4').catch((error: Error) => {
    missing = `Alertmanager cannot be had: ${error.message.split('\n').slice(0, 2).join(' ')}`
    return ''
  })
  if (missing !== undefined) return
  await run('unshare', ['--mount', 'sh', '-c', laidOver(root)]).catch((error: Error) => {
    missing = `Alertmanager cannot be given its files without the right to mount: ${error.message}`
  })
  if (missing !== undefined) return
  server = await startTestStore()
  gateway = await startTestGateway(server.store, {
    port: await getPort(),
    tokens: ['a-token'],
    alert: async (given) => {
      causes.push(...given.filter(({ pipeline }) => pipeline === 'loans'))
      return new Map(
        given.flatMap(({ pipeline }) => (pipeline === 'loans' ? [] : [[pipeline, 'nobody watches it'] as const])),
      )
    },
  })
  writeFileSync(
    join(folder, 'alertmanager.yml'),
    `route: { receiver: slipway, group_by: ['...'], group_wait: 0s, group_interval: 1s, routes: [{ receiver: slipway, group_by: [team], matchers: ['team="risk"'], group_wait: 1s }] }
receivers:
  - name: slipway
    webhook_configs:
      - url: ${gateway.address}/hooks/alertmanager
        http_config: { authorization: { credentials: a-token } }
`,
  )
  const port = await getPort()
  address = `http://127.0.0.1:${port}`
  const flags = [
    `--config.file=${join(folder, 'alertmanager.yml')}`,
    `--storage.path=${join(folder, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--cluster.listen-address=',
  ]
  alertmanager = spawn(
    'unshare',
    [
      '--mount',
      'sh',
      '-c',
      `${laidOver(root)} && exec "$0" "$@"`,
      join(root, 'usr/bin/prometheus-alertmanager'),
      ...flags,
    ],
    { stdio: 'ignore' },
  )
  await eventually(async () => (await fetch(`${address}/-/ready`).catch(() => undefined))?.ok === true)
})

afterAll(async () => {
  alertmanager?.kill('SIGKILL')
  await gateway?.stop()
  await server?.stop()
  rmSync(folder, { recursive: true, force: true })
})

describe('Alertmanager', () => {
  const since = new Date(Date.now() - 60_000).toISOString()
  const monitor = {
    pipeline: 'loans',
    step: { policy: { everyMs: 60_000, playbook: 'Look at the incomes first.' } },
  } as Partial<Monitor> as Monitor
  const report = (over: Partial<MonitorReport>) =>
    ({
      endpoint: 'credit',
      at: new Date().toISOString(),
      champion: { model: 'loans', version: 3, digest: digestOf('any') },
      rules: [{ rule: 'psi > 0.2', firing: true }],
      incident: { since, reasons: ['psi of income 0.31 > 0.2'] },
      change: 'opened',
      ...over,
    }) as Partial<MonitorReport> as MonitorReport
  const active = async (): Promise<{ labels: object; annotations: object; startsAt: string; generatorURL: string }[]> =>
    (await (await fetch(`${address}/api/v2/alerts?active=true`)).json()) as never

  it('takes an incident by its API, knows it again at the next check, and drops it when it has ended', async (context) => {
    if (missing !== undefined) return context.skip(missing)
    const target = { url: `${address}/api/v2/alerts`, token: undefined }
    for (let check = 0; check < 2; check++)
      await sendAlert(target, alertOf(report({}), monitor, 'http://console/monitors/credit'))
    await eventually(async () => (await active()).length === 1)
    const [alert] = await active()
    expect(alert).toMatchObject({
      labels: { alertname: 'SlipwayModelDegraded', endpoint: 'credit', slipway_pipeline: 'loans' },
      annotations: { playbook: 'Look at the incomes first.', command: 'npx slipway drift show credit' },
      generatorURL: 'http://console/monitors/credit',
    })
    expect(Date.parse(alert?.startsAt ?? '')).toBe(Date.parse(since))
    await sendAlert(target, alertOf(report({ change: 'resolved', incident: null }), monitor))
    await eventually(async () => (await active()).length === 0)
  })

  it('tells the supervisor through the webhook, and a group with others in it does too', async (context) => {
    if (missing !== undefined) return context.skip(missing)
    await eventually(() => causes.length >= 1)
    expect(causes[0]).toMatchObject({
      pipeline: 'loans',
      cause: { kind: 'alertmanager', reason: expect.stringContaining('SlipwayModelDegraded: credit: psi of income') },
    })
    const post = (alerts: object[]): Promise<Response> =>
      fetch(`${address}/api/v2/alerts`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(alerts),
      })
    // One group: an alert without our label, one of a pipeline nobody watches, and ours.
    const answer = await post([
      { labels: { alertname: 'Watchdog', team: 'risk' } },
      { labels: { alertname: 'Drift', team: 'risk', slipway_pipeline: 'nope' } },
      { labels: { alertname: 'IncomesMoved', team: 'risk', slipway_pipeline: 'loans' } },
    ])
    expect(answer.status).toBe(200)
    await eventually(() => causes.some(({ cause }) => cause.reason.startsWith('IncomesMoved')))
  })
})
