import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RolloutRecord } from '../../pipelines/records.ts'
import type { Route } from '../../pipelines/route.ts'
import { readModel } from '../../store/registry.ts'
import { readRolloutEnd } from '../../store/rollouts.ts'
import { readRoute, readRouteLog } from '../../store/routes.ts'
import { eventually } from '../support/gateways.ts'
import { openPlace, type Place } from '../support/place.ts'
import { loansSql, writeLoans } from '../support/project.ts'

/*
 * Rollouts with real servers and real processes: a worker and a gateway of their own, traffic from the command line.
 */
let place: Place

function definition(trees: number, deploy: string): void {
  writeLoans(place.project, {
    learner: `trees({ trees: ${trees}, leaves: 7, minRowsPerLeaf: 10 })`,
    must: '[auc.atLeast(0.6)]',
  })
  const file = 'pipelines/loans/pipeline.ts'
  const text = `import { auc, binary, errors, latency, mistakes, pipeline, trees } from 'slipway'
import { features } from './features.ts'
import { Loan } from './schema.ts'
import { bad } from './target.ts'

export default pipeline('loans', (p) => {
  const loans = p.snapshot('loans', { from: 'data/loans.parquet', schema: Loan })
  const parts = p.split(p.validate(loans), { byHashOf: 'id', validation: 0.2, test: 0.3, seed: 3 })
  const model = p.train('risk', { on: parts, features, target: binary('defaulted', bad), learner: trees({ trees: ${trees}, leaves: 7, minRowsPerLeaf: 10 }), seed: 1 })
  const candidate = p.package(model)
  p.gate(candidate, { on: parts.test, must: [auc.atLeast(0.6)], champion: 'not compared' })
  p.deploy(candidate, { endpoint: 'credit', ${deploy} })
})
`
  place.project.write(file, text)
}
const watch = 'watch: [errors.notWorseBy(0.01), latency.over(500).notWorseBy(0.05)]'
const canary = (over = ''): string => `canary: { steps: [5, 25, 50], minSamples: 30, ${watch}, ${over} }`

const route = async (): Promise<Route> => (await readRoute(place.store.store, 'credit')) as Route
const share = async (): Promise<number> => (await route()).rollout?.share ?? 0

/** Sends traffic while something happens. @returns what became of it */
async function withTraffic<T>(
  args: string[],
  work: () => Promise<T>,
): Promise<{
  result: T
  traffic: { sent: number; failed: Record<string, number>; answeredBy: Record<string, number> }
}> {
  const traffic = place.begin('traffic', 'credit', '--from', 'data/loans.parquet', '--rate', '300', '--json', ...args)
  try {
    const result = await work()
    traffic.interrupt()
    return { result, traffic: JSON.parse((await traffic.result).stdout) }
  } finally {
    traffic.interrupt()
  }
}

beforeAll(async () => {
  place = await openPlace({ SLIPWAY_CAPTURE_RATE: '1' })
  await place.project.data('data/loans.parquet', loansSql())
}, 120_000)
afterAll(async () => {
  await place?.close()
})

