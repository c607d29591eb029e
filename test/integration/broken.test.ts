import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { openOutbox } from '../../gateway/outbox.ts'
import { packageRoot } from '../../lib/code/host.ts'
import { withStoredPlace, writeCodeMap } from '../../lib/code/source-map.ts'
import type { BatchFile } from '../../lib/formats/batch-records.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import type { BranchesRecord } from '../../lib/formats/records.ts'
import { createJudge } from '../../lib/jobs/label-evidence.ts'
import { windowsSince } from '../../lib/jobs/windows.ts'
import { fetchInput, findInputs, knownDigest } from '../../lib/sources/inputs.ts'
import { openSources } from '../../lib/sources/open-sources.ts'
import { runAskedFor } from '../../lib/store/asked-runs.ts'
import { publishBatchRecord, readBatch, readBatchDefinition, writeBatchDefinition } from '../../lib/store/batches.ts'
import { documentKinds, readAs } from '../../lib/store/broken.ts'
import { digestOf, digestOfJson, hexOf } from '../../lib/store/digest.ts'
import { listKeys } from '../../lib/store/documents.ts'
import { leaseOrResult } from '../../lib/store/leases.ts'
import { readMask } from '../../lib/store/mask.ts'
import { establishMonitor, publishReport, readLastReport, readMonitor, readReport } from '../../lib/store/monitors.ts'
import { blobKey, getBundle, getJson, putJson } from '../../lib/store/objects.ts'
import { readRef, readRefLog, restoreRef, updateRef } from '../../lib/store/refs.ts'
import { publishRefusal, requireNotRefused } from '../../lib/store/refusals.ts'
import { registerVersion } from '../../lib/store/registration.ts'
import { readModel, readVersion } from '../../lib/store/registry.ts'
import {
  publishEvidence,
  publishRolloutEnd,
  publishRolloutStart,
  readEvidence,
  readRolloutEnd,
  readRolloutStart,
} from '../../lib/store/rollouts.ts'
import {
  findWindow,
  publishPresence,
  publishWindow,
  readPresences,
  readRoute,
  renumbered,
  writeRoute,
} from '../../lib/store/routes.ts'
import { listRuns, publishBranches, publishRun, readRun, readWholeRun } from '../../lib/store/runs.ts'
import { isSigned, sealName } from '../../lib/store/seal.ts'
import { newKeyPair, requireSigned, sign, signerFrom, trustedKeysFrom } from '../../lib/store/signing.ts'
import { findStepRecord, neighbours, publishStepRecord, readStepRecord, stepKeyOf } from '../../lib/store/steps.ts'
import type { Store } from '../../lib/store/store.ts'
import { readView, writeView } from '../../lib/store/views.ts'
import { startTestStore, type TestStore } from '../support/servers.ts'
import * as sample from '../support/stored-documents.ts'

let server: TestStore
/** Signed by one key, which its readers trust. */
let store: Store
const pair = newKeyPair()
const signer = signerFrom(pair.privateKey)
beforeAll(async () => {
  // What is passed over is said, many times here.
  vi.spyOn(console, 'error').mockImplementation(() => {})
  server = await startTestStore()
  store = { ...server.store, seals: { signer, trusted: trustedKeysFrom([pair.publicKey]) } }
})
afterAll(() => server.stop())

const put = (key: string, body: Uint8Array | string, metadata?: Record<string, string>) =>
  store.client.send(new PutObjectCommand({ Bucket: store.bucket, Key: key, Body: body, Metadata: metadata }))
const objectAt = async (key: string) => {
  const { Body, Metadata } = await store.client.send(new GetObjectCommand({ Bucket: store.bucket, Key: key }))
  return { bytes: (await Body?.transformToByteArray()) ?? new Uint8Array(), metadata: Metadata ?? {} }
}

/** Every way in which a document may be found broken. */
const cuts: Record<string, (whole: Uint8Array) => Uint8Array | string> = {
  half: (whole) => whole.slice(0, whole.length / 2),
  empty: () => Buffer.alloc(0),
  'an empty object': () => '{}',
  'another kind': () => JSON.stringify({ slipway: 'nothing/1', cursors: 1 }),
  'not UTF-8': () => Uint8Array.of(0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d),
}

