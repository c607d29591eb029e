import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import getPort from 'get-port'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Gateway } from '../../gateway/gateway.ts'
import type { ModelVersion } from '../../lib/formats/route.ts'
import { writeRoute } from '../../lib/store/routes.ts'
import { keyIdOf, newKeyPair, sign, signerFrom } from '../../lib/store/signing.ts'
import { writeTarGz } from '../../lib/store/tar.ts'
import { eventually, startTestGateway } from '../support/gateways.ts'
import {
  beginModelServer,
  entriesOf,
  type ModelServerProcess,
  startModelServer,
  writeModelFolder,
} from '../support/model-servers.ts'
import { newProject, type TestProject } from '../support/project.ts'
import { packageServed, type ServedModel } from '../support/served-models.ts'
import { openTestBucket, type TestBucket } from '../support/servers.ts'
import { storeTensorModel } from '../support/stored-tensors.ts'
import { textTagger } from '../support/tensor-models.ts'

let bucket: TestBucket
let project: TestProject
let gateway: Gateway
const versions: Record<string, ModelVersion> = {}
const started: ModelServerProcess[] = []
const start = async (env: Record<string, string>): Promise<ModelServerProcess> => {
  const server = await startModelServer(env)
  started.push(server)
  return server
}
const rowsOf: Readonly<Record<string, readonly object[]>> = {
  opt: [
    { day: '2020-01-01', temp: 20, city: 'Oslo' },
    { day: '2020-06-01', temp: -5.125, city: 'Rome' },
    { temp: null, city: 'Bern' },
  ],
  words: [
    { city: 'Oslo', sky: 'rain' },
    { city: 'Rome', sky: 'fog' },
    { city: 'nowhere', sky: 'sun' },
  ],
}

beforeAll(async () => {
  bucket = await openTestBucket()
  project = newProject()
  const { store } = bucket
  for (const name of ['opt', 'words'] as const satisfies readonly ServedModel[])
    versions[name] = await packageServed(project, store, name)
  versions.texts = await storeTensorModel(store, 3, textTagger(['a', 'b']))
  for (const [name, variant] of Object.entries(versions))
    await writeRoute(store, name, { kind: 'open', variant }, 'test')
  gateway = await startTestGateway(store)
  await eventually(() => Object.keys(versions).every((name) => gateway.endpoint(name)?.route !== undefined))
})
afterAll(async () => {
  for (const server of started) await server.signal('SIGKILL')
  await gateway.stop()
  await bucket.stop()
  project.remove()
})

