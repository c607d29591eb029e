import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, createWriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'
import { Gzip } from 'fflate'
import type { Digest } from '../formats/artifact.ts'
import { SlipwayError } from '../formats/errors.ts'

/** Something in an archive. Paths have no slash in front. */
export type TarEntry = { readonly path: string } & (
  | { readonly kind: 'folder' }
  | { readonly kind: 'link'; readonly target: string }
  | FileEntry
)
export interface FileEntry {
  readonly kind: 'file'
  readonly isExecutable?: boolean
  /** Bytes, or a file that holds them and its size. */
  readonly from: Uint8Array | { readonly file: string; readonly size: number }
}

const blockSize = 512
/** What is packed at once (bytes). */
const pieceSize = 1 << 16

/**
 * An archive that depends on nothing but names and contents: entries in the order of their paths, of nobody (0), at
 * the beginning of time, and every folder that a path needs (POSIX.1-1988, ustar).
 * @throws SlipwayError INTERNAL for what that format cannot hold: paths past 255 bytes, files past 8 GiB
 */
export async function* tarOf(entries: readonly TarEntry[]): AsyncGenerator<Uint8Array> {
  for (const entry of inOrder(entries)) {
    const size = entry.kind === 'file' ? sizeOf(entry) : 0
    yield header(entry, size)
    if (entry.kind !== 'file') continue
    if (entry.from instanceof Uint8Array) yield entry.from
    else yield* exactly(entry.from)
    if (size % blockSize > 0) yield new Uint8Array(blockSize - (size % blockSize))
  }
  yield new Uint8Array(2 * blockSize)
}

/** What was written: its digest and size, and the digest of what it unpacks to. */
export interface WrittenArchive {
  readonly digest: Digest
  readonly size: number
  readonly unpacked: Digest
}

/**
 * Writes an archive, packed by gzip: the same bytes wherever it is made. Node's own zlib compresses otherwise from
 * version to version and from processor to processor, so it is not asked.
 */
export async function writeTarGz(path: string, entries: readonly TarEntry[]): Promise<WrittenArchive> {
  const [packed, unpacked] = [createHash('sha256'), createHash('sha256')]
  const output = createWriteStream(path)
  let size = 0
  const gzip = new Gzip({ level: 6, mtime: 0, mem: 8 }, (chunk) => {
    packed.update(chunk)
    size += chunk.length
    output.write(chunk)
  })
  for await (const bytes of inPieces(tarOf(entries))) {
    unpacked.update(bytes)
    gzip.push(bytes)
    if (output.writableNeedDrain) await once(output, 'drain')
  }
  gzip.push(new Uint8Array(), true)
  output.end()
  await finished(output)
  return { digest: `sha256:${packed.digest('hex')}`, size, unpacked: `sha256:${unpacked.digest('hex')}` }
}

/** The same bytes in pieces of one size: how they are packed must not depend on how files happened to be read. */
async function* inPieces(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let piece = new Uint8Array(pieceSize)
  let filled = 0
  for await (const chunk of chunks)
    for (let at = 0; at < chunk.length; ) {
      const taken = Math.min(pieceSize - filled, chunk.length - at)
      piece.set(chunk.subarray(at, at + taken), filled)
      at += taken
      filled += taken
      if (filled < pieceSize) continue
      yield piece
      piece = new Uint8Array(pieceSize)
      filled = 0
    }
  yield piece.subarray(0, filled)
}

const sizeOf = ({ from }: FileEntry): number => (from instanceof Uint8Array ? from.length : from.size)

/** A file's bytes, as many as were announced: one that grows meanwhile must not break the archive. */
async function* exactly({ file, size }: { readonly file: string; readonly size: number }): AsyncGenerator<Buffer> {
  let left = size
  if (size > 0)
    for await (const chunk of createReadStream(file, { end: size - 1, highWaterMark: 1 << 20 })) {
      left -= (chunk as Buffer).length
      yield chunk as Buffer
    }
  if (left !== 0) throw new SlipwayError('INTERNAL', `${file} has ${left} bytes less than it had a moment ago`)
}

/** Entries and the folders above them, each once, parents first. */
function inOrder(entries: readonly TarEntry[]): TarEntry[] {
  const all = new Map<string, TarEntry>()
  for (const { path } of entries)
    for (let end = path.indexOf('/'); end >= 0; end = path.indexOf('/', end + 1))
      all.set(path.slice(0, end), { kind: 'folder', path: path.slice(0, end) })
  for (const entry of entries) all.set(entry.path, entry)
  return [...all.values()].sort((a, b) => (a.path < b.path ? -1 : 1))
}

const typeFlags = { file: '0', link: '2', folder: '5' } as const

function header(entry: TarEntry, size: number): Uint8Array {
  const bytes = Buffer.alloc(blockSize)
  const { name, prefix } = split(entry.kind === 'folder' ? `${entry.path}/` : entry.path)
  const octal = (value: number, at: number, length: number): void =>
    void bytes.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, length, 'latin1')
  if (size >= 8 ** 11) throw new SlipwayError('INTERNAL', `${entry.path} is too large for an archive: ${size} bytes`)
  bytes.write(name, 0)
  octal(entry.kind === 'folder' || (entry.kind === 'file' && entry.isExecutable === true) ? 0o755 : 0o644, 100, 8)
  octal(0, 108, 8)
  octal(0, 116, 8)
  octal(size, 124, 12)
  octal(0, 136, 12)
  bytes.write('        ', 148)
  bytes.write(typeFlags[entry.kind], 156)
  if (entry.kind === 'link') bytes.write(entry.target, 157)
  bytes.write('ustar\u000000', 257)
  bytes.write(prefix, 345)
  octal(
    bytes.reduce((sum, byte) => sum + byte, 0),
    148,
    7,
  )
  return bytes
}

/** A path in the two fields that there are for it: 155 bytes, a slash, and 100 bytes. */
function split(path: string): { name: string; prefix: string } {
  if (Buffer.byteLength(path) <= 100) return { name: path, prefix: '' }
  for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) {
    const [prefix, name] = [path.slice(0, at), path.slice(at + 1)]
    if (name !== '' && Buffer.byteLength(name) <= 100 && Buffer.byteLength(prefix) <= 155) return { name, prefix }
  }
  throw new SlipwayError('INTERNAL', `${path} is too long for an archive`)
}
