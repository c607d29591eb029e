import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { query } from '../support/batch-place.ts'
import { expectUserError } from '../support/cli.ts'
import { eventually } from '../support/gateways.ts'
import { givenSpecies, penguinModel, penguinsSql, probabilitiesOf, writePenguins } from '../support/penguins.ts'
import { openPlace, type Place } from '../support/place.ts'

/*
 * A model of several classes goes the way that others go: gates, endpoint, labels, drift, batch.
 */
let place: Place

beforeAll(async () => {
  place = await openPlace({ SLIPWAY_CAPTURE_RATE: '1' })
  const { project } = place
  await project.data('data/penguins.parquet', penguinsSql())
  await project.data('data/new.parquet', penguinsSql(500, { from: 5_000 }))
  writeFileSync(join(project.root, 'penguins.onnx'), penguinModel())
  writePenguins(project, { learner: "onnx('penguins.onnx')", imports: 'onnx' })
})
afterAll(() => place?.close())

const slipway = (...args: string[]): Promise<string> => place.succeeds(...args)
const run = async (...args: string[]) => JSON.parse(await slipway('run', ...args, '--wait', '--json'))

type Penguin = Readonly<{ id: bigint; bill: number; flipper: bigint; label: string }>

/** A row as clients send it. */
const rowOf = (bill: number, flipper: number) => ({
  id: 1,
  day: '2024-01-01T00:00:00Z',
  bill,
  flipper,
  island: 'Dream',
})

