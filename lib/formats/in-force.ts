import { z } from 'zod'
import { Digest, shortDigest } from './artifact.ts'
import { SlipwayError } from './errors.ts'

/** A version of a model that is known: its number for people, its digest for machines. */
export const VersionName = z.object({ version: z.int().positive(), digest: Digest })
export type VersionName = z.infer<typeof VersionName>

/**
 * What a candidate was judged against: what must still be in force when it takes over. Undefined asks for nothing, null
 * for nobody.
 */
export const Expected = VersionName.nullable().optional()
export type Expected = z.infer<typeof Expected>

/** What a candidate would replace, and what it is compared with. */
export interface InForce {
  /** The champion of its endpoint if that serves something, else of its model; null while there is none. */
  readonly champion: VersionName | null
  /**
   * The baseline that gates compare with: the champion, or what the candidate took over from if it is the champion
   * already; null for nothing.
   */
  readonly opponent: VersionName | null
}

/** `version 3 (0123456789ab)`, or `nothing`. */
export function versionInWords(name: VersionName | null | undefined): string {
  return name === null || name === undefined ? 'nothing' : `version ${name.version} (${shortDigest(name.digest)})`
}

/**
 * The compare of every compare-and-set: what a candidate was judged against must be in force still, or the candidate
 * itself.
 * @param where `model flights`, `endpoint flights`
 * @throws SlipwayError CHAMPION_MOVED
 */
export function requireInForce(where: string, now: VersionName | null, expected: Expected, candidate: string): void {
  if (expected === undefined || now?.digest === expected?.digest || now?.digest === candidate) return
  throw new SlipwayError(
    'CHAMPION_MOVED',
    `${where}: the candidate was judged against ${versionInWords(expected)}, and ${versionInWords(now)} is in force now`,
    { next: 'run it again: it is judged against what is in force then' },
  )
}
