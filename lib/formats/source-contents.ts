import { z } from 'zod'
import { Digest } from './artifact.ts'
import { Compression } from './table-format.ts'

/** A file of a source, known by its bytes and by what its path says of them. */
const SourceFile = z.object({
  digest: Digest,
  size: z.int(),
  compression: Compression.optional(),
  /** Columns that its folders name. */
  partition: z.record(z.string(), z.string().nullable()).optional(),
  /** What messages call it: its path in the project, or its address. */
  name: z.string().optional(),
})
export type SourceFile = z.infer<typeof SourceFile>

/** The list of a source's files, as it is stored when they are. */
export const SourceContents = z.array(SourceFile).min(1)
export type SourceContents = z.infer<typeof SourceContents>

/** That a file with this address, version and size had these bytes: `inputs/<hex>.json`. */
export const KnownFile = z.object({ digest: Digest, size: z.int() })
export type KnownFile = z.infer<typeof KnownFile>
