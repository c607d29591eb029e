import { describe, expect, it } from 'vitest'
import { mostOfJson, requireBounds } from '../../gateway/bodies/json-bounds.ts'
import { chance } from '../support/chance.ts'

/** Values as the bounds count them: an empty array or object twice. */
function countOf(value: unknown): { depth: number; values: number; keys: number } {
  if (typeof value !== 'object' || value === null) return { depth: 0, values: 1, keys: 0 }
  const inner = Object.values(value).map(countOf)
  const own = Array.isArray(value) ? 0 : Object.keys(value).length
  return {
    depth: 1 + Math.max(0, ...inner.map(({ depth }) => depth)),
    values: 1 + (inner.length === 0 ? 1 : inner.reduce((sum, { values }) => sum + values, 0)),
    keys: Math.max(own, ...inner.map(({ keys }) => keys)),
  }
}

const texts = ['', 'a', '"', '\\', '\\"', '[{,:}]', 'é😀', '\u0000', 'x'.repeat(50)]
function madeValue(random: () => number, depth: number): unknown {
  const kind = Math.floor(random() * (depth > 5 ? 4 : 6))
  if (kind === 0) return null
  if (kind === 1) return random() * 1e6
  if (kind === 2) return random() < 0.5
  if (kind === 3) return texts[Math.floor(random() * texts.length)]
  const count = Math.floor(random() * 5)
  if (kind === 4) return Array.from({ length: count }, () => madeValue(random, depth + 1))
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`${i}${texts[i]}`, madeValue(random, depth + 1)]))
}

const refusal = (text: string, most: Parameters<typeof requireBounds>[1]): string => {
  try {
    requireBounds(Buffer.from(text), most)
    return ''
  } catch (error) {
    return (error as Error).message
  }
}

describe('what a large body of JSON may hold', () => {
  it('is taken up to the last value, level and key, and refused one beyond, however it is written', () => {
    for (let seed = 0; seed < 300; seed++) {
      const value = madeValue(chance(seed), 0)
      const { depth, values, keys } = countOf(value)
      for (const text of [JSON.stringify(value), JSON.stringify(value, null, 2)]) {
        expect(refusal(text, { depth, values, keys }), text).toBe('')
        if (depth === 0) continue
        expect(refusal(text, { depth: depth - 1, values, keys }), text).toMatch(/deep/)
        expect(refusal(text, { depth, values: values - 1, keys }), text).toMatch(/values/)
        if (keys > 0) expect(refusal(text, { depth, values, keys: keys - 1 }), text).toMatch(/keys/)
      }
    }
  })

  it('counts nothing that stands in a text, and ends with a text that does not', () => {
    const most = { depth: 1, values: 3, keys: 1 }
    expect(refusal('{"a,,,,[[[":"\\\\\\",,[[::"}', most)).toBe('')
    expect(refusal('["', most)).toBe('')
    expect(refusal('["\\', most)).toBe('')
    expect(refusal(']]]]]]', most)).toBe('')
  })

  it('says what to do instead', () => {
    expect(refusal('['.repeat(mostOfJson.depth + 1), mostOfJson)).toMatch(/send rows, columns or tensors/)
    expect(refusal(`[${'1,'.repeat(mostOfJson.values)}1]`, mostOfJson)).toMatch(/send fewer rows at once/)
  })
})
