import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { merkleRoot } from '../../lib/store/merkle.ts'

const hash = (...parts: (Buffer | string)[]): Buffer =>
  createHash('sha256')
    .update(Buffer.concat(parts.map((part) => Buffer.from(part))))
    .digest()
const leaf = (text: string): Buffer => hash(Buffer.of(0), text)
const node = (left: Buffer, right: Buffer): Buffer => hash(Buffer.of(1), left, right)

it('is the tree hash of RFC 6962: its own example of seven leaves, and the empty tree', () => {
  const [d0, d1, d2, d3, d4, d5, d6] = [0, 1, 2, 3, 4, 5, 6].map((i) => leaf(String(i))) as [
    Buffer,
    Buffer,
    Buffer,
    Buffer,
    Buffer,
    Buffer,
    Buffer,
  ]
  // Section 2.1.3: hash = (((a b) (c d)) ((e f) j)).
  const root = node(node(node(d0, d1), node(d2, d3)), node(node(d4, d5), d6))
  expect(merkleRoot([0, 1, 2, 3, 4, 5, 6])).toBe(`sha256:${root.toString('hex')}`)
  expect(merkleRoot([])).toBe('sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  expect(merkleRoot([0])).toBe(`sha256:${d0.toString('hex')}`)
})

it('changes with every value and with their order', () => {
  const roots = [
    ['a', 'b', 'c'],
    ['b', 'a', 'c'],
    ['a', 'b'],
    ['a', 'b', 'c', 'c'],
    [['a', 'b'], 'c'],
  ].map(merkleRoot)
  expect(new Set(roots).size).toBe(roots.length)
})
