import { basename, dirname, resolve } from 'node:path'
import { localTable, TableFacts } from '../lib/data/local-table.ts'
import { shortDigest } from '../lib/formats/artifact.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import { projectOf } from '../lib/sources/dvc-config.ts'
import { pushToDvc, type TrackedFile } from '../lib/sources/dvc-writer.ts'
import { getBundle } from '../lib/store/objects.ts'
import { localFolder, outputFolder } from '../lib/store/outputs.ts'
import { readWholeRun } from '../lib/store/runs.ts'
import type { Store } from '../lib/store/store.ts'
import { findArtifact } from './artifact.ts'
import type { StoreContext } from './context.ts'

/** A snapshot whose bytes are in a DVC remote. */
export interface PushedSnapshot {
  readonly snapshot: string
  /** The text of the pointer that names them, which is to be written last: it never names what is not there. */
  readonly text: string
  /** The address of the remote. */
  readonly remote: string
  readonly md5: string
  readonly files: number
  readonly size: number
}

/**
 * Puts the bytes of a snapshot where `dvc pull` reads them.
 * @param what a snapshot, or a run that took one
 * @param pointer where the pointer will be: `data/flights.parquet.dvc`
 * @param remote a folder, `s3://bucket/prefix`, or the name of a remote in `.dvc/config`; the usual one by default
 * @throws SlipwayError NOT_FOUND; USAGE
 */
export async function pushSnapshot(
  { store, say }: StoreContext,
  what: string,
  pointer: string,
  remote: string | undefined,
): Promise<PushedSnapshot> {
  const snapshot = await snapshotOf(store, what)
  const { facts } = await getBundle(store, snapshot, 'table', 'snapshot')
  const { format, rows } = TableFacts.parse(facts)
  const place = await remoteOf(resolve(pointer), remote)
  const folder = place.address.startsWith('s3://')
    ? outputFolder(store, place.address, undefined)
    : localFolder(store, resolve(place.address))
  say(`pushing to ${place.address}`)
  const { text, md5, files, size } = await pushToDvc(
    folder,
    { files: await filesOf(store, snapshot), format },
    { out: basename(pointer, '.dvc'), remoteName: place.name, meta: { slipway: { snapshot, rows } } },
  )
  return { snapshot, text, remote: place.address, md5, files, size }
}

/** @throws SlipwayError NOT_FOUND; USAGE where a run has several */
async function snapshotOf(store: Store, what: string): Promise<string> {
  const record = await readWholeRun(store, what)
  const hex = what.replace(/^sha256:/, '')
  const own = record?.steps.filter(({ kind }) => kind === 'snapshot') ?? []
  const digests = own.flatMap(({ name, outputs }) =>
    outputs.flatMap((output) => (output.name === 'table' ? [[name, output.digest] as const] : [])),
  )
  if (digests.length > 1)
    throw new SlipwayError('USAGE', `run ${what} has ${digests.length} snapshots`, {
      next: `name one: ${digests.map(([name, digest]) => `${shortDigest(digest)} (${name})`).join(', ')}`,
    })
  const [only] = digests
  if (only !== undefined) return only[1]
  const found = /^[0-9a-f]{6,64}$/.test(hex) ? await findArtifact(store, hex) : undefined
  if (found !== undefined) return found
  throw new SlipwayError('NOT_FOUND', `there is no snapshot or finished run "${what}"`, {
    next: '`slipway runs` names runs, `slipway show <run>` the snapshots of one',
  })
}

/** Where bytes go, and what the pointer calls it where that is not the usual remote. */
async function remoteOf(pointer: string, remote: string | undefined) {
  if (remote !== undefined && /[/\\]/.test(remote)) return { address: remote, name: undefined }
  const project = await projectOf(pointer)
  const address = project.remote(remote)
  if (address !== undefined) return { address, name: remote }
  throw new SlipwayError('USAGE', `the DVC project of ${dirname(pointer)} has no remote ${remote ?? 'by default'}`, {
    next: 'add one with `dvc remote add --default`, or say --remote <a folder or s3://bucket/prefix>',
  })
}

async function filesOf(store: Store, snapshot: string): Promise<TrackedFile[]> {
  const bundle = await getBundle(store, snapshot, 'table', 'snapshot')
  const names = Object.keys(bundle.files).filter((name) => name.startsWith('data/'))
  const { files } = await localTable(store, snapshot)
  return names.sort().map((name, i) => {
    const { digest, size } = bundle.files[name] as { digest: string; size: number }
    const file = files[i] as { path: string; name?: string } & Partial<TrackedFile>
    const { path, compression = 'none', partition = {} } = file
    return { name: file.name, digest, path, size, compression, partition }
  })
}
