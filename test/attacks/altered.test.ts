import { generateKeyPairSync } from 'node:crypto'
import { join } from 'node:path'
import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Attacked, type AttackedProcess, openAttacked } from '../support/attacked.ts'
import { eventually } from '../support/gateways.ts'
import { documentsOf } from '../support/said-anywhere.ts'

/** Somebody who may write the store, and has no signing key, alters what is in it. */
let place: Attacked
let gateway: AttackedProcess
let keys: Record<string, string>
let s3: S3Client
let runId: string

const row = { id: 1, day: '2024-01-01', income: 3e4, age: 40, purpose: 'car' }
const run = (...args: string[]) => place.run(args, keys)

beforeAll(async () => {
  place = await openAttacked()
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  place.project.write('row.json', JSON.stringify(row))
  place.project.write('keys/own.pem', privateKey.export({ type: 'pkcs8', format: 'pem' }) as string)
  place.project.write('keys/own.pub', publicKey.export({ type: 'spki', format: 'pem' }) as string)
  keys = {
    SLIPWAY_SIGNING_KEY: join(place.project.root, 'keys/own.pem'),
    SLIPWAY_TRUSTED_KEYS: join(place.project.root, 'keys/own.pub'),
  }
  const { S3_ENDPOINT: endpoint, AWS_ACCESS_KEY_ID = '', AWS_SECRET_ACCESS_KEY = '' } = place.env
  const credentials = { accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY }
  s3 = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials })
  const worker = place.startWorker(keys)
  const done = await run('run', 'loans', '--wait', '--json')
  expect(done, done.stderr + worker.said()).toMatchObject({ code: 0 })
  runId = JSON.parse(done.stdout).runId
  gateway = await place.startGateway({ SLIPWAY_TRUSTED_KEYS: keys.SLIPWAY_TRUSTED_KEYS as string })
})
afterAll(async () => {
  s3.destroy()
  await place.close()
})

const Bucket = (): string => place.env.SLIPWAY_BUCKET as string

/** Alters the first document of a kind, asks, and puts it back. */
async function whileAltered<T>(
  begins: string,
  how: { readonly change: [RegExp, string]; readonly strip: boolean },
  ask: (key: string) => Promise<T>,
): Promise<T> {
  const Key = [...(await documentsOf(place.env)).keys()].filter((key) => key.startsWith(begins)).sort()[0] as string
  const { Body, Metadata } = await s3.send(new GetObjectCommand({ Bucket: Bucket(), Key }))
  const text = (await Body?.transformToString()) ?? ''
  const altered = text.replace(...how.change)
  expect(altered, `${Key} is changed`).not.toBe(text)
  await s3.send(new PutObjectCommand({ Bucket: Bucket(), Key, Body: altered, Metadata: how.strip ? {} : Metadata }))
  try {
    return await ask(Key)
  } finally {
    await s3.send(new PutObjectCommand({ Bucket: Bucket(), Key, Body: text, Metadata }))
  }
}

const ways = [
  ['altered, its signature kept', false, /was altered after it was written/],
  ['altered, its signature stripped', true, /has no signature, and documents are signed since/],
] as const

describe.each(ways)('a document that is %s', (_, strip, why) => {
  // Lists say it and show the others; what is about the one document ends with 16.
  it.each<[string, [RegExp, string], () => string[], number]>([
    ['runs/', [/"status":"succeeded"/, '"status":"gate failed"'], () => ['show', runId], 16],
    ['runs/', [/"auc":0\.\d+/, '"auc":0.999'], () => ['runs'], 0],
    ['refs/models/', [/"champions":\[1\]/, '"champions":[]'], () => ['models'], 0],
    ['refs/models/', [/"champions":\[1\]/, '"champions":[]'], () => ['show', 'loans@1'], 16],
    ['models/', [/"auc":0\.\d+/, '"auc":0.999'], () => ['models'], 0],
    ['models/', [/"auc":0\.\d+/, '"auc":0.999'], () => ['verify', 'loans@1'], 16],
    ['refs/routes/', [/"reason":"/, '"reason":"of mine: '], () => ['endpoints'], 0],
    ['refs/routes/', [/"reason":"/, '"reason":"of mine: '], () => ['predict', 'credit', '--data', 'row.json'], 16],
  ])('below %s is noticed by the command that reads it', async (begins, change, args, code) => {
    await whileAltered(begins, { change, strip }, async (key) => {
      const { stdout, stderr, code: ended } = await run(...args())
      const said = stdout + stderr
      expect(said).toContain(key)
      expect(said).toMatch(why)
      expect(ended, said).toBe(code)
    })
  })

  it('below refs/routes/ is not followed by a gateway, which answers as before', async () => {
    await whileAltered('refs/routes/', { change: [/"revision":1/, '"revision":2'], strip }, async (key) => {
      await eventually(() => gateway.said().includes(key) && why.test(gateway.said()))
      const answer = await fetch(`${place.gateway}/v1/models/credit:predict`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ instances: [row] }),
      })
      expect(answer.status).toBe(200)
    })
  })

  it('below steps/ counts as missing: the step runs again', async () => {
    const [Key, before] = [...(await documentsOf(place.env))].find(
      ([key, text]) => key.startsWith('steps/') && text.includes('"step":"evaluate"'),
    ) as [string, string]
    const { Metadata } = await s3.send(new GetObjectCommand({ Bucket: Bucket(), Key }))
    const Body = before.replace(/"auc":0\.\d+/, '"auc":0.999')
    expect(Body).not.toBe(before)
    await s3.send(new PutObjectCommand({ Bucket: Bucket(), Key, Body, Metadata: strip ? {} : Metadata }))
    const again = await run('run', 'loans', '--wait', '--json')
    const { steps } = JSON.parse(again.stdout) as { steps: { kind: string; cached: boolean; summary: string }[] }
    expect(steps.find(({ kind }) => kind === 'evaluate')).toMatchObject({ cached: false })
    expect(again.stdout).not.toContain('0.999')
  })
})

it('a model in whose history a generation is missing does not verify', async () => {
  const first = 'log/models/loans/0000000001.json'
  const { Body, Metadata } = await s3.send(new GetObjectCommand({ Bucket: Bucket(), Key: first }))
  const text = (await Body?.transformToString()) ?? ''
  await s3.send(new DeleteObjectCommand({ Bucket: Bucket(), Key: first }))
  const { code, stdout, stderr } = await run('verify', 'loans@1')
  await s3.send(new PutObjectCommand({ Bucket: Bucket(), Key: first, Body: text, Metadata }))
  expect(code, stderr).toBe(16)
  expect(stdout + stderr).toMatch(/log\/models\/loans\/0+2\.json.*its log lacks what was before it/)
})

it('commands without a signing key write nothing that the others would take for altered', async () => {
  const settings = { SLIPWAY_TRUSTED_KEYS: keys.SLIPWAY_TRUSTED_KEYS as string }
  const before = (await documentsOf(place.env)).get('refs/routes/credit.json')
  for (const env of [settings, {}]) {
    const { code, stderr } = await place.run(['rollback', 'credit', '--reason', 'a test'], env)
    expect(code, stderr).not.toBe(0)
    expect((await documentsOf(place.env)).get('refs/routes/credit.json')).toBe(before)
  }
})
