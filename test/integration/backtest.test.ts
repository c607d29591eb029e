import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BacktestReport } from '../../lib/formats/backtest-report.ts'
import { getBytes, getJson } from '../../lib/store/objects.ts'
import { listModels } from '../../lib/store/registry.ts'
import { openPlace, type Place } from '../support/place.ts'

/*
 * A model is trained and judged as of two past days, by a real worker; then as of one day more, and of days that the
 * data cannot answer for.
 */
let place: Place
const days = 120

beforeAll(async () => {
  place = await openPlace()
  await place.project.data(
    'data/rows.parquet',
    `SELECT i AS id, TIMESTAMP '2024-01-01' + INTERVAL (i * 36) MINUTE AS day, (i * 104729) % 1000 / 1000.0 AS x,
      ((i * 2654435761) % 1000) / 1000.0 < 0.2 + 0.6 * ((i * 104729) % 1000 / 1000.0) AS y FROM range(${days * 40}) t(i)`,
  )
  place.project.write('pipelines/past/features.ts', 'export const features = ({ x }: { x: Float64Array }) => ({ x })\n')
})
afterAll(() => place?.close())

function writePipeline(cutoffs: string, limit = 0.6): void {
  place.project.write(
    'pipelines/past/pipeline.ts',
    `import { auc, binary, pipeline, trees } from 'slipway'
import { z } from 'zod'
import { features } from './features.ts'

const Row = z.object({ id: z.int(), day: z.date(), x: z.number(), y: z.boolean() })
export default pipeline('past', (p) => {
  const rows = p.validate(p.snapshot('rows', { from: 'data/rows.parquet', schema: Row }))
  const train = { features, target: binary('y'), learner: trees({ trees: 5, leaves: 3 }), seed: 1 } as const
  const past = p.backtest('days', rows, { by: 'day', cutoffs: ${cutoffs}, test: '10d', validation: '10d', train })
  const parts = p.split(rows, { by: 'day', test: '10d', validation: '10d' })
  const candidate = p.package(p.train('model', { on: parts, ...train }))
  p.gate(candidate, { on: parts.test, must: [past.worst(auc).atLeast(${limit})], champion: 'not compared' })
})
`,
  )
}

interface Step {
  readonly name: string
  readonly cached: boolean
  readonly outputs: readonly { readonly name: string; readonly digest: string }[]
}
interface Run {
  readonly runId: string
  readonly steps: readonly Step[]
  readonly gates: readonly { readonly name: string; readonly passed: boolean; readonly evidence: string }[]
  readonly error: { readonly code: string; readonly message: string; readonly step: string } | null
}
async function run(code = 0): Promise<Run> {
  const result = await place.run('run', 'past', '--wait', '--json')
  expect(result, result.stderr).toMatchObject({ code })
  return JSON.parse(result.stdout)
}
const ran = ({ steps }: Run): string[] =>
  steps.flatMap(({ name, cached, outputs }) => (cached || outputs.length === 0 ? [] : [name])).sort()
const outputOf = ({ steps }: Run, name: string): string =>
  steps.find((step) => step.name === 'days')?.outputs.find((output) => output.name === name)?.digest as string
const ofCutoff = (day: string): string[] =>
  ['evaluate', 'model', 'package', 'split'].map((step) => `days-${day}/${step}`)

describe('a backtest, carried out by a worker', () => {
  it('trains a model a cutoff and judges it on the days before, and gates may use the worst', async () => {
    writePipeline("['2024-03-01', '2024-04-01']")
    const first = await run()
    expect(ran(first)).toEqual(expect.arrayContaining([...ofCutoff('2024-03-01'), ...ofCutoff('2024-04-01'), 'days']))
    const report = await getJson(place.store.store, outputOf(first, 'report'), BacktestReport)
    // 40 rows a day: of the sixty and the ninety-one days before a cutoff the last ten test, and the ten before
    // validate.
    expect(report.cutoffs.map(({ at, rows }) => [at, rows])).toEqual([
      ['2024-03-01T00:00:00.000Z', { train: 1_600, validation: 400, test: 400 }],
      ['2024-04-01T00:00:00.000Z', { train: 2_840, validation: 400, test: 400 }],
    ])
    const values = report.cutoffs.map(({ metrics }) => metrics.auc as { value: number; low: number; high: number })
    for (const { value, low, high } of values) {
      expect(low).toBeLessThan(value)
      expect(high).toBeGreaterThan(value)
    }
    expect(report.summary.auc?.worst).toBe(Math.min(...values.map(({ value }) => value)))
    const [gate] = first.gates
    expect(gate).toMatchObject({ name: 'auc ≥ 0.6 at every cutoff of days', passed: true })
    expect(gate?.evidence).toContain('the worst of 2 cutoffs')
    // Its models are nobody's.
    expect(await listModels(place.store.store)).toEqual(['past'])

    const shown = await place.run('show', first.runId)
    expect(shown.stdout).toMatch(/cutoff +training rows +test rows +auc/)
    expect(shown.stdout).toMatch(/2024-03-01 +1600 +400 /)
    const artifact = await place.run('show', outputOf(first, 'report'))
    expect(artifact.stdout).toContain('calibrationError')
    const page = (await getBytes(place.store.store, outputOf(first, 'page'))).toString('utf8')
    expect(page).toContain('<svg')
  })

  it('does nothing again, and of one cutoff more only what is new', async () => {
    expect(ran(await run())).toEqual([])
    writePipeline("['2024-03-01', '2024-03-15', '2024-04-01']")
    // What rests on all cutoffs is new as well: the report, and the gate about it.
    expect(ran(await run())).toEqual([...ofCutoff('2024-03-15'), 'days', 'gate'].sort())
  })

  it('goes back from the end of the data, and ends a run whose worst cutoff is too bad', async () => {
    writePipeline("{ every: '30d', last: 2 }", 0.99)
    const bad = await run(12)
    expect(bad.gates[0]?.evidence).toMatch(/< 0.99 at 2024-0\d-\d\d, the worst of 2 cutoffs$/)
    const report = await getJson(place.store.store, outputOf(bad, 'report'), BacktestReport)
    expect(report.cutoffs.map(({ at }) => at.slice(0, 10))).toEqual(['2024-03-31', '2024-04-30'])
  })

  it('names a cutoff without rows to train on, and one in the future of the data', async () => {
    writePipeline("['2024-01-15', '2024-03-01']")
    const early = await run(10)
    expect(early.error).toMatchObject({ code: 'SPLIT_EMPTY', step: 'days-2024-01-15/split' })
    expect(early.error?.message).toContain('cutoff 2024-01-15, leaves no rows to train on')
    // The other cutoff is done, though nothing that rests on both is.
    expect(early.steps.map(({ name }) => name)).toContain('days-2024-03-01/evaluate')
    writePipeline("['2024-03-01', '2024-05-02']")
    expect((await run(10)).error?.message).toContain(
      'the cutoff 2024-05-02 is in the future of the data, which ends before 2024-04-30 by day',
    )
  })
})