const post = (address: string, path: string, body: object): Promise<Response> =>
  fetch(`${address}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
const versionOf = (name: string): ModelVersion => versions[name] as ModelVersion
const folderOf = (name: string, keyIds: readonly string[] = []): Promise<string> =>
  writeModelFolder(bucket.store, versionOf(name), keyIds)

describe('a server of one model', () => {
  it.each(['opt', 'words'])('answers as a gateway does, byte for byte: %s', async (name) => {
    const server = await start({ SM_MODEL_DIR: await folderOf(name) })
    const body = { instances: rowsOf[name] }
    const [own, gateways] = await Promise.all(
      [server.address, gateway.address].map(async (address) => {
        const answer = await post(address, `/v1/models/${name}:predict`, body)
        return { status: answer.status, digest: answer.headers.get('x-model-digest'), text: await answer.text() }
      }),
    )
    expect(own).toEqual(gateways)
    expect(own).toMatchObject({ status: 200, digest: versionOf(name).digest })
    const invocations = await post(server.address, '/invocations', body)
    expect(await invocations.text()).toBe(own?.text)
    expect(invocations.headers.get('x-slipway-engine')).toBe('compiled')
    expect(await (await fetch(`${server.address}/health`)).json()).toMatchObject({ status: 'ok', ...versionOf(name) })
  })

  it('answers a model of tensors, by ONNX Runtime', async () => {
    const server = await start({ SM_MODEL_DIR: await folderOf('texts') })
    const body = { inputs: [{ name: 'text', shape: [3], datatype: 'BYTES', data: ['b', 'a', 'z'] }] }
    const answers = await Promise.all(
      [server.address, gateway.address].map(async (address) =>
        (await post(address, '/v2/models/texts/infer', { id: 'same', ...body })).text(),
      ),
    )
    expect(answers[0]).toBe(answers[1])
    expect(JSON.parse(answers[0] as string).outputs[0].data).toEqual([1, 0, -1])
  })

  it('keeps no labels, and says so', async () => {
    const server = await start({ SM_MODEL_DIR: await folderOf('words') })
    const answer = await post(server.address, '/feedback', { requestId: 'a', label: 1 })
    expect([answer.status, await answer.text()]).toEqual([404, expect.stringContaining('no store')])
    expect(await (await fetch(`${server.address}/metrics`)).text()).not.toContain('slipway_store_reachable')
  })

  it('drains on SIGTERM: says that it is not ready, answers on, and ends with 0', async () => {
    const server = await start({ SM_MODEL_DIR: await folderOf('words'), SLIPWAY_DRAIN_MS: '1500' })
    const ended = server.signal('SIGTERM')
    await eventually(async () => (await fetch(`${server.address}/ping`)).status === 503)
    const answer = await post(server.address, '/invocations', { instances: rowsOf.words })
    expect([answer.status, answer.headers.get('connection')]).toEqual([200, 'close'])
    expect(await ended).toBe(0)
  })
})

describe('the archive of a model', () => {
  it('is the same bytes wherever and whenever it is made, unpacked by others, and served', async () => {
    const [one, two] = [mkdtempSync(join(tmpdir(), 'slipway-tar-')), mkdtempSync(join(tmpdir(), 'slipway-tar-'))]
    const first = await writeTarGz(join(one, 'model.tar.gz'), await entriesOf(bucket.store, versionOf('words')))
    await new Promise((resolve) => setTimeout(resolve, 1_100))
    const entries = await entriesOf(bucket.store, versionOf('words'))
    expect(await writeTarGz(join(two, 'other.tar.gz'), entries.toReversed())).toEqual(first)
    const folder = mkdtempSync(join(tmpdir(), 'slipway-model-'))
    execFileSync('tar', ['-xzf', join(one, 'model.tar.gz'), '-C', folder])
    const server = await start({ AZUREML_MODEL_DIR: folder })
    expect((await post(server.address, '/invocations', { instances: rowsOf.words })).status).toBe(200)
  })
})

describe('where the model lies', () => {
  it('is said by each platform in its own way; a folder that it gave nothing is passed over', async () => {
    const folder = await folderOf('words')
    const [empty, above] = [
      mkdtempSync(join(tmpdir(), 'slipway-empty-')),
      mkdtempSync(join(tmpdir(), 'slipway-above-')),
    ]
    cpSync(folder, join(above, 'words'), { recursive: true })
    const port = String(await getPort())
    const server = await start({ SM_MODEL_DIR: empty, AZUREML_MODEL_DIR: above, AIP_HTTP_PORT: port })
    expect(server.address).toBe(`http://127.0.0.1:${port}`)
    expect(server.said()).toContain('version 1 of words')
    const local = await start({ AIP_STORAGE_URI: `file://${folder}`, SAGEMAKER_BIND_TO_PORT: String(await getPort()) })
    expect(local.said()).toContain(versionOf('words').digest)
  })

  const refused = async (env: Record<string, string>): Promise<[number | null, string]> => {
    const server = await beginModelServer(env)
    return [await server.ended, server.said()]
  }

  it('is an error that names every place where there is none, and what lies elsewhere', async () => {
    const place = { SM_MODEL_DIR: '/nowhere', AIP_STORAGE_URI: 'gs://bucket/model' }
    const [code, said] = await refused(place)
    expect(code).toBe(2)
    expect(said).toContain('NOT_FOUND: there is no model here')
    for (const words of [
      'SM_MODEL_DIR=/nowhere',
      'AIP_STORAGE_URI=gs://bucket/model, which is no folder',
      '/opt/ml/model',
    ])
      expect(said).toContain(words)
    const other = mkdtempSync(join(tmpdir(), 'slipway-other-'))
    writeFileSync(join(other, 'model.pkl'), 'x')
    expect((await refused({ SM_MODEL_DIR: other }))[1]).toContain('holds something else than a model of Slipway')
  })

  it('is refused when a file, the manifest or the name of its digest was changed, or a file is gone', async () => {
    const change = async (make: (folder: string) => void): Promise<string> => {
      const folder = await folderOf('words')
      make(folder)
      const [code, said] = await refused({ SM_MODEL_DIR: folder })
      expect(code).toBe(16)
      return said
    }
    expect(await change((folder) => appendFileSync(join(folder, 'features.js'), ' '))).toContain(
      'features.js has other',
    )
    expect(await change((folder) => appendFileSync(join(folder, 'manifest.json'), ' '))).toContain(
      'manifest.json has other',
    )
    expect(await change((folder) => rmSync(join(folder, 'model.onnx')))).toContain('model.onnx is not there')
    expect(await change((folder) => renameSync(join(folder, 'kernel.tables'), join(folder, 'x')))).toContain(
      'kernel.tables',
    )
    const other = readFileSync(join(await folderOf('opt'), 'slipway.json'))
    expect(await change((folder) => writeFileSync(join(folder, 'slipway.json'), other))).toContain('DIGEST_MISMATCH')
  })

  it('and by who trusts keys, unless one of them signed it', async () => {
    const [trusted, stranger] = [newKeyPair(), newKeyPair()]
    const signer = signerFrom(trusted.privateKey)
    const keys = mkdtempSync(join(tmpdir(), 'slipway-keys-'))
    writeFileSync(join(keys, 'own.pub'), trusted.publicKey)
    const others = mkdtempSync(join(tmpdir(), 'slipway-keys-'))
    writeFileSync(join(others, 'other.pub'), stranger.publicKey)
    await sign(bucket.store, signer, { subject: 'model', name: 'words', digest: versionOf('words').digest })
    const folder = await folderOf('words', [keyIdOf(signer.key)])
    const server = await start({ SM_MODEL_DIR: folder, SLIPWAY_TRUSTED_KEYS: keys })
    expect(await (await fetch(`${server.address}/health`)).json()).toMatchObject({ signedBy: signer.keyId })
    const [code, said] = await refused({ SM_MODEL_DIR: folder, SLIPWAY_TRUSTED_KEYS: others })
    expect([code, said]).toEqual([16, expect.stringContaining('SIGNATURE_INVALID')])
    mkdirSync(join(folder, 'elsewhere'))
    renameSync(join(folder, 'signatures'), join(folder, 'elsewhere/signatures'))
    expect((await refused({ SM_MODEL_DIR: folder, SLIPWAY_TRUSTED_KEYS: keys }))[1]).toContain(
      'none of the 1 trusted keys',
    )
  })

  it('and a container that is asked for something else than serving says so', async () => {
    const args = [join(process.cwd(), 'dist/serve.js'), 'train']
    const server = await beginModelServer({}, { command: process.execPath, args })
    expect([await server.ended, server.said()]).toEqual([2, expect.stringContaining('it cannot train')])
  })
})
