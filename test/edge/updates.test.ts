import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { edgeFiles } from '../../lib/edge/manifest.ts'
import type { EdgePackage } from '../../lib/edge/pack.ts'
import type { EdgeModel } from '../../lib/edge/runtime/slipway-edge.d.ts'
import {
  folderOf,
  loadFolder,
  newChannel,
  newSigner,
  otherCode,
  packOf,
  publishIn,
  smallModel,
  withFile,
} from '../support/edge-packages.ts'
import { serveFolder } from '../support/edge-server.ts'

const signer = newSigner()
const rows = [
  { x: 0.1, y: 3, town: 'Ulm' },
  { x: 0.8, y: null, town: 'Kiel' },
]
let first: EdgePackage
let second: EdgePackage
let answers: { readonly first: unknown; readonly second: unknown }

beforeAll(async () => {
  first = await packOf(await smallModel('binary'), 1)
  second = await packOf(await smallModel('binary', otherCode), 2)
  const answersOf = async (pack: EdgePackage) => (await loadFolder(await folderOf(pack, signer))).predict(rows)
  answers = { first: await answersOf(first), second: await answersOf(second) }
  expect(answers.second).not.toEqual(answers.first)
})

/** A folder of the first version, loaded, and a channel that publishes the second. */
async function placeOf({ sequence = 2 } = {}): Promise<{ folder: string; channel: string; model: EdgeModel }> {
  const folder = await folderOf(first, signer)
  const channel = newChannel()
  publishIn(channel, second, signer, sequence)
  return { folder, channel, model: await loadFolder(folder) }
}

describe('a folder goes over to what its channel publishes', () => {
  it('at once and wholly, and stays with it when it is loaded again', async () => {
    const { folder, channel, model } = await placeOf()
    expect(await model.predict(rows)).toEqual(answers.first)
    expect(await model.update(channel)).toEqual({ status: 'updated', version: 2, sequence: 2 })
    expect(await model.predict(rows)).toEqual(answers.second)
    expect(await model.update(channel)).toEqual({ status: 'current', version: 2, sequence: 2 })
    const again = await loadFolder(folder)
    expect([again.version, again.sequence, again.refused]).toEqual([2, 2, undefined])
    expect(await again.predict(rows)).toEqual(answers.second)
  })

  it('over HTTP as from a folder, and back to an older version where that is published anew', async () => {
    const { folder, channel, model } = await placeOf()
    const server = await serveFolder(channel)
    try {
      expect(await model.update(server.address)).toMatchObject({ status: 'updated', version: 2 })
      publishIn(channel, first, signer, 3)
      expect(await model.update(server.address)).toEqual({ status: 'updated', version: 1, sequence: 3 })
      expect(await model.predict(rows)).toEqual(answers.first)
      // What no publication names any more is let go, but for the one before.
      publishIn(channel, second, signer, 4)
      await model.update(server.address)
      const kept = new Set(readdirSync(join(folder, 'updates')))
      expect(kept.size).toBeLessThanOrEqual(2 * (Object.keys(first.manifest.files).length + 1) + 1)
    } finally {
      await server.stop()
    }
  })

  it('while it watches, and says what it found when that changes', async () => {
    const { channel, model } = await placeOf()
    const told: string[] = []
    await new Promise<void>((resolve) => {
      const stop = model.watch({
        channel,
        every: 1_000,
        onUpdate: ({ status }) => {
          told.push(status)
          if (status === 'updated') publishIn(channel, second, newSigner(), 3)
          if (status !== 'refused') return
          stop()
          resolve()
        },
      })
    })
    expect(told).toEqual(['updated', 'refused'])
    expect(() => model.watch({ channel, every: 'soon' })).toThrow(/soon is no time/)
  })
})

/** Ways in which a publication is not what it should be: what is done to the channel, and what is said of it. */
const faults: Record<string, { do(channel: string): void; code: string; reason: RegExp }> = {
  'a file is cut short': {
    do: (channel) => eachFile(channel, (file) => truncateSync(file, 20)),
    code: 'DIGEST_MISMATCH',
    reason: /torn or was changed/,
  },
  'a file was changed': {
    do: (channel) =>
      eachFile(channel, (file) => writeFileSync(file, Buffer.concat([readFileSync(file), Buffer.from(' ')]))),
    code: 'DIGEST_MISMATCH',
    reason: /torn or was changed/,
  },
  'what is published is cut short': {
    do: (channel) => truncateSync(join(channel, 'channel.json'), 100),
    code: 'DOCUMENT_BROKEN',
    reason: /cut off or not JSON/,
  },
  'nobody signed it': {
    do: (channel) => changeEnvelope(channel, (envelope) => ({ ...envelope, signatures: [] })),
    code: 'SIGNATURE_INVALID',
    reason: /not signed by the key/,
  },
  'somebody else signed it': {
    do: (channel) => publishIn(channel, second, newSigner(), 2),
    code: 'SIGNATURE_INVALID',
    reason: /not signed by the key/,
  },
  'what is signed was changed': {
    do: (channel) =>
      changeEnvelope(channel, (envelope) => {
        const payload = Buffer.from(envelope.payload as string, 'base64')
          .toString()
          .replace('"sequence":2', '"sequence":9')
        return { ...envelope, payload: Buffer.from(payload).toString('base64') }
      }),
    code: 'SIGNATURE_INVALID',
    reason: /not signed by the key/,
  },
  'it is older than the folder': {
    do: (channel) => publishIn(channel, second, signer, 0),
    code: 'ROUTE_CONFLICT',
    reason: /publication 0; number 1 was here already/,
  },
  'it is of another model': {
    do: (channel) => publishIn(channel, renamed(second, 'other'), signer, 2),
    code: 'MODEL_INVALID',
    reason: /publishes other, and this is small/,
  },
  'it takes other rows': {
    do: (channel) =>
      publishIn(
        channel,
        { ...second, manifest: { ...second.manifest, facts: { ...second.manifest.facts, signature: 2 } } },
        signer,
        2,
      ),
    code: 'SIGNATURE_BREAKING',
    reason: /input version 2, and this takes 1/,
  },
  'it does not answer as it should': {
    do: (channel) =>
      publishIn(channel, withFile(second, edgeFiles.probe, first.files.get(edgeFiles.probe) as Uint8Array), signer, 2),
    code: 'PARITY',
    reason: /answers .* here where it answered/,
  },
  'its trees are broken': {
    do: (channel) => {
      const wasm = second.files.get(edgeFiles.wasm) as Uint8Array
      publishIn(channel, withFile(second, edgeFiles.wasm, wasm.subarray(0, wasm.length - 9)), signer, 2)
    },
    code: 'INTERNAL',
    reason: /WebAssembly/,
  },
}

