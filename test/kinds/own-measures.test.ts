import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readLastReport } from '../../lib/store/monitors.ts'
import { eventually, untilSent } from '../support/gateways.ts'
import { openPlace, type Place } from '../support/place.ts'
import { loansSql, writeLoans } from '../support/project.ts'

/* A pipeline whose gates and monitor run functions of its own, by a real worker. */
let place: Place
const ownFile = 'pipelines/loans/own.ts'
const usual = {
  cost: '(predictions[i]! >= 0.5 ? 100 : 0) * (1 - labels[i]!) + (predictions[i]! < 0.5 ? income[i]! / 100 : 0) * labels[i]!',
  even: 'worst > 0.3',
  distance: 'total / 2',
}
function write({ cost, even, distance }: typeof usual, limit: number, monitor = ''): void {
  place.project.write(
    ownFile,
    `import type { Evaluation, Numbers } from 'slipway'
export function cost(predictions: Numbers, labels: Float64Array, { income }: { income: Float64Array }): number {
  let total = 0
  for (let i = 0; i < labels.length; i++) total += ${cost}
  return total / labels.length
}
export function even({ slices }: Evaluation) {
  const worst = Math.min(...(slices['purpose'] ?? []).map(({ metrics }) => metrics['auc'] ?? 0))
  return { passed: ${even}, evidence: \`the worst purpose has \${worst.toFixed(2)}\` }
}
export function variation(baseline: Float64Array, now: Float64Array): number {
  let total = 0
  for (let i = 0; i < now.length; i++) total += Math.abs(baseline[i]! - now[i]!)
  return ${distance}
}
`,
  )
  writeLoans(place.project, {
    body: `import { auc, binary, driftMeasure, gate, metric, pipeline, slice, trees } from 'slipway'
import { features } from './features.ts'
import { cost, even, variation } from './own.ts'
import { Loan } from './schema.ts'

const costly = metric('cost', cost, { better: 'smaller', columns: ['income'] })
export default pipeline('loans', (p) => {
  const loans = p.snapshot('loans', { from: 'data/loans.parquet', schema: Loan })
  const parts = p.split(loans, { byHashOf: 'id', validation: 0.2, test: 0.3, seed: 3 })
  const on = { on: parts, features, target: binary('defaulted'), learner: trees({ trees: 20, leaves: 7, minRowsPerLeaf: 10 }), seed: 1 }
  const candidate = p.package(p.train('risk', on))
  p.gate(candidate, {
    on: parts.test,
    must: [
      costly.atMost(${limit}), slice('purpose', costly.atMost(1e6)), costly.notWorseThan('champion', { by: 1000 }),
      slice('purpose', auc.atLeast(0)), gate('even', even),
    ],
  })
  ${monitor}
})
`,
  })
}

beforeAll(async () => {
  place = await openPlace()
  await place.project.data('data/loans.parquet', loansSql())
})
afterAll(() => place.close())

type Gate = { name: string; passed: boolean; metric: string; value: number | null; evidence: string }
type Step = { name: string; cached: boolean }
const run = async () => {
  const { code, stdout, stderr } = await place.run('run', 'loans', '--wait', '--json')
  const { gates, steps, error } = JSON.parse(stdout) as { gates: Gate[]; steps: Step[]; error?: unknown }
  return { code, gates, ran: steps?.filter(({ cached }) => !cached).map(({ name }) => name), error, stderr, stdout }
}

describe('a pipeline with a metric and a gate of its own', () => {
  it('is judged by them, on the columns of the rows, in each slice, and against the champion', async () => {
    write(usual, 1e6)
    const first = await run()
    expect(first, first.stdout).toMatchObject({ code: 0 })
    expect(first.gates.map(({ name, passed }) => [name, passed])).toEqual([
      ['cost ≤ 1000000', true],
      ['cost ≤ 1000000 for each purpose', true],
      ['cost not worse than champion by 1000 (95 %)', true],
      ['auc ≥ 0 for each purpose', true],
      ['even', true],
    ])
    const [cost, , against, , even] = first.gates as [Gate, Gate, Gate, Gate, Gate]
    expect(cost.value).toBeGreaterThan(0)
    expect(against.evidence).toBe('there is no champion to compare with')
    expect(even.evidence).toMatch(/^the worst purpose has 0\.\d\d$/)
    expect((await run()).ran).toEqual([])
  })

  it('blocks a candidate, and editing it judges anew and does nothing else', async () => {
    write(usual, 0)
    const strict = await run()
    expect(strict).toMatchObject({ code: 12, ran: ['gate'] })
    expect(strict.gates.filter(({ passed }) => !passed).map(({ name }) => name)).toEqual(['cost ≤ 0'])
    write({ ...usual, even: 'worst > 1' }, 1e6)
    const uneven = await run()
    expect(uneven).toMatchObject({ code: 12, ran: ['gate'] })
    expect(uneven.gates.filter(({ passed }) => !passed).map(({ name }) => name)).toEqual(['even'])
  })

  it.each([
    ['throws', '(() => { throw new RangeError("no cost") })()', 'metric "cost" throws on', 'no cost'],
    ['gives NaN', 'Number.NaN', 'metric "cost" returns NaN on', 'return a finite number'],
  ])('that %s ends the run with its file and line, and registers nothing', async (_, cost, words, more) => {
    write({ ...usual, cost }, 1e6)
    const { code, stdout, stderr } = await place.run('run', 'loans', '--wait')
    expect(code).toBe(11)
    expect(stderr + stdout).toContain(words)
    expect(stderr + stdout).toContain(more)
    expect(stderr + stdout).toContain(`${ownFile}:`)
    expect(stderr + stdout).not.toMatch(/\n\s+at /)
  })

  it('that is impure is refused before anything runs', async () => {
    write({ ...usual, cost: 'Math.random()' }, 1e6)
    const { code, stderr } = await place.run('run', 'loans', '--wait')
    expect(code).toBe(2)
    expect(stderr).toContain('Math.random')
  })
})

