import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join, resolve, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { CopyObjectCommand, DeleteObjectCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import type { Digest } from '../formats/artifact.ts'
import { batchId } from '../formats/batch-policy.ts'
import { BatchManifest } from '../formats/batch-records.ts'
import { canonicalJson } from '../formats/canonical.ts'
import { SlipwayError } from '../formats/errors.ts'
import { machineFull } from '../formats/machine-full.ts'
import { readAs } from './broken.ts'
import { digestOf, digestOfFile } from './digest.ts'
import { listKeys } from './documents.ts'
import { bodyOf, bytesOf } from './long-calls.ts'
import { blobKey, localFile } from './objects.ts'
import { parseS3 } from './s3-address.ts'
import { atBucket, isMissing, readWhole, type Store, storeError } from './store.ts'

/** A folder that plain readers look into: on this machine, or in S3. */
export interface OutputFolder {
  readonly address: string
  /** Names of all files, relative. */
  list(): Promise<string[]>
  read(name: string): Promise<string | undefined>
  write(name: string, text: string): Promise<void>
  digestOf(name: string): Promise<Digest>
  /** Puts a blob of the store there. */
  put(name: string, digest: string): Promise<void>
  remove(name: string): Promise<void>
}

/** Opens `s3://bucket/prefix/`, or a path below `root`. @throws SlipwayError OUTPUT_UNWRITABLE */
export function outputFolder(store: Store, to: string, root: string | undefined): OutputFolder {
  if (to.startsWith('s3://')) return s3Folder(store, to.endsWith('/') ? to : `${to}/`)
  const refuse = (next: string): never => {
    throw new SlipwayError('OUTPUT_UNWRITABLE', `this worker may not write to "${to}"`, { next })
  }
  if (root === undefined) return refuse('set SLIPWAY_OUTPUTS for the worker, or write to S3')
  const path = resolve(root, to)
  if (path !== root && !path.startsWith(root.endsWith(sep) ? root : root + sep))
    return refuse(`use a path below ${root}, or S3`)
  return localFolder(store, path)
}

/** A folder on this machine, wherever it is. */
export function localFolder(store: Store, path: string): OutputFolder {
  const tried = async <T>(work: Promise<T>): Promise<T> =>
    work.catch((error: NodeJS.ErrnoException) => {
      if (error instanceof SlipwayError) throw error
      const full = machineFull(error, path)
      if (full !== undefined) throw full
      const why = ['EACCES', 'EPERM', 'EROFS'].includes(error.code ?? '') ? 'no permission' : error.message
      throw new SlipwayError('OUTPUT_UNWRITABLE', `${path} cannot be used for output: ${why}`, {
        next: 'check the folder and its disk, then run the batch again: what was scored is kept',
      })
    })
  /** Whole or not at all, under its final name. */
  const replace = async (name: string, write: (file: string) => Promise<void>): Promise<void> => {
    const file = join(path, name)
    await mkdir(dirname(file), { recursive: true })
    const partial = join(dirname(file), `.${process.pid}-${name.split('/').at(-1)}`)
    try {
      await write(partial)
      await rename(partial, file)
    } finally {
      await rm(partial, { force: true })
    }
  }
  return {
    address: path,
    async list() {
      const entries = await tried(
        readdir(path, { recursive: true, withFileTypes: true }).catch((error) => {
          if (error.code === 'ENOENT') return []
          throw error
        }),
      )
      return entries
        .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
        .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(path.length + 1))
    },
    async read(name) {
      return tried(
        readFile(join(path, name), 'utf8').catch((error) => {
          if (error.code === 'ENOENT') return undefined
          throw error
        }),
      )
    },
    digestOf: async (name) => (await digestOfFile(join(path, name))).digest,
    write: (name, text) => tried(replace(name, (file) => writeFile(file, text))),
    async put(name, digest) {
      const known = await digestOfFile(join(path, name)).catch(() => undefined)
      if (known?.digest === digest) return
      const source = await localFile(store, digest)
      await tried(replace(name, (file) => pipeline(createReadStream(source), createWriteStream(file))))
    },
    remove: (name) => tried(rm(join(path, name), { force: true })),
  }
}

