import { Readable } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { resuming } from '../../lib/sources/resuming.ts'
import type { FoundFile } from '../../lib/sources/source.ts'
import { csv } from '../contracts/source.ts'

const bytes = csv(2_000)
const file: FoundFile = {
  uri: 'my://a',
  name: 'my://a',
  size: bytes.length,
  version: '1',
  digest: null,
  compression: 'none',
  partition: {},
}

/** A server whose answers end where they should not: with an error or as if that were all. */
function server(cuts: readonly { readonly behind: number; readonly how: 'error' | 'end' }[]): {
  openAt: (from: number) => Promise<Readable>
  asked: number[]
} {
  const asked: number[] = []
  return {
    asked,
    async openAt(from) {
      const cut = cuts[asked.push(from) - 1]
      const part = bytes.subarray(from, cut === undefined ? undefined : from + cut.behind)
      return Readable.from(
        (async function* () {
          if (part.length > 0) yield part
          if (cut?.how === 'error') throw new Error('reset')
        })(),
        { objectMode: false },
      )
    },
  }
}

async function read(openAt: (from: number) => Promise<Readable>, of = file): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of await resuming(of, openAt)) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

describe('a file from elsewhere', () => {
  it('is whole wherever and however its connection breaks up to three times, and goes on where it broke', async () => {
    const cut = fc.record({
      behind: fc.integer({ min: 0, max: Math.floor(bytes.length / 4) }),
      how: fc.constantFrom('error' as const, 'end' as const),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(cut, { maxLength: 3 }), async (cuts) => {
        const { openAt, asked } = server(cuts)
        expect((await read(openAt)).equals(bytes)).toBe(true)
        const places = cuts.map((_, i) => cuts.slice(0, i).reduce((sum, { behind }) => sum + behind, 0))
        expect(asked.slice(0, cuts.length)).toEqual(places)
      }),
      { numRuns: 12 },
    )
  })

  it('is given up after four times without getting on, with the place and the reason', async () => {
    const { openAt, asked } = server(Array.from({ length: 9 }, () => ({ behind: 10, how: 'error' as const })))
    await expect(read(openAt)).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: expect.stringMatching(/40 of \d+ bytes: reset/),
    })
    expect(asked).toEqual([0, 10, 20, 30])
  })

  it('is not asked for again where that cannot help, and is where it can', async () => {
    const asked: string[] = []
    const refusing = (code: 'SOURCE_CHANGED' | 'STORE_UNREACHABLE') => async (): Promise<Readable> => {
      asked.push(code)
      throw new SlipwayError(code, 'no')
    }
    await expect(read(refusing('SOURCE_CHANGED'))).rejects.toMatchObject({ code: 'SOURCE_CHANGED' })
    await expect(read(refusing('STORE_UNREACHABLE'))).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' })
    expect(asked).toEqual(['SOURCE_CHANGED', ...Array(4).fill('STORE_UNREACHABLE')])
  })

  it('that is longer than it was is refused', async () => {
    const { openAt } = server([])
    await expect(read(openAt, { ...file, size: 100 })).rejects.toMatchObject({ code: 'SOURCE_CHANGED' })
  })
})
