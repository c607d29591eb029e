import { cpSync, mkdirSync, mkdtempSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { madeUpRows } from '../../lib/edge/made-up-rows.ts'
import { edgeFiles } from '../../lib/edge/manifest.ts'
import type { EdgeAnswer, EdgeRow } from '../../lib/edge/runtime/slipway-edge.d.ts'
import { type LocalModel, loadModel } from '../../lib/models/model.ts'
import { readRecords } from '../../lib/models/names.ts'
import { localModel } from '../../lib/models/package.ts'
import { rowReader } from '../../lib/models/rows.ts'
import { type BrowserPage, findChromium, openBrowser } from '../support/chromium.ts'
import { folderOf, loadFolder, newSigner, otherCode, packOf, publishIn, smallModel } from '../support/edge-packages.ts'
import { type EdgeServer, serveFolder } from '../support/edge-server.ts'
import { packageModel } from '../support/models.ts'
import { npmPackageOr } from '../support/npm-packages.ts'
import { newProject, type TestProject } from '../support/project.ts'
import { openTestBucket, type TestBucket } from '../support/servers.ts'

/*
 * Folders of `package --edge` in a real browser: what they answer there is what one `score()` answers here, which
 * gateways and batches ask as well.
 */
const chromium = findChromium()
const signer = newSigner()
const site = mkdtempSync(join(tmpdir(), 'slipway-site-'))
let browser: Awaited<ReturnType<typeof openBrowser>>
let page: BrowserPage
let server: EdgeServer
let project: TestProject
let bucket: TestBucket
let runtime: Awaited<ReturnType<typeof npmPackageOr>>
const models = new Map<string, LocalModel>()

beforeAll(async () => {
  if ('missing' in chromium) return
  runtime = await npmPackageOr('onnxruntime-web', '1.30.0')
  project = newProject()
  bucket = await openTestBucket()
  for (const path of ['pipelines/weather', 'pipelines/flights', 'node_modules/vega-datasets/data/seattle-weather.csv'])
    cpSync(join(packageRoot, path), join(project.root, path), { recursive: true })
  const flights = 'node_modules/vega-datasets/data/flights-3m.parquet'
  await project.data(flights, `SELECT * FROM '${packageRoot}/${flights}' USING SAMPLE 30000 (reservoir, 7)`)
  for (const name of ['weather', 'flights']) {
    const { digest } = await packageModel(project, bucket.store, name, 1)
    models.set(name, await localModel({ store: bucket.store, trusted: new Map() }, digest))
  }
  models.set('binary', await smallModel('binary'))
  models.set('number', await smallModel('regression'))
  if ('root' in runtime) {
    const { compiledModel: _, ...bare } = await smallModel('binary')
    models.set('onnx', bare)
  }
  const root = 'root' in runtime ? runtime.root : tmpdir()
  for (const [name, local] of models) {
    const folder = await folderOf(await packOf(local, 1, root), signer)
    cpSync(folder, join(site, name), { recursive: true })
  }
  writeFileSync(join(site, 'blank.html'), '<!doctype html><title>blank</title>')
  server = await serveFolder(site)
  browser = await openBrowser(chromium.path)
  page = browser.page
})
afterAll(async () => {
  await browser?.close()
  await server?.stop()
  await bucket?.stop()
  project?.remove()
})

/** Rows as they come: some values missing, texts that no tree knows. */
function rowsOf({ facts }: LocalModel, count: number): EdgeRow[] {
  const texts = ['Ulm', 'Bonn', 'Kiel', 'nowhere', 'ORD', 'LAX', 'JFK', 'ZZZ']
  const reader = rowReader(facts.inputs)
  const rows: EdgeRow[] = []
  for (const row of madeUpRows(facts.inputs, texts, 3)) {
    if (rows.length === count) return rows
    try {
      readRecords(reader, [row], 'rows')
      rows.push(row)
    } catch {}
  }
  return rows
}

const answersIn = async (name: string, rows: readonly EdgeRow[], loaded = `load('/${name}/')`): Promise<EdgeAnswer[]> =>
  page.evaluate(
    `import('/${name}/slipway-edge.js').then(async ({ load }) => (window.model = await ${loaded}).predict(${JSON.stringify(rows)}))`,
  )

const numbersOf = (answers: readonly EdgeAnswer[]): number[] =>
  answers.map(({ probability, prediction }) => (probability ?? prediction) as number)

describe.skipIf('missing' in chromium)('in a browser', () => {
  it.each(['binary', 'number', 'weather', 'flights'])('%s answers with the same bits', async (name) => {
    const local = models.get(name) as LocalModel
    const rows = rowsOf(local, 4_000)
    const model = await loadModel(local)
    const expected = await model.score(readRecords(rowReader(local.facts.inputs), rows, 'rows').columns)
    await model.release()
    await page.open(`${server.address}blank.html`)
    // float32s are doubles here and there: equal numbers are equal bits.
    expect(numbersOf(await answersIn(name, rows))).toEqual([...expected])
    const inNode = await loadFolder(join(site, name))
    expect(numbersOf(await inNode.predict(rows))).toEqual([...expected])
    expect(page.errors).toEqual([])
  })

  it('a model that is not compiled answers by ONNX Runtime, here and in Node', async (context) => {
    if ('missing' in runtime) return context.skip(runtime.missing)
    const local = models.get('onnx') as LocalModel
    const rows = rowsOf(local, 2_000)
    const model = await loadModel(local)
    const expected = await model.score(readRecords(rowReader(local.facts.inputs), rows, 'rows').columns)
    expect(model.engine.name).toBe('onnxruntime')
    await model.release()
    await page.open(`${server.address}blank.html`)
    for (const answers of [await answersIn('onnx', rows), await (await loadFolder(join(site, 'onnx'))).predict(rows)])
      for (const [i, value] of numbersOf(answers).entries()) expect(value).toBeCloseTo(expected[i] as number, 5)
  })

  it('scores with the network gone, and refuses bad rows in the same words', async () => {
    await page.open(`${server.address}blank.html`)
    const rows = rowsOf(models.get('binary') as LocalModel, 100)
    const before = await answersIn('binary', rows)
    await page.online(false)
    try {
      expect(await page.evaluate(`model.predict(${JSON.stringify(rows)})`)).toEqual(before)
      const bad = JSON.stringify([{ x: 'much', y: 1, town: 'Ulm' }])
      expect(await page.evaluate(`model.predict(${bad}).catch(({ code, message }) => code + ' ' + message)`)).toBe(
        'REQUEST_INVALID rows[0].x: expected a number, got the text "much"',
      )
      expect(await page.evaluate("model.update('/channel/')")).toMatchObject({ status: 'unreachable', version: 1 })
    } finally {
      await page.online(true)
    }
  })

  it('goes over to what its channel publishes, keeps it over a reload, and refuses what is not whole or signed', async () => {
    const channel = join(site, 'channel')
    mkdirSync(channel)
    const second = await packOf(await smallModel('binary', otherCode), 2)
    const rows = rowsOf(models.get('binary') as LocalModel, 50)
    await page.open(`${server.address}blank.html`)
    const first = await answersIn('binary', rows)
    const update = () => page.evaluate("model.update('/channel/')")
    const score = () => page.evaluate(`model.predict(${JSON.stringify(rows)})`)

    publishIn(channel, second, newSigner(), 2)
    expect(await update()).toMatchObject({ status: 'refused', code: 'SIGNATURE_INVALID', version: 1 })
    publishIn(channel, second, signer, 2)
    truncateSync(join(channel, 'files', second.manifest.files[edgeFiles.tables]?.digest.slice(7) as string), 30)
    expect(await update()).toMatchObject({ status: 'refused', code: 'DIGEST_MISMATCH', version: 1 })
    expect(await score()).toEqual(first)
    // What was torn on its way is not left in the browser's cache to fail for ever.
    publishIn(channel, second, signer, 3)
    expect(await update()).toEqual({ status: 'updated', version: 2, sequence: 3 })
    const other = await score()
    expect(other).not.toEqual(first)

    await page.open(`${server.address}blank.html`)
    expect(await answersIn('binary', rows)).toEqual(other)
    expect(await page.evaluate('model.version')).toBe(2)
    publishIn(channel, second, signer, 1)
    expect(await update()).toMatchObject({ status: 'refused', code: 'ROUTE_CONFLICT', version: 2 })
  })

  it.each(['binary', 'weather', 'flights'])('the page of %s answers opened as a file, drawn', async (name) => {
    await page.open(`file://${site}/${name}/index.html`)
    await page.evaluate(
      "new Promise((resolve) => { const look = () => document.querySelector('#answer .number, .bad') ? resolve() : setTimeout(look, 20); look() })",
    )
    expect(await page.evaluate("document.querySelector('.bad')?.textContent ?? ''")).toBe('')
    for (const [size, width] of [
      ['desktop', 1200],
      ['phone', 390],
    ] as const) {
      const image = await page.screenshot(width, 800)
      if (process.env.SLIPWAY_SCREENSHOTS !== undefined)
        writeFileSync(join(process.env.SLIPWAY_SCREENSHOTS, `edge-${name}-${size}.png`), image)
      expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true)
    }
    await page.evaluate(
      "{ const input = document.querySelector('input'); input.value = 'nonsense'; input.dispatchEvent(new Event('input', { bubbles: true })) }",
    )
    await page.evaluate('new Promise((resolve) => setTimeout(resolve, 100))')
    expect(await page.evaluate("document.querySelector('#problem')?.textContent ?? ''")).toMatch(/expected|missing/)
  })
})

it.runIf('missing' in chromium)('needs a browser', (context) =>
  context.skip('missing' in chromium ? chromium.missing : ''),
)
