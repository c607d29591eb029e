import { SlipwayError } from '../lib/formats/errors.ts'
import type { ModelVersion } from '../lib/formats/route.ts'
import type { ScoringFailure } from './scoring.ts'

/** One place is said again after this long, ms: every request may fail there. */
const sayAgainMs = 60_000
/** Places that are remembered. */
const most = 1_000

/**
 * Writes to the log what fails in the code of versions: file, line and the line's text. Clients are told none of it.
 * @param placed an error with its place in the user's files, where it is known
 */
export function createFaultLog(
  placed: (error: SlipwayError) => Promise<unknown>,
  say: (line: string) => void,
): (version: ModelVersion, failure: ScoringFailure) => Promise<void> {
  const said = new Map<string, number>()
  return async ({ model, version, digest }, { kind, message, inBundle }) => {
    const [first] = inBundle
    const key = `${digest} ${first === undefined ? message : `${first.line}:${first.column}`}`
    if (kind !== 'features' || performance.now() - (said.get(key) ?? Number.NEGATIVE_INFINITY) < sayAgainMs) return
    if (said.size >= most) said.clear()
    said.set(key, performance.now())
    const fault = (await placed(new SlipwayError('FEATURES_FAILED', message, { inBundle }))) as SlipwayError
    const { text } = fault.facts.at ?? {}
    const line = text ? `\n  | ${text.trim()}` : ''
    say(`version ${version} of ${model} fails: ${fault.message}${line}`)
  }
}
