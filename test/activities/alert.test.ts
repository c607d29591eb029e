import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { alertOf, sendAlert } from '../../activities/alert.ts'
import type { MonitorReport } from '../../lib/formats/monitor-report.ts'
import type { Monitor } from '../../lib/store/monitors.ts'
import { type PlatformState, stateFile, writeWhole } from '../../workers/platform/state.ts'
import { consoleAddress } from '../../workers/settings.ts'
import { newProject } from '../support/project.ts'

describe('an alert', () => {
  const monitor = { pipeline: 'loans', step: { policy: { everyMs: 60_000 } } } as Partial<Monitor> as Monitor
  const report = {
    endpoint: 'credit',
    at: '2026-01-01T00:00:00.000Z',
    champion: { model: 'loans', version: 3, digest: `sha256:${'0'.repeat(64)}` },
    rules: [],
    incident: { id: 'credit-1', since: '2026-01-01T00:00:00.000Z', reasons: ['psi of income 0.31 > 0.2'] },
    change: 'opened',
  } as Partial<MonitorReport> as MonitorReport

  it('leads to the page of its endpoint in the console, where that is known', () => {
    const page = 'https://console.example/monitors/credit'
    expect(alertOf(report, monitor, page).generatorURL).toBe(page)
    expect(alertOf(report, monitor)).not.toHaveProperty('generatorURL')
  })

  it('that its receiver never answers is undelivered, and is sent again', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/hook`
    await expect(sendAlert({ url, token: undefined }, alertOf(report, monitor))).rejects.toMatchObject({
      code: 'ALERT_UNDELIVERED',
      retryable: true,
    })
    silent.closeAllConnections()
    silent.close()
  })

  it('takes the console that the environment names, or that of the platform, which may start later', () => {
    const project = newProject()
    expect(consoleAddress(project.root, {})).toBe(undefined)
    const state: PlatformState = {
      pid: process.pid,
      startedAt: '2026-01-01T00:00:00.000Z',
      temporal: { address: '127.0.0.1:1', from: 'here' },
      s3: { endpoint: 'http://127.0.0.1:2', from: 'here' },
      worker: { pid: 1 },
      console: { pid: 1, address: 'http://127.0.0.1:8082' },
    }
    writeWhole(stateFile(project.root), JSON.stringify(state))
    expect(consoleAddress(project.root, {})).toBe('http://127.0.0.1:8082')
    const named = { SLIPWAY_CONSOLE_ADDRESS: 'https://console.example/' }
    expect(consoleAddress(project.root, named)).toBe('https://console.example')
    project.remove()
  })
})
