import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { loadModel } from '../../lib/models/model.ts'
import { localModel } from '../../lib/models/package.ts'
import { getBundle, getBytes } from '../../lib/store/objects.ts'
import { DatabricksServer } from '../../lib/tracking/databricks.ts'
import { databricksWorkspace } from '../../lib/tracking/databricks-auth.ts'
import { known } from '../databricks-fake/messages.ts'
import { type Fake, startFake, token } from '../databricks-fake/server.ts'
import type { Logged, Run } from '../databricks-fake/world.ts'
import { openPlace, type Place } from '../support/place.ts'
import { loansSql, writeLoans } from '../support/project.ts'
import { pythonEnvironmentOr } from '../support/python.ts'
import { textEncoder } from '../support/tensor-models.ts'

/*
 * A fake Databricks workspace that MLflow's own client writes to and loads from, then Slipway: what both leave behind
 * is the same. Databricks itself is asked nowhere.
 */
const execute = promisify(execFile)
const reference = join(packageRoot, 'test/reference')
let place: Place
let fake: Fake
let environment: Awaited<ReturnType<typeof pythonEnvironmentOr>>

beforeAll(async () => {
  environment = await pythonEnvironmentOr(join(reference, 'mlflow-requirements.txt'))
  if ('missing' in environment) return
  fake = await startFake()
  place = await openPlace({ DATABRICKS_HOST: fake.address, DATABRICKS_TOKEN: token, MLFLOW_TRACKING_URI: 'databricks' })
  await place.project.data('data/loans.parquet', loansSql())
})
afterAll(async () => {
  await place?.close()
  fake?.stop()
})

const python = (...args: string[]): Promise<string> => pythonAt(fake, ...args)
async function pythonAt({ address }: Fake, ...args: string[]): Promise<string> {
  if ('missing' in environment) throw new Error(environment.missing)
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: place.project.root,
    MLFLOW_TRACKING_URI: 'databricks',
    MLFLOW_REGISTRY_URI: 'databricks-uc',
    DATABRICKS_HOST: address,
    DATABRICKS_TOKEN: token,
  }
  return (await execute(join(environment.bin, 'python'), args, { env, maxBuffer: 2 ** 26 })).stdout
}
async function run(trees: number) {
  writeLoans(place.project, { learner: `trees({ trees: ${trees}, leaves: 7 })`, must: '[auc.atLeast(0.5)]' })
  return JSON.parse((await place.run('run', 'loans', '--wait', '--json')).stdout)
}
async function track(...more: string[]) {
  const answer = await place.run(
    'track',
    'loans',
    '--mlflow',
    'databricks',
    '--schema',
    'main.models',
    ...more,
    '--json',
  )
  expect(answer.code, answer.stderr).toBe(0)
  return JSON.parse(answer.stdout)
}
/** Files of a version or a run, by their paths below it. */
const filesBelow = (folder: string): Record<string, string> =>
  Object.fromEntries(
    [...fake.world.files].flatMap(([path, bytes]) =>
      path.startsWith(folder) ? [[path.slice(folder.length), bytes.toString('base64')]] : [],
    ),
  )
/** What was asked of some kind, with what differs by who asks left out: numbers of runs and names of models. */
const asked = (requests: readonly Logged[], call: string): unknown[] =>
  requests
    .filter((each) => each.call === call && each.status === 200)
    .map(({ body }) =>
      JSON.parse(
        JSON.stringify(body)
          .replaceAll(/\d{3,32}\b/g, '#')
          .replaceAll(/models([./])\w+/g, 'models$1*'),
      ),
    )

