import { cpSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { GetObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { madeUpRows } from '../../lib/edge/made-up-rows.ts'
import type { EdgeAnswer, EdgeModel, EdgeRow } from '../../lib/edge/runtime/slipway-edge.d.ts'
import type { VersionRecord } from '../../lib/formats/records.ts'
import type { RowSchema } from '../../lib/formats/row-schema.ts'
import { loadModel } from '../../lib/models/model.ts'
import { readRecords } from '../../lib/models/names.ts'
import { localModel } from '../../lib/models/package.ts'
import { rowReader } from '../../lib/models/rows.ts'
import { listKeys } from '../../lib/store/documents.ts'
import { registerVersion } from '../../lib/store/registration.ts'
import { newKeyPair, signerFrom } from '../../lib/store/signing.ts'
import { expectUserError } from '../support/cli.ts'
import { askGateway, documentOf, runAndServe, writeEdgeLoans, writeEdgePenguins } from '../support/edge-models.ts'
import { loadFolder } from '../support/edge-packages.ts'
import { serveFolder } from '../support/edge-server.ts'
import { packageModel } from '../support/models.ts'
import { openPlace, type Place } from '../support/place.ts'
import { newProject } from '../support/project.ts'
import { copyStocks, runStocks } from '../support/stocks-project.ts'

/*
 * Models leave by the command, and answer what the gateway answers.
 */
let place: Place
let loans: EdgeModel
let grown: EdgeModel
const keys = newProject()

beforeAll(async () => {
  const { privateKey, publicKey } = newKeyPair()
  keys.write('signing.pem', privateKey)
  keys.write('trusted.pub', publicKey)
  place = await openPlace({
    SLIPWAY_SIGNING_KEY: join(keys.root, 'signing.pem'),
    SLIPWAY_TRUSTED_KEYS: join(keys.root, 'trusted.pub'),
  })
  await writeEdgeLoans(place)
  await writeEdgePenguins(place)
  await runAndServe(place, 'loans')
  await runAndServe(place, 'grown')
  const made = await documentOf(place, 'package', '--edge', 'loans')
  expect(made).toMatchObject({ model: 'loans', version: 1, engine: 'compiled', sequence: 1, channel: null })
  loans = await loadFolder(made.folder)
  grown = await loadFolder((await documentOf(place, 'package', '--edge', 'grown@1', '--to', 'public/grown')).folder)
})
afterAll(async () => {
  await place?.close()
  keys.remove()
})

/** Rows as they come: of the contract, some of them missing, texts that no tree knows. */
function rowsOf({ columns }: EdgeModel, count: number): EdgeRow[] {
  const rows = madeUpRows(columns as RowSchema, ['car', 'home', 'travel', 'tools', 'nothing', 'zebra'], 7)
  return Array.from({ length: count }, () => rows.next().value as EdgeRow)
}

const versionRecord = (digest: string): VersionRecord => ({
  digest,
  run: 'none',
  registeredAt: '2026-01-01T00:00:00Z',
  evaluation: null,
  gates: null,
  metrics: {},
  against: null,
})

/** What the gateway says, as the edge says it. */
const asAnswers = (predictions: unknown): EdgeAnswer[] =>
  (predictions as (number | EdgeAnswer)[]).map((answer) =>
    typeof answer === 'number' ? { probability: answer } : answer,
  )

describe('a folder of the command', () => {
  it.each(['loans', 'grown'])('answers thousands of rows with the bits of the gateway: %s', async (name) => {
    const model = name === 'loans' ? loans : grown
    const rows = rowsOf(model, 5_000)
    for (let from = 0; from < rows.length; from += 1_000) {
      const some = rows.slice(from, from + 1_000)
      // Numbers of JSON are the doubles that float32s stand for: equal numbers are equal bits.
      expect(await model.predict(some)).toEqual(asAnswers(await askGateway(place, name, some)))
    }
    expect(await model.predict(rows.slice(0, 1))).toEqual((await model.predict(rows)).slice(0, 1))
    expect(await model.predict([])).toEqual([])
    expect(model.classes).toEqual(name === 'loans' ? undefined : ['Adelie', 'Chinstrap', 'Gentoo'])
  })

  it('refuses bad rows in the words of the gateway', async () => {
    const good = { income: 30_000, age: 40, purpose: 'car' }
    const bad: unknown[] = [
      [{ ...good, income: 'much' }],
      [{ ...good, income: -1 }],
      [{ ...good, income: null }],
      [good, { ...good, age: 17 }],
      [{ ...good, age: 40.5 }],
      [{ ...good, purpose: 'CAR' }],
      [{ ...good, purpose: 7 }],
      [{ age: 3 }],
      [{ incme: 4, age: 40 }],
      [{ Income: 4, age: 40 }],
      [{ nothing: 1 }],
      [{}],
      [good, 5],
      // The model's own code throws at it.
      [{ ...good, income: 13 }],
    ]
    for (const rows of bad) {
      const told = await loans.predict(rows as EdgeRow[]).then(
        () => 'answered',
        (error: Error & { code: string }) => `${error.code}: ${error.message}`,
      )
      const expected = await askGateway(place, 'loans', rows as object[])
      expect(told).toMatch(/^(REQUEST_INVALID|FEATURES_FAILED): /)
      expect(told.replace(/^\w+: /, '')).toBe(expected)
    }
  })

  it('holds what scores and no more', async () => {
    const folder = join(place.project.root, 'edge/loans')
    const module = readFileSync(join(folder, 'slipway-edge.js'), 'utf8')
    expect(module).not.toMatch(/\bimport\s*[{*"']|\brequire\(["']/)
    expect(module.length).toBeLessThan(60_000)
    expect(readFileSync(join(folder, 'README.md'), 'utf8').split('\n').length).toBeLessThanOrEqual(10)
    const edge = JSON.parse(readFileSync(join(folder, 'edge.json'), 'utf8'))
    const { digest } = await documentOf(place, 'show', 'loans@1')
    expect(edge).toMatchObject({ model: 'loans', version: 1, digest, publicKey: expect.any(String) })
    const { files, facts } = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'))
    expect(Object.keys(files).sort()).toEqual(['features.js', 'model.json', 'model.tables', 'model.wasm', 'probe.json'])
    for (const [name, { size }] of Object.entries(files as Record<string, { size: number }>))
      expect(statSync(join(folder, name)).size).toBe(size)
    expect(Object.keys(facts)).not.toContain('snapshot')
  })

  it('is written over nothing', async () => {
    expectUserError(await place.run('package', '--edge', 'loans'), 2, 'OUTPUT_OCCUPIED')
    expectUserError(await place.run('package', '--edge', 'nobody'), 2, 'NOT_FOUND')
    expectUserError(await place.run('package'), 2, 'USAGE')
  })
})

describe('the examples', () => {
  /** Packages a version, and holds what it answers in Node to what `score()` answers, which gateways ask too. */
  async function expectEqual(version: string, texts: readonly string[] = []): Promise<void> {
    const { digest, folder, engine } = await documentOf(place, 'package', '--edge', version, '--to', `out/${version}`)
    expect(engine).toBe('compiled')
    const local = await localModel({ store: place.store.store, trusted: new Map() }, digest)
    const reader = rowReader(local.facts.inputs)
    const rows: EdgeRow[] = []
    for (const row of madeUpRows(local.facts.inputs, texts, 5)) if (rows.push(row) === 4_000) break
    const { columns } = readRecords(reader, rows, 'rows')
    const model = await loadModel(local)
    const expected = [...(await model.score(columns))]
    await model.release()
    const answers = await (await loadFolder(folder)).predict(rows)
    expect(answers.map(({ probability, prediction }) => probability ?? prediction)).toEqual(expected)
  }

  it('answer the same bits: flights, and weather, whose features danfojs makes', async () => {
    const { project, store } = place
    const data = 'node_modules/vega-datasets/data'
    for (const path of ['pipelines/weather', 'pipelines/flights', `${data}/seattle-weather.csv`])
      cpSync(join(packageRoot, path), join(project.root, path), { recursive: true })
    const flights = `${data}/flights-3m.parquet`
    await project.data(flights, `SELECT * FROM '${packageRoot}/${flights}' USING SAMPLE 30000 (reservoir, 7)`)
    const signer = signerFrom(readFileSync(join(keys.root, 'signing.pem'), 'utf8'))
    for (const name of ['flights', 'weather']) {
      const { digest } = await packageModel(project, store.store, name, 1, {}, { signer })
      await registerVersion(store.store, name, versionRecord(digest), true)
      await expectEqual(name, ['ORD', 'LAX', 'JFK', 'ATL', 'ZZZ'])
    }
  })

  it('need ONNX Runtime for browsers where they are linear, as those of stocks, and are told which', async () => {
    copyStocks(place.project)
    await runStocks(place)
    const told = expectUserError(await place.run('package', '--edge', 'stocks-aapl'), 11, 'ENVIRONMENT_FAILED')
    expect(told).toMatch(/npm install onnxruntime-web@1\.\d+\.\d+/)
  })
})

describe('a channel of the command', () => {
  it('updates the folder, on this machine and in S3, and is one model’s', async () => {
    await writeEdgeLoans(place, 30)
    await runAndServe(place, 'loans')
    const channel = join(place.project.root, 'channel')
    const published = await documentOf(place, 'package', '--edge', 'loans', '--channel', channel)
    expect(published).toMatchObject({ version: 2, sequence: 2, folder: null })
    const server = await serveFolder(channel)
    try {
      expect(await loans.update(server.address)).toEqual({ status: 'updated', version: 2, sequence: 2 })
    } finally {
      await server.stop()
    }
    const rows = rowsOf(loans, 1_000)
    expect(await loans.predict(rows)).toEqual(asAnswers(await askGateway(place, 'loans', rows)))
    expectUserError(await place.run('package', '--edge', 'grown', '--channel', channel), 2, 'OUTPUT_OCCUPIED')

    const { store } = place.store
    await documentOf(place, 'package', '--edge', 'loans@1', '--channel', `s3://${store.bucket}/edge/loans`)
    const copy = newProject()
    for (const key of await listKeys(store, 'edge/loans/')) {
      const object = await store.client.send(new GetObjectCommand({ Bucket: store.bucket, Key: key }))
      copy.write(key, '')
      writeFileSync(join(copy.root, key), (await object.Body?.transformToByteArray()) ?? '')
    }
    const back = await loans.update(join(copy.root, 'edge/loans'))
    copy.remove()
    expect(back).toEqual({ status: 'updated', version: 1, sequence: 3 })
  })
})
