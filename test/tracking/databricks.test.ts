import { afterEach, describe, expect, it, vi } from 'vitest'
import { DatabricksServer, type DatabricksSettings } from '../../lib/tracking/databricks.ts'
import { databricksWorkspace } from '../../lib/tracking/databricks-auth.ts'
import { fetchModel } from '../../lib/tracking/fetch-model.ts'
import type { MlflowRun } from '../../lib/tracking/mlflow.ts'
import { type Fake, startFake, token } from '../databricks-fake/server.ts'
import type { FakeOptions, Logged } from '../databricks-fake/world.ts'
import { bucketSettings, openTestBucket } from '../support/servers.ts'

let fake: Fake | undefined
afterEach(() => {
  // Whatever happened: no token went to storage, and the fake itself did not fail.
  expect(fake?.world.offences ?? []).toEqual([])
  fake?.stop()
  fake = undefined
  vi.unstubAllEnvs()
})

const schema = 'main.models'
const digest = `sha256:${'7'.repeat(64)}`
const tags = [
  { key: 'slipway.digest', value: digest },
  { key: 'slipway.version', value: '1' },
]
const signature = { inputs: '[]', outputs: '[]', params: null }
const files = [
  ['MLmodel', JSON.stringify({ flavors: { onnx: { data: 'model.onnx' } }, signature })],
  ['model.onnx', Buffer.from('graph of the model')],
  ['code/slipway_model.py', 'pass'],
] as const

async function open(options: FakeOptions = {}, settings: Partial<DatabricksSettings> = {}) {
  fake = await startFake(options)
  const workspace = databricksWorkspace({ DATABRICKS_HOST: fake.address, DATABRICKS_TOKEN: token })
  const another = () => new DatabricksServer({ ...workspace, schema, patienceMs: 300, ...settings })
  return { fake, server: another(), another }
}
const newRun = async (server: DatabricksServer): Promise<MlflowRun> =>
  server.createRun(await server.experiment('loans'), 'loans-1', 0, [{ key: 'slipway.run', value: 'loans-1' }])
async function register(server: DatabricksServer, run: MlflowRun): Promise<string | undefined> {
  await server.ensureModel('loans')
  return server.createVersion('loans', run, 'model', tags, files)
}
const calls = (requests: readonly Logged[]) => requests.map(({ call, status }) => `${call} ${status}`)

