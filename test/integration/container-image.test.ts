import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import getPort from 'get-port'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { libraryParts, nodePart } from '../../lib/images/parts.ts'
import { digestOf } from '../../lib/store/digest.ts'
import { describeContainer } from '../support/container-contract.ts'
import {
  chrootCommand,
  envOf,
  type ReadImage,
  readImage,
  readOnlyCommand,
  unpackImage,
  writeImageOf,
} from '../support/container-images.ts'
import { startModelServer, writeModelFolder } from '../support/model-servers.ts'
import { type OptModel, openOptModel } from '../support/opt-model.ts'
import { storeTensorModel } from '../support/stored-tensors.ts'
import { textTagger } from '../support/tensor-models.ts'

/** What an image without its model may take in a registry, bytes. */
const mostBytes = 75 * 2 ** 20

let model: OptModel
let place: string
let image: ReadImage
let written: Awaited<ReturnType<typeof writeImageOf>>
const root = (): string => join(place, 'root')
beforeAll(async () => {
  model = await openOptModel()
  place = mkdtempSync(join(tmpdir(), 'slipway-image-'))
  // Others may enter, for the user of the image is another one.
  chmodSync(place, 0o755)
  written = await writeImageOf(join(place, 'image'), model.store, model.version)
  image = readImage(join(place, 'image'))
  unpackImage(image, root())
})
afterAll(() => model.stop())

describeContainer('an image by chroot, with nothing else', async () => ({
  ...model,
  stop: async () => {},
  start: (env) => startModelServer({ ...envOf(image), ...env }, chrootCommand(image, root())),
}))

describe('an image', () => {
  it('is the same when it is written again, later and elsewhere', async () => {
    const elsewhere = join(mkdtempSync(join(tmpdir(), 'slipway-elsewhere-')), 'some/other/folder')
    expect(await writeImageOf(elsewhere, model.store, model.version)).toEqual(written)
    const tree = (folder: string): string[] => readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()
    expect(tree(elsewhere)).toEqual(tree(join(place, 'image')))
    expect(readFileSync(join(elsewhere, 'index.json'))).toEqual(readFileSync(join(place, 'image/index.json')))
  })

  it('has blobs that are what they are called, and layers that unpack to what its configuration says', () => {
    for (const name of readdirSync(join(place, 'image/blobs/sha256')))
      expect(digestOf(readFileSync(join(place, 'image/blobs/sha256', name)))).toBe(`sha256:${name}`)
    expect(image.layers.map((file) => digestOf(gunzipSync(readFileSync(file))))).toEqual(image.diffIds)
  })

  it('takes no more than 75 MiB of a registry, says so, and most of it is the same for every model', () => {
    expect(written.bytes).toBeLessThan(mostBytes)
    expect(written.bytes).toBeGreaterThan(written.layers.reduce((sum, { bytes }) => sum + bytes, 0))
    expect(written.layers.map(({ what }) => what.split(' ')[0])).toEqual(['Debian:', 'npm:', 'npm:', 'slipway', 'opt'])
    expect(written.layers.at(-1)?.bytes).toBeLessThan(2 ** 20)
  })

  it('runs as nobody, and is labelled with the model’s name, number and digest', () => {
    const { User, Labels, Entrypoint, Cmd, StopSignal } = image.config
    expect({ User, Entrypoint, Cmd, StopSignal }).toEqual({
      User: '65532:65532',
      Entrypoint: ['/usr/local/bin/node', '/app/dist/serve.js'],
      Cmd: ['serve'],
      StopSignal: 'SIGTERM',
    })
    expect(Labels).toMatchObject({
      'slipway.model': 'opt',
      'slipway.model.version': '1',
      'slipway.model.digest': model.version.digest,
      'slipway.node': nodePart.version,
    })
  })

  it('has every library that its programs are linked against, and no shell', () => {
    const programs = [
      'usr/local/bin/node',
      'app/node_modules/slipway-onnxruntime-linux-x64/onnxruntime_binding.node',
      'app/node_modules/slipway-onnxruntime-linux-x64/libonnxruntime.so.1',
    ]
    const needed = programs.flatMap((program) =>
      execFileSync('ldd', [join(root(), program)], { encoding: 'utf8' }).match(/\S+\.so[.\d]*(?= =>)/g),
    )
    const own = libraryParts.flatMap(({ takes }) => Object.keys(takes)).map((path) => path.split('/').at(-1))
    expect(needed.length).toBeGreaterThan(10)
    expect(needed.filter((name) => name !== 'libonnxruntime.so.1' && !own.includes(String(name)))).toEqual([])
    const files = readdirSync(root(), { recursive: true, encoding: 'utf8' })
    const runnable = files.filter((file) => {
      const entry = statSync(join(root(), file))
      return entry.isFile() && (entry.mode & 0o111) !== 0
    })
    expect(runnable.map((file) => file.split('/').at(-1)).sort()).toEqual([
      'ld-linux-x86-64.so.2',
      'ld-linux-x86-64.so.2',
      'libc.so.6',
      'node',
    ])
    expect(files.filter((file) => existsSync(join(root(), file)) && statSync(join(root(), file)).uid !== 0)).toEqual([])
  })

  it('answers on a root that nobody can write to', async () => {
    const env = { ...envOf(image), SAGEMAKER_BIND_TO_PORT: String(await getPort()) }
    const server = await startModelServer(env, readOnlyCommand(image, root()))
    const body = JSON.stringify({ instances: [{ temp: 1, city: 'Oslo' }] })
    const answer = await fetch(`${server.address}/invocations`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    })
    expect(await answer.text()).toBe(await model.gateway(body))
    expect(await server.signal('SIGTERM')).toBe(0)
  })

  it('serves a model that it is given in place of its own, of tensors by its own ONNX Runtime', async () => {
    const version = await storeTensorModel(model.store, 3, textTagger(['a', 'b']))
    mkdirSync(join(root(), 'opt/ml'), { recursive: true })
    cpSync(await writeModelFolder(model.store, version), join(root(), 'opt/ml/model'), { recursive: true })
    chmodSync(join(root(), 'opt/ml/model'), 0o755)
    const server = await startModelServer(envOf(image), chrootCommand(image, root()))
    const inputs = [{ name: 'text', shape: [3], datatype: 'BYTES', data: ['b', 'a', 'z'] }]
    const answer = await fetch(`${server.address}/invocations`, {
      method: 'POST',
      body: JSON.stringify({ inputs }),
      headers: { 'content-type': 'application/json' },
    })
    expect(answer.headers.get('x-slipway-engine')).toBe('onnxruntime')
    expect(((await answer.json()) as { outputs: [{ data: number[] }] }).outputs[0].data).toEqual([1, 0, -1])
    expect(await server.signal('SIGTERM')).toBe(0)
  })
})
