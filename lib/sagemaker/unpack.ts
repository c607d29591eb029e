import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, join, normalize } from 'node:path'
import { createGunzip } from 'node:zlib'
import { SlipwayError } from '../formats/errors.ts'

/** A tar file is made of these, bytes. */
const block = 512
/** Headers with names and numbers that do not fit in others. */
const mostHeaderBytes = 1024 * 1024

/** What an archive may hold, all of it together. */
export interface Bounds {
  readonly bytes: number
  readonly files: number
}

interface Entry {
  readonly name: string
  readonly size: number
  readonly type: string
}

/**
 * Unpacks a `.tar.gz` (POSIX ustar and pax, GNU's long names) into a folder: files and folders below it and nothing
 * else. No owner, mode or time is taken over.
 * @param called for messages: `model.tar.gz`
 * @returns the names of its files
 * @throws SlipwayError SAGEMAKER_OUTPUT for links, devices, names that lead out of the folder, what is larger than
 *   `bounds`, and what is no such archive
 */
export async function unpack(file: string, folder: string, bounds: Bounds, called: string): Promise<string[]> {
  const refuse = (what: string): SlipwayError =>
    new SlipwayError('SAGEMAKER_OUTPUT', `${called} ${what}`, {
      next: 'have the program leave plain files in its folders for the model and the output',
    })
  const source = createReadStream(file)
  const unzipped = source.pipe(createGunzip())
  source.once('error', (error) => unzipped.destroy(error))
  const bytes = new Reader(unzipped)
  const names: string[] = []
  let left = bounds.bytes
  try {
    for await (const entry of entriesOf(bytes, refuse)) {
      const name = safeName(entry.name)
      if (name === undefined) throw refuse(`holds "${entry.name}", which leads out of its folder`)
      if (entry.type === '5') {
        await mkdir(join(folder, name), { recursive: true })
        continue
      }
      if (!isFile(entry.type)) throw refuse(`holds "${entry.name}", which is neither a file nor a folder`)
      left -= entry.size
      if (left < 0) throw refuse(`holds more than ${bounds.bytes} bytes`)
      if (names.push(name) > bounds.files) throw refuse(`holds more than ${bounds.files} files`)
      await mkdir(dirname(join(folder, name)), { recursive: true })
      await writeTo(join(folder, name), bytes, entry.size)
    }
  } catch (error) {
    if (error instanceof SlipwayError) throw error
    throw refuse(`cannot be unpacked: ${(error as Error).message}`)
  } finally {
    source.destroy()
    unzipped.destroy()
  }
  return names
}

const isFile = (type: string): boolean => type === '0' || type === '\0' || type === '7'

/** A name below the folder; undefined for one that leads out of it. */
function safeName(name: string): string | undefined {
  const plain = normalize(name).replace(/^\.\//, '').replace(/\/+$/, '')
  return name.startsWith('/') || plain.split('/').includes('..') || plain.includes('\0') ? undefined : plain
}

/** Goes through an archive; who gets a file reads its bytes before the next one. */
async function* entriesOf(bytes: Reader, refuse: (what: string) => SlipwayError): AsyncGenerator<Entry> {
  let told: { name?: string; size?: number } = {}
  for (;;) {
    const header = await bytes.take(block)
    if (header.every((byte) => byte === 0)) return
    if (checksumOf(header) !== numberIn(header, 148, 8)) throw refuse('is no tar archive')
    const size = told.size ?? numberIn(header, 124, 12)
    const type = String.fromCharCode(header[156] as number)
    if (type === 'x' || type === 'g' || type === 'L') {
      if (size > mostHeaderBytes) throw refuse('has a header that is too large')
      const content = (await bytes.take(size)).toString('utf8')
      await bytes.take(paddingOf(size))
      if (type === 'x') told = { ...told, ...paxIn(content) }
      if (type === 'L') told = { ...told, name: content.replace(/\0.*$/s, '') }
      continue
    }
    const entry = { name: told.name ?? nameIn(header), size: isFile(type) ? size : 0, type }
    told = {}
    yield entry
    if (isFile(type)) await bytes.take(paddingOf(size))
  }
}

const textIn = (header: Buffer, at: number, length: number): string =>
  header.toString('utf8', at, at + length).replace(/\0.*$/s, '')

function nameIn(header: Buffer): string {
  const prefix = textIn(header, 257, 5) === 'ustar' && header[262] === 0 ? textIn(header, 345, 155) : ''
  return prefix === '' ? textIn(header, 0, 100) : `${prefix}/${textIn(header, 0, 100)}`
}

/** Octal digits, or, where the first bit is set, a number of base 256. */
function numberIn(header: Buffer, at: number, length: number): number {
  if (((header[at] as number) & 0x80) === 0) return Number.parseInt(textIn(header, at, length).trim() || '0', 8)
  return Number(BigInt(`0x${header.toString('hex', at + 1, at + length)}`))
}

/** Of all bytes of a header, with blanks in the place of the sum. */
const checksumOf = (header: Buffer): number =>
  header.reduce((sum, byte, i) => sum + (i >= 148 && i < 156 ? 32 : byte), 0)

const paddingOf = (size: number): number => (block - (size % block)) % block

/** `<length> <key>=<value>\n`, again and again. */
function paxIn(content: string): { name?: string; size?: number } {
  const values = new Map(
    content.split('\n').flatMap((line) => {
      const [, key, value] = /^\d+ ([^=]+)=(.*)$/s.exec(line) ?? []
      return key === undefined || value === undefined ? [] : [[key, value] as const]
    }),
  )
  const [path, size] = [values.get('path'), values.get('size')]
  return { ...(path !== undefined && { name: path }), ...(size !== undefined && { size: Number(size) }) }
}

async function writeTo(path: string, bytes: Reader, size: number): Promise<void> {
  const file = createWriteStream(path, { mode: 0o600 })
  const failed = new Promise<never>((_, reject) => file.once('error', reject))
  failed.catch(() => {})
  for await (const chunk of bytes.pieces(size))
    if (!file.write(chunk)) await Promise.race([new Promise<void>((resolve) => file.once('drain', resolve)), failed])
  await Promise.race([new Promise<void>((resolve) => file.end(resolve)), failed])
}

/** Bytes of a stream, as many as are asked for. */
class Reader {
  private readonly chunks: AsyncIterator<Buffer>
  private rest: Buffer = Buffer.alloc(0)

  constructor(stream: AsyncIterable<Buffer>) {
    this.chunks = stream[Symbol.asyncIterator]()
  }

  async *pieces(size: number): AsyncGenerator<Buffer> {
    for (let left = size; left > 0; ) {
      if (this.rest.length === 0) {
        const { done, value } = await this.chunks.next()
        if (done === true) throw new Error('it ends too early')
        this.rest = value
      }
      const piece = this.rest.subarray(0, left)
      this.rest = this.rest.subarray(piece.length)
      left -= piece.length
      yield piece
    }
  }

  async take(size: number): Promise<Buffer> {
    const parts: Buffer[] = []
    for await (const piece of this.pieces(size)) parts.push(piece)
    return Buffer.concat(parts)
  }
}