describe('a monitor with a drift measure of its own', () => {
  const monitor = (limit: number): string =>
    `p.monitor(p.deploy(candidate, { endpoint: 'loans', allAtOnce: true }), { every: '1h', minRows: 1, drift: driftMeasure('variation', variation).over(${limit}) })`
  const check = async (file: string) => {
    const { code, stdout, stderr } = await place.run('drift', 'check', 'loans', '--from', file, '--json')
    return { code, stderr, report: JSON.parse(stdout) }
  }

  it('raises its alarm on rows that have moved and on no others', async () => {
    write(usual, 1e6, monitor(0.15))
    const made = await run()
    expect(made, made.stdout).toMatchObject({ code: 0 })
    const still = await check('data/loans.parquet')
    expect(still, still.stderr).toMatchObject({ code: 0 })
    await place.project.data('data/moved.parquet', `SELECT * REPLACE (income + 30000 AS income) FROM (${loansSql()})`)
    const moved = await check('data/moved.parquet')
    expect(moved, moved.stderr).toMatchObject({ code: 17 })
    expect(JSON.stringify(moved.report)).toContain('variation > 0.15')
    const exact = await place.run('drift', 'check', 'loans', '--from', 'data/moved.parquet', '--exact', '--json')
    expect(exact, exact.stderr).toMatchObject({ code: 17 })
    expect(exact.stdout).toContain('variation > 0.15')
  })

  it('is asked by the worker about what was served, and shown beside ours', async () => {
    const ready = async () =>
      (await fetch(`${place.gateway}/v2/models/loans/ready`).catch(() => undefined))?.ok === true
    await eventually(ready)
    const instances = Array.from({ length: 400 }, (_, i) => {
      const [income, purpose] = [50_000 + ((i * 7_919) % 60_000), ['car', 'home'][i % 2]]
      return { id: i, day: 0, income, age: 18 + ((i * 104_729) % 60), purpose }
    })
    const body = JSON.stringify({ instances })
    const answer = await fetch(`${place.gateway}/v1/models/loans:predict`, { method: 'POST', body })
    expect(answer.status, await answer.text()).toBe(200)
    const { store } = place.store
    await untilSent(store)
    expect(await place.run('schedule', 'trigger', 'loans', 'monitor')).toMatchObject({ code: 0 })
    await eventually(async () => (await readLastReport(store, 'loans')) !== undefined)
    const { code, stdout, stderr } = await place.run('drift', 'check', 'loans', '--json')
    expect(code, stderr).toBe(17)
    const { rules, columns } = JSON.parse(stdout)
    expect(rules).toMatchObject([{ rule: 'variation > 0.15', state: 'breached', firing: true }])
    const of = (column: string) => columns.find(({ name }: { name: string }) => name === column).measures.variation
    // Two of four purposes, each a quarter of the training rows, are asked for no more.
    expect(of('purpose').value).toBeCloseTo(0.5, 1)
    expect(of('income').low).toBeGreaterThan(0.15)
    expect(of('income').low).toBeLessThan(of('income').value)
  })

  it('that throws fails the check with its file and line', async () => {
    write({ ...usual, distance: '(() => { throw new Error("no distance") })()' }, 1e6, monitor(0.15))
    const made = await run()
    expect(made, made.stdout).toMatchObject({ code: 0 })
    const { code, stderr } = await place.run('drift', 'check', 'loans', '--from', 'data/moved.parquet')
    expect(code).toBe(11)
    expect(stderr).toContain('drift measure "variation" throws on')
    expect(stderr).toContain('no distance')
    expect(stderr).toContain(`${ownFile}:`)
    const calibrated = await place.run('drift', 'calibrate', 'loans', '--rows', '100', '--runs', '2')
    expect(calibrated.code).toBe(11)
    expect(calibrated.stderr).toContain(`${ownFile}:`)
  })
})