/** A document in the store, and what its readers do when it is broken. */
interface Case {
  readonly key: string
  /** What must come of it; called once for each way of breaking it, and again when it is broken anew. */
  readonly check: () => Promise<void>
}
let count = 0
const broken = (key: string) => ({ code: 'DOCUMENT_BROKEN', exitCode: 16, retryable: false, facts: { key } })
const quarantined = async (key: string): Promise<number> => (await listKeys(store, `quarantine/${key}`)).length

/** By the first part of the key. */
const kinds: Record<string, () => Promise<Case[]>> = {
  async blobs() {
    const { digest } = await putJson(store, { any: 'thing' })
    const key = blobKey(digest)
    return [
      {
        key,
        async check() {
          await expect(getJson(store, digest, z.json())).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
        },
      },
    ]
  },
  async steps() {
    const material = { ...sample.material, params: { n: ++count } }
    const record = { stepKey: stepKeyOf(material), material, outputs: [], facts: {}, run: 'a' }
    await publishStepRecord(store, record)
    const key = `steps/${record.stepKey}.json`
    return [
      {
        key,
        async check() {
          expect(await findStepRecord(store, record.stepKey)).toBeUndefined()
          expect(await readStepRecord(store, record.stepKey)).toBeUndefined()
          expect((await neighbours(store, sample.digest)).readBy.map(({ stepKey }) => stepKey)).not.toContain(
            record.stepKey,
          )
          // The step runs again and takes its place.
          expect(await publishStepRecord(store, { ...record, run: 'b' })).toMatchObject({ run: 'b' })
          expect(await findStepRecord(store, record.stepKey)).toMatchObject({ run: 'b' })
          expect(await quarantined(key)).toBeGreaterThan(0)
        },
      },
    ]
  },
  async lineage() {
    const material = { ...sample.material, params: { n: ++count } }
    const record = { stepKey: stepKeyOf(material), material, outputs: [], facts: {}, run: 'a' }
    await publishStepRecord(store, record)
    return [
      {
        key: `lineage/${hexOf(sample.digest)}/read-by-${record.stepKey}.json`,
        async check() {
          expect((await neighbours(store, sample.digest)).readBy.map(({ stepKey }) => stepKey)).toContain(
            record.stepKey,
          )
          expect(await publishStepRecord(store, { ...record, run: 'b' })).toMatchObject({ run: 'a' })
        },
      },
    ]
  },
  async refusals() {
    const version = { model: 'loans', version: ++count, digest: digestOf(`refused ${count}`) }
    const refusal = { ...version, by: 'ann in SageMaker', at: '2026-01-01T00:00:00.000Z' }
    await publishRefusal(store, refusal)
    const key = `refusals/loans/${hexOf(version.digest)}.json`
    return [
      {
        key,
        async check() {
          await expect(requireNotRefused(store, version)).rejects.toMatchObject(broken(key))
          // Whoever takes refusals in writes it anew.
          expect((await publishRefusal(store, refusal)).value).toEqual(refusal)
          await expect(requireNotRefused(store, version)).rejects.toMatchObject({ code: 'REJECTED' })
          expect(await quarantined(key)).toBeGreaterThan(0)
        },
      },
    ]
  },
  async runs() {
    const [good, bad] = [`loans-20260101-00000${++count}-aaaa`, `loans-20260102-00000${count}-bbbb`]
    for (const id of [good, bad]) await publishRun(store, sample.runRecord(id))
    const key = `runs/${bad}.json`
    return [
      {
        key,
        async check() {
          await expect(readRun(store, bad)).rejects.toMatchObject(broken(key))
          const said: string[] = []
          const listed = await listRuns(store, 'loans', 100, (line) => said.push(line))
          expect(listed.map(({ runId }) => runId)).toContain(good)
          expect(said.join()).toContain(bad)
          expect(await publishRun(store, sample.runRecord(bad))).toMatchObject({ runId: bad })
          expect(await readRun(store, bad)).toMatchObject({ runId: bad })
        },
      },
    ]
  },
  async branches() {
    const runId = `loans-20260103-00000${++count}-cccc`
    await publishRun(store, { ...sample.runRecord(runId), groups: 2 })
    const record = (group: number): BranchesRecord => ({
      slipway: 'branches/1',
      runId,
      group,
      branches: [],
      steps: [],
      gates: [],
      failures: [],
      notBegun: [{ name: `east-${group}/train`, because: null }],
    })
    for (const group of [0, 1]) await publishBranches(store, record(group))
    const key = `branches/${runId}/0000.json`
    return [
      {
        key,
        async check() {
          // The run is shown with what the other branches did.
          expect((await readWholeRun(store, runId))?.notBegun).toEqual(record(1).notBegun)
          await publishBranches(store, record(0))
          expect((await readWholeRun(store, runId))?.notBegun).toHaveLength(2)
        },
      },
    ]
  },
  async models() {
    const model = `m${++count}`
    await registerVersion(store, model, sample.versionRecord, true)
    const key = `models/${model}/${hexOf(sample.digest)}.json`
    return [
      {
        key,
        async check() {
          await expect(readVersion(store, model, sample.digest)).rejects.toMatchObject(broken(key))
          expect((await readModel(store, model))?.versions).toEqual([sample.digest])
          // Registering it again changes nothing but the record.
          expect(await registerVersion(store, model, sample.versionRecord, true)).toMatchObject({
            version: 1,
            registered: false,
          })
          expect(await readVersion(store, model, sample.digest)).toMatchObject({ run: 'r' })
        },
      },
    ]
  },
  async signatures() {
    const pair = newKeyPair()
    const [signer, trusted] = [signerFrom(pair.privateKey), trustedKeysFrom([pair.publicKey])]
    await sign(store, signer, { subject: 'model', name: 'm', digest: sample.digest })
    expect(await requireSigned(store, trusted, 'model', sample.digest)).toBe(signer.keyId)
    const key = `signatures/${hexOf(sample.digest)}/${signer.keyId}.json`
    return [
      {
        key,
        async check() {
          const elsewhere = { ...store, cacheFolder: join(store.cacheFolder, String(++count)) }
          await expect(requireSigned(elsewhere, trusted, 'model', sample.digest)).rejects.toMatchObject({
            code: 'SIGNATURE_INVALID',
            message: expect.stringContaining('is broken'),
          })
          // A copy that was kept is as good as what was there: it is verified again.
          expect(await requireSigned(store, trusted, 'model', sample.digest)).toBe(signer.keyId)
          await sign(store, signer, { subject: 'model', name: 'm', digest: sample.digest })
          expect(await requireSigned(elsewhere, trusted, 'model', sample.digest)).toBe(signer.keyId)
          writeFileSync(join(elsewhere.cacheFolder, key), '{"payl')
          expect(await requireSigned(elsewhere, trusted, 'model', sample.digest)).toBe(signer.keyId)
        },
      },
    ]
  },
  async refs() {
    const name = `n${++count}`
    await writeRoute(store, name, { kind: 'open', variant: sample.variant }, 'first')
    await registerVersion(store, name, sample.versionRecord, true)
    const by = { run: 'r', isRetraining: false }
    await establishMonitor(store, { pipeline: name, step: sample.monitorStep(name), plan: sample.digest }, by)
    await publishReport(store, sample.monitorReport(name, 0))
    await writeBatchDefinition(store, 'nightly', { ...sample.batchDefinition, pipeline: name }, 'r')
    await writeView(store, sample.publication(name))
    const readers: Record<string, () => Promise<unknown>> = {
      [`views/${name}`]: () => readView(store, name),
      [`routes/${name}`]: () => readRoute(store, name),
      [`models/${name}`]: () => readModel(store, name),
      [`monitors/${name}`]: () => readMonitor(store, name),
      [`checks/${name}`]: () => readLastReport(store, name),
      [`batches/${name}/nightly`]: () => readBatchDefinition(store, name, 'nightly'),
    }
    return Object.entries(readers).map(([ref, read]) => ({
      key: `refs/${ref}.json`,
      async check() {
        const last = (await listKeys(store, `log/${ref}/`)).length
        await expect(read()).rejects.toMatchObject({
          ...broken(`refs/${ref}.json`),
          message: expect.stringMatching(/the last good generation of its log is \d+ \(/),
          facts: { key: `refs/${ref}.json`, next: `npx slipway restore ${ref}` },
        })
        await expect(updateRef(store, ref, z.json(), 'not so', () => 1)).rejects.toMatchObject({
          code: 'DOCUMENT_BROKEN',
        })
        const restored = await restoreRef(store, ref, 'ann', (value, to) => renumbered(ref, value, to))
        expect(restored).toMatchObject({ quarantined: expect.stringContaining(`quarantine/refs/${ref}.json`) })
        expect(await read()).toBeDefined()
        const now = await readRef(store, ref, z.json())
        expect(now).toMatchObject({ generation: restored.generation, reason: expect.stringContaining('by ann') })
        if (/^(routes|views)\//.test(ref)) expect(now).toMatchObject({ value: { revision: restored.generation } })
        expect((await listKeys(store, `log/${ref}/`)).length).toBe(last + 1)
        await expect(restoreRef(store, ref, 'ann')).rejects.toMatchObject({ code: 'USAGE' })
      },
    }))
  },
  async log() {
    const name = `test/log${++count}`
    await updateRef(store, name, z.int(), 'first', () => 1)
    const key = `log/${name}/0000000001.json`
    return [
      {
        key,
        async check() {
          expect(await readRefLog(store, name, 1)).toBeUndefined()
          // The ref stands and goes on; only the reason is lost.
          await updateRef(store, name, z.int(), 'the next', (n = 0) => n + 1)
          expect(await readRef(store, name, z.int())).toMatchObject({ reason: 'the next' })
        },
      },
    ]
  },
  async rollouts() {
    const id = `credit-${++count}`
    await publishRolloutStart(store, sample.rolloutStart(id))
    await publishRolloutEnd(store, sample.rolloutEnd(id))
    for (const seq of [0, 1]) await publishEvidence(store, id, sample.evidence(seq))
    const [start, look, end] = ['start', 'evidence/00000000', 'end'].map((name) => `rollouts/${id}/${name}.json`) as [
      string,
      string,
      string,
    ]
    return [
      {
        key: start,
        async check() {
          await expect(readRolloutStart(store, id)).rejects.toMatchObject(broken(start))
          expect(await publishRolloutStart(store, sample.rolloutStart(id))).toMatchObject({ id })
        },
      },
      {
        key: look,
        async check() {
          await expect(readEvidence(store, id, 0)).rejects.toMatchObject(broken(look))
          // The answers of that look are judged by nobody; those of the others are.
          const rule = { metric: 'mistakes' as const, offBy: 0.5, afterMs: 0, key: null, margin: 0.01 }
          const order = { rollout: id, seq: 2, judged: 0, rule, candidate: 1, labels: [], now: 1e9 }
          expect(await createJudge(store)(order)).toEqual({ mistakes: [], judged: 2 })
          // A look that is taken again takes its place.
          expect(await publishEvidence(store, id, sample.evidence(0))).toMatchObject({ seq: 0 })
        },
      },
      {
        key: end,
        async check() {
          await expect(readRolloutEnd(store, id)).rejects.toMatchObject(broken(end))
          await publishRolloutEnd(store, sample.rolloutEnd(id))
          expect(await readRolloutEnd(store, id)).toMatchObject({ id })
        },
      },
    ]
  },
  async windows() {
    const gateway = `gone-${++count}`
    for (const seq of [0, 1, 2]) await publishWindow(store, sample.telemetryWindow(gateway, seq))
    return [
      {
        key: `windows/credit/${gateway}/0000000001.json`,
        async check() {
          expect(await findWindow(store, 'credit', gateway, 1)).toBeNull()
          // It counts as lost, and those behind it are read, also of a gateway that is gone.
          const { windows, cursors } = await windowsSince(store, 'credit', {}, 1_000)
          expect(windows.filter((window) => window.gateway === gateway).map(({ seq }) => seq)).toEqual([0, 2])
          expect(cursors[gateway]).toBe(3)
        },
      },
    ]
  },
  async monitors() {
    const endpoint = `e${++count}`
    for (const seq of [0, 1]) await publishReport(store, sample.monitorReport(endpoint, seq))
    const key = `monitors/${endpoint}/00000001.json`
    return [
      {
        key,
        async check() {
          await expect(readReport(store, endpoint, 1)).rejects.toMatchObject(broken(key))
          // The next check goes on from the one before, and takes its place.
          expect(await readLastReport(store, endpoint)).toMatchObject({ seq: 0 })
          expect(await publishReport(store, sample.monitorReport(endpoint, 1))).toMatchObject({ seq: 1 })
          expect(await readLastReport(store, endpoint)).toMatchObject({ seq: 1 })
        },
      },
    ]
  },
  async batches() {
    const slot = `2026-01-0${++count}`
    for (const generation of [1, 2]) await publishBatchRecord(store, sample.batchRecord(slot, generation))
    const key = `batches/loans/nightly/${slot}/000002.json`
    return [
      {
        key,
        async check() {
          // Which manifest is in force is not guessed, unless the slot is scored again.
          await expect(readBatch(store, 'loans', 'nightly', slot)).rejects.toMatchObject(broken(key))
          expect(await readBatch(store, 'loans', 'nightly', slot, true)).toMatchObject({ generation: 1 })
          expect(await publishBatchRecord(store, sample.batchRecord(slot, 2))).toBe(true)
          expect(await readBatch(store, 'loans', 'nightly', slot)).toMatchObject({ generation: 2 })
        },
      },
    ]
  },
  async inputs() {
    const uri = `s3://${store.bucket}/in/${++count}.csv`
    await put(`in/${count}.csv`, 'a\n1\n')
    const [found] = await findInputs(store, openSources(store, { root: undefined, confined: true }), uri)
    const given = found as BatchFile
    const { digest } = await fetchInput(store, given)
    const key = (await listKeys(store, 'inputs/')).at(-1) as string
    return [
      {
        key,
        async check() {
          expect(await knownDigest(store, given)).toBeUndefined()
          expect(await fetchInput(store, given)).toMatchObject({ digest })
          expect(await knownDigest(store, given)).toBe(digest)
        },
      },
    ]
  },
  async gateways() {
    const [good, bad] = [`g${++count}-good`, `g${count}-bad`]
    for (const id of [good, bad]) await publishPresence(store, sample.presence(id))
    return [
      {
        key: `gateways/${bad}.json`,
        async check() {
          const ids = (await readPresences(store)).map(({ id }) => id)
          expect(ids).toContain(good)
          expect(ids).not.toContain(bad)
        },
      },
    ]
  },
  async asked() {
    const what = { pipeline: 'loans', commit: String(++count) }
    const asked = (runId: string) => runAskedFor(store, what, runId, async () => false)
    expect(await asked('loans-20260101-000000-aaaa')).toBe('loans-20260101-000000-aaaa')
    expect(await asked('loans-20260101-000000-bbbb')).toBe('loans-20260101-000000-aaaa')
    return [
      {
        key: `asked/${hexOf(digestOfJson(what))}.json`,
        async check() {
          const runId = `loans-20260101-000000-${++count}`
          expect(await asked(runId)).toBe(runId)
        },
      },
    ]
  },
  async leases() {
    const work = `work-${++count}`
    const key = `leases/${work}.json`
    await put(key, JSON.stringify({ holder: 'another', beat: 7 }))
    return [
      {
        key,
        async check() {
          const { signal } = new AbortController()
          const onWait = () => expect.unreachable('nobody is waited for')
          const lease = { work, holder: 'us', result: async () => undefined, onWait, signal }
          expect(await leaseOrResult(store, lease)).toHaveProperty('release')
        },
      },
    ]
  },
  async keys() {
    const mask = await readMask(store)
    expect(mask('name', 'ann')).toBe((await readMask(store))('name', 'ann'))
    const key = 'keys/mask.json'
    return [
      {
        key,
        async check() {
          await expect(readMask(store)).rejects.toMatchObject(broken(key))
        },
      },
    ]
  },
  async maps() {
    const code = digestOf(`code ${++count}`)
    await writeCodeMap(store, code, {
      version: 3,
      sources: ['features.ts'],
      sourcesContent: ['a line'],
      names: [],
      mappings: 'AAAA',
    })
    const error = new SlipwayError('FEATURES_FAILED', 'features throws', { inBundle: [{ code, line: 1, column: 1 }] })
    expect(await withStoredPlace(store, error)).toMatchObject({ facts: { at: { file: 'features.ts', line: 1 } } })
    return [
      {
        key: `maps/${hexOf(code)}.json`,
        async check() {
          const said = (await withStoredPlace(store, error)) as SlipwayError
          expect(said).toMatchObject({ code: 'FEATURES_FAILED', facts: { at: { line: 1, text: null } } })
          expect(JSON.stringify(said.facts)).not.toContain('features.ts')
        },
      },
    ]
  },
}

describe('a document that is cut off or is another one', () => {
  for (const [kind, open] of Object.entries(kinds))
    it(`of ${kind}/ is said by its name, and passed over or replaced`, async () => {
      const cases = await open()
      for (const { key, check } of cases) {
        expect(key.split('/')[0]).toBe(kind)
        const { bytes: whole, metadata } = await objectAt(key)
        expect(sealName in metadata, `${key} is signed`).toBe(isSigned(key))
        // It says what it said, in other bytes: nothing but its signature can tell.
        const altered = Buffer.concat([whole, Buffer.from('\n')])
        const ways = Object.entries(cuts).map(([how, cut]) => [how, cut(whole), {}] as const)
        for (const [how, body, kept] of isSigned(key) ? [...ways, ['altered', altered, metadata] as const] : ways) {
          await put(key, body, kept)
          await check().catch((error) => {
            throw new Error(`${key}, ${how}: ${error.stack}`)
          })
        }
      }
    }, 120_000)

  it('has a case here, a name and a row in docs/store.md, whatever its kind', () => {
    /** First parts of the keys in the first column of a table. */
    const firstParts = (file: string, after: string): string[] => {
      const [, table = ''] = readFileSync(join(packageRoot, file), 'utf8').split(after)
      const cells = table.split('\n').flatMap((line) => /^\|([^|]+)\|/.exec(line)?.[1] ?? [])
      const keys = cells.flatMap((cell) => cell.match(/`([a-z]+)\//g) ?? [])
      return [...new Set(keys.map((key) => key.slice(1, -1)))].sort()
    }
    const tested = Object.keys(kinds).sort()
    // What is broken lies in quarantine as it was, and nobody reads it; evidence is said to lie below its rollout.
    const besides = ['quarantine', 'evidence']
    const laidOut = firstParts('docs/architecture.md', "**The store's layout.**").filter(
      (part) => !besides.includes(part),
    )
    expect(laidOut).toEqual(tested)
    expect(Object.keys(documentKinds).sort()).toEqual(tested)
    expect(firstParts('docs/store.md', '## Broken documents')).toEqual(tested)
  })

  it('behind a digest that is right is no less broken', async () => {
    const { digest } = await putJson(store, { a: 'list' })
    await expect(getBundle(store, digest, 'model')).rejects.toMatchObject(broken(blobKey(digest)))
    await expect(getJson(store, digest, z.array(z.int()))).rejects.toMatchObject(broken(blobKey(digest)))
  })

  it('on the disk of a gateway does not keep the windows behind it', async () => {
    const folder = join(server.folder, '..', 'outbox')
    const file = (seq: number): string => join(folder, 'own', `credit~own~000000000${seq}.json`)
    mkdirSync(dirname(file(0)), { recursive: true })
    writeFileSync(file(0), '{"slipway":"wind')
    writeFileSync(file(1), JSON.stringify(sample.telemetryWindow('own', 1)))
    const outbox = openOutbox(store, folder, 'own', () => true)
    expect(await outbox.flush()).toBe(true)
    expect(outbox.lost).toBe(1)
    expect(readdirSync(join(folder, 'own'))).toEqual([])
    expect(await findWindow(store, 'credit', 'own', 1)).toMatchObject({ seq: 1 })
  })
})

it('what is wrong is said in words', () => {
  const shape = z.object({ n: z.int() })
  expect(readAs(Buffer.from('{"n":1}'), shape)).toEqual({ value: { n: 1 } })
  expect(readAs(Buffer.from(''), shape)).toEqual({ why: 'it is empty' })
  expect(readAs(Uint8Array.of(0xff), shape)).toEqual({ why: 'it is not UTF-8 text' })
  expect(readAs(Buffer.from('{"n":'), shape)).toMatchObject({ why: expect.stringContaining('cut off or not JSON') })
  expect(readAs(Buffer.from('{"n":"1"}'), shape)).toMatchObject({
    why: expect.stringMatching(/^it has another shape: n: /),
  })
})
