import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { madeUpRows } from '../../lib/edge/made-up-rows.ts'
import type { Numbers } from '../../lib/formats/columns.ts'
import { type LoadedModel, loadModel } from '../../lib/models/model.ts'
import { readRecords } from '../../lib/models/names.ts'
import { localModel } from '../../lib/models/package.ts'
import { rowReader } from '../../lib/models/rows.ts'
import { askGateway, documentOf, runAndServe, writeEdgeLoans, writeEdgePenguins } from '../support/edge-models.ts'
import { openPlace, type Place } from '../support/place.ts'
import { pythonEnvironmentOr } from '../support/python.ts'
import { clientPath, runPython, slipwayCommand } from '../support/python-client.ts'

/*
 * clients/python in a Python of its own, beside the frameworks that it is used in: against a gateway, exported models
 * against that gateway's answers, and runs by the command.
 */
const execute = promisify(execFile)
const reference = join(packageRoot, 'test/reference')
let place: Place
let environment: Awaited<ReturnType<typeof pythonEnvironmentOr>>

const others = `import { auc, binary, linear, pipeline, r2, regression, trees } from 'slipway'
import { features } from '../loans/features.ts'
import { Loan } from '../loans/schema.ts'
import { bad } from '../loans/target.ts'

export function few({ age, purpose }: { age: Float64Array; purpose: readonly (string | null)[] }) {
  return { age, purpose }
}
`
const begin = `  const loans = p.snapshot('loans', { from: 'data/loans.parquet', schema: Loan })
  const parts = p.split(loans, { byHashOf: 'id', validation: 0.2, test: 0.3, seed: 3 })
`
const end = (gate: string) => `  const candidate = p.package(model)
  p.gate(candidate, { on: parts.test, must: [${gate}], champion: 'not compared' })
  p.deploy(candidate, { endpoint: name, allAtOnce: true })
})
`
const bodies = {
  crossed: `const name = 'crossed'
export default pipeline(name, (p) => {
${begin}  const learner = trees({ trees: 12, leaves: 7 })
  const crosses = [['purpose', 'age'], ['age']]
  const model = p.train('risk', { on: parts, features, target: binary('defaulted', bad), learner, crosses, seed: 1 })
${end('auc.atLeast(0.5)')}`,
  worth: `const name = 'worth'
export default pipeline(name, (p) => {
${begin}  const model = p.train('worth', { on: parts, features: few, target: regression('income'), learner: linear(), seed: 1 })
${end('r2.atLeast(-1)')}`,
  strict: `const name = 'strict'
export default pipeline(name, (p) => {
${begin}  const learner = trees({ trees: 2, leaves: 2 })
  const model = p.train('risk', { on: parts, features, target: binary('defaulted', bad), learner, seed: 1 })
${end('auc.atLeast(0.999)')}`,
}

beforeAll(async () => {
  environment = await pythonEnvironmentOr(join(reference, 'frameworks-requirements.txt'))
  if ('missing' in environment) return
  place = await openPlace()
  await writeEdgeLoans(place)
  await writeEdgePenguins(place)
  for (const [name, body] of Object.entries(bodies))
    place.project.write(`pipelines/${name}/pipeline.ts`, `${others}\n${body}`)
  for (const name of ['loans', 'grown', 'crossed', 'worth']) await runAndServe(place, name)
})
afterAll(async () => {
  await place?.close()
})

