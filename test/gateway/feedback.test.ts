import { mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openLabelInbox } from '../../gateway/feedback.ts'
import type { Gateway } from '../../gateway/gateway.ts'
import type { RetrainCause } from '../../lib/formats/alerts.ts'
import { localFile } from '../../lib/store/objects.ts'
import { readWindow, writeRoute } from '../../lib/store/routes.ts'
import { ask, eventually, startTestGateway } from '../support/gateways.ts'
import { packageModel } from '../support/models.ts'
import { loansSql, newProject, type TestProject, writeLoans } from '../support/project.ts'
import { openTestBucket, type TestBucket } from '../support/servers.ts'

let project: TestProject
let store: TestBucket
let gateway: Gateway
const causes: { pipeline: string; cause: RetrainCause }[] = []

beforeAll(async () => {
  project = newProject()
  writeLoans(project)
  await project.data('data/loans.parquet', loansSql())
  store = await openTestBucket()
  const variant = await packageModel(project, store.store, 'loans', 1)
  await writeRoute(store.store, 'credit', { kind: 'open', variant }, 'test')
  gateway = await startTestGateway(store.store, {
    captureRate: 1,
    alert: async (given) => {
      causes.push(...given)
      return new Map(
        given.flatMap(({ pipeline }) =>
          pipeline === 'loans' ? [] : [[pipeline, `no pipeline "${pipeline}" is watched here`] as const],
        ),
      )
    },
  })
  await eventually(() => gateway.endpoint('credit')?.route !== undefined)
})
afterAll(async () => {
  await gateway?.stop()
  await store?.stop()
  project?.remove()
})

const feedback = (body: unknown, headers: Record<string, string> = {}) =>
  ask(gateway, 'POST', '/feedback', typeof body === 'string' ? body : JSON.stringify(body), headers)

/** Labels of all windows that a gateway sent. */
async function sentLabels(from: Gateway): Promise<{ request: string | null; label: number; row: number }[]> {
  const found = []
  for (let seq = 0; ; seq++) {
    const window = await readWindow(store.store, 'credit', from.id, seq)
    if (window === undefined) return found
    if (window.labels === null) continue
    const lines = readFileSync(await localFile(store.store, window.labels.digest), 'utf8')
      .trim()
      .split('\n')
    found.push(...lines.map((line) => JSON.parse(line)))
  }
}

describe('labels', () => {
  it('are taken one or many at a time, and travel with the windows, traffic or not', async () => {
    expect(await feedback({ requestId: 'one', label: 1 })).toMatchObject({ status: 202 })
    const many = await feedback([
      { requestId: 'two', row: 1, label: false },
      { requestId: 'three', label: 0, at: '2026-11-01T00:00:00Z', endpoint: 'credit' },
    ])
    expect(many.json()).toEqual({ accepted: 2 })
    await eventually(async () => (await sentLabels(gateway)).length === 3)
    expect((await sentLabels(gateway)).map(({ request, row, label }) => [request, row, label])).toEqual([
      ['one', 0, 1],
      ['two', 1, 0],
      ['three', 0, 0],
    ])
  })
  it.each([
    ['of the wrong type', { requestId: 'a', label: 'late' }, 'label'],
    [
      'of a value that is no class',
      { requestId: 'a', label: 0.5 },
      'label is 0.5, expected 0, 1, true or false for credit',
    ],
    ['that names nothing', { label: 1 }, 'give either requestId or key'],
    ['that names too much', { requestId: 'a', key: 'b', label: 1 }, 'give either requestId or key'],
    ['with a word we do not know', { requestId: 'a', label: 1, score: 2 }, 'score'],
    [
      'from a clock that is days ahead',
      { requestId: 'a', label: 1, at: Date.now() + 3 * 86_400_000 },
      'more than a day ahead',
    ],
    ['in an empty list', [], ''],
    [
      'in a list with one that is wrong',
      [
        { requestId: 'a', label: 1 },
        { requestId: 'b', label: 7 },
      ],
      '[1]: label is 7',
    ],
    ['that is no JSON', '{', 'not JSON'],
    ['that is another thing', '"label"', ''],
  ])('%s are refused with a word, all of them', async (_, body, message) => {
    const answer = await feedback(body)
    expect(answer.status).toBe(400)
    expect((answer.json() as { error: string }).error).toContain(message)
  })
  it('of an endpoint that is not there are refused', async () => {
    expect(await feedback({ requestId: 'a', label: 1, endpoint: 'nobody' })).toMatchObject({ status: 404 })
  })
  it('that were taken survive the gateway, and the next one sends them under its own windows', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'slipway-gateway-'))
    // What a gateway leaves that was killed right after it answered 202: its process does not exist.
    const dead = `${(await import('node:os')).hostname()}-4194304-abcdef`
    const inbox = openLabelInbox(join(folder, 'outbox', dead), dead)
    inbox.add(new Map([['credit', [{ request: 'kept', row: 0, key: null, label: 1, at: 1 }]]]))
    expect(readdirSync(join(folder, 'outbox', dead))).toHaveLength(1)
    const next = await startTestGateway(store.store, { folder })
    try {
      await eventually(async () => (await sentLabels(next)).some(({ request }) => request === 'kept'))
    } finally {
      await next.stop()
    }
  })
})

