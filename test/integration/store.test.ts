import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { digestOf } from '../../lib/store/digest.ts'
import { publishOnce, readDocument, readKeptDocument, writeDocument } from '../../lib/store/documents.ts'
import { blobKey, getBytes, hasBlob, localFile, putBytes, putFile } from '../../lib/store/objects.ts'
import { probeStore, requireSuitableStore } from '../../lib/store/probe.ts'
import { readRef, readRefLog, updateRef } from '../../lib/store/refs.ts'
import { registerVersion, setChampion } from '../../lib/store/registration.ts'
import { championOf, readModel, readVersion } from '../../lib/store/registry.ts'
import { publishRun } from '../../lib/store/runs.ts'
import { newKeyPair, requireSigned, sign, signerFrom, trustedKeysFrom } from '../../lib/store/signing.ts'
import { findStepRecord, neighbours, publishStepRecord, stepKeyOf } from '../../lib/store/steps.ts'
import { createStore, type Store } from '../../lib/store/store.ts'
import { trainingTableOf } from '../../lib/store/version-origins.ts'
import { openTestBucket, type TestBucket } from '../support/servers.ts'
import { runRecord } from '../support/stored-documents.ts'

let server: TestBucket
let store: Store
beforeAll(async () => {
  server = await openTestBucket()
  store = server.store
})
afterAll(() => server.stop())

const put = (key: string, body: Buffer | string) =>
  store.client.send(new PutObjectCommand({ Bucket: store.bucket, Key: key, Body: body }))

describe('the embedded store', () => {
  it('has every property Slipway rests on', async () => {
    expect(await probeStore(store)).toEqual(
      expect.arrayContaining([{ check: 'refuses readers without credentials', passed: true }]),
    )
    await expect(requireSuitableStore(store)).resolves.toBeUndefined()
  })
})

describe('artifacts', () => {
  it('come back as they were put, small ones and files in parts', async () => {
    const small = await putBytes(store, 'hello', 'text/plain')
    expect((await getBytes(store, small.digest)).toString()).toBe('hello')
    const bytes = randomBytes(40 * 1024 * 1024)
    const file = join(server.folder, 'large.bin')
    writeFileSync(file, bytes)
    const large = await putFile(store, file, 'application/octet-stream')
    expect(large).toMatchObject({ digest: digestOf(bytes), size: bytes.length })
    expect(await hasBlob(store, large)).toBe(true)
    expect(digestOf(readFileSync(await localFile(store, large.digest)))).toBe(large.digest)
  })

  it('are put once: a second put changes nothing', async () => {
    const [a, b] = await Promise.all([putBytes(store, 'twice', 'text/plain'), putBytes(store, 'twice', 'text/plain')])
    expect(a).toEqual(b)
  })

  it('with a flipped byte are never handed out', async () => {
    const { digest } = await putBytes(store, 'precious bytes', 'text/plain')
    await put(blobKey(digest), 'precious bytez')
    await expect(getBytes(store, digest)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
    await expect(localFile(store, digest)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
  })

  it('are fetched again when the cached copy was changed', async () => {
    const { digest } = await putBytes(store, 'cached', 'text/plain')
    const file = await localFile(store, digest)
    writeFileSync(file, 'cachet')
    expect(readFileSync(await localFile(store, digest), 'utf8')).toBe('cached')
  })

  it('are kept, by twenty readers at once, in copies that only their owner may read, whatever the umask', async () => {
    const { digest } = await putBytes(store, 'rows of a customer', 'text/plain')
    await publishOnce(store, 'signatures/test.json', z.json(), { kept: true })
    const owned = { ...store, cacheFolder: join(server.folder, '../private/cache') }
    const umask = process.umask(0)
    await localFile(owned, digest)
    // By many at once, as the steps of a worker do.
    const kept = await Promise.all(
      Array.from({ length: 20 }, () => readKeptDocument(owned, 'signatures/test.json', z.json())),
    )
    process.umask(umask)
    expect(kept).toEqual(Array(20).fill({ kept: true }))
    const all = readdirSync(owned.cacheFolder, { recursive: true, encoding: 'utf8' })
    expect(all).toContain('signatures/test.json')
    const open = ['..', '.', ...all].filter((file) => (statSync(join(owned.cacheFolder, file)).mode & 0o077) !== 0)
    expect(open).toEqual([])
  })

  it('that are missing say so', async () => {
    await expect(getBytes(store, digestOf('never stored'))).rejects.toMatchObject({ code: 'OBJECT_MISSING' })
    expect(await hasBlob(store, { digest: digestOf('never stored'), size: 1 })).toBe(false)
  })
})

describe('documents', () => {
  it('are published once: of twenty writers one wins, and all see its value', async () => {
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, writer) =>
        publishOnce(store, 'test/once.json', z.object({ writer: z.int() }), { writer }),
      ),
    )
    expect(results.filter(({ first }) => first)).toHaveLength(1)
    expect(new Set(results.map(({ value }) => value.writer)).size).toBe(1)
  })

  it('are replaced by one of twenty who read the same state', async () => {
    await writeDocument(store, 'test/swap.json', { n: -1 }, undefined)
    const { etag } = (await readDocument(store, 'test/swap.json', z.json())) as { etag: string }
    const won = await Promise.all(
      Array.from({ length: 20 }, (_, n) => writeDocument(store, 'test/swap.json', { n }, etag)),
    )
    expect(won.filter(Boolean)).toHaveLength(1)
  })
})