describe('the client', () => {
  it('says what the gateway says, is refused by name, asks again, and starts runs', async (context) => {
    if ('missing' in environment) return context.skip(environment.missing)
    const args = [place.gateway, place.project.root, JSON.stringify(slipwayCommand)]
    const file = join(reference, 'python_client.py')
    const rows = [
      { id: 1, day: '2024-01-02T12:00:00Z', income: 30_000, age: 40, purpose: 'car' },
      { id: 2, day: '2024-01-02T12:00:00Z', income: 52_000.5, age: null, purpose: null },
    ]
    const expected = await askGateway(place, 'loans', rows)
    const tried = JSON.parse(await runPython({ bin: environment.bin, file, args, env: { ...place.env } }))
    expect(tried.predictions).toMatchObject({ values: expected, frame: expected, pinned: expected, none: [] })
    expect(tried.predictions).toMatchObject({
      polars: expected,
      wide: [{ id: Number.MAX_SAFE_INTEGER, other: '9007199254740992' }, { id: '1152921504606846976' }],
    })
    expect(tried.predictions).toMatchObject({ id: 'one-1', model: 'loans', version: 1, role: 'champion' })
    expect(tried.predictions).toMatchObject({ ignored: ['shoe size'], 'made up id': 36, labels: 2, 'no labels': 0 })
    expect(tried.predictions).toMatchObject({ ready: true, parallel: { asked: 8, different: 1 } })
    expect(tried.predictions.digest).toMatch(/^sha256:/)
    expect(tried.refusals).toMatchObject({
      value: { kind: 'RequestInvalid', code: 'REQUEST_INVALID', status: 400, exit: 2 },
      features: { kind: 'FeaturesFailed', code: 'FEATURES_FAILED', status: 422, exit: 11 },
      endpoint: { kind: 'NotFound', code: 'NOT_FOUND', status: 404 },
      version: { kind: 'NotFound', code: 'NOT_FOUND', status: 404 },
      explain: { kind: 'RequestInvalid', code: 'EXPLAIN_UNAVAILABLE', status: 400 },
      label: { kind: 'RequestInvalid', status: 400, is: expect.stringContaining('label is 2') },
      large: { kind: 'RequestTooLarge', code: 'REQUEST_TOO_LARGE', status: 413 },
      infinite: { kind: 'RequestInvalid', status: 0, is: 'rows[0].income is inf, which JSON cannot say' },
      object: { kind: 'RequestInvalid', status: 0, is: 'rows[0].income is object, which JSON cannot say' },
      text: { kind: 'RequestInvalid', status: 0 },
      nobody: { kind: 'Unreachable', code: 'GATEWAY_UNREACHABLE', exit: 20 },
      ready: false,
    })
    expect(tried.refusals.value.is).toContain('age')
    // Refused, then cut off, then answered: all by the same id, and not before the time that was asked for.
    expect(tried.retries).toMatchObject({ values: [0.5], tries: 3, ids: 1, waited: true, 'busy tries': 3 })
    expect(tried.retries.busy).toMatchObject({ kind: 'Overloaded', code: 'OVERLOADED', status: 503 })
    expect(tried.retries.slow).toMatchObject({ kind: 'DeadlineExceeded', code: 'DEADLINE_EXCEEDED' })
    expect(tried.runs).toMatchObject({ status: 'succeeded', model: { name: 'loans', version: 2 }, again: true })
    expect(tried.runs.gate).toMatchObject({ kind: 'GateFailed', code: 'GATE_FAILED', exit: 12 })
    expect(tried.runs.unknown).toMatchObject({ kind: 'Invalid', code: 'PIPELINE_UNKNOWN', exit: 2 })
    expect(tried.runs['no run']).toMatchObject({ kind: 'NotFound', code: 'NOT_FOUND', exit: 2 })
    expect(tried.runs.cancel).toMatchObject({ kind: 'NotFound', is: expect.stringContaining(tried.runs.id) })
  })

  it('is typed, and uses nothing newer than Python 3.9 has', async (context) => {
    if ('missing' in environment) return context.skip(environment.missing)
    const cwd = join(clientPath, '..')
    // mypy knows no Python before 3.10; what of the language 3.9 lacks its own parser is asked.
    const { stdout } = await execute(join(environment.bin, 'mypy'), ['--cache-dir', '/dev/null', 'src'], { cwd })
    expect(stdout).toContain('Success')
    const parse = 'import ast, sys; [ast.parse(open(f).read(), feature_version=(3, 9)) for f in sys.argv[1:]]'
    const files = readdirSync(join(clientPath, 'slipway_client')).filter((file) => file.endsWith('.py'))
    const paths = files.map((file) => join(clientPath, 'slipway_client', file))
    await execute(join(environment.bin, 'python'), ['-c', parse, ...paths])
    expect(files.length).toBeGreaterThan(4)
  })
})

/** Features of made-up rows, as the model makes them. */
function featuresOf(model: LoadedModel, count: number) {
  const { inputs, features } = model.facts
  const drawn = madeUpRows(inputs, ['car', 'home', 'travel', 'tools', 'Biscoe', 'Dream', 'zebra', ''], 11)
  const rows = Array.from({ length: count }, () => drawn.next().value as object)
  const made = model.makeFeatures(readRecords(rowReader(inputs), rows as never, 'rows').columns)
  return Object.fromEntries(features.map(({ name }) => [name, Array.from(made[name] as ArrayLike<unknown>)]))
}

/** What the gateway answers to features, by the Open Inference Protocol: all numbers of all rows. */
async function askAboutFeatures(name: string, model: LoadedModel, made: ReturnType<typeof featuresOf>) {
  const inputs = model.facts.features.map((feature) => {
    const data = made[feature.name] as unknown[]
    return { name: feature.name, shape: [data.length], datatype: feature.kind === 'category' ? 'BYTES' : 'FP64', data }
  })
  const body = JSON.stringify({ inputs })
  const response = await fetch(`${place.gateway}/v2/models/${name}/infer`, { method: 'POST', body })
  const { outputs } = (await response.json()) as { outputs: { name: string; data: Numbers }[] }
  return outputs.find((output) => output.name !== 'label')?.data
}