describe('Databricks', () => {
  it('is faked by what MLflow’s own descriptors say', async (context) => {
    if ('missing' in environment) return context.skip(environment.missing)
    expect(JSON.parse(await python(join(reference, 'databricks-messages.py')))).toEqual(known)
  })

  it('has the same of Slipway as of MLflow’s client, which loads what Slipway wrote', async (context) => {
    if ('missing' in environment) return context.skip(environment.missing)
    const first = await run(20)
    expect(await track()).toMatchObject({ runs: 1, versions: 1, withoutModel: [], overruled: [] })
    expect(await track()).toMatchObject({ runs: 0, versions: 0 })
    const ours = [...fake.world.requests]
    const written = [...fake.world.runs.values()].find(({ tags }) => tags.get('slipway.run') === first.runId) as Run
    const [version] = fake.world.models.get('main.models.loans')?.versions ?? []

    const folder = join(place.project.root, 'as-written')
    for (const [path, content] of Object.entries(filesBelow('/Models/main/models/loans/1/'))) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), Buffer.from(content, 'base64'))
    }
    const model = await loadModel(
      await localModel({ store: place.store.store, trusted: new Map() }, first.model.digest),
    )
    const ages = Float64Array.from({ length: 50 }, (_, i) => 18 + i)
    const rows = {
      id: ages.map((_, i) => i),
      day: ages.map((_, i) => Date.UTC(2024, 0, 1 + i)),
      income: ages.map((_, i) => 20_000 + ((i * 7919) % 60_000)),
      age: ages,
      purpose: Array.from(ages, (_, i) => ['car', 'home', 'travel', 'tools', 'boat'][i % 5] as string),
    }
    const inputs = Object.fromEntries(model.facts.inputs.map(({ name }) => [name, rows[name as keyof typeof rows]]))
    const features = model.makeFeatures(inputs)
    const expected = [...(await model.scoreFeatures(features))]
    await model.release()
    const featuresFile = join(place.project.root, 'features.json')
    writeFileSync(
      featuresFile,
      JSON.stringify(features, (_, value) => (ArrayBuffer.isView(value) ? [...(value as Float64Array)] : value)),
    )
    writeFileSync(join(place.project.root, 'text.onnx'), textEncoder())
    const values = ({ metrics }: Run) => Object.fromEntries([...metrics].map(([key, { value }]) => [key, value]))
    const script = {
      folder,
      run: {
        experiment: '/Shared/people',
        name: written.name,
        tags: Object.fromEntries(written.tags),
        metrics: values(written),
        params: Object.fromEntries(written.params),
      },
      model: 'main.models.peer',
      version_tags: Object.fromEntries(version?.tags ?? []),
      champion: 'main.models.loans',
      features: featuresFile,
      read: written.experiment,
      read_run: written.id,
      onnx: { model: 'main.models.encoder', file: join(place.project.root, 'text.onnx') },
    }
    fake.world.requests.length = 0
    // MLflow says before it where the run is looked at.
    const said = await python(join(reference, 'databricks-registers.py'), JSON.stringify(script))
    const told = JSON.parse(said.trim().split('\n').at(-1) as string)
    expect(fake.world.offences).toEqual([])
    expect(told).toMatchObject({
      predictions: expected,
      status: 'READY',
      runs: [Object.fromEntries(written.params)],
      artifacts: ['card.md', 'evaluation.json', 'gates.json', 'model', 'training.json'],
      aliases: { champion: '1', candidate: '1' },
      refused: expect.stringContaining('reserved characters'),
    })

    const theirs = [...fake.world.runs.values()].find(({ experiment }) => experiment !== written.experiment) as Run
    expect(values(theirs)).toEqual(values(written))
    expect(theirs.params).toEqual(written.params)
    expect(theirs.status).toEqual(written.status)
    const runFolder = ({ experiment, id }: Run) => `/databricks/mlflow-tracking/${experiment}/${id}/artifacts/model/`
    expect(filesBelow(runFolder(theirs))).toEqual(filesBelow(runFolder(written)))
    expect(filesBelow('/Models/main/models/peer/1/')).toEqual(filesBelow('/Models/main/models/loans/1/'))
    const [peer] = fake.world.models.get('main.models.peer')?.versions ?? []
    expect([peer?.status, peer?.tags]).toEqual([version?.status, version?.tags])
    expect(fake.world.models.get('main.models.peer')?.tags).toEqual(fake.world.models.get('main.models.loans')?.tags)
    const catalog = '/mlflow/unity-catalog'
    for (const call of [
      `POST ${catalog}/registered-models/create`,
      `POST ${catalog}/model-versions/create`,
      `POST ${catalog}/model-versions/finalize`,
      `POST ${catalog}/model-versions/generate-temporary-credentials`,
      `POST ${catalog}/registered-models/set-tag`,
      'POST /fs/create-upload-url',
    ]) {
      const own = asked(ours, call)
      expect(own.length, call).toBeGreaterThan(0)
      const others = asked(fake.world.requests, call)
      for (const one of own) expect(others, call).toContainEqual(expect.objectContaining(one as object))
    }

    const registered = await place.run('register', 'models:/main.models.encoder@best', '--wait', '--json')
    expect(registered.code, registered.stderr).toBe(0)
    const { model: encoder } = JSON.parse(registered.stdout)
    expect(encoder).toMatchObject({ name: 'encoder', version: 1 })
    const bundle = await getBundle(place.store.store, encoder.digest, 'model')
    const bytes = await getBytes(place.store.store, bundle.files['model.onnx']?.digest as string)
    expect(Buffer.from(bytes).toString('hex')).toBe(told.onnx)
    const own = JSON.parse((await place.run('register', 'models:/main.models.loans@champion', '--json')).stdout)
    expect(own.error).toMatchObject({ code: 'USAGE', next: 'slipway show loans@1' })
  })

  for (const signing of ['AZURE_SAS_URI', 'AZURE_ADLS_GEN2_SAS_URI', 'GCP_SIGNED_URL'] as const)
    it(`keeps files of runs as MLflow’s client sends and reads them: ${signing}`, async (context) => {
      if ('missing' in environment) return context.skip(environment.missing)
      const other = await startFake({ signing })
      const server = new DatabricksServer(
        databricksWorkspace({ DATABRICKS_HOST: other.address, DATABRICKS_TOKEN: token }),
      )
      const run = await server.createRun(await server.experiment('ours'), 'ours', 0, [])
      const folder = join(place.project.root, signing)
      const files = [
        ['card.md', 'a card'],
        ['a b/é.txt', 'named'],
        ['data/model.onnx', 'x'.repeat(300_000)],
      ] as const
      for (const [path, content] of files) {
        await server.putArtifact(run, path, Buffer.from(content))
        mkdirSync(dirname(join(folder, path)), { recursive: true })
        writeFileSync(join(folder, path), content)
      }
      const script = join(reference, 'databricks-files.py')
      const said = await pythonAt(other, script, '/Shared/theirs', folder, run.info.run_id)
      expect(JSON.parse(said.trim().split('\n').at(-1) as string)).toEqual(
        Object.fromEntries(files.map(([path, content]) => [path, Buffer.from(content).toString('hex')])),
      )
      const kept = [...other.world.files].map(([path, bytes]) => [path.split('/artifacts/')[1], bytes.toString()])
      expect(kept.sort()).toEqual([...files, ...files].map((each) => [...each]).sort())
      expect(other.world.offences).toEqual([])
      other.stop()
    })

  it('says which champion people set back in Unity Catalog, and who approved', async (context) => {
    if ('missing' in environment) return context.skip(environment.missing)
    await run(30)
    expect(await track()).toMatchObject({ runs: 1, versions: 1 })
    const model = fake.world.models.get('main.models.loans')
    expect(model?.aliases.get('champion')).toBe('2')
    model?.aliases.set('champion', '1')
    expect(await track('--pull')).toMatchObject({ taken: ['loans: rolled back to version 1'] })
    expect(JSON.parse((await place.run('models', '--json')).stdout)).toContainEqual(
      expect.objectContaining({ name: 'loans', champion: 1 }),
    )

    const file = join(place.project.root, 'pipelines/loans/pipeline.ts')
    writeLoans(place.project, { learner: 'trees({ trees: 11, leaves: 4 })', must: '[auc.atLeast(0.5)]' })
    const approval = "  p.approve(candidate, { role: 'ml-lead', within: '1h', otherwise: 'reject' })\n})\n"
    writeFileSync(file, readFileSync(file, 'utf8').replace(/\}\)\n$/, approval))
    const { runId } = JSON.parse((await place.run('run', 'loans', '--json')).stdout)
    const shown = (): Run | undefined =>
      [...fake.world.runs.values()].find(({ tags }) => tags.get('slipway.run') === runId)
    await expect
      .poll(async () => (await track('--pull')) && shown()?.tags.get('slipway.waits.step'), {
        timeout: 120_000,
        interval: 500,
      })
      .toBeDefined()
    shown()?.tags.set('slipway.approve', 'approved')
    expect(await track('--pull')).toMatchObject({ taken: [`${runId}: approved by somebody`] })
    await expect
      .poll(async () => (await track('--pull')) && shown()?.status, { timeout: 60_000, interval: 500 })
      .toBe('FINISHED')

    writeFileSync(join(place.project.root, 'text.onnx'), textEncoder())
    place.project.write(
      'pipelines/texts/pipeline.ts',
      "import { pipeline } from 'slipway'\nexport default pipeline('texts', (p) => void p.tensors('text.onnx'))\n",
    )
    expect((await place.run('run', 'texts', '--wait')).code).toBe(0)
    const texts = await place.run('track', 'texts', '--mlflow', 'databricks', '--schema', 'main.models', '--json')
    expect(JSON.parse(texts.stdout)).toMatchObject({
      runs: 1,
      versions: 0,
      withoutModel: [expect.stringMatching(/^texts version 1 \w+ takes tensors.*; not registered there$/)],
    })
    expect(fake.world.offences).toEqual([])
  })
})
