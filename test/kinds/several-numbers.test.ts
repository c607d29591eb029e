import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { query } from '../support/batch-place.ts'
import { expectUserError } from '../support/cli.ts'
import { eventually } from '../support/gateways.ts'
import { homesSql, writeHomes } from '../support/homes.ts'
import { openPlace, type Place } from '../support/place.ts'

/*
 * Models that answer several numbers a row, targets or quantiles, go the way that others go: gates, endpoint, labels,
 * drift, batch, verify.
 */
let place: Place

const monitored = (name: string, quality: string): string =>
  `const live = p.deploy(candidate, { endpoint: '${name}', allAtOnce: true })
  p.monitor(live, { every: '7d', drift: psi.over(0.2), quality: ${quality}, minRows: 1, minLabels: 10 })`
const prices = {
  name: 'prices',
  imports: 'regression, rmse, trees, r2',
  target: "regression(['price', 'rent'])",
  learner: 'trees({ trees: 40, leaves: 8, earlyStopping: 10 })',
  must: "[r2.atLeast(0.8), r2.of('rent').atLeast(0.8), rmse.of('rent').notWorseThan('champion', { byShare: 0.1 })]",
  more: monitored('prices', "rmse.of('rent').above(1)"),
}
const delays = {
  name: 'delays',
  imports: 'coverage, pinball, quantiles, trees',
  target: "quantiles('delay', [0.1, 0.5, 0.9])",
  learner: 'trees({ trees: 40, leaves: 8 })',
  must: '[pinball.atMost(4), coverage.atLeast(0.7), coverage.atMost(0.9), coverage.of(0.9).atLeast(0.8)]',
  more: monitored('delays', 'coverage.below(0.3)'),
}

beforeAll(async () => {
  place = await openPlace({ SLIPWAY_CAPTURE_RATE: '1' })
  await place.project.data('data/homes.parquet', homesSql())
  await place.project.data('data/new.parquet', homesSql(300, { from: 5_000 }))
  await place.project.data('data/new.csv', homesSql(300, { from: 5_000 }))
})
afterAll(() => place?.close())

const slipway = (...args: string[]): Promise<string> => place.succeeds(...args)
const run = async (...args: string[]) => JSON.parse(await slipway('run', ...args, '--wait', '--json'))