function s3Folder(store: Store, address: string): OutputFolder {
  const { bucket, key: prefix } = parseS3(address)
  const place = atBucket(store, bucket)
  const failed = (name: string) => (error: unknown) => {
    throw storeError(place, error, `${prefix}${name}`)
  }
  const bytesAt = (name: string): Promise<Buffer> =>
    readWhole(store, async () =>
      bytesOf(bodyOf(await store.client.send(new GetObjectCommand({ Bucket: bucket, Key: `${prefix}${name}` })))),
    )
  return {
    address,
    async list() {
      const keys = await listKeys(place, prefix, Number.POSITIVE_INFINITY)
      return keys.filter((key) => key !== prefix).map((key) => key.slice(prefix.length))
    },
    async read(name) {
      try {
        return (await bytesAt(name)).toString('utf8')
      } catch (error) {
        if (isMissing(error)) return undefined
        return failed(name)(error)
      }
    },
    async digestOf(name) {
      return digestOf(await bytesAt(name).catch(failed(name)))
    },
    async write(name, text) {
      await store.client
        .send(new PutObjectCommand({ Bucket: bucket, Key: `${prefix}${name}`, Body: text }))
        .catch(failed(name))
    },
    async put(name, digest) {
      const copy = { Bucket: bucket, Key: `${prefix}${name}`, CopySource: `${store.bucket}/${blobKey(digest)}` }
      await store.client.send(new CopyObjectCommand(copy)).catch(failed(name))
    },
    async remove(name) {
      await store.client.send(new DeleteObjectCommand({ Bucket: bucket, Key: `${prefix}${name}` })).catch(failed(name))
    },
  }
}

/** Names in an output folder besides its parts. */
export const outputFiles = { manifest: '_manifest.json', begun: '_begun.json', success: '_SUCCESS' } as const
const putsAtOnce = 8

/**
 * The batch whose output lies in a folder, whole or begun.
 * @throws SlipwayError OUTPUT_OCCUPIED where something else lies there
 */
async function occupantOf(folder: OutputFolder, mine: string): Promise<Set<string>> {
  const known = new Set<string>(Object.values(outputFiles))
  for (const file of [outputFiles.manifest, outputFiles.begun]) {
    const manifest = await manifestIn(folder, file)
    if (manifest === undefined) continue
    const whose =
      manifest === null
        ? 'something that is no batch of this version'
        : batchId(manifest.owner, manifest.name, manifest.slot)
    if (whose !== mine) throw occupied(folder, whose)
    for (const { path } of manifest?.parts ?? []) known.add(path)
  }
  const names = await folder.list()
  const stranger = names.find((name) => !known.has(name))
  if (stranger !== undefined) throw occupied(folder, `other files, ${stranger} for one`)
  return new Set(names)
}

/**
 * The manifest that lies in a folder; undefined where there is none, null where it is none of ours: it may hold
 * anything.
 */
export async function manifestIn(
  folder: OutputFolder,
  file: string = outputFiles.manifest,
): Promise<BatchManifest | null | undefined> {
  const text = await folder.read(file)
  if (text === undefined) return undefined
  const read = readAs(Buffer.from(text), BatchManifest)
  return 'why' in read ? null : read.value
}

function occupied({ address }: OutputFolder, by: string): SlipwayError {
  return new SlipwayError('OUTPUT_OCCUPIED', `${address} holds ${by}`, {
    next: 'write somewhere else, or empty that folder: nothing of it is overwritten',
  })
}

/** Makes sure that a batch may be put into a folder, before the work. */
export async function requireFree(
  folder: OutputFolder,
  batch: Pick<BatchManifest, 'owner' | 'name' | 'slot'>,
): Promise<void> {
  await occupantOf(folder, batchId(batch.owner, batch.name, batch.slot))
}

/**
 * Puts the parts of a batch into a folder: those who follow `_manifest.json` see the table before or the new one, those
 * who wait for `_SUCCESS`, as Spark leaves it, see none in between. Done again after a crash it ends the same.
 * @throws SlipwayError OUTPUT_OCCUPIED, OUTPUT_UNWRITABLE, STORE_DENIED
 */
export async function fillFolder(
  folder: OutputFolder,
  manifest: BatchManifest,
  onProgress: (done: number) => void = () => {},
): Promise<void> {
  const text = canonicalJson(manifest)
  const present = await occupantOf(folder, batchId(manifest.owner, manifest.name, manifest.slot))
  const wanted = new Set(manifest.parts.map(({ path }) => path))
  const isThere = [...wanted, outputFiles.success].every((name) => present.has(name))
  if (isThere && (await folder.read(outputFiles.manifest)) === text) return
  if (present.has(outputFiles.success)) await folder.remove(outputFiles.success)
  // Who comes after a crash knows by this whose the parts are.
  await folder.write(outputFiles.begun, text)
  const waiting = [...manifest.parts]
  let done = 0
  await Promise.all(
    Array.from({ length: putsAtOnce }, async () => {
      for (let part = waiting.shift(); part !== undefined; part = waiting.shift()) {
        await folder.put(part.path, part.digest)
        onProgress(++done / manifest.parts.length)
      }
    }),
  )
  await folder.write(outputFiles.manifest, text)
  const besides = new Set<string>(Object.values(outputFiles))
  for (const name of present) if (!wanted.has(name) && !besides.has(name)) await folder.remove(name)
  await folder.remove(outputFiles.begun)
  await folder.write(outputFiles.success, '')
}
