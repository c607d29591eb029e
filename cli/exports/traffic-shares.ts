import { SlipwayError } from '../../lib/formats/errors.ts'
import type { ModelVersion, Route } from '../../lib/formats/route.ts'

/** What a route gives its versions, in whole percents: all that platforms with weights know. */
export interface TrafficShares {
  readonly versions: readonly ModelVersion[]
  /** By the version's number; they add up to 100. */
  readonly percents: ReadonlyMap<number, number>
  /** Of a version that is asked too, without anybody seeing its answers. */
  readonly mirrored: { readonly version: number; readonly percent: number } | undefined
}

/** @param platform for messages @throws SlipwayError USAGE for a share that is no whole percent */
export function trafficShares({ endpoint, champion, rollout }: Route, platform: string): TrafficShares {
  if (rollout === null)
    return { versions: [champion], percents: new Map([[champion.version, 100]]), mirrored: undefined }
  const { candidate, mode, share } = rollout
  const versions = [champion, candidate]
  const percent = Number((share * 100).toPrecision(12))
  if (!Number.isInteger(percent))
    throw new SlipwayError(
      'USAGE',
      `endpoint ${endpoint} gives ${percent} % to version ${candidate.version}; ${platform} knows whole percents`,
      { next: 'let the rollout reach a step of whole percents, or give its canary such steps' },
    )
  const split = (ofCandidate: number): ReadonlyMap<number, number> =>
    new Map([
      [champion.version, 100 - ofCandidate],
      [candidate.version, ofCandidate],
    ])
  if (mode === 'split') return { versions, percents: split(percent), mirrored: undefined }
  // What answers everybody, and who is asked besides.
  const isShadow = mode === 'shadow'
  const { version } = isShadow ? candidate : champion
  return { versions, percents: split(isShadow ? 0 : 100), mirrored: { version, percent: isShadow ? percent : 100 } }
}
