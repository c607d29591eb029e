import { createHash } from 'node:crypto'
import { open, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { SlipwayError } from '../formats/errors.ts'
import { partitionOf } from '../formats/shards.ts'
import { compressionOf } from '../formats/table-format.ts'
import { byDay } from './by-day.ts'
import { type DvcProject, projectOf, type Storage } from './dvc-config.ts'
import { filesOfFolder, type Output, outputsOf } from './dvc-pointer.ts'
import { fileUri, pathOfUri } from './local.ts'
import { nameOfPath, type Place, pathError, pathsOf, requireInside, rootOf } from './paths.ts'
import { isData } from './patterns.ts'
import { sideBySide } from './side-by-side.ts'
import type { FoundFile, Source } from './source.ts'

/** Files that are looked for at once. */
const atOnce = 16

/**
 * Files that DVC tracks, by the path of their pointer: `data/flights.parquet.dvc`, or a glob of pointers. Their bytes
 * come from the project's cache or its remote, and are those of the md5 that the pointer names.
 * @param s3 reads remotes in S3
 */
export function dvcSource(place: Place, s3: Source): Source {
  return {
    name: 'DVC',
    schemes: ['dvc'],
    find: byDay(async (from) => {
      const pointers = await pathsOf(place, from)
      return (await sideBySide(pointers, atOnce, (pointer) => findOutputs(pointer, from, place, s3))).flat()
    }),
    open: (file) => openOutput(file, s3),
    localPath: ({ uri }) => (uri.startsWith('file://') ? pathOfUri(uri) : undefined),
  }
}

async function findOutputs(pointer: string, from: string, place: Place, s3: Source): Promise<FoundFile[]> {
  const name = nameOfPath(rootOf(place, from), pointer)
  const project = await projectOf(pointer)
  await requireInside(place, from, project.folder)
  const find = (output: Output): Promise<FoundFile> => findOutput(output, project, place, s3)
  const text = await readFile(pointer, 'utf8').catch((error) => {
    throw pathError(name, error)
  })
  const found = await sideBySide(outputsOf(text, name), 1, async (output) => {
    if (!output.md5.endsWith('.dir')) return [await find(output)]
    const list = filesOfFolder(await textOf(await openOutput(await find(output), s3)), output)
    const data = list.filter(({ path }) => isData(path.slice(output.path.length + 1)))
    if (data.length > 0) return sideBySide(data, atOnce, find)
    throw new SlipwayError('SOURCE_MISSING', `the folder that ${name} points to has no files`, {
      next: 'correct `from`, or add what is missing with `dvc add`',
    })
  })
  return found.flat()
}

/** @throws SlipwayError SOURCE_MISSING when neither the cache nor the remote has it */
async function findOutput(output: Output, project: DvcProject, place: Place, s3: Source): Promise<FoundFile> {
  const { path, md5, isLegacy } = output
  const key = `${isLegacy ? '' : 'files/md5/'}${md5.slice(0, 2)}/${md5.slice(2)}`
  const remote = project.remote(output.remote)
  for (const storage of [project.cache, remote]) {
    const found = storage === undefined ? undefined : await lookFor(storage, key, path, place, s3)
    if (found === undefined) continue
    return {
      ...found,
      name: path,
      version: `${isLegacy ? 'md5-dos2unix' : 'md5'}:${md5}`,
      digest: null,
      compression: compressionOf(path),
      partition: partitionOf(path),
    }
  }
  const where = remote === undefined ? 'there is no remote' : `its remote (${remote}) has not got it either`
  throw new SlipwayError('SOURCE_MISSING', `${path} (md5 ${md5}) is not in the DVC cache, and ${where}`, {
    next: 'run `dvc push` where the file is, or set the remote in .dvc/config',
  })
}

async function lookFor(
  storage: Storage,
  key: string,
  name: string,
  place: Place,
  s3: Source,
): Promise<Pick<FoundFile, 'uri' | 'size'> | undefined> {
  if (storage.startsWith('s3://')) {
    const [found] = await s3.find(`${storage}/${key}`, undefined).catch((error) => {
      if (error instanceof SlipwayError && error.code === 'SOURCE_MISSING') return []
      throw error
    })
    return found
  }
  const path = join(storage, key)
  const info = await stat(path).catch(() => undefined)
  if (info === undefined) return undefined
  await requireInside(place, name, path)
  return { uri: fileUri(path), size: info.size }
}

async function openOutput(file: FoundFile, s3: Source): Promise<Readable> {
  const isLocal = file.uri.startsWith('file://')
  // The md5 says whether the bytes are right; a remote's own versions do not count.
  const stream = isLocal ? await readHere(file) : await s3.open({ ...file, version: null })
  return Readable.from(verified(stream, file), { objectMode: false })
}

async function readHere({ uri, name }: FoundFile): Promise<Readable> {
  const handle = await open(pathOfUri(uri)).catch((error) => {
    throw pathError(name, error)
  })
  return handle.createReadStream()
}

/** The bytes of a stream, which fails when they are not those of the md5. */
async function* verified(stream: Readable, { name, version }: FoundFile): AsyncGenerator<Buffer> {
  const [kind, wanted] = (version ?? '').split(/:|\.dir$/)
  const [plain, unix] = [createHash('md5'), createHash('md5')]
  let isText: boolean | undefined
  // DVC 2 took line ends of text for Unix ones, in each piece of this size by itself.
  for await (const chunk of kind === 'md5' ? stream : inPieces(stream, 1 << 20)) {
    plain.update(chunk)
    if (kind !== 'md5') {
      isText ??= looksLikeText(chunk.subarray(0, 512))
      unix.update(isText ? withUnixLines(chunk) : chunk)
    }
    yield chunk
  }
  if (![plain, ...(kind === 'md5' ? [] : [unix])].some((hash) => hash.digest('hex') === wanted))
    throw new SlipwayError('SOURCE_CHANGED', `${name} holds other bytes than those of its md5, ${wanted}`, {
      next: 'repair the DVC remote: `dvc push` from where the file is whole',
    })
}

async function* inPieces(stream: Readable, size: number): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    rest = Buffer.concat([rest, chunk])
    for (; rest.length >= size; rest = rest.subarray(size)) yield rest.subarray(0, size)
  }
  if (rest.length > 0) yield rest
}

/** DVC's own test (dvc_data/hashfile/istextfile.py): no NUL, and at most 30 % of the bytes are none of ASCII text. */
function looksLikeText(start: Buffer): boolean {
  let others = 0
  for (const byte of start) {
    if (byte === 0) return false
    if (!((byte >= 32 && byte < 127) || [8, 9, 10, 12, 13].includes(byte))) others++
  }
  return others / start.length <= 0.3
}

const withUnixLines = (bytes: Buffer): Buffer =>
  Buffer.from(bytes.toString('latin1').replaceAll('\r\n', '\n'), 'latin1')

async function textOf(stream: Readable): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}