describe('a Databricks workspace', () => {
  it('gets runs in an experiment of its folder, which is made once', async () => {
    const { fake, server } = await open({}, { folder: '/Shared/slipway' })
    expect(await server.experiment('loans')).toBe(await server.experiment('loans'))
    expect([...fake.world.experiments.values()]).toEqual([{ name: '/Shared/slipway/loans' }])
  })

  for (const signing of ['AWS_PRESIGNED_URL', 'GCP_SIGNED_URL', 'AZURE_SAS_URI', 'AZURE_ADLS_GEN2_SAS_URI'] as const)
    it(`gets files of runs by signed addresses: ${signing}`, async () => {
      const { fake, server } = await open({ signing })
      const run = await newRun(server)
      for (const [path, content] of [
        ['card.md', 'a card'],
        ['empty', ''],
        ['a b/é.txt', 'named'],
      ] as const)
        await server.putArtifact(run, path, Buffer.from(content))
      const root = run.info.artifact_uri.replace(/^dbfs:/, '')
      const kept = [...fake.world.files].map(([path, bytes]) => [path.slice(root.length + 1), bytes.toString()])
      expect(kept).toEqual([
        ['card.md', 'a card'],
        ['empty', ''],
        ['a b/é.txt', 'named'],
      ])
    })

  it('asks for another address where one has expired meanwhile', async () => {
    const { fake, server } = await open()
    const run = await newRun(server)
    fake.world.faults.push({ call: 'PUT /storage', answer: 'expire' })
    await server.putArtifact(run, 'card.md', Buffer.from('a card'))
    expect(calls(fake.world.requests).slice(-4)).toEqual([
      'POST /mlflow/artifacts/credentials-for-write 200',
      'PUT /storage 403',
      'POST /mlflow/artifacts/credentials-for-write 200',
      'PUT /storage 200',
    ])
  })

  it('waits as it is told where it is asked too often', async () => {
    const { fake, server } = await open()
    fake.world.faults.push({
      call: 'POST /mlflow/experiments/create',
      answer: 429,
      times: 2,
      headers: { 'retry-after': '1' },
    })
    const before = performance.now()
    await server.experiment('loans')
    expect(performance.now() - before).toBeGreaterThan(1_900)
    fake.world.faults.push({ call: 'POST /mlflow/runs/create', answer: 429, headers: { 'retry-after': '3600' } })
    await expect(newRun(server)).rejects.toThrow('refuses mlflow/runs/create: a fault: 429')
  })

  it('says what to do where the token has ended, and does not say the token', async () => {
    const { fake, server } = await open()
    fake.world.tokens.clear()
    const refused: unknown = await server.experiment('loans').catch((error: unknown) => error)
    expect(refused).toMatchObject({ code: 'USAGE', facts: { next: expect.stringContaining('DATABRICKS_TOKEN') } })
    expect(`${JSON.stringify(refused)}${refused}`).not.toContain(token)
  })

  it('gives a service principal tokens, and another where one has ended', async () => {
    const principal = { id: 'app', secret: 'p:w' }
    const { fake } = await open({ principal })
    const env = { DATABRICKS_HOST: fake.address, DATABRICKS_CLIENT_ID: 'app', DATABRICKS_CLIENT_SECRET: 'p:w' }
    const server = new DatabricksServer(databricksWorkspace(env))
    await server.experiment('loans')
    fake.world.tokens.clear()
    await server.experiment('loans')
    expect(calls(fake.world.requests)).toEqual([
      'POST /oidc/v1/token 200',
      'GET /mlflow/experiments/get-by-name 404',
      'POST /mlflow/experiments/create 200',
      'GET /mlflow/experiments/get-by-name 403',
      'POST /oidc/v1/token 200',
      'GET /mlflow/experiments/get-by-name 200',
    ])
    const wrong = new DatabricksServer(databricksWorkspace({ ...env, DATABRICKS_CLIENT_SECRET: 'x' }))
    await expect(wrong.experiment('loans')).rejects.toThrow('gives the service principal no token: 401')
  })

  it('is refused where its secrets would go out in the clear, or nobody says who asks', () => {
    const asked = (env: NodeJS.ProcessEnv) => () => databricksWorkspace(env)
    expect(asked({})).toThrow('no Databricks workspace is named')
    expect(asked({ DATABRICKS_HOST: 'http://w.example', DATABRICKS_TOKEN: 'x' })).toThrow('is no https:// address')
    expect(asked({ DATABRICKS_HOST: 'w.example' })).toThrow('nobody says as whom https://w.example is asked')
    expect(databricksWorkspace({ DATABRICKS_HOST: 'w.example/?o=1', DATABRICKS_TOKEN: 'x' }).address).toBe(
      'https://w.example',
    )
  })

  it('is not followed elsewhere, neither with the token nor by a signed address', async () => {
    const { fake, server } = await open()
    const run = await newRun(server)
    fake.world.faults.push({ call: 'PUT /storage', answer: 'redirect' })
    await expect(server.putArtifact(run, 'card.md', Buffer.from('x'))).rejects.toThrow(
      'sends a signed request elsewhere',
    )
    fake.world.faults.push({ call: 'POST /mlflow/runs/create', answer: 'redirect' })
    await expect(newRun(server)).rejects.toMatchObject({ code: 'USAGE' })
    expect(calls(fake.world.requests).join()).not.toContain('elsewhere')
  })

  it('has files nowhere but at https:// addresses', async () => {
    const { fake, server } = await open()
    const run = await newRun(server)
    Object.assign(fake.world, { address: 'http://storage.example' })
    const refused: unknown = await server.putArtifact(run, 'card.md', Buffer.from('x')).catch((error: unknown) => error)
    expect(`${refused}`).toContain('a file is said to lie at http://storage.example, which is not asked')
    expect(`${refused}`).not.toContain('sig=')
  })
})

