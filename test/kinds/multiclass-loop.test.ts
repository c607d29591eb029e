import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { MonitorReport } from '../../lib/formats/monitor-report.ts'
import type { RunRecord } from '../../lib/formats/records.ts'
import { readLastReport } from '../../lib/store/monitors.ts'
import { readRoute } from '../../lib/store/routes.ts'
import { listRuns } from '../../lib/store/runs.ts'
import { query } from '../support/batch-place.ts'
import { speciesOf } from '../support/birds.ts'
import { elsewhere, forgetSteps } from '../support/elsewhere.ts'
import { eventually, untilSent } from '../support/gateways.ts'
import { penguinsSql, writePenguins } from '../support/penguins.ts'
import { openPlace, type Place } from '../support/place.ts'

/*
 * The closed loop of a model of several classes: labels, batches, retrainings that get through and one that must not.
 * Its classes have names that are awkward wherever they are written: two differ by their case alone, one has a comma,
 * quotes and a letter beyond ASCII.
 */
let place: Place
const names = { Gentoo: 'a', Adelie: 'A', Chinstrap: 'x, "ü"' } as const
const classes = ['A', 'a', 'x, "ü"']
const columns = ['probability_A', 'probability_a_2', 'probability_x, "ü"']

beforeAll(async () => {
  place = await openPlace({ SLIPWAY_CAPTURE_RATE: '1' })
  await place.project.data('data/penguins.parquet', penguinsSql(4_000))
  writePenguins(place.project, {
    learner: 'trees({ trees: 12, leaves: 7 })',
    imports: 'trees',
    target: "multiclass('species', renamed)",
    split: "{ by: 'day', test: '40d', validation: '20d' }",
    must: "[accuracy.atLeast(0.3)], champion: 'not compared'",
    more: `const live = p.deploy(candidate, { endpoint: 'penguins', allAtOnce: true })
  p.monitor(live, {
    every: '1h', drift: psi.over(0.5), quality: accuracy.below(0.2), minRows: 100, minLabels: 100,
    retrain: { cooldown: '0s', maxPerDay: 50, notWorse: { by: 0.05 } },
  })
  p.batch(live, 'csv', { from: 'in/{date}/*.csv', to: 'csv/{date}/', write: 'csv', partitionBy: ['island'] })
  p.batch(live, 'json', { from: 'in/{date}/*.json', to: 'parquet/{date}/', partitionBy: ['island'], keys: ['id'] })`,
  })
  place.project.write(
    'pipelines/penguins/names.ts',
    `const names: Readonly<Record<string, string>> = ${JSON.stringify(names)}
export function renamed(species: readonly string[]) { return species.map((name) => names[name] ?? name) }
`,
  )
  const definition = 'pipelines/penguins/pipeline.ts'
  const text = readFileSync(join(place.project.root, definition), 'utf8')
  place.project.write(definition, `import { renamed } from './names.ts'\n${text}`)
  await slipway('run', 'penguins', '--wait')
  await eventually(
    async () => (await fetch(`${place.gateway}/v2/models/penguins/ready`).catch(() => undefined))?.ok === true,
  )
})
afterAll(() => place?.close())

const slipway = (...args: string[]): Promise<string> => place.succeeds(...args)
const champion = async () => (await readRoute(place.store.store, 'penguins'))?.champion.version
const post = (path: string, body: string, headers: Record<string, string> = {}) =>
  fetch(`${place.gateway}${path}`, { method: 'POST', body, headers })

/** Has the monitor look at what was sent by now. */
async function check(): Promise<MonitorReport> {
  const { store } = place.store
  const before = (await readLastReport(store, 'penguins'))?.seq ?? -1
  await untilSent(store)
  await slipway('schedule', 'trigger', 'penguins', 'monitor')
  await eventually(async () => ((await readLastReport(store, 'penguins'))?.seq ?? -1) > before)
  return (await readLastReport(store, 'penguins')) as MonitorReport
}

/** Waits for the retraining that was asked for. */
async function retrained(count: number): Promise<RunRecord> {
  const retrainings = async () =>
    (await listRuns(place.store.store, 'penguins', 50)).filter(({ origin }) => origin.retraining !== undefined)
  await slipway('signal', 'drift', 'penguins', '--reason', 'a drill')
  await eventually(async () => (await retrainings()).length >= count)
  return (await retrainings())[0] as RunRecord
}

/** Serves penguins of the newest days, and tells what they were. */
async function serve(from: number, rows: number): Promise<void> {
  for (let at = from; at < from + rows; at += 16) {
    const birds = Array.from({ length: 16 }, (_, i) => {
      const bird = speciesOf(at + i)
      return { ...bird, row: { ...bird.row, day: new Date(Date.UTC(2024, 0, 1) + (at + i) * 3_600_000).toISOString() } }
    })
    const requestId = `bird-${at}`
    const answer = await post(
      '/v1/models/penguins:predict',
      JSON.stringify({ instances: birds.map(({ row }) => row) }),
      {
        'x-request-id': requestId,
      },
    )
    expect(answer.status, await answer.text()).toBe(200)
    const labels = birds.map(({ species }, row) => ({ requestId, row, label: names[species as keyof typeof names] }))
    expect((await post('/feedback', JSON.stringify(labels))).status).toBe(202)
  }
}