const ask = async (path: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(`${place.gateway}${path}`, { method: 'POST', body: JSON.stringify(body), headers })
// biome-ignore lint/suspicious/noExplicitAny: whatever the answer holds
const json = async (answer: Response | Promise<Response>): Promise<any> => (await answer).json()
const ready = (name: string) =>
  eventually(async () => (await fetch(`${place.gateway}/v2/models/${name}/ready`).catch(() => undefined))?.ok === true)

type Home = Readonly<Record<string, number | bigint | string | Date>>
const rowOf = ({ id, area, rooms, distance, side }: Home) => ({
  id: Number(id),
  day: '2024-01-01T00:00:00Z',
  area: Number(area),
  rooms: Number(rooms),
  distance,
  side,
  // Of the other model no target, but a column.
  price: 0,
  rent: 0,
  delay: 0,
})
const scored = async (folder: string, format = 'parquet'): Promise<Home[]> =>
  (await query(
    `SELECT s.*, n.price, n.rent FROM '${place.project.root}/${folder}/*.${format}' s JOIN '${place.project.root}/data/new.parquet' n ON s.id = n.id ORDER BY s.id`,
  )) as never

describe('a model of two targets', () => {
  let rows: Home[]

  it('is trained, proven, gated by each target and deployed', async () => {
    writeHomes(place.project, prices)
    const first = await run('prices')
    expect(first).toMatchObject({ status: 'succeeded', model: { name: 'prices', version: 1, champion: true } })
    expect(first.gates.map(({ name }: { name: string }) => name)).toEqual([
      'r2 ≥ 0.8',
      'r2.rent ≥ 0.8',
      'rmse.rent not worse than champion by 10 % of its value (95 %)',
    ])
    expect(first.metrics).toMatchObject({ 'rmse.price': expect.any(Number), 'rmse.rent': expect.any(Number) })
    expect(first.metrics.rmse).toBeCloseTo((first.metrics['rmse.price'] + first.metrics['rmse.rent']) / 2, 6)
    expect(await slipway('show', first.runId)).toMatch(/package .*compiled model proven; parity \d/)
    const card = await slipway('show', 'prices')
    expect(card).toContain('Regression model for `price`, `rent`, gradient-boosted trees, ONNX.')
    expect(card).toMatch(/^\| mean of `rent` \| .*spread/m)
  })

  it('answers in batches a column a target, in parquet and from CSV alike', async () => {
    await slipway('batch', 'score', 'prices', '--from', 'data/new.parquet', '--to', 'scored/')
    await slipway('verify', 'scored/')
    await slipway('batch', 'score', 'prices', '--from', 'data/new.csv', '--to', 'scored-csv/', '--write', 'csv')
    await slipway('verify', 'scored-csv/')
    rows = await scored('scored')
    expect(rows).toHaveLength(300)
    const other = await scored('scored-csv', 'csv')
    rows.forEach((row, i) => {
      for (const target of ['price', 'rent'])
        expect(Math.fround(Number(other[i]?.[`prediction_${target}`]))).toBe(row[`prediction_${target}`])
    })
    for (const target of ['price', 'rent'] as const) {
      const off = rows.map((row) => Math.abs((row[`prediction_${target}`] as number) / (row[target] as number) - 1))
      expect(off.reduce((sum, share) => sum + share, 0) / rows.length).toBeLessThan(0.1)
    }
  })

  it('answers the same at its endpoint, by every protocol', async () => {
    await ready('prices')
    const some = rows.slice(0, 3)
    const instances = some.map(rowOf)
    const numbers = some.map(({ prediction_price: price, prediction_rent: rent }) => ({ price, rent }))
    const flat = numbers.flatMap(({ price, rent }) => [price, rent])
    expect(await json(ask('/v1/models/prices:predict', { instances }))).toEqual({ predictions: numbers })
    const [first] = instances as [(typeof instances)[number]]
    const columns = Object.fromEntries(
      Object.keys(first).map((name) => [name, instances.map((row) => row[name as 'area'])]),
    )
    expect(await json(ask('/v1/models/prices:predict', { inputs: columns }))).toEqual({
      outputs: { price: numbers.map(({ price }) => price), rent: numbers.map(({ rent }) => rent) },
    })
    expect(await json(ask('/invocations', instances, { 'content-type': 'application/json' }))).toEqual({
      predictions: numbers,
    })
    const csv = await ask('/invocations', instances, { 'content-type': 'application/json', accept: 'text/csv' })
    expect(await csv.text()).toBe(numbers.map(({ price, rent }) => `${price},${rent}\n`).join(''))
    const features = {
      inputs: [
        ...(['area', 'rooms', 'distance'] as const).map((name) => ({
          name,
          datatype: 'FP64',
          shape: [3],
          data: instances.map((row) => row[name]),
        })),
        { name: 'side', datatype: 'BYTES', shape: [3], data: instances.map(({ side }) => side) },
      ],
    }
    expect((await json(ask('/v2/models/prices/infer', features))).outputs).toEqual([
      { name: 'prediction', datatype: 'FP32', shape: [3, 2], data: flat },
    ])
    const { outputs, parameters } = await json(fetch(`${place.gateway}/v2/models/prices`))
    expect(outputs).toEqual([{ name: 'prediction', datatype: 'FP32', shape: [-1, 2] }])
    expect(JSON.parse(parameters.outputs)).toEqual(['price', 'rent'])
    const { paths } = await json(fetch(`${place.gateway}/openapi.json`))
    const answer = paths['/v1/models/prices:predict'].post.responses['200'].content['application/json'].schema
    expect(answer.properties.predictions.items.required).toEqual(['price', 'rent'])
    place.project.write('rows.json', JSON.stringify(instances))
    expect(await slipway('predict', 'prices', '--data', 'rows.json')).toMatch(/row +price +rent\n/)
  })

  it('is watched by each of its predictions, and measured by labels that name each target', async () => {
    const report = await slipway('drift', 'check', 'prices', '--from', 'data/new.parquet')
    for (const target of ['price', 'rent']) expect(report).toContain(`prediction of ${target}`)
    const some = rows.slice(0, 40)
    for (const [i, row] of some.entries())
      await ask('/v1/models/prices:predict', { instances: [rowOf(row)] }, { 'x-request-id': `homes-${i}` })
    const labels = some.map(({ price, rent }, i) => ({
      requestId: `homes-${i}`,
      label: i % 2 === 0 ? { rent, price } : [price, rent],
    }))
    const wrong = await ask('/feedback', [{ requestId: 'homes-0', label: 5 }])
    expect(wrong.status).toBe(400)
    expect(await wrong.text()).toContain('expected a number each of price, rent, by name')
    expect((await ask('/feedback', labels)).status).toBe(202)
    let quality: { labels: number; metrics: Record<string, { value: number }> } | undefined
    let known = 0
    const seen = new Set<number>()
    await eventually(async () => {
      await slipway('schedule', 'trigger', 'prices', 'monitor')
      const checked = JSON.parse((await place.run('drift', 'check', 'prices', '--json')).stdout)
      if (!seen.has(checked.seq)) known += checked.quality?.labels ?? 0
      seen.add(checked.seq)
      quality = checked.quality ?? quality
      return known === labels.length
    })
    const { rmse, 'rmse.rent': rent } = quality?.metrics ?? {}
    expect(rmse?.value).toBeGreaterThan(rent?.value ?? Number.POSITIVE_INFINITY)
  })

  it('is made again from the store alone, and has a page that tells of each target', async () => {
    expect(await slipway('verify', 'prices')).toContain('identical')
    await slipway('open', 'prices', '--html', 'prices.html')
    const page = readFileSync(join(place.project.root, 'prices.html'), 'utf8')
    expect(page).toContain('model of a number of price, rent')
    for (const told of ['By target', 'price: predicted and true', 'rent: errors']) expect(page).toContain(told)
  })

  it('does not give way to a candidate that is much worse at one of them', async () => {
    // The mean over the targets is that of prices, a hundred times larger: it hides what became of rents.
    writeHomes(place.project, {
      ...prices,
      must: "[rmse.of('rent').notWorseThan('champion', { byShare: 0.1 }), r2.of('price').atLeast(0.8), rmse.notWorseThan('champion', { byShare: 0.1 })]",
      features:
        '({ area, rooms, side }: { area: Float64Array; rooms: Float64Array; side: readonly string[] }) { return { area, rooms, side } }',
    })
    const { code, stdout } = await place.run('run', 'prices', '--wait', '--json')
    const { status, gates } = JSON.parse(stdout)
    expect(code, stdout).toBe(12)
    expect(status).toBe('gate failed')
    expect(gates).toMatchObject([
      { name: 'rmse.rent not worse than champion by 10 % of its value (95 %)', passed: false },
      { name: 'r2.price ≥ 0.8', passed: true },
      { name: 'rmse not worse than champion by 10 % of its value (95 %)', passed: true },
    ])
  })

  it('does not answer other numbers unless the definition says so', async () => {
    writeHomes(place.project, { ...prices, target: "regression('price')", must: '[r2.atLeast(0.8)]', more: '' })
    const told = expectUserError(await place.run('plan', 'prices'), 2, 'SIGNATURE_BREAKING')
    expect(told).toContain('it answered price, rent and answers one number')
  })
})

describe('a model of three quantiles', () => {
  it('covers what it says, and its answers ascend in every row', async () => {
    writeHomes(place.project, delays)
    const first = await run('delays')
    expect(first).toMatchObject({ status: 'succeeded', model: { name: 'delays', version: 1 } })
    expect(first.metrics['coverage.0.1']).toBeLessThan(0.25)
    expect(first.metrics['coverage.0.9']).toBeGreaterThan(0.8)
    expect(await slipway('show', first.runId)).toMatch(/package .*compiled model proven; parity \d/)
    await slipway('batch', 'score', 'delays', '--from', 'data/new.parquet', '--to', 'late/')
    const rows = await scored('late')
    for (const row of rows) {
      const [low, middle, high] = [0.1, 0.5, 0.9].map((level) => row[`prediction_${level}`] as number) as [
        number,
        number,
        number,
      ]
      expect(low).toBeLessThanOrEqual(middle)
      expect(middle).toBeLessThanOrEqual(high)
    }
    await ready('delays')
    const [row] = rows as [Home]
    const { predictions } = await json(ask('/v1/models/delays:predict', { instances: [rowOf(row)] }))
    expect(predictions).toEqual([
      { '0.1': row['prediction_0.1'], '0.5': row['prediction_0.5'], '0.9': row['prediction_0.9'] },
    ])
    expect((await ask('/feedback', [{ requestId: 'late-0', label: 7, endpoint: 'delays' }])).status).toBe(202)
    expect(await slipway('verify', 'delays')).toContain('identical')
  })
})
