import type { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { FoundFile, Source } from '../../lib/sources/source.ts'

/** What a source may have no notion of: folders, versions of files, rights to read, connections that break. */
export type Lack = 'folders' | 'versions' | 'rights' | 'connections'

/** A place of a test's own that a source reads from. */
export interface SourcePlace {
  readonly source: Source
  /**
   * Puts a file there, or other bytes in its place.
   * @param name a path of several folders where the source has folders, else one word with `.csv` behind it
   */
  put(name: string, bytes: Buffer): Promise<void>
  remove(name: string): Promise<void>
  /** The address of a name; where there are folders, of `folder/` and of globs as well. */
  addressOf(name: string): string
  /** Whether what was read is what was put; the same bytes by default. A database gives another form of them. */
  isAsPut?(read: Buffer, put: Buffer): Promise<boolean>
  /**
   * Needed where there are rights: does something while nobody may read a file, and gives it a source that finds that
   * out.
   */
  whileDenied?(name: string, work: (source: Source) => Promise<void>): Promise<void>
  /** Needed where there are connections: breaks them behind so many bytes of a file, so many times in a row. */
  cut?(name: string, behind: number, times: number): void
  stop(): Promise<void>
}

/**
 * What every source keeps: adapters are run through it, each with a place of its own.
 * @param make makes the place; called once
 * @param without what the source has not got: nothing is asked of that
 */
export function describeSource(what: string, make: () => Promise<SourcePlace>, without: readonly Lack[] = []): void {
  describe(`${what}, as a source`, () => {
    let place: SourcePlace
    beforeAll(async () => {
      place = await make()
    })
    afterAll(() => place?.stop())
    const find = (name: string): Promise<FoundFile[]> => place.source.find(place.addressOf(name), undefined)
    const findOne = async (name: string): Promise<FoundFile> => {
      const [file, ...others] = await find(name)
      expect(others).toEqual([])
      return file as FoundFile
    }
    const isAsPut = async (read: Buffer, put: Buffer): Promise<boolean> =>
      place.isAsPut === undefined ? read.equals(put) : place.isAsPut(read, put)

    const given = { place: () => place, find, findOne, isAsPut }
    const has = (what: Lack): boolean => !without.includes(what)
    describeFinding(given)
    describeReading(given)
    describeChanges(given)
    if (has('versions')) describeVersions(given)
    if (has('folders')) describeFolders(given)
    if (has('rights')) describeRights(given)
    if (has('connections')) describeConnections(given)
  })
}

interface Given {
  place(): SourcePlace
  find(name: string): Promise<FoundFile[]>
  findOne(name: string): Promise<FoundFile>
  isAsPut(read: Buffer, put: Buffer): Promise<boolean>
}

function describeFinding({ place, find, findOne }: Given): void {
  it('finds a file with what can be known without reading it, and finds the same again', async () => {
    const bytes = csv(20)
    await place().put('one.csv', bytes)
    const file = await findOne('one.csv')
    expect(file.name).toContain('one')
    if (file.size !== null && place().isAsPut === undefined) expect(file.size).toBe(bytes.length)
    expect({ ...file, isFresh: true }).toEqual({ ...(await findOne('one.csv')), isFresh: true })
  })

  it('says that there is nothing, and what to do', async () => {
    await expect(find('nothing.csv')).rejects.toMatchObject({
      code: 'SOURCE_MISSING',
      message: expect.stringContaining('nothing'),
      facts: { next: expect.any(String) },
    })
  })
}

function describeFolders({ place, find }: Given): void {
  const put = async (names: readonly string[]): Promise<void> => {
    for (const name of names) await place().put(name, csv(3))
  }
  const endsOf = (files: readonly FoundFile[], folder: string): string[] =>
    files.map(({ name }) => name.slice(name.indexOf(folder) + folder.length))

  it('finds what is in a folder and below, sorted, without hidden files', async () => {
    const shown = ['c.csv', 'a.csv', 'b/x.csv', 'B.csv', 'a-1.csv']
    const hidden = ['_SUCCESS', '.c.csv.crc', '_temporary/0/a.csv', '.b/x.csv']
    await put([...shown, ...hidden].map((name) => `folder/${name}`))
    const files = await find('folder/')
    expect(endsOf(files, 'folder/')).toEqual([...shown].sort())
    const again = await find('folder/')
    expect(again.map(({ name, version }) => [name, version])).toEqual(files.map(({ name, version }) => [name, version]))
  })

  it('finds what a glob names, and nothing else, in a folder with brackets in its name too', async () => {
    await put(['a1.csv', 'a2.csv', 'b1.csv', 'deep/a3.csv', '_a4.csv'].map((name) => `glob (1)/${name}`))
    expect(endsOf(await find('glob (1)/a*.csv'), 'glob (1)/')).toEqual(['a1.csv', 'a2.csv'])
    expect(endsOf(await find('glob (1)/**/a*.csv'), 'glob (1)/')).toEqual(['a1.csv', 'a2.csv', 'deep/a3.csv'])
  })

  it('tells compression and the columns of Hive folders by the path', async () => {
    await put(['hive/region=EU/day=2024-01-01/x.csv.gz', 'hive/region=__HIVE_DEFAULT_PARTITION__/day=1/x.csv'])
    const found = (await find('hive/')).map(({ compression, partition }) => ({ compression, partition }))
    expect(found).toEqual([
      { compression: 'gzip', partition: { region: 'EU', day: '2024-01-01' } },
      { compression: 'none', partition: { region: null, day: '1' } },
    ])
  })

  it('says so when a folder is empty, or holds hidden files only', async () => {
    await put(['empty/_SUCCESS'])
    const missing = { code: 'SOURCE_MISSING', facts: { next: expect.any(String) } }
    await expect(find('empty/')).rejects.toMatchObject(missing)
    await expect(find('no-such-folder/')).rejects.toMatchObject(missing)
  })

  it('takes the days of a window where the address names them; some may be missing, not all', async () => {
    const { source, addressOf } = place()
    await put(['2024-02-27', '2024-02-28', '2024-03-01', '2024-03-02'].map((day) => `days/day=${day}/x.csv`))
    const files = await source.find(addressOf('days/day={date}/x.csv'), { first: '2024-02-28', last: '2024-03-01' })
    expect(files.map(({ partition }) => partition.day)).toEqual(['2024-02-28', '2024-03-01'])
    const before = source.find(addressOf('days/day={date}/x.csv'), { first: '2023-01-01', last: '2023-01-03' })
    await expect(before).rejects.toMatchObject({
      code: 'SOURCE_MISSING',
      message: expect.stringMatching(/2023-01-01.*2023-01-03/),
    })
  })
}

function describeReading({ place, findOne, isAsPut }: Given): void {
  it('gives the bytes of a file, long ones and short ones, as often as they are asked for', async () => {
    for (const [name, bytes] of [
      ['short.csv', csv(1)],
      ['long.csv', csv(400_000)],
    ] as const) {
      await place().put(name, bytes)
      const file = await findOne(name)
      expect(await isAsPut(await bytesOf(place().source, file), bytes), name).toBe(true)
      expect(await isAsPut(await bytesOf(place().source, file), bytes), `${name} again`).toBe(true)
    }
  })

  it('gives files that are read side by side each its own bytes', async () => {
    const many = Array.from({ length: 6 }, (_, i) => [`beside${i}.csv`, csv(20_000, i)] as const)
    for (const [name, bytes] of many) await place().put(name, bytes)
    const files = await Promise.all(many.map(([name]) => findOne(name)))
    const read = await Promise.all(files.map((file) => bytesOf(place().source, file)))
    for (const [i, [name, bytes]] of many.entries()) expect(await isAsPut(read[i] as Buffer, bytes), name).toBe(true)
  })

  it('may be left in the middle of a file, and read again', async () => {
    const bytes = csv(400_000)
    await place().put('left.csv', bytes)
    const file = await findOne('left.csv')
    for await (const chunk of await place().source.open(file)) {
      expect(chunk.length).toBeGreaterThan(0)
      break
    }
    expect(await isAsPut(await bytesOf(place().source, file), bytes)).toBe(true)
  })
}

/** The ways a source may refuse a file that is not what it was. */
const refusals = ['SOURCE_CHANGED', 'SOURCE_MISSING', 'SOURCE_UNREADABLE', 'STORE_UNREACHABLE']

/** What came of reading a file: its bytes, other ones, or the code of the refusal. */
async function readOrRefused({ place, isAsPut }: Given, file: FoundFile, bytes: Buffer): Promise<string> {
  const read = await bytesOf(place().source, file).catch((error) => error as Error & { code?: string })
  if (!(read instanceof Error)) return (await isAsPut(read, bytes)) ? 'as it was' : 'other bytes'
  expect(refusals, read.message).toContain(read.code)
  return read.code as string
}

function describeChanges(given: Given): void {
  const { place, findOne } = given
  it('refuses a file that became longer, became shorter, or went away, or gives it as it was', async () => {
    for (const [name, next] of [
      ['longer.csv', csv(2_000)],
      ['shorter.csv', csv(10)],
      ['gone.csv', undefined],
    ] as const) {
      await place().put(name, csv(1_000))
      const file = await findOne(name)
      if (next === undefined) await place().remove(name)
      else await place().put(name, next)
      const outcome = await readOrRefused(given, file, csv(1_000))
      if (file.size !== null || next === undefined) expect(outcome, name).not.toBe('other bytes')
    }
  })
}

function describeVersions(given: Given): void {
  const { place, findOne } = given
  it('gives a file whose bytes are others another version, though it is as long', async () => {
    await place().put('versions.csv', csv(20, 1))
    const before = await findOne('versions.csv')
    await place().put('versions.csv', csv(20, 2))
    const after = await findOne('versions.csv')
    expect(after.size).toBe(before.size)
    expect(`${after.version} ${after.digest}`).not.toBe(`${before.version} ${before.digest}`)
  })

  it('refuses a file that is another one than when it was found, or gives it as it was', async () => {
    await place().put('changed.csv', csv(1_000, 1))
    const file = await findOne('changed.csv')
    await place().put('changed.csv', csv(1_000, 2))
    expect(['SOURCE_CHANGED', 'as it was']).toContain(await readOrRefused(given, file, csv(1_000, 1)))
  })
}

function describeRights({ place }: Given): void {
  it('says that a file may not be read', async () => {
    const { whileDenied, put, addressOf } = place()
    await put('denied.csv', csv(5))
    await whileDenied?.('denied.csv', async (source) => {
      const read = async (): Promise<Buffer[]> => {
        const files = await source.find(addressOf('denied.csv'), undefined)
        return Promise.all(files.map((file) => bytesOf(source, file)))
      }
      await expect(read()).rejects.toMatchObject({
        code: expect.stringMatching(/^(SOURCE_UNREADABLE|STORE_DENIED)$/),
        message: expect.stringContaining('denied'),
        facts: { next: expect.any(String) },
      })
    })
  })
}

function describeConnections(given: Given): void {
  const { place, findOne } = given
  it('reads a file to its end though the connection breaks in the middle', async () => {
    const { put, cut } = place()
    const bytes = csv(400_000)
    await put('cut.csv', bytes)
    const file = await findOne('cut.csv')
    cut?.('cut.csv', 1_000_000, 2)
    expect(await readOrRefused(given, file, bytes)).toBe('as it was')
  })

  it('gives up where it always breaks, and never ends as if that were all', async () => {
    const { put, cut } = place()
    const bytes = csv(100_000)
    await put('broken.csv', bytes)
    const file = await findOne('broken.csv')
    cut?.('broken.csv', 0, Number.POSITIVE_INFINITY)
    expect(await readOrRefused(given, file, bytes)).toMatch(/SOURCE_UNREADABLE|STORE_UNREACHABLE/)
    cut?.('broken.csv', 0, 0)
    expect(await readOrRefused(given, file, bytes)).toBe('as it was')
  })
}

/** A table of one column of numbers, all as long: rows differ, so that pieces out of place are noticed. */
export function csv(rows: number, seed = 0): Buffer {
  const lines = Array.from({ length: rows }, (_, i) => String(1_000_000 + ((i * 7_919 + seed) % 8_999_999)))
  return Buffer.from(`n\n${lines.join('\n')}\n`)
}

/** A file as it is read to its end. */
export async function bytesOf(source: Source, file: FoundFile): Promise<Buffer> {
  return wholeOf(await source.open(file))
}

async function wholeOf(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