describe("Alertmanager's webhook", () => {
  const alert = {
    status: 'firing',
    labels: { alertname: 'DelaysDrift', slipway_pipeline: 'loans' },
    annotations: { summary: 'delays have moved' },
    startsAt: '2026-11-24T10:00:00Z',
    endsAt: '0001-01-01T00:00:00Z',
    generatorURL: 'http://prometheus/graph',
    fingerprint: 'c0ffee',
  }
  const webhook = {
    version: '4',
    groupKey: '{}',
    truncatedAlerts: 0,
    status: 'firing',
    receiver: 'slipway',
    groupLabels: {},
    commonLabels: {},
    commonAnnotations: {},
    externalURL: 'http://alertmanager',
    alerts: [alert],
  }
  const hook = (body: unknown, headers = {}) =>
    ask(gateway, 'POST', '/hooks/alertmanager', JSON.stringify(body), headers)

  it('tells the supervisor why, with a key that stays the same while the alert goes on', async () => {
    expect((await hook(webhook)).json()).toEqual({ signalled: ['loans'], refused: [] })
    await hook(webhook)
    expect(causes.map(({ cause }) => cause.key)).toEqual(new Array(2).fill('alertmanager:c0ffee:2026-11-24T10:00:00Z'))
    expect(causes[0]).toMatchObject({
      pipeline: 'loans',
      cause: { kind: 'alertmanager', reason: 'DelaysDrift: delays have moved' },
    })
  })
  it('does nothing for alerts that are over', async () => {
    const before = causes.length
    await hook({ ...webhook, status: 'resolved', alerts: [{ ...alert, status: 'resolved' }] })
    expect(causes).toHaveLength(before)
  })
  it.each([
    ['of another version', { ...webhook, version: '3' }, 'version'],
    ['without alerts', { ...webhook, alerts: [] }, 'alerts'],
    [
      'whose alerts name no pipeline',
      { ...webhook, alerts: [{ ...alert, labels: { alertname: 'x' } }] },
      'slipway_pipeline',
    ],
    ['of another shape', { hello: 1 }, 'Alertmanager'],
  ])('%s is refused with a word', async (_, body, message) => {
    const answer = await hook(body)
    expect(answer.status).toBe(400)
    expect((answer.json() as { error: string }).error).toContain(message)
  })
  it('takes each alert by itself: one without a pipeline, of another shape or of a pipeline nobody watches stops no other', async () => {
    const before = causes.length
    const others = [
      { status: 'firing', labels: { alertname: 'Watchdog' }, startsAt: alert.startsAt },
      { hello: 1 },
      { ...alert, labels: { alertname: 'Drift', slipway_pipeline: 'nope' } },
    ]
    for (const alerts of [
      [alert, ...others],
      [...others, alert],
    ]) {
      const answer = await hook({ ...webhook, alerts })
      expect(answer.status).toBe(202)
      expect(answer.json()).toMatchObject({
        signalled: ['loans'],
        refused: [
          { alert: 'Watchdog', why: expect.stringContaining('slipway_pipeline') },
          { why: expect.stringContaining('status') },
          { alert: expect.stringContaining('Drift'), why: 'no pipeline "nope" is watched here' },
        ],
      })
    }
    expect(causes.slice(before).filter(({ pipeline }) => pipeline === 'loans')).toHaveLength(2)
    const answer = await hook({ ...webhook, alerts: [others[2]] })
    expect([answer.status, (answer.json() as { error: string }).error]).toEqual([404, expect.stringContaining('nope')])
  })
  it('needs a token where tokens are set', async () => {
    const guarded = await startTestGateway(store.store, { tokens: ['secret'], alert: async () => new Map() })
    try {
      const body = JSON.stringify(webhook)
      expect(await ask(guarded, 'POST', '/hooks/alertmanager', body)).toMatchObject({ status: 401 })
      expect(await ask(guarded, 'POST', '/feedback', '{}')).toMatchObject({ status: 401 })
      const allowed = await ask(guarded, 'POST', '/hooks/alertmanager', body, { authorization: 'Bearer secret' })
      expect(allowed.status).toBe(202)
    } finally {
      await guarded.stop()
    }
  })
  it('is told to come again where nobody can be told', async () => {
    const alone = await startTestGateway(store.store)
    try {
      const answer = await ask(alone, 'POST', '/hooks/alertmanager', JSON.stringify(webhook))
      expect(answer.status).toBe(503)
      expect(answer.headers['retry-after']).toBeDefined()
    } finally {
      await alone.stop()
    }
  })
})