describe('an answer that gets lost', () => {
  it('does not make a write that won look lost', async () => {
    // A proxy that hands the first answer to a PUT to nobody: the SDK asks again and meets its own object.
    let dropped = 0
    const upstream = new URL(server.endpoint)
    const proxy = createServer((asked, answer) => {
      const { host: _, ...headers } = asked.headers
      const forwarded = request(
        {
          host: upstream.hostname,
          port: upstream.port,
          path: asked.url,
          method: asked.method,
          headers: { ...headers, host: asked.headers.host },
        },
        (given) => {
          if (asked.method === 'PUT' && dropped++ === 0) {
            given.resume().on('end', () => asked.socket.destroy())
            return
          }
          answer.writeHead(given.statusCode ?? 500, given.headers)
          given.pipe(answer)
        },
      )
      asked.pipe(forwarded)
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    const endpoint = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
    const credentials = await (
      store.client.config.credentials as () => Promise<{ accessKeyId: string; secretAccessKey: string }>
    )()
    const lossy = createStore({
      endpoint,
      bucket: store.bucket,
      region: 'us-east-1',
      credentials,
      cacheFolder: store.cacheFolder,
    })
    expect(await writeDocument(lossy, 'test/lost.json', { n: 1 }, undefined)).toBe(true)
    expect(dropped).toBeGreaterThan(1)
    expect(await writeDocument(lossy, 'test/lost.json', { n: 1 }, undefined)).toBe(false)
    lossy.client.destroy()
    proxy.close()
  })
})

describe('refs', () => {
  it('lose no change of concurrent writers and keep every generation', async () => {
    await Promise.all(
      Array.from({ length: 4 }, async (_, writer) => {
        for (let i = 0; i < 3; i++) {
          for (;;) {
            try {
              await updateRef(store, 'test/list', z.array(z.string()), `writer ${writer}`, (list = []) => [
                ...list,
                `${writer}.${i}`,
              ])
              break
            } catch (error) {
              if ((error as { code?: string }).code !== 'REF_CONFLICT') throw error
            }
          }
        }
      }),
    )
    const ref = await readRef(store, 'test/list', z.array(z.string()))
    expect(new Set(ref?.value as string[]).size).toBe(12)
    expect(ref?.generation).toBe(12)
    for (let generation = 1; generation <= 12; generation++)
      expect((await readRefLog(store, 'test/list', generation))?.generation).toBe(generation)
  })

  it('heal the log entry that a crashed writer left out', async () => {
    await updateRef(store, 'test/heal', z.int(), 'first', () => 1)
    // The crash: the ref moved to generation 2, its log entry was never written.
    const document = await readDocument(store, 'refs/test/heal.json', z.json())
    await writeDocument(
      store,
      'refs/test/heal.json',
      { ...(document?.value as object), generation: 2, value: 2 },
      document?.etag,
    )
    expect(await readRefLog(store, 'test/heal', 2)).toBeUndefined()
    await updateRef(store, 'test/heal', z.int(), 'third', () => 3)
    expect(await readRefLog(store, 'test/heal', 2)).toMatchObject({ value: 2 })
  })
})

describe('step records', () => {
  const material = { step: 'train', version: 1, code: {}, host: {}, inputs: { train: digestOf('in') }, params: {} }
  const stepKey = stepKeyOf(material)

  it('are won by the first attempt; the second gets its result', async () => {
    const first = await putBytes(store, 'first', 'x')
    const second = await putBytes(store, 'second', 'x')
    const record = (run: string, output: typeof first) => ({
      stepKey,
      material,
      outputs: [{ name: 'model', ...output }],
      facts: {},
      run,
    })
    expect((await publishStepRecord(store, record('a', first))).run).toBe('a')
    expect(await publishStepRecord(store, record('b', second))).toMatchObject({
      run: 'a',
      outputs: [{ digest: first.digest }],
    })
    expect(await findStepRecord(store, stepKey)).toMatchObject({ run: 'a' })
    expect((await neighbours(store, first.digest)).madeBy[0]?.stepKey).toBe(stepKey)
    expect((await neighbours(store, digestOf('in'))).readBy[0]?.stepKey).toBe(stepKey)
  })

  it('do not count when an artifact is missing', async () => {
    const other = { ...material, params: { n: 1 } }
    await publishStepRecord(store, {
      stepKey: stepKeyOf(other),
      material: other,
      outputs: [{ name: 'model', digest: digestOf('gone'), mediaType: 'x', size: 4 }],
      facts: {},
      run: 'a',
    })
    expect(await findStepRecord(store, stepKeyOf(other))).toBeUndefined()
    // The step runs again, and what it makes now takes the lost record's place.
    const again = await putBytes(store, 'made again', 'x')
    const record = {
      stepKey: stepKeyOf(other),
      material: other,
      outputs: [{ name: 'model', ...again }],
      facts: {},
      run: 'b',
    }
    expect(await publishStepRecord(store, record)).toEqual(record)
    expect(await findStepRecord(store, stepKeyOf(other))).toEqual(record)
  })
})

describe('the registry', () => {
  const version = (text: string) => ({
    digest: digestOf(text),
    run: `run-${text}`,
    registeredAt: '2026-01-01T00:00:00Z',
    evaluation: null,
    gates: null,
    metrics: {},
    against: null,
  })

  it('numbers versions, registers a digest once, and remembers champions', async () => {
    expect(await registerVersion(store, 'm', version('a'), true)).toEqual({ version: 1, champion: 1, registered: true })
    expect(await registerVersion(store, 'm', version('b'), true)).toEqual({ version: 2, champion: 2, registered: true })
    expect(await registerVersion(store, 'm', version('a'), true)).toEqual({
      version: 1,
      champion: 2,
      registered: false,
    })
    const state = await readModel(store, 'm')
    expect(championOf(state)).toBe(digestOf('b'))
    await setChampion(store, 'm', { version: 1, reason: 'rolled back' })
    expect(championOf(await readModel(store, 'm'))).toBe(digestOf('a'))
    const judged = { version: 2, digest: digestOf('b') }
    const refused = registerVersion(store, 'm', version('c'), true, judged)
    await expect(refused).rejects.toMatchObject({ code: 'CHAMPION_MOVED' })
    expect(await readVersion(store, 'm', digestOf('c'))).toBeUndefined()
    await registerVersion(store, 'm', version('c'), true, { version: 1, digest: digestOf('a') })
    expect(championOf(await readModel(store, 'm'))).toBe(digestOf('c'))
  })

  it('knows what each version was trained on, of several branches of a run', async () => {
    const done = async (kind: string, inputs: Record<string, string>, output: string) => {
      const made = { step: kind, version: 1, code: {}, host: {}, inputs, params: {} }
      const stepKey = stepKeyOf(made)
      const outputs = [{ name: kind, digest: digestOf(output), mediaType: 'x', size: 1 }]
      await publishStepRecord(store, { stepKey, material: made, outputs, facts: {}, run: 'branched' })
      return { name: `${output}/${kind}`, kind, cached: false, stepKey, seconds: 1, summary: '', outputs }
    }
    const steps = []
    for (const branch of ['east', 'west']) {
      const trained = await done('train', { train: digestOf(`rows of ${branch}`) }, `onnx of ${branch}`)
      steps.push(trained, await done('package', { train: trained.stepKey }, branch))
      await registerVersion(store, branch, { ...version(branch), run: 'branched' }, true)
    }
    await publishRun(store, { ...runRecord('branched'), steps })
    for (const branch of ['east', 'west'])
      expect(await trainingTableOf(store, branch, digestOf(branch))).toBe(digestOf(`rows of ${branch}`))
    expect(await trainingTableOf(store, 'm', digestOf('a'))).toBeUndefined()
  })
})

describe('signatures', () => {
  const [mine, theirs] = [newKeyPair(), newKeyPair()]
  const trusted = trustedKeysFrom([mine.publicKey])

  it('let through what a trusted key signed, as what it was signed', async () => {
    const digest = digestOf('model')
    await sign(store, signerFrom(mine.privateKey), { subject: 'model', name: 'm', digest })
    expect(await requireSigned(store, trusted, 'model', digest)).toBe(signerFrom(mine.privateKey).keyId)
    await expect(requireSigned(store, trusted, 'code', digest)).rejects.toMatchObject({ code: 'SIGNATURE_INVALID' })
  })

  it('stop what nobody, or somebody else, signed', async () => {
    await expect(requireSigned(store, trusted, 'code', digestOf('unsigned'))).rejects.toMatchObject({
      code: 'SIGNATURE_INVALID',
    })
    await sign(store, signerFrom(theirs.privateKey), { subject: 'code', name: 'c', digest: digestOf('theirs') })
    await expect(requireSigned(store, trusted, 'code', digestOf('theirs'))).rejects.toMatchObject({
      code: 'SIGNATURE_INVALID',
    })
  })

  it('stop one that was moved to another digest or changed', async () => {
    const key = signerFrom(mine.privateKey)
    await sign(store, key, { subject: 'code', name: 'c', digest: digestOf('right') })
    const envelope = (await readDocument(store, `signatures/${digestOf('right').slice(7)}/${key.keyId}.json`, z.json()))
      ?.value as Record<string, unknown>
    await put(`signatures/${digestOf('wrong').slice(7)}/${key.keyId}.json`, JSON.stringify(envelope))
    await expect(requireSigned(store, trusted, 'code', digestOf('wrong'))).rejects.toThrow(/another digest/)
    const payload = Buffer.from(String(envelope.payload), 'base64')
      .toString()
      .replace(/[0-9a-f]{64}/, digestOf('forged').slice(7))
    await put(
      `signatures/${digestOf('forged').slice(7)}/${key.keyId}.json`,
      JSON.stringify({ ...envelope, payload: Buffer.from(payload).toString('base64') }),
    )
    await expect(requireSigned(store, trusted, 'code', digestOf('forged'))).rejects.toThrow(/does not match/)
  })

  it('are not asked for where no keys are configured', async () => {
    expect(await requireSigned(store, new Map(), 'code', digestOf('anything'))).toBeUndefined()
  })
})

describe('a store that cannot be used', () => {
  const over = (options: Partial<Parameters<typeof createStore>[0]>) =>
    createStore({
      endpoint: server.endpoint,
      bucket: store.bucket,
      region: 'us-east-1',
      credentials: { accessKeyId: 'wrong', secretAccessKey: 'wrong' },
      cacheFolder: '/tmp',
      ...options,
    })
  it('says that credentials are wrong', async () => {
    await expect(putBytes(over({}), 'x', 'x')).rejects.toMatchObject({ code: 'STORE_DENIED' })
  })
  it('says that nobody answers', async () => {
    await expect(putBytes(over({ endpoint: 'http://127.0.0.1:9' }), 'x', 'x')).rejects.toMatchObject({
      code: 'STORE_UNREACHABLE',
    })
  })
})
