import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stringify } from 'yaml'
import { SlipwayError } from '../formats/errors.ts'
import { partitionOf } from '../formats/shards.ts'
import { type Compression, compressionOf, formatOf, type TableFormat } from '../formats/table-format.ts'
import type { OutputFolder } from '../store/outputs.ts'
import { sideBySide } from './side-by-side.ts'

/** A file of a table that DVC is to track. */
export interface TrackedFile {
  /** What it was called where it was read: a path or an address. */
  readonly name: string | undefined
  /** Its bytes in the store, and the copy of them on this machine. */
  readonly digest: string
  readonly path: string
  /** Bytes. */
  readonly size: number
  readonly compression: Compression
  readonly partition: Readonly<Record<string, string | null>>
}

/** What a pointer points to. */
export interface Pointed {
  /** The text of the `.dvc` file. */
  readonly text: string
  /** 32 hexadecimal digits, behind it `.dir` of a folder. */
  readonly md5: string
  readonly files: number
  /** Bytes, of all files. */
  readonly size: number
}

/** Files that are hashed and sent at once. */
const atOnce = 4

/** Where DVC 3 keeps the bytes of an md5: https://dvc.org/doc/user-guide/project-structure/internal-files */
const keyOf = (md5: string): string => `files/md5/${md5.slice(0, 2)}/${md5.slice(2)}`

/**
 * Puts the files of a table where `dvc pull` looks for them, and makes the pointer that names them: of one file, or of
 * a folder where there are several or where folders name columns.
 * @param out what the pointer calls it: a name in the pointer's own folder
 * @param meta what the pointer says besides
 * @throws SlipwayError USAGE where the name tells another format than the bytes have; what the remote throws
 */
export async function pushToDvc(
  remote: OutputFolder,
  { files, format }: { readonly files: readonly TrackedFile[]; readonly format: TableFormat },
  { out, remoteName, meta }: { readonly out: string; readonly remoteName?: string | undefined; readonly meta: unknown },
): Promise<Pointed> {
  const places = placesOf(files, format)
  if (places === undefined) requireName(out, format, files[0] as TrackedFile)
  // Equal files have one place, which is written once.
  const distinct = [...new Map(files.map((file) => [file.digest, file])).values()]
  const pushed = await sideBySide(distinct, atOnce, async ({ path, digest }) => {
    const md5 = await md5Of(path)
    await remote.put(keyOf(md5), digest)
    return [digest, md5] as const
  })
  const md5s = new Map(pushed)
  const md5Known = ({ digest }: TrackedFile): string => md5s.get(digest) as string
  const size = files.reduce((sum, file) => sum + file.size, 0)
  const more = { hash: 'md5', ...(remoteName !== undefined && { remote: remoteName }), path: out }
  if (places === undefined) {
    const md5 = md5Known(files[0] as TrackedFile)
    return { text: stringify({ outs: [{ md5, size, ...more }], meta }), md5, files: 1, size }
  }
  const listing = listingOf(places.map((relpath, i) => ({ md5: md5Known(files[i] as TrackedFile), relpath })))
  const md5 = `${createHash('md5').update(listing).digest('hex')}.dir`
  await remote.write(keyOf(md5), listing)
  const nfiles = files.length
  return { text: stringify({ outs: [{ md5, size, nfiles, ...more }], meta }), md5, files: nfiles, size }
}

/**
 * The list of a folder's files, to the byte as DVC writes it: who adds the same folder there gets the same md5. Python
 * sorts texts by their code points, puts a blank behind commas and colons, and escapes all that is not ASCII.
 */
export function listingOf(files: readonly { readonly md5: string; readonly relpath: string }[]): string {
  const sorted = [...files].sort((a, b) => Buffer.compare(Buffer.from(a.relpath), Buffer.from(b.relpath)))
  const entries = sorted.map(({ md5, relpath }) => `{"md5": "${md5}", "relpath": ${JSON.stringify(relpath)}}`)
  return `[${entries.join(', ')}]`.replaceAll(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/**
 * The places of the files in a folder: their paths without the folders that all of them are in, but with those that
 * name columns. Undefined for one file that needs no folder.
 */
export function placesOf(files: readonly Omit<TrackedFile, 'digest' | 'path' | 'size'>[], format: TableFormat) {
  const isOne = files.length === 1 && Object.keys(files[0]?.partition ?? {}).length === 0
  if (isOne) return undefined
  const paths = files.map(({ name }) => segmentsOf(name ?? ''))
  const shared = (at: number): boolean =>
    paths.every((path) => at < path.length - 1 && path[at] === paths[0]?.[at] && !/^[^=]+=/.test(path[at] as string))
  let common = 0
  while (shared(common)) common++
  const places = paths.map((path) => path.slice(common).join('/'))
  const isTold = places.every((place, i) => {
    const { compression, partition } = files[i] as TrackedFile
    const says = JSON.stringify(partitionOf(place)) === JSON.stringify(partition)
    return says && formatOf(place) === format && compressionOf(place) === compression
  })
  if (isTold && new Set(places).size === places.length) return places
  throw new SlipwayError('USAGE', 'the names of its files do not tell what they hold, and DVC keeps nothing else', {
    next: 'take its source into a snapshot from files whose names end with their formats',
  })
}

/** A path in parts, of an address without what is asked of a server; none of them leads upwards. */
function segmentsOf(name: string): string[] {
  const path = /^[a-z0-9+]+:\/\//i.test(name) ? name.replace(/^[^:]+:\/\/[^/]*\//, '').replace(/[?#].*$/, '') : name
  return path.split('/').filter((part) => !['', '.', '..'].includes(part))
}

function requireName(out: string, format: TableFormat, { compression }: TrackedFile): void {
  if (formatOf(out) === format && compressionOf(out) === compression) return
  const end = `.${format}${{ none: '', gzip: '.gz', zstd: '.zst' }[compression]}`
  throw new SlipwayError('USAGE', `--to ${out}.dvc: it is ${end} by its bytes, and names tell how files are read`, {
    next: `let the name end with ${end}.dvc`,
  })
}

async function md5Of(path: string): Promise<string> {
  const hash = createHash('md5')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}
