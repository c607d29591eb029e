import { createHash } from 'node:crypto'
import type { Digest } from '../formats/artifact.ts'
import { canonicalJson } from '../formats/canonical.ts'

const sha256 = (...parts: (Buffer | string)[]): Buffer => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}
const [leaf, inner] = [Buffer.of(0), Buffer.of(1)]

/**
 * The Merkle tree hash of some values' canonical JSON (RFC 6962, section 2.1): one digest for all, of which any single
 * one can be proven with a logarithm of the others' hashes.
 */
export function merkleRoot(values: readonly unknown[]): Digest {
  return `sha256:${rootOf(values.map((value) => sha256(leaf, canonicalJson(value)))).toString('hex')}`
}

function rootOf(hashes: readonly Buffer[]): Buffer {
  if (hashes.length === 0) return sha256()
  if (hashes.length === 1) return hashes[0] as Buffer
  let split = 1
  while (split * 2 < hashes.length) split *= 2
  return sha256(inner, rootOf(hashes.slice(0, split)), rootOf(hashes.slice(split)))
}
