import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { EvidenceEntry, RolloutStart } from '../../lib/formats/evidence.ts'
import { RolloutRecord } from '../../lib/formats/records.ts'
import { readModel } from '../../lib/store/registry.ts'
import {
  publishEvidence,
  publishRolloutEnd,
  publishRolloutStart,
  readEvidence,
  readRolloutEnd,
  readRolloutStart,
} from '../../lib/store/rollouts.ts'
import { type CanaryPlace, canary, openCanaryPlace } from '../support/canary-place.ts'

/*
 * Rollouts with real servers and real processes: a worker and a gateway of their own, traffic from the command line.
 */
let place: CanaryPlace

beforeAll(async () => {
  place = await openCanaryPlace()
})
afterAll(async () => {
  await place?.close()
})

describe('an endpoint', () => {
  it('opens with the first version at once', async () => {
    place.define(10, canary())
    const result = await place.run('run', 'loans', '--wait', '--json')
    expect(result, result.stderr).toMatchObject({ code: 0 })
    expect(JSON.parse(result.stdout).model).toMatchObject({ version: 1, champion: true })
    expect(await place.route()).toMatchObject({ revision: 1, champion: { version: 1 }, rollout: null })
    await place.untilServed()
  })

  it('leaves the champion when no data comes: inconclusive, exit 15', async () => {
    place.define(11, canary("within: '5s'"))
    const result = await place.run('run', 'loans', '--wait', '--json')
    expect(result, result.stderr).toMatchObject({ code: 15 })
    const { status, error, rollout } = JSON.parse(result.stdout)
    expect([status, error.code, rollout.outcome]).toEqual(['inconclusive', 'ROLLOUT_INCONCLUSIVE', 'inconclusive'])
    expect(await place.route()).toMatchObject({ champion: { version: 1 }, rollout: null })
    expect((await readModel(place.store.store, 'loans'))?.champions).toEqual([1])
  })

  it('promotes a candidate that is no worse, step by step, and every decision can be recomputed; exit 16 where one differs', async () => {
    place.define(12, canary())
    const { result, traffic } = await place.withTraffic([], () => place.run('run', 'loans', '--wait', '--json'))
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
    expect(await place.route()).toMatchObject({ champion: { version: 3 }, previous: { version: 1 }, rollout: null })
    expect((await readModel(place.store.store, 'loans'))?.champions).toEqual([1, 3])
    const explained = await place.run('explain', rollout.id, '--replay', '--json')
    expect(explained, explained.stderr).toMatchObject({ code: 0 })
    const { replay, looks } = JSON.parse(explained.stdout)
    expect([replay.differing, replay.compared]).toEqual([[], looks.length])
    // The same evidence with another decision on record.
    const { store } = place.store
    const id = `${rollout.id}-other`
    await publishRolloutStart(store, { ...((await readRolloutStart(store, rollout.id)) as RolloutStart), id })
    for (const { seq } of looks)
      await publishEvidence(store, id, (await readEvidence(store, rollout.id, seq)) as EvidenceEntry)
    const last = record.decisions.at(-1) as RolloutRecord['decisions'][number]
    const decisions = [...record.decisions.slice(0, -1), { ...last, reason: 'somebody said so' }]
    await publishRolloutEnd(store, { ...record, id, decisions })
    const other = await place.run('explain', id, '--replay', '--json')
    expect(other, other.stderr).toMatchObject({ code: 16 })
    expect(JSON.parse(other.stdout).replay.differing).toEqual([looks.at(-1).seq])
  })

  it('rolls a candidate back that fails, exit 14, and says after how long and at what cost', async () => {
    place.define(13, canary())
    const { result, traffic } = await place.withTraffic(['--fault', 'errors=50%@candidate'], () =>
      place.run('run', 'loans', '--wait'),
    )
    expect(result, result.stderr).toMatchObject({ code: 14 })
    expect(result.stdout).toMatch(
      /rolled back: .*errors: candidate [\d.]+ % of \d+, champion .*after \d+ s, [\d.]+ requests harmed/,
    )
    // Each was answered by the champion instead.
    expect(traffic.failed).toEqual({})
    expect(Object.keys(traffic.answeredBy)).toContain('version 3 (fallback)')
    expect(await place.route()).toMatchObject({ champion: { version: 3 }, rollout: null })
  })

  it('rolls a candidate back that labels prove wrong, exit 14, though every answer came in time', async () => {
    place.define(16, canary().replace('watch: [', "watch: [labelErrors({ after: '2s' }).notWorseBy(0.1), "))
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
    expect(stdout).toMatch(/rolled back: .*label errors: candidate 100\.00 % of \d+, champion 0\.00 % of \d+/)
    const status = await place.run('rollout', 'status', 'credit', '--json')
    const { last } = JSON.parse(status.stdout)
    const explained = await place.run('explain', last.id, '--replay', '--json')
    expect(explained, explained.stderr).toMatchObject({ code: 0 })
    expect(JSON.parse(explained.stdout).replay.differing).toEqual([])
  })
})