describe('classes with awkward names', () => {
  it('are answered in CSV as CSV has them', async () => {
    const rows =
      'id,day,bill,flipper,island\n1,2024-06-01,36,175,Dream\n2,2024-06-01,54,175,Dream\n3,2024-06-01,45,228,Biscoe\n'
    const answer = await post('/invocations', rows, { 'content-type': 'text/csv', accept: 'text/csv' })
    const text = await answer.text()
    await place.project.write('answer.csv', text)
    const read = await query(`SELECT * FROM read_csv('${place.project.root}/answer.csv', header = false)`)
    expect(
      read.map((row) => row.column0),
      text,
    ).toEqual(['A', 'x, "ü"', 'a'])
  })

  it('are columns of batches, in CSV and parquet, by partitions of the input', async () => {
    await place.project.data(
      'in/2024-07-01/birds.csv',
      `SELECT * EXCLUDE (species) FROM (${penguinsSql(400, { from: 5_000 })})`,
    )
    await place.project.data(
      'in/2024-07-01/birds.json',
      `SELECT * EXCLUDE (species) FROM (${penguinsSql(400, { from: 5_000 })})`,
    )
    const at = (folder: string) => join(place.project.root, folder)
    for (const name of ['csv', 'json']) await slipway('batch', 'penguins', name, '--date', '2024-07-01')
    for (const name of ['csv', 'json']) await slipway('verify', `penguins/${name}/2024-07-01`)
    for (const folder of ['csv/2024-07-01', 'parquet/2024-07-01'])
      expect(readdirSync(at(folder)).filter((file) => file.includes('='))).toEqual(['island=Biscoe', 'island=Dream'])
    const select = (from: string) =>
      query(`SELECT id::INTEGER AS id, island, label, ${columns.map((name) => `"${name.replaceAll('"', '""')}"::FLOAT AS p${columns.indexOf(name)}`).join(', ')}
        FROM ${from} ORDER BY id`)
    const csv = await select(`read_csv('${at('csv/2024-07-01')}/*/*.csv', header = true, hive_partitioning = true)`)
    const parquet = await select(`read_parquet('${at('parquet/2024-07-01')}/*/*.parquet', hive_partitioning = true)`)
    expect(csv).toHaveLength(400)
    expect(csv).toEqual(parquet)
    for (const row of csv) {
      const chances = [row.p0, row.p1, row.p2] as number[]
      expect(row.label).toBe(classes[chances.indexOf(Math.max(...chances))])
    }
  })

  it('are found again in labels: live quality is that of the answers', async () => {
    await serve(3_400, 400)
    const report = await check()
    expect(report.labels).toMatchObject({ received: 400, matched: 400 })
    expect(report.quality?.labels).toBe(400)
    expect(report.quality?.metrics.accuracy?.value).toBeGreaterThan(0.5)
    // One of the two that differ by their case does not stand for the other one.
    expect(report.quality?.metrics.logLoss?.value).toBeLessThan(0.9)
    const page = await slipway('drift', 'show', 'penguins')
    expect(page).toContain('accuracy')
  })
})

describe('a retraining', () => {
  it('that is asked for by signal is compared on rows that were served and labelled, and takes over', async () => {
    await place.project.data('data/penguins.parquet', penguinsSql(4_100))
    const run = await retrained(1)
    expect(run, JSON.stringify(run.error)).toMatchObject({ status: 'succeeded', origin: { cause: 'drift: a drill' } })
    const compared = run.gates.map(({ name }) => name)
    expect(compared).toContain('not worse than champion on labelled rows served lately')
    await eventually(async () => (await champion()) === 2)
  })

  it('makes a version that comes out identical elsewhere, without a record of a step', async () => {
    const { stdout } = await place.run('models', '--json')
    await forgetSteps(place)
    const { code, stdout: said, stderr } = await elsewhere(place, 'verify', 'penguins@2')
    expect([code, said], stderr + stdout).toEqual([0, expect.stringMatching(/^identical sha256:/)])
    expect(stderr).toMatch(/not done again: .*never-worse/)
  })

  it('keeps the champion when its classes were mixed up at the source: labels that were served know better', async () => {
    const next = "CASE species WHEN 'Adelie' THEN 'Gentoo' WHEN 'Gentoo' THEN 'Chinstrap' ELSE 'Adelie' END"
    await place.project.data(
      'data/penguins.parquet',
      `SELECT * REPLACE (${next} AS species) FROM (${penguinsSql(4_200)})`,
    )
    const run = await retrained(2)
    expect(run.status).toBe('gate failed')
    expect(`${run.error?.step}: ${run.error?.message}`).toMatch(/never-worse.*labelled rows served lately/s)
    expect(await champion()).toBe(2)
  })

  it('keeps the champion when a class is gone from the source', async () => {
    const known = `SELECT * FROM (${penguinsSql(4_300)}) WHERE species <> 'Chinstrap'`
    await place.project.data('data/penguins.parquet', known)
    const run = await retrained(3)
    expect(run.status).toBe('gate failed')
    expect(`${run.error?.step}: ${run.error?.message}`).toMatch(/never-worse/)
    expect(await champion()).toBe(2)
  })
})
