import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { collect } from '../../gateway/bodies/collect.ts'
import { smallBody } from '../../gateway/bodies/json-bounds.ts'

describe('a body that comes in', () => {
  const pieces = fc.array(
    fc.integer({ min: 0, max: 40_000 }).map((length) => Buffer.alloc(length, length % 256)),
    {
      maxLength: 6,
    },
  )

  it('is what came, in its order, whether its length was said before or not', () => {
    fc.assert(
      fc.property(pieces, fc.boolean(), (chunks, isSaid) => {
        const sent = Buffer.concat(chunks)
        const body = collect(isSaid ? sent.length : 0)
        for (const chunk of chunks) body.add(chunk)
        expect(body.whole().equals(sent)).toBe(true)
      }),
    )
  })

  it('has its bytes for itself where it is large, so that they can be given away', () => {
    const sent = Buffer.alloc(smallBody + 1, 7)
    const body = collect(sent.length)
    body.add(sent.subarray(0, 1000))
    body.add(sent.subarray(1000))
    expect(body.whole().buffer.byteLength).toBe(sent.length)
  })

  it('ends where it was cut', () => {
    const body = collect(smallBody + 100)
    body.add(Buffer.from('cut'))
    expect(body.whole().toString()).toBe('cut')
  })
})
