import { createHash, createPublicKey, generateKeyPairSync, verify } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newProject, type TestProject } from '../support/project.ts'
import { registerServed } from '../support/registered-models.ts'
import { runCommand } from '../support/run-command.ts'
import { bucketSettings, openTestBucket, type TestBucket } from '../support/servers.ts'

/*
 * A registered model as others take it: signed as OpenSSF Model Signing has it, and listed in a bill of materials.
 * Their own tools read both in test/peers/model-exports.test.ts.
 */
let server: TestBucket
let project: TestProject
let digest: string
let env: Record<string, string>
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })

beforeAll(async () => {
  server = await openTestBucket()
  project = newProject()
  digest = await registerServed(project, server.store, 'opt')
  env = { ...(await bucketSettings(server)), SLIPWAY_ROOT: project.root }
  project.write('model.pem', privateKey.export({ type: 'pkcs8', format: 'pem' }) as string)
})
afterAll(async () => {
  await server.stop()
  project.remove()
})

const run = (...args: string[]) => runCommand(project.root, ['export', ...args], env)
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

describe('export oms', () => {
  it('writes the package with a signature over every file of it', async () => {
    const { code, stderr } = await run('oms', 'opt@1', '--to', 'signed', '--key', 'model.pem')
    expect(code, stderr).toBe(0)
    const folder = join(project.root, 'signed')
    const { dsseEnvelope, verificationMaterial } = JSON.parse(readFileSync(join(folder, 'model.sig'), 'utf8'))
    const payload = Buffer.from(dsseEnvelope.payload, 'base64')
    const { predicate, subject } = JSON.parse(payload.toString())
    const files = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name !== 'model.sig')
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
      .sort()
    expect(predicate.resources.map(({ name }: { name: string }) => name)).toEqual(files)
    for (const { name, digest: told } of predicate.resources)
      expect(sha256(readFileSync(join(folder, name)))).toBe(told)
    const all = Buffer.from(predicate.resources.map(({ digest: told }: { digest: string }) => told).join(''), 'hex')
    expect(subject).toEqual([{ name: 'opt', digest: { sha256: sha256(all) } }])
    // DSSE, protocol.md: what is signed.
    const type = 'application/vnd.in-toto+json'
    const signed = Buffer.concat([Buffer.from(`DSSEv1 ${type.length} ${type} ${payload.length} `), payload])
    const sig = Buffer.from(dsseEnvelope.signatures[0].sig, 'base64')
    expect(verify('sha256', signed, createPublicKey(publicKey.export({ type: 'spki', format: 'pem' })), sig)).toBe(true)
    const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string
    expect(verificationMaterial.publicKey.hint).toBe(sha256(Buffer.from(pem)))
  })

  it('refuses keys that its verifiers do not take, and says which they do', async () => {
    const ed25519 = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
    project.write('own.pem', ed25519)
    project.write('none.pem', 'not a key')
    for (const [key, words] of [
      ['own.pem', 'this is a key of ed25519'],
      ['none.pem', 'this is no private key'],
    ] as const) {
      const { code, stderr } = await run('oms', 'opt', '--to', 'refused', '--key', key)
      expect(code).toBe(2)
      expect(stderr).toContain(words)
      expect(stderr).toContain('P-256, P-384 and P-521')
    }
  })
})

describe('export cyclonedx', () => {
  const bom = async () => JSON.parse((await run('cyclonedx', 'opt', '--json')).stdout)

  it('lists the model, its files, what it learnt from and what its features ran with, the same every time', async () => {
    const made = await bom()
    expect(await bom()).toEqual(made)
    const { component, timestamp } = made.metadata
    expect(timestamp).toBe('2026-01-01T00:00:00.000Z')
    expect(component).toMatchObject({
      type: 'machine-learning-model',
      name: 'opt',
      version: '1',
      hashes: [{ alg: 'SHA-256', content: digest.slice(7) }],
      modelCard: {
        modelParameters: { task: 'regression', architectureFamily: 'trees' },
        quantitativeAnalysis: { performanceMetrics: [{ type: 'rmse', value: '1.5' }] },
      },
    })
    const of = (type: string) => made.components.filter((part: { type: string }) => part.type === type)
    expect(of('file').map(({ name }: { name: string }) => name)).toContain('model.onnx')
    expect(of('data')).toHaveLength(1)
    const refs = made.components.map((part: { 'bom-ref': string }) => part['bom-ref'])
    expect(new Set(refs).size).toBe(refs.length)
    expect(made.dependencies).toEqual([{ ref: component['bom-ref'], dependsOn: refs }])
    expect(made.serialNumber).toMatch(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })
})