const ask = async (path: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(`${place.gateway}${path}`, { method: 'POST', body: JSON.stringify(body), headers })

// biome-ignore lint/suspicious/noExplicitAny: whatever the answer holds
const json = async (answer: Response | Promise<Response>): Promise<any> => (await answer).json()

describe('a finished model of several classes', () => {
  let runId: string
  let scored: Penguin[]

  it('is taken with its own classes, packaged, gated by its metrics and deployed', async () => {
    const first = await run('penguins')
    runId = first.runId
    expect(first).toMatchObject({ status: 'succeeded', model: { name: 'penguins', version: 1, champion: true } })
    expect(first.gates).toMatchObject([{ passed: true }, { passed: true }, { passed: true }])
    const steps = await slipway('show', runId)
    expect(steps).toMatch(/species .* a finished model on 1,\d\d\d rows; validation logLoss 0\.\d+, accuracy 0\.\d+/)
  })

  it('says on its card which classes there are, and how many rows each has', async () => {
    const card = await slipway('show', 'penguins')
    expect(card).toContain('Classifier of several classes for `species`, a finished model, ONNX.')
    for (const name of givenSpecies)
      expect(card).toMatch(new RegExp(`^\\| rows of \`${name}\` \\| [1-9]\\d+ \\|$`, 'm'))
    expect(card).toMatch(/log loss gained when shuffled/)
  })

  it('answers in a batch the class and the probability of each', async () => {
    await slipway('batch', 'score', 'penguins', '--from', 'data/new.parquet', '--to', 'scored/')
    await slipway('verify', 'scored/')
    scored = (await query(
      `SELECT * EXCLUDE (day, island) FROM '${place.project.root}/scored/*.parquet' ORDER BY id`,
    )) as never
    expect(scored).toHaveLength(500)
    for (const row of scored.slice(0, 50)) {
      const expected = probabilitiesOf({ bill: row.bill, flipper: Number(row.flipper) })
      const answered = givenSpecies.map((name) => (row as never)[`probability_${name}`] as number)
      for (const [i, value] of expected.entries()) expect(answered[i]).toBeCloseTo(value, 5)
      expect(row.label).toBe(givenSpecies[answered.indexOf(Math.max(...answered))])
    }
    expect(new Set(scored.map(({ label }) => label))).toEqual(new Set(givenSpecies))
  })

  it('answers the same at its endpoint, by every protocol', async () => {
    await eventually(
      async () => (await fetch(`${place.gateway}/v2/models/penguins/ready`).catch(() => undefined))?.ok === true,
    )
    const some = scored.slice(0, 3)
    const features = { bill: some.map(({ bill }) => bill), flipper: some.map(({ flipper }) => Number(flipper)) }
    const rows = some.map((_, i) => rowOf(features.bill[i] as number, features.flipper[i] as number))
    const labels = some.map(({ label }) => label)
    const vectors = some.map((row) => givenSpecies.map((name) => (row as never)[`probability_${name}`]))
    const answers = labels.map((label, i) => ({ label, probabilities: vectors[i] }))

    const instances = await ask('/v1/models/penguins:predict', { instances: rows })
    expect(await instances.json()).toEqual({ predictions: answers })
    const [first] = rows as [(typeof rows)[number]]
    const columns = Object.fromEntries(Object.keys(first).map((name) => [name, rows.map((row) => row[name as 'bill'])]))
    const inputs = await ask('/v1/models/penguins:predict', { inputs: columns })
    expect(await inputs.json()).toEqual({ outputs: { label: labels, probabilities: vectors } })
    const invoked = await ask('/invocations', rows, { 'content-type': 'application/json' })
    expect(await invoked.json()).toEqual({ predictions: answers })
    const csv = await ask('/invocations', rows, { 'content-type': 'application/json', accept: 'text/csv' })
    expect(await csv.text()).toBe(labels.map((label, i) => `${label},${vectors[i]?.join(',')}\n`).join(''))

    const tensors = {
      inputs: Object.entries(features).map(([name, data]) => ({ name, datatype: 'FP64', shape: [3], data })),
    }
    const inferred = await json(ask('/v2/models/penguins/infer', tensors))
    expect(inferred.outputs).toEqual([
      { name: 'label', datatype: 'BYTES', shape: [3], data: labels },
      { name: 'probabilities', datatype: 'FP32', shape: [3, 3], data: vectors.flat() },
    ])
    const only = { ...tensors, outputs: [{ name: 'label' }] }
    expect((await json(ask('/v2/models/penguins/infer', only))).outputs).toHaveLength(1)
    const { outputs, parameters } = await json(fetch(`${place.gateway}/v2/models/penguins`))
    expect(outputs).toMatchObject([
      { name: 'label', shape: [-1] },
      { name: 'probabilities', shape: [-1, 3] },
    ])
    expect(JSON.parse(parameters.classes)).toEqual(givenSpecies)

    place.project.write('rows.json', JSON.stringify(rows))
    expect(await slipway('predict', 'penguins', '--data', 'rows.json')).toMatch(new RegExp(`1 +${labels[0]} +0\\.\\d+`))
  })

  it('answers tensors as bytes where they are asked for', async () => {
    const inputs = [
      { name: 'bill', datatype: 'FP64', shape: [2], data: [36, 54] },
      { name: 'flipper', datatype: 'INT64', shape: [2], data: [180, 180] },
    ]
    const answer = await ask('/v2/models/penguins/infer', { inputs, parameters: { binary_data_output: true } })
    const length = Number(answer.headers.get('inference-header-content-length'))
    const body = Buffer.from(await answer.arrayBuffer())
    const [label, numbers] = JSON.parse(body.subarray(0, length).toString()).outputs
    const texts = body.subarray(length, length + label.parameters.binary_data_size)
    expect(texts.subarray(4, 10).toString()).toBe('Adelie')
    expect(texts.readUInt32LE(0)).toBe(6)
    expect(numbers).toMatchObject({ shape: [2, 3], parameters: { binary_data_size: 24 } })
    expect(body).toHaveLength(length + texts.length + 24)
  })

  it('says in its OpenAPI document what it answers', async () => {
    const { paths } = await json(fetch(`${place.gateway}/openapi.json`))
    const answer = paths['/v1/models/penguins:predict'].post.responses['200'].content['application/json'].schema
    expect(answer.properties.predictions.items.properties.label.enum).toEqual(givenSpecies)
  })

  it('is watched by the probability of each class and by the class that it answers', async () => {
    const report = await slipway('drift', 'check', 'penguins', '--from', 'data/new.parquet')
    expect(report).toContain('predicted class')
    for (const name of givenSpecies) expect(report).toContain(`probability of ${name}`)
  })
})

describe('labels of a model of several classes', () => {
  it('are names of classes, also of such as it does not know; a check measures it by them', async () => {
    const path = `${place.project.root}/data/new.parquet`
    const rows = (await query(`SELECT bill, flipper, species FROM '${path}' ORDER BY id LIMIT 60`)) as unknown as {
      bill: number
      flipper: bigint
      species: string
    }[]
    for (const [i, { bill, flipper }] of rows.entries())
      await ask(
        '/v1/models/penguins:predict',
        { instances: [rowOf(bill, Number(flipper))] },
        { 'x-request-id': `labelled-${i}` },
      )
    const labels = rows.map(({ species }, i) => ({ requestId: `labelled-${i}`, label: i === 0 ? 'Macaroni' : species }))
    expect((await ask('/feedback', labels.slice(0, 40))).status).toBe(202)
    const values = labels.slice(40).map(({ requestId, label }) => `('${requestId}', '${label}')`)
    await place.project.data('data/labels.csv', `SELECT * FROM (VALUES ${values.join(', ')}) t("requestId", label)`)
    const file = join(place.project.root, 'data/labels.csv')
    expect(await slipway('labels', 'import', file, '--classes')).toContain('20 labels taken')

    const byCheck = new Map<number, number>()
    let quality: { metrics: Record<string, { value: number }> } | undefined
    // Windows of the gateway come by and by: each check takes in what came since the last.
    await eventually(async () => {
      await slipway('schedule', 'trigger', 'penguins', 'monitor')
      const report = JSON.parse((await place.run('drift', 'check', 'penguins', '--json')).stdout)
      byCheck.set(report.seq, report.quality?.labels ?? 0)
      quality = report.quality ?? quality
      return [...byCheck.values()].reduce((sum, labels) => sum + labels, 0) === labels.length
    })
    expect(quality?.metrics.accuracy?.value).toBeGreaterThan(0.4)
    expect(Object.keys(quality?.metrics ?? {})).toEqual(expect.arrayContaining(['logLoss', 'aucMacro', 'f1Macro']))
    const traced = await slipway('trace', 'labelled-0')
    expect(traced).toMatch(/by the champion: (Gentoo|Adelie|Chinstrap), probability 0\.\d+/)
    expect(traced).toMatch(/label +Macaroni, known/)
  })
})

describe('trees of several classes', () => {
  it('are trained, compiled, proven and served', async () => {
    writePenguins(place.project, {
      name: 'grown',
      learner: 'trees({ trees: 15, leaves: 7 })',
      imports: 'trees',
      more: '',
    })
    const first = await run('grown')
    expect(first).toMatchObject({ status: 'succeeded', model: { name: 'grown', version: 1, champion: true } })
    expect(await slipway('show', first.runId)).toMatch(/package .*compiled model proven; parity \d/)
    const card = await slipway('show', 'grown')
    expect(card).toMatch(/\| rows of `Adelie` .*\n\| rows of `Chinstrap` .*\n\| rows of `Gentoo`/)
    await slipway('batch', 'score', 'grown', '--from', 'data/new.parquet', '--to', 'by-trees/')
    const path = `${place.project.root}/by-trees/*.parquet`
    const [row] = await query(
      `SELECT count(*) AS n, max(abs(probability_Adelie + probability_Chinstrap + probability_Gentoo - 1)) AS off FROM '${path}'`,
    )
    expect(row).toMatchObject({ n: 500 })
    expect(Number(row?.off)).toBeLessThan(1e-5)
  })

  it('are drawn beside others of several classes, and beside no regression', async () => {
    writePenguins(place.project, {
      name: 'lengths',
      learner: 'trees({ trees: 5 })',
      imports: 'regression, rmse, trees',
      target: "regression('flipper')",
      must: '[rmse.atMost(100)]',
      features: '({ bill }: { bill: Float64Array }) { return { bill } }',
      more: '',
    })
    const { runId } = await run('lengths')
    const runOf = async (pipeline: string) => JSON.parse(await slipway('runs', pipeline, '--json'))[0].runId
    const [given, grown] = [await runOf('penguins'), await runOf('grown')]
    expect(await slipway('compare', given, grown, '--html', 'page.html')).toMatch(/metric accuracy/)
    const mixed = await place.run('compare', given, runId, '--html', 'page.html')
    expect(expectUserError(mixed, 2, 'USAGE')).toContain('is a multiclass model, and the other one a regression one')
    expect(await slipway('compare', given, runId)).toMatch(/metric rmse/)
    const sorted = await slipway('runs', '--sort', 'f1Macro')
    expect(sorted.trimEnd().split('\n').at(-1)).toContain(runId)
  })

  it('are not judged on rows of a class that no training row is of', async () => {
    // The newest rows, and with them the new class, are those of the test part.
    const odd = penguinsSql(200, { from: 1_500, species: "CASE WHEN id > 1690 THEN 'Macaroni' ELSE 'Adelie' END" })
    await place.project.data('data/penguins.parquet', `(${penguinsSql(1_500)}) UNION ALL (${odd})`)
    const split = "{ by: 'day', test: '7d', validation: '7d' }"
    writePenguins(place.project, { name: 'grown', learner: 'trees({ trees: 5 })', imports: 'trees', more: '', split })
    const { code, stdout } = await place.run('run', 'grown', '--wait')
    expect(code, stdout).toBe(11)
    expect(stdout).toMatch(
      /failed: target "species": rows of the test part are of a class that no training row is of: .*1 class \(9 rows\)/s,
    )
    expect(stdout).toContain("split by stratifiedBy: 'species'")
  })

  it('do not take the place of a model that answers otherwise unless the definition says so', async () => {
    const target = "regression('flipper')"
    writePenguins(place.project, {
      name: 'grown',
      learner: 'trees({ trees: 5 })',
      imports: 'trees, regression, rmse',
      more: '',
      target,
      must: '[rmse.atMost(100)]',
      features: '({ bill }: { bill: Float64Array }) { return { bill } }',
    })
    const told = expectUserError(await place.run('plan', 'grown'), 2, 'SIGNATURE_BREAKING')
    expect(told).toContain('it was a multiclass task and is a regression one')
  })
})
