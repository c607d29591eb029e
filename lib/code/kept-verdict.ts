import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

const Kept = z.object({ digest: z.string(), verdict: z.json() })

/**
 * The verdict of a check of a pipeline, made anew only when what it depends on has changed: the last one is kept in
 * `.slipway/checks`.
 * @param digest of all it depends on
 * @returns the verdict, and whether it is an old one
 */
export async function keptVerdict<T>(
  { root, pipeline, check, digest }: { root: string; pipeline: string; check: string; digest: string },
  schema: z.ZodType<T>,
  make: (folder: string) => Promise<T>,
): Promise<{ verdict: T; kept: boolean }> {
  const folder = join(root, '.slipway', 'checks')
  const file = join(folder, `${pipeline}.${check}.json`)
  try {
    const kept = Kept.parse(JSON.parse(readFileSync(file, 'utf8')))
    if (kept.digest === digest) return { verdict: schema.parse(kept.verdict), kept: true }
  } catch {
    // There is none, or none that can be read.
  }
  quietly(() => mkdirSync(folder, { recursive: true }))
  const verdict = await make(folder)
  quietly(() => writeFileSync(file, JSON.stringify({ digest, verdict })))
  return { verdict, kept: false }
}

/** Where nothing can be written, nothing is kept. */
function quietly(body: () => void): void {
  try {
    body()
  } catch {}
}
