import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { folderFiles, writeFolder } from '../../lib/edge/folder.ts'
import { channelFile, channelPath } from '../../lib/edge/manifest.ts'
import { type EdgePackage, packForEdge } from '../../lib/edge/pack.ts'
import type { EdgeModel } from '../../lib/edge/runtime/slipway-edge.d.ts'
import { canonicalJson } from '../../lib/formats/canonical.ts'
import { type LocalModel, modelFiles } from '../../lib/models/model.ts'
import { digestOf } from '../../lib/store/digest.ts'
import { newKeyPair, publicKeyOf, type Signer, signedEnvelope, signerFrom } from '../../lib/store/signing.ts'
import { makeLocalModel } from './local-model.ts'
import { proveCompiledModel } from './prove.ts'

export const newSigner = (): Signer => signerFrom(newKeyPair().privateKey)

/**
 * A small model of two numbers and a text, with its compiled trees.
 * @param code other feature code, with which it answers otherwise
 */
export async function smallModel(task: 'binary' | 'regression', code?: string): Promise<LocalModel> {
  const { model, table, folder } = await makeLocalModel(task)
  let own: LocalModel = model
  if (code !== undefined) {
    writeFileSync(model.codeFile, code)
    own = { ...model, facts: { ...model.facts, featureCode: { ...model.facts.featureCode, digest: digestOf(code) } } }
  }
  await proveCompiledModel({ model: own, table, folder })
  const compiledModel = {
    reportFile: join(folder, modelFiles.compiledModel),
    codeFile: join(folder, modelFiles.compiledCode),
    tablesFile: join(folder, modelFiles.compiledTables),
  }
  return { ...own, compiledModel }
}

/** Feature code with which the small model answers otherwise. */
export const otherCode =
  'module.exports.default = ({ x, y, town }) => ({ x: Float32Array.from(x, (value) => 1 - value), y: Float32Array.from(y), town })'

export const packOf = (local: LocalModel, version: number, root = tmpdir()): Promise<EdgePackage> =>
  packForEdge({ local, version: { model: local.facts.name, version, digest: digestOf(`version ${version}`) }, root })

const newFolder = (): string => join(mkdtempSync(join(tmpdir(), 'slipway-edge-')), 'folder')

/** A folder as `package --edge` writes it. */
export async function folderOf(pack: EdgePackage, signer: Signer | undefined, sequence = 1): Promise<string> {
  const folder = newFolder()
  const publicKey = signer === undefined ? null : publicKeyOf(signer)
  await writeFolder(folder, await folderFiles({ pack, sequence, publicKey }))
  return folder
}

/** The same package with something else in place of a file; its manifest names that. */
export function withFile({ manifest, files }: EdgePackage, name: string, bytes: Uint8Array): EdgePackage {
  const file = { digest: digestOf(bytes), size: bytes.length }
  return {
    manifest: { ...manifest, files: { ...manifest.files, [name]: file } },
    files: new Map([...files, [name, bytes]]),
  }
}

/** Publishes in a folder as `package --edge --channel` does, without a store. */
export function publishIn(channel: string, pack: EdgePackage, signer: Signer, sequence: number): void {
  mkdirSync(join(channel, 'files'), { recursive: true })
  const text = canonicalJson(pack.manifest)
  for (const bytes of [...pack.files.values(), Buffer.from(text)])
    writeFileSync(join(channel, channelPath(digestOf(bytes))), bytes)
  const { model, version, package: digest } = pack.manifest
  const claim = { sequence, version, package: digest }
  const signed = { subject: 'edge', name: model, digest: digestOf(text), claim } as const
  writeFileSync(join(channel, channelFile), canonicalJson(signedEnvelope(signer, signed)))
}

export const newChannel = (): string => mkdtempSync(join(tmpdir(), 'slipway-channel-'))

/** Loads a folder by the module that lies in it, as Node does. */
export async function loadFolder(folder: string): Promise<EdgeModel> {
  const { load } = await import(/* @vite-ignore */ pathToFileURL(join(folder, 'slipway-edge.js')).href)
  return load()
}
