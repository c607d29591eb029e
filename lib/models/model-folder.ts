import { chmod, copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { Bundle, Digest } from '../formats/artifact.ts'
import { canonicalJson } from '../formats/canonical.ts'
import { SlipwayError } from '../formats/errors.ts'
import type { ModelVersion } from '../formats/route.ts'
import { readAs } from '../store/broken.ts'
import { digestOf, digestOfFile } from '../store/digest.ts'
import { Envelope, requireEnvelope, type TrustedKeys } from '../store/signing.ts'
import type { TarEntry } from '../store/tar.ts'
import type { LocalModel } from './model.ts'
import { packageOf } from './package-files.ts'
import type { LocalTensorModel } from './tensors/session.ts'

/** What a folder with one model holds besides the files of its package. */
export const folderFiles = {
  /** What the model is called, and the digest of its manifest. */
  facts: 'slipway.json',
  /** The manifest of its package: the very bytes that have the digest. */
  manifest: 'manifest.json',
  /** Envelopes, `<key id>.json` each. */
  signatures: 'signatures',
} as const

/** `slipway.json`. */
const FolderFacts = z.object({
  slipway: z.literal('model-folder/1'),
  model: z.string(),
  version: z.int().positive(),
  digest: Digest,
})

/** A model as a folder holds it: verified, and signed by somebody who is trusted here. */
export interface ModelInFolder {
  readonly version: ModelVersion
  readonly local: LocalModel | LocalTensorModel
  /** Id of the key whose signature counted; undefined where no keys are trusted. */
  readonly signedBy: string | undefined
}

/** A package as it lies in a store: its manifest, the local file of each of its digests, and who signed it. */
export interface WholePackage {
  readonly bundle: Bundle
  readonly envelopes: ReadonlyMap<string, Envelope>
  fileAt(digest: string): Promise<string>
}

/** What a folder of a model consists of, as entries of an archive: the same for the same package and the same keys. */
export async function folderEntries(
  { bundle, envelopes, fileAt }: WholePackage,
  { model, version, digest }: ModelVersion,
): Promise<readonly TarEntry[]> {
  const facts: z.infer<typeof FolderFacts> = { slipway: 'model-folder/1', model, version, digest }
  const document = (path: string, value: unknown): TarEntry => ({
    kind: 'file',
    path,
    from: Buffer.from(canonicalJson(value)),
  })
  const entries = [document(folderFiles.facts, facts), document(folderFiles.manifest, bundle)]
  for (const [name, { digest: file, size }] of Object.entries(bundle.files))
    entries.push({ kind: 'file', path: name, from: { file: await fileAt(file), size } })
  for (const [keyId, envelope] of envelopes) entries.push(document(`${folderFiles.signatures}/${keyId}.json`, envelope))
  return entries
}

/** Writes entries as a folder, whole or not at all. What stands there must be an empty folder, or nothing. */
export async function writeEntries(folder: string, entries: readonly TarEntry[]): Promise<void> {
  const partial = `${folder}.${process.pid}.partial`
  await mkdir(partial, { recursive: true })
  try {
    for (const entry of entries) {
      if (entry.kind !== 'file') throw new SlipwayError('INTERNAL', `${entry.path}: a model consists of files`)
      const path = join(partial, entry.path)
      await mkdir(dirname(path), { recursive: true })
      if (entry.from instanceof Uint8Array) await writeFile(path, entry.from)
      else await copyFile(entry.from.file, path)
      // What it is copied from is our user's alone; containers are somebody else.
      await chmod(path, 0o644)
    }
    await rename(partial, folder)
  } finally {
    await rm(partial, { recursive: true, force: true })
  }
}

/**
 * Opens a folder: every file is what the manifest says, and the manifest what was signed.
 * @throws SlipwayError NOT_FOUND, DIGEST_MISMATCH, SIGNATURE_INVALID
 */
export async function openModelFolder(folder: string, trusted: TrustedKeys): Promise<ModelInFolder> {
  const facts = read(await bytesAt(folder, folderFiles.facts), FolderFacts, folder, folderFiles.facts)
  const { model, version, digest } = facts
  const manifest = await bytesAt(folder, folderFiles.manifest)
  if (digestOf(manifest) !== digest) throw changed(folder, folderFiles.manifest)
  const signedBy = await requireEnvelope((keyId) => envelopeOf(folder, keyId), trusted, { subject: 'model', digest })
  const bundle = read(manifest, Bundle, folder, folderFiles.manifest)
  const places = new Map(Object.entries(bundle.files).map(([name, file]) => [file.digest, join(folder, name)]))
  const local = await packageOf(bundle, digest, async (file) => {
    const path = places.get(file) as string
    const name = path.slice(folder.length + 1)
    const found = await digestOfFile(path).catch((error: NodeJS.ErrnoException) => {
      throw changed(folder, name, error.code === 'ENOENT' ? 'is not there' : `cannot be read: ${error.message}`)
    })
    if (found.digest !== file) throw changed(folder, name)
    return path
  })
  return { version: { model, version, digest }, local, signedBy }
}

/** Whether a model lies in a folder. */
export const holdsModel = (folder: string): Promise<boolean> =>
  readdir(folder).then(
    (names) => names.includes(folderFiles.facts),
    () => false,
  )

async function envelopeOf(folder: string, keyId: string): Promise<Envelope | undefined> {
  const name = join(folderFiles.signatures, `${keyId}.json`)
  const bytes = await readFile(join(folder, name)).catch(() => undefined)
  return bytes === undefined ? undefined : read(bytes, Envelope, folder, name)
}

async function bytesAt(folder: string, name: string): Promise<Buffer> {
  return await readFile(join(folder, name)).catch((error: Error) => {
    throw new SlipwayError('NOT_FOUND', `there is no model in ${folder}: ${name}: ${error.message}`, {
      next: 'write one there: npx slipway package --folder <model> --to <folder>',
    })
  })
}

/** @throws SlipwayError DIGEST_MISMATCH */
function read<T>(bytes: Uint8Array, shape: z.ZodType<T>, folder: string, name: string): T {
  const found = readAs(bytes, shape)
  if ('value' in found) return found.value
  throw new SlipwayError('DIGEST_MISMATCH', `${join(folder, name)} is none that this version reads: ${found.why}`, {
    next: 'write the folder anew with this version of Slipway',
  })
}

const changed = (folder: string, name: string, how = 'has other bytes than were packaged'): SlipwayError =>
  new SlipwayError('DIGEST_MISMATCH', `${join(folder, name)} ${how}`, {
    next: 'write the folder anew: npx slipway package --folder <model> --to <folder>',
  })