describe('Unity Catalog', () => {
  it('gets a version with its files and tags, which is ready', async () => {
    const { fake, server } = await open()
    const run = await newRun(server)
    expect(await register(server, run)).toBe('1')
    await server.setAlias('loans', 'champion', '1')
    await server.setModelTag('loans', { key: 'slipway.champion', value: '1' })
    const model = fake.world.models.get('main.models.loans')
    expect(model?.versions).toMatchObject([{ status: 'READY', source: `${run.info.artifact_uri}/model` }])
    expect([...(model?.versions[0]?.tags ?? [])]).toEqual([
      ['slipway_digest', digest.replace(':', '_')],
      ['slipway_version', '1'],
    ])
    const kept = [...fake.world.files].map(([path, bytes]) => [path, bytes.toString()])
    expect(kept).toEqual(files.map(([path, content]) => [`/Models/main/models/loans/1/${path}`, content.toString()]))
    expect(await server.versions('loans')).toMatchObject([{ version: '1', tags }])
    expect(await server.registeredModel('loans')).toEqual({
      aliases: [{ alias: 'champion', version: '1' }],
      tags: [{ key: 'slipway.champion', value: '1' }],
    })
    await server.deleteAlias('loans', 'champion')
    await server.deleteAlias('loans', 'champion')
    expect((await server.registeredModel('loans'))?.aliases).toEqual([])
  })

  it('tells all versions, page by page, and those that are ready once', async () => {
    const { fake, server } = await open()
    const run = await newRun(server)
    for (let i = 0; i < 5; i++) await register(server, run)
    expect((await server.versions('loans')).map(({ version }) => version)).toEqual(['1', '2', '3', '4', '5'])
    fake.world.requests.length = 0
    await server.versions('loans')
    expect(new Set(calls(fake.world.requests))).toEqual(
      new Set(['GET /mlflow/unity-catalog/model-versions/search 200']),
    )
  })

  it('has one version where a worker ended between its files', async () => {
    const { fake, server, another } = await open()
    const run = await newRun(server)
    fake.world.faults.push({ call: 'PUT /storage', after: 1, answer: 'lost', times: 9 })
    await expect(register(server, run)).rejects.toMatchObject({ code: 'USAGE' })
    fake.world.faults.length = 0
    expect(await another().versions('loans')).toEqual([])
    expect(await register(another(), run)).toBe('1')
    const [version, ...others] = fake.world.models.get('main.models.loans')?.versions ?? []
    expect([version?.status, others]).toEqual(['READY', []])
    expect(fake.world.files.size).toBe(files.length)
  })

  it('has a version that stays pending taken up again, and one that failed made anew', async () => {
    const { fake, server, another } = await open()
    const run = await newRun(server)
    const finalize = 'POST /mlflow/unity-catalog/model-versions/finalize'
    fake.world.faults.push({ call: finalize, answer: 200, becomes: 'PENDING_REGISTRATION' })
    await expect(register(server, run)).rejects.toThrow('version 1 of main.models.loans is not ready')
    fake.world.faults.push({ call: finalize, answer: 200, becomes: 'FAILED_REGISTRATION' })
    await expect(register(another(), run)).rejects.toThrow('failed to be registered: the storage was full')
    await expect(another().findVersion('loans', { version: '1' })).rejects.toThrow('failed to be registered')
    expect(await register(another(), run)).toBe('2')
    expect(await another().versions('loans')).toMatchObject([{ version: '2' }])
  })

  it('takes no model without a signature, which is not begun', async () => {
    const { fake, server } = await open()
    const run = await newRun(server)
    await server.ensureModel('loans')
    expect(await server.createVersion('loans', run, 'model', tags)).toBeUndefined()
    expect(fake.world.models.get('main.models.loans')?.versions).toEqual([])
  })

  it('is not asked about a model without a schema', async () => {
    const { fake } = await open()
    const server = new DatabricksServer(databricksWorkspace({ DATABRICKS_HOST: fake.address, DATABRICKS_TOKEN: token }))
    await expect(server.ensureModel('loans')).rejects.toMatchObject({
      facts: { next: expect.stringContaining('--schema') },
    })
  })

  it('does what it refuses for want of a right as it says, and nothing else', async () => {
    const { fake, server } = await open()
    const run = await newRun(server)
    fake.world.faults.push({ call: 'POST /mlflow/unity-catalog/model-versions/create', answer: 403 })
    await expect(register(server, run)).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('a fault: 403'),
    })
    expect(fake.world.models.get('main.models.loans')?.versions).toEqual([])
  })
})