const renamed = (pack: EdgePackage, model: string): EdgePackage => ({ ...pack, manifest: { ...pack.manifest, model } })

function eachFile(channel: string, change: (file: string) => void): void {
  for (const name of readdirSync(join(channel, 'files'))) change(join(channel, 'files', name))
}

function changeEnvelope(channel: string, change: (envelope: Record<string, unknown>) => unknown): void {
  const file = join(channel, 'channel.json')
  writeFileSync(file, JSON.stringify(change(JSON.parse(readFileSync(file, 'utf8')))))
}

describe('the model that is there goes on', () => {
  it.each(Object.entries(faults))('where %s', async (_, { do: spoil, code, reason }) => {
    const { folder, channel, model } = await placeOf()
    spoil(channel)
    const found = await model.update(channel)
    expect(found).toMatchObject({ status: 'refused', code, version: 1, sequence: 1 })
    expect(found.reason).toMatch(reason)
    expect(await model.predict(rows)).toEqual(answers.first)
    expect(await (await loadFolder(folder)).predict(rows)).toEqual(answers.first)
    publishIn(channel, second, signer, 3)
    expect(await model.update(channel)).toMatchObject({ status: 'updated', version: 2 })
  })

  it('where the channel says again what it said before', async () => {
    const { channel, model } = await placeOf()
    const old = join(newChannel(), 'channel.json')
    copyFileSync(join(channel, 'channel.json'), old)
    publishIn(channel, first, signer, 5)
    await model.update(channel)
    copyFileSync(old, join(channel, 'channel.json'))
    expect(await model.update(channel)).toMatchObject({ status: 'refused', code: 'ROUTE_CONFLICT', sequence: 5 })
  })

  it('where the channel is away, or lacks a file', async () => {
    const { channel, model } = await placeOf()
    const server = await serveFolder(channel)
    await server.stop()
    expect(await model.update(server.address)).toMatchObject({ status: 'unreachable', version: 1 })
    expect(await model.update(newChannel())).toMatchObject({ status: 'unreachable', version: 1 })
    const lacking = await serveFolder(channel)
    lacking.fault((path) => (path.includes('files/') ? new Promise(() => {}) : undefined))
    const update = model.update(lacking.address)
    await new Promise((resolve) => setTimeout(resolve, 200))
    await lacking.stop()
    expect(await update).toMatchObject({ status: 'unreachable', version: 1 })
  })

  it('where the folder was made without a key', async () => {
    const { channel } = await placeOf()
    const model = await loadFolder(await folderOf(first, undefined))
    expect(await model.update(channel)).toMatchObject({ status: 'refused', code: 'SIGNATURE_INVALID' })
  })

  it('where Node is killed between two files, and the next look goes over', async () => {
    const folder = await folderOf(first, signer)
    const channel = newChannel()
    publishIn(channel, second, signer, 2)
    // Each attempt keeps one file more than the one before, and asks for none of those again.
    for (let attempt = 0; attempt < 4; attempt++) {
      const server = await serveFolder(channel)
      let sent = 0
      let reached = (): void => {}
      const stuck = new Promise<void>((resolve) => {
        reached = resolve
      })
      server.fault((path) => {
        if (!path.includes('files/') || ++sent <= 1) return undefined
        reached()
        return new Promise(() => {})
      })
      const script = `import('${folder}/slipway-edge.js').then(async ({ load }) => (await load()).update('${server.address}'))`
      const child = spawn(process.execPath, ['--no-warnings', '-e', script], { stdio: 'inherit' })
      await stuck
      child.kill('SIGKILL')
      await once(child, 'exit')
      await server.stop()
      const model = await loadFolder(folder)
      expect([model.version, model.refused]).toEqual([1, undefined])
      expect(await model.predict(rows)).toEqual(answers.first)
    }
    const model = await loadFolder(folder)
    expect(await model.update(channel)).toMatchObject({ status: 'updated', version: 2 })
    expect(await model.predict(rows)).toEqual(answers.second)
  })

  it('that came with the folder, where what was kept is torn, and it says why', async () => {
    const { folder, channel, model } = await placeOf()
    await model.update(channel)
    const digest = second.manifest.files[edgeFiles.tables]?.digest.slice('sha256:'.length) as string
    truncateSync(join(folder, 'updates', digest), 10)
    const again = await loadFolder(folder)
    expect(again.version).toBe(1)
    expect(again.refused).toMatch(/model.tables is torn or was changed/)
    expect(await again.predict(rows)).toEqual(answers.first)
    expect(await again.update(channel)).toMatchObject({ status: 'updated', version: 2 })
    expect((await loadFolder(folder)).version).toBe(2)
  })
})
