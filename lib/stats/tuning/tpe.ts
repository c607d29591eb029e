import type { Dimension } from '../../formats/tuning.ts'
import { parzen } from './parzen.ts'
import type { Point } from './space.ts'

/** Points that are drawn for each that is proposed. */
const candidates = 64

/** How many of so many trials are the good ones. */
const goodOf = (trials: number): number => Math.min(25, Math.ceil(0.1 * trials))

/**
 * Points worth trying next, the best first, by the tree-structured Parzen estimator (Bergstra et al., Algorithms for
 * Hyper-Parameter Optimization, 2011): of points drawn from the density of the good trials those whose density among
 * the good is largest against that among all others, which is where the expected improvement is largest.
 * @param ranked points that were tried, the best first
 * @param others points that are being tried, and those that failed: they count as bad ones (a constant liar), so that
 *   trials side by side keep away from each other
 * @param uniform gives numbers of [0, 1)
 */
export function proposePoints(
  dimensions: readonly Dimension[],
  ranked: readonly Point[],
  others: readonly Point[],
  uniform: () => number,
): Point[] {
  const good = goodOf(ranked.length)
  const likely = parzen(dimensions, ranked.slice(0, good))
  const unlikely = parzen(dimensions, [...ranked.slice(good), ...others])
  const drawn = Array.from({ length: candidates }, () => {
    const point = likely.draw(uniform)
    return { point, gain: likely.logDensity(point) - unlikely.logDensity(point) }
  })
  return drawn.sort((a, b) => b.gain - a.gain).map(({ point }) => point)
}