describe('a model of Unity Catalog', () => {
  const uri = { model: 'main.models.loans', which: { alias: 'best' } }
  /** Without tags of Slipway's: somebody else's. */
  async function published(options: FakeOptions = {}) {
    const opened = await open(options)
    const run = await newRun(opened.server)
    await opened.server.ensureModel('loans')
    await opened.server.createVersion('loans', run, 'model', [], files)
    await opened.server.setAlias('loans', 'best', '1')
    return opened
  }
  const fetched = { version: '1', file: 'model.onnx' }

  for (const storage of ['default', 'files'] as const)
    it(`is fetched with what lies beside it: ${storage}`, async () => {
      const { another } = await published({ storage })
      const model = await fetchModel(another(), uri)
      expect(model).toMatchObject(fetched)
      expect([...model.files].map(([name, bytes]) => [name, bytes.toString()])).toEqual(
        files.slice(0, 2).map(([name, content]) => [name, content.toString()]),
      )
    })

  it('is written to and read from S3 by keys for its folder, whatever keys the environment has', async () => {
    const bucket = await openTestBucket()
    const { S3_ENDPOINT: endpoint = '', SLIPWAY_BUCKET: name = '', ...keys } = await bucketSettings(bucket)
    vi.stubEnv('MLFLOW_S3_ENDPOINT_URL', endpoint)
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'of somebody else')
    const temporary = {
      access_key_id: keys.AWS_ACCESS_KEY_ID ?? '',
      secret_access_key: keys.AWS_SECRET_ACCESS_KEY ?? '',
      session_token: '',
    }
    const { another } = await published({ storage: 's3', bucket: { name, keys: temporary } })
    const model = await fetchModel(another(), uri)
    expect(model.files.get('model.onnx')?.toString()).toBe('graph of the model')
    expect([...model.files.keys()]).toEqual(['MLmodel', 'model.onnx'])
    await bucket.stop()
  })

  it('comes whole: what was cut short is asked for again', async () => {
    const { fake, another } = await published()
    fake.world.faults.push({ call: 'GET /storage', answer: 'cut', after: 1 })
    expect((await fetchModel(another(), uri)).files.get('model.onnx')?.toString()).toBe('graph of the model')
    const path = '/Models/main/models/loans/1/model.onnx'
    fake.world.faults.push({ call: 'GET /storage', answer: 'expire', after: 1 })
    expect(await fetchModel(another(), uri)).toMatchObject(fetched)
    expect(fake.world.files.has(path)).toBe(true)
  })

  it('is said not to be there, by what it is called', async () => {
    const { another } = await published()
    for (const which of [{ alias: 'none' }, { version: '9' }])
      await expect(fetchModel(another(), { ...uri, which })).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(fetchModel(another(), { ...uri, model: 'main.models.none' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    })
  })

  it('that Slipway wrote there is refused with its own name', async () => {
    const { server, another } = await open()
    await register(server, await newRun(server))
    await expect(fetchModel(another(), { ...uri, which: { version: '1' } })).rejects.toMatchObject({
      facts: { next: 'slipway show loans@1' },
    })
  })

  it('in storage that is not offered is refused with what that is', async () => {
    const { another } = await published()
    Object.assign(fake?.world.options ?? {}, { storage: 'gcp' })
    await expect(fetchModel(another(), uri)).rejects.toThrow('storage that Slipway does not reach: gcp_oauth_token')
  })
})