describe('an endpoint', () => {
  it('opens with the first version at once', async () => {
    definition(10, canary())
    const result = await place.run('run', 'loans', '--wait', '--json')
    expect(result, result.stderr).toMatchObject({ code: 0 })
    expect(JSON.parse(result.stdout).model).toMatchObject({ version: 1, champion: true })
    expect(await route()).toMatchObject({ revision: 1, champion: { version: 1 }, rollout: null })
    await eventually(
      async () => (await fetch(`${place.gateway}/v2/models/credit/ready`).catch(() => undefined))?.ok === true,
    )
  })

  it('leaves the champion when no data comes: inconclusive, exit 15', async () => {
    definition(11, canary("within: '5s'"))
    const result = await place.run('run', 'loans', '--wait', '--json')
    expect(result, result.stderr).toMatchObject({ code: 15 })
    const { status, error, rollout } = JSON.parse(result.stdout)
    expect([status, error.code, rollout.outcome]).toEqual(['inconclusive', 'ROLLOUT_INCONCLUSIVE', 'inconclusive'])
    expect(await route()).toMatchObject({ champion: { version: 1 }, rollout: null })
    expect((await readModel(place.store.store, 'loans'))?.champions).toEqual([1])
  })

  it('promotes a candidate that is no worse, step by step, and every decision can be recomputed', async () => {
    definition(12, canary())
    const { result, traffic } = await withTraffic([], () => place.run('run', 'loans', '--wait', '--json'))
    expect(result, result.stderr).toMatchObject({ code: 0 })
    const { rollout, model } = JSON.parse(result.stdout)
    expect([rollout.outcome, model.champion, traffic.failed]).toEqual(['promoted', true, {}])
    const record = RolloutRecord.parse(await readRolloutEnd(place.store.store, rollout.id))
    expect(record.decisions.map(({ stage, action }) => `${stage} ${action}`)).toEqual([
      '5 % advance',
      '5 % advance',
      '25 % advance',
      '50 % promote',
    ])
    expect(await route()).toMatchObject({ champion: { version: 3 }, previous: { version: 1 }, rollout: null })
    expect((await readModel(place.store.store, 'loans'))?.champions).toEqual([1, 3])
    const explained = await place.run('explain', rollout.id, '--replay', '--json')
    expect(explained, explained.stderr).toMatchObject({ code: 0 })
    const { replay, looks } = JSON.parse(explained.stdout)
    expect([replay.differing, replay.compared]).toEqual([[], looks.length])
  })

  it('rolls a candidate back that fails, exit 14, and says after how long and at what cost', async () => {
    definition(13, canary())
    const { result, traffic } = await withTraffic(['--fault', 'errors=50%@candidate'], () =>
      place.run('run', 'loans', '--wait'),
    )
    expect(result, result.stderr).toMatchObject({ code: 14 })
    expect(result.stdout).toMatch(
      /rolled back: .*errors: candidate [\d.]+ % of \d+, champion .*after \d+ s, [\d.]+ requests harmed/,
    )
    // Each was answered by the champion instead.
    expect(traffic.failed).toEqual({})
    expect(Object.keys(traffic.answeredBy)).toContain('version 3 (fallback)')
    expect(await route()).toMatchObject({ champion: { version: 3 }, rollout: null })
  })

  it('rolls a candidate back that labels prove wrong, exit 14, though every answer came in time', async () => {
    definition(16, canary().replace('watch: [', "watch: [mistakes({ after: '2s' }).notWorseBy(0.1), "))
    const running = place.begin('run', 'loans', '--wait')
    let isOver = false
    const result = running.result.finally(() => {
      isOver = true
    })
    // What the champion says comes true, what the candidate says does not.
    const post = (path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
      fetch(`${place.gateway}${path}`, { method: 'POST', body: JSON.stringify(body), headers })
    for (let i = 0; !isOver; i++) {
      const requestId = `told-${i}`
      const answer = await post(
        '/v1/models/credit:predict',
        { instances: [{ id: i, day: 0, income: 20_000 + ((i * 7_919) % 60_000), age: 40, purpose: 'car' }] },
        { 'x-request-id': requestId },
      )
      const { predictions } = (await answer.json()) as { predictions: number[] }
      const says = (predictions[0] as number) > 0.5
      const isTrue = answer.headers.get('x-model-version') === '3' ? says : !says
      expect((await post('/feedback', [{ requestId, label: isTrue ? 1 : 0 }])).status).toBe(202)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    const { code, stdout, stderr } = await result
    expect(code, stderr).toBe(14)
    expect(stdout).toMatch(/rolled back: .*mistakes: candidate 100\.00 % of \d+, champion 0\.00 % of \d+/)
    const status = await place.run('rollout', 'status', 'credit', '--json')
    const { last } = JSON.parse(status.stdout)
    const explained = await place.run('explain', last.id, '--replay', '--json')
    expect(explained, explained.stderr).toMatchObject({ code: 0 })
    expect(JSON.parse(explained.stdout).replay.differing).toEqual([])
  })

  it('goes on where it was when gateway, worker and Temporal server are killed in the middle of a step', async () => {
    definition(14, canary().replace('minSamples: 30', 'minSamples: 250'))
    const shares: number[] = []
    const { result, traffic } = await withTraffic([], async () => {
      const running = place.begin('run', 'loans', '--wait', '--json')
      await eventually(async () => (await share()) === 0.25, 120_000)
      const watching = setInterval(() => void share().then((each) => shares.push(each)), 200)
      place.gatewayProcess.kill()
      place.worker.kill()
      place.killTemporal()
      await new Promise((resolve) => setTimeout(resolve, 1_500))
      await place.startTemporal()
      const ended = await running.result
      clearInterval(watching)
      return ended
    })
    expect(result, result.stderr).toMatchObject({ code: 0 })
    expect(JSON.parse(result.stdout).rollout.outcome).toBe('promoted')
    // Never back to 0 or to all before its time.
    const until = shares.indexOf(0.5) < 0 ? shares.length : shares.indexOf(0.5)
    expect(new Set(shares.slice(0, until))).toEqual(new Set([0.25]))
    // Requests that met the dead gateway got no answer; nobody was answered wrongly.
    expect(Object.keys(traffic.failed).filter((status) => status !== '0')).toEqual([])
    expect(await route()).toMatchObject({ champion: { version: 6 } })
  })

  it('goes back at once, also with Temporal down; its owner takes that over when it is back', async () => {
    const before = await route()
    const back = await place.run('rollback', 'credit', '--reason', 'a test', '--json')
    expect(JSON.parse(back.stdout)).toMatchObject({ champion: 3, before: 6, breakGlass: true, gatewaysBehind: [] })
    place.killTemporal()
    const answer = await place.run('rollback', 'credit', '--to', '1', '--json')
    expect(answer, answer.stderr).toMatchObject({ code: 0 })
    expect(JSON.parse(answer.stdout)).toMatchObject({ champion: 1, before: 3, breakGlass: true, gatewaysBehind: [] })
    const served = await fetch(`${place.gateway}/v1/models/credit:predict`, {
      method: 'POST',
      body: JSON.stringify({ instances: [{ id: 1, day: 0, income: 30000, age: 40, purpose: 'car' }] }),
    })
    expect(served.headers.get('x-model-version')).toBe('1')
    const now = await route()
    expect(now.revision).toBe(before.revision + 2)
    expect((await readRouteLog(place.store.store, 'credit', now.revision))?.reason).toMatch(
      /^break-glass: rolled back by/,
    )
    await place.startTemporal()
    await eventually(async () => (await readModel(place.store.store, 'loans'))?.champions.at(-1) === 1, 120_000)
  })

  it('obeys people: pause, resume, promote, roll back; and refuses what makes no sense', async () => {
    definition(15, canary('within: "10m"'))
    const running = place.begin('run', 'loans', '--wait', '--json')
    await eventually(async () => (await share()) === 0.05, 120_000)
    expect(await place.run('rollout', 'pause', 'credit', '--reason', 'lunch')).toMatchObject({ code: 0 })
    const status = await place.run('rollout', 'status', 'credit')
    expect(status.stdout).toMatch(/step 1 of 3, paused/)
    expect(await place.run('rollout', 'resume', 'credit')).toMatchObject({ code: 0 })
    expect(await place.run('rollout', 'promote', 'credit', '--reason', 'I know better')).toMatchObject({ code: 0 })
    const result = await running.result
    expect(result, result.stderr).toMatchObject({ code: 0 })
    const { rollout } = JSON.parse(result.stdout)
    const record = await readRolloutEnd(place.store.store, rollout.id)
    expect(record?.decisions.at(-1)).toMatchObject({
      action: 'promote',
      reason: 'I know better (by hand)',
      by: expect.any(String),
    })
    const nothing = await place.run('rollout', 'pause', 'credit')
    expect([nothing.code, nothing.stderr]).toEqual([2, expect.stringContaining('no rollout of credit is going on')])
    const unknown = await place.run('rollout', 'status', 'credits')
    expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining('there are credit')])
  })
})
