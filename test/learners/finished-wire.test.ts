import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fieldsOf, rewritten, written } from '../../lib/learners/finished/wire.ts'

describe('a message that is written anew', () => {
  it('is the same where nothing changes, whatever is in it', () => {
    const field = fc.record({ number: fc.integer({ min: 1, max: 3_000 }), bytes: fc.uint8Array({ maxLength: 300 }) })
    fc.assert(
      fc.property(fc.array(field), (fields) => {
        const message = Buffer.concat(
          fields.map(({ number, bytes }) =>
            Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes, varint(number * 8), varint(300)]),
          ),
        )
        const same = rewritten(message, ({ number, bytes, raw }) =>
          bytes === undefined ? Uint8Array.from(raw) : written(number, bytes),
        )
        expect(Buffer.compare(same, message)).toBe(0)
        const without = rewritten(message, ({ bytes, raw }) => (bytes === undefined ? raw : undefined))
        expect(without.length).toBe(fields.reduce((sum, { number }) => sum + varint(number * 8).length + 2, 0))
      }),
    )
  })

  it('is refused where it ends too early', () => {
    for (const bytes of [[10, 5, 1], [10], [8, 255], [13, 1]])
      expect(() => fieldsOf(Uint8Array.from(bytes))).toThrow('it ends within a')
  })
})

function varint(value: number): Uint8Array {
  const bytes: number[] = []
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 128) return Uint8Array.from([...bytes, rest])
    bytes.push((rest & 127) | 128)
  }
}
