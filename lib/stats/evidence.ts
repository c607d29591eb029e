import type { Block } from '../formats/evidence.ts'
import { latencyBounds, type TelemetryWindow, type VersionCounts } from '../formats/telemetry.ts'
import { mergeBlocks } from './block.ts'

const errorsOf = ({ errors }: VersionCounts): number => Object.values(errors).reduce((sum, count) => sum + count, 0)

/** A window of a rollout as evidence; undefined for one that belongs to no rollout. */
function blockOf({ champion, candidate, rollout, pairs, from, to }: TelemetryWindow): Block | undefined {
  if (rollout === null || candidate === null) return undefined
  const { mode, share, sticky } = rollout
  const scores = { champion: champion.scores, candidate: candidate.scores }
  const [a, b] = [champion.users, candidate.users]
  if (sticky !== null && mode === 'split' && a !== null && b !== null) {
    return {
      from,
      to,
      mode,
      share,
      units: { champion: a.new, candidate: b.new },
      arms: {
        errors: { nA: a.new, kA: a.errors, nB: b.new, kB: b.errors },
        latency: { nA: a.new, kA: a.slow, nB: b.new, kB: b.slow },
      },
      onsets: {
        errors: { champion: a.errorOnsets, candidate: b.errorOnsets },
        latency: { champion: a.slowOnsets, candidate: b.slowOnsets },
      },
      scores,
      pairs: null,
    }
  }
  const [nA, nB] = [champion.requests, candidate.requests]
  return {
    from,
    to,
    mode,
    share,
    units: { champion: nA, candidate: nB },
    arms: {
      errors: { nA, kA: errorsOf(champion), nB, kB: errorsOf(candidate) },
      latency: { nA, kA: champion.slow, nB, kB: candidate.slow },
    },
    onsets: null,
    scores,
    pairs:
      pairs === null
        ? null
        : {
            n: pairs.n,
            only: {
              errors: { champion: pairs.championOnly.errors, candidate: pairs.candidateOnly.errors },
              latency: { champion: pairs.championOnly.slow, candidate: pairs.candidateOnly.slow },
            },
          },
  }
}

/** The evidence of a rollout in windows: a block a revision of the route, so that each has one weight. */
export function blocksOf(windows: readonly TelemetryWindow[], rollout: string): Block[] {
  const byRevision = new Map<number, Block>()
  for (const window of windows) {
    const block = window.rollout?.id === rollout ? blockOf(window) : undefined
    if (block === undefined) continue
    const known = byRevision.get(window.revision)
    byRevision.set(window.revision, known === undefined ? block : mergeBlocks(known, block))
  }
  return [...byRevision].sort(([a], [b]) => a - b).map(([, block]) => block)
}

/**
 * What a version did in windows from before a rollout: what is usual. Slow is read off the latency histogram, from
 * below.
 */
export function historyOf(
  windows: readonly TelemetryWindow[],
  digest: string,
  slowMs: number | null,
): { errors: { n: number; k: number }; latency: { n: number; k: number } } {
  const history = { errors: { n: 0, k: 0 }, latency: { n: 0, k: 0 } }
  for (const { champion } of windows) {
    if (champion.digest !== digest) continue
    history.errors.n += champion.requests
    history.errors.k += errorsOf(champion)
    history.latency.n += champion.requests
    history.latency.k += champion.latency.reduce(
      (sum, count, i) => sum + (slowMs !== null && (latencyBounds[i - 1] ?? 0) * 1000 >= slowMs ? count : 0),
      0,
    )
  }
  return history
}