describe('an exported model', () => {
  it('answers features as the gateway does, to the last bit, and is refused by name', async (context) => {
    if ('missing' in environment) return context.skip(environment.missing)
    const names = ['loans', 'grown', 'crossed', 'worth']
    const cases: { folder: string; features: object; expected: unknown; digest: string }[] = []
    for (const name of names) {
      const made = await documentOf(place, 'export', 'python', name, '--to', `exported/${name}`)
      const model = await loadModel(await localModel({ store: place.store.store, trusted: new Map() }, made.digest))
      const features = featuresOf(model, 400)
      expect(made.features).toEqual(Object.keys(features))
      const expected = await askAboutFeatures(name, model, features)
      cases.push({ folder: made.folder, features, expected, digest: made.digest })
      await model.release()
    }
    const file = join(place.project.root, 'cases.json')
    writeFileSync(file, JSON.stringify(cases.map(({ folder, features }) => ({ folder, features }))))
    const script = join(reference, 'python_bundle.py')
    const tried = JSON.parse(await runPython({ bin: environment.bin, file: script, args: [file] }))
    for (const [i, { expected, digest, features }] of cases.entries()) {
      const found = tried[i]
      expect(found.answers, names[i]).toEqual(expected)
      expect(found).toMatchObject({ exact: true, records: true, frame: true, 'one by one': true })
      expect(found.model.slice(0, 3)).toEqual([names[i], expect.any(Number), digest])
      const last = Object.keys(features).at(-1)
      expect(found.missing.is).toMatch(new RegExp(`^no columns ${last}: this model takes features`))
      expect(found.text).toMatchObject({ kind: 'RequestInvalid', is: expect.stringContaining('takes numbers') })
      expect(found.infinite).toMatchObject({ kind: 'RequestInvalid', is: expect.stringContaining('infinite') })
      expect(found.lengths).toMatchObject({ kind: 'RequestInvalid', is: expect.stringContaining('not as many each') })
      expect(found.torn).toMatchObject({ kind: 'NotVerified', code: 'DIGEST_MISMATCH' })
      expect(found.other).toMatchObject({ kind: 'NotVerified', code: 'DIGEST_MISMATCH' })
      expect(found.none).toEqual(names[i] === 'grown' ? [0, 3] : [0])
    }
    expect(tried[1].labels).toHaveLength(5)
  })

  it('goes into no folder that holds something', async (context) => {
    if ('missing' in environment) return context.skip(environment.missing)
    const again = await place.run('export', 'python', 'loans', '--to', 'exported/loans')
    expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining('OUTPUT_OCCUPIED') })
    expect(readFileSync(join(place.project.root, 'exported/loans/README.md'), 'utf8')).toContain('slipway_client.load')
  })
})

describe.each(['fastapi', 'flask', 'django'])('the example of %s', (framework) => {
  it('asks the gateway, scores by itself, and tells what was refused, in at most 30 lines', async (context) => {
    if ('missing' in environment) return context.skip(environment.missing)
    const example = join(packageRoot, `examples/python/${framework}_app.py`)
    expect(readFileSync(example, 'utf8').trimEnd().split('\n').length).toBeLessThanOrEqual(30)
    const row = { id: 1, day: '2024-01-02T12:00:00Z', income: 30_000, age: 40, purpose: 'car' }
    const features = [{ income: 30_000, age: 40, ratio: Math.log1p(30_000) / 40, purpose: 'car' }]
    // A run that another test started may have made a second version since.
    const { folder } = await documentOf(place, 'export', 'python', 'loans@1', '--to', `exported/for-${framework}`)
    const env = {
      PYTHONPATH: join(packageRoot, 'examples/python'),
      SLIPWAY_GATEWAY_ADDRESS: place.gateway,
      MODEL_FOLDER: folder,
    }
    const args = [framework, JSON.stringify(row), JSON.stringify(features)]
    const printed = await runPython({ bin: environment.bin, file: join(reference, 'python_apps.py'), args, env })
    const { asked, here, refused, lacking } = JSON.parse(printed)
    const expected = await askGateway(place, 'loans', [row])
    expect(asked).toMatchObject([200, { risk: expected, version: expect.any(Number) }])
    expect(here).toEqual([200, { risk: await scoredByFirst(features[0] as object), version: 1 }])
    expect(refused).toMatchObject([400, { code: 'REQUEST_INVALID', message: expect.stringContaining('age') }])
    expect(lacking).toMatchObject([400, { code: 'REQUEST_INVALID' }])
  })
})

/** What version 1 answers to features. */
async function scoredByFirst(features: object): Promise<unknown> {
  const inputs = Object.entries(features).map(([name, value]) => ({
    name,
    shape: [1],
    datatype: typeof value === 'string' ? 'BYTES' : 'FP64',
    data: [value],
  }))
  const body = JSON.stringify({ inputs })
  const response = await fetch(`${place.gateway}/v2/models/loans/versions/1/infer`, { method: 'POST', body })
  return ((await response.json()) as { outputs: { data: unknown }[] }).outputs[0]?.data
}
