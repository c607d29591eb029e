import { z } from 'zod'

/** `sha256:` and 64 hexadecimal digits: the name of every immutable thing in the store. */
export const Digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'a digest is sha256: and 64 hexadecimal digits')
export type Digest = z.infer<typeof Digest>

/** A reference to immutable bytes: what steps pass to each other instead of data. */
export const ArtifactRef = z.object({
  digest: Digest,
  mediaType: z.string(),
  /** Bytes. */
  size: z.int().nonnegative(),
})
export type ArtifactRef = z.infer<typeof ArtifactRef>

/** A named output of a step. */
export const Output = ArtifactRef.extend({ name: z.string() })
export type Output = z.infer<typeof Output>

/** A manifest naming several artifacts; its own digest names them all. `facts` belong to what the bundle is. */
export const Bundle = z.object({
  slipway: z.literal('bundle/1'),
  kind: z.enum(['snapshot', 'table', 'model', 'program']),
  files: z.record(z.string(), ArtifactRef),
  facts: z.record(z.string(), z.json()),
})
export type Bundle = z.infer<typeof Bundle>

export const mediaTypes = {
  bundle: 'application/vnd.slipway.bundle+json',
  json: 'application/json',
  markdown: 'text/markdown',
  onnx: 'application/onnx',
  parquet: 'application/vnd.apache.parquet',
  javascript: 'text/javascript',
  wasm: 'application/wasm',
  binary: 'application/octet-stream',
  csv: 'text/csv',
  ndjson: 'application/x-ndjson',
  html: 'text/html',
  text: 'text/plain',
} as const

/** The first twelve digits: enough for people, never for machines. */
export function shortDigest(digest: string): string {
  return digest.replace(/^sha256:/, '').slice(0, 12)
}
