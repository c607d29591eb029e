import type { Parameters, Search, Trial, TrialOrder } from '../../formats/tuning.ts'
import { seededRandom } from '../random.ts'
import { bestBelow, promotionOf, sharesOf, spentOn } from './halving.ts'
import { rankSets } from './rank-sets.ts'
import {
  dimensionsOf,
  type NamedDimension,
  type Point,
  parametersAt,
  parametersOf,
  pointAt,
  pointOf,
  pointsIn,
} from './space.ts'
import { spreadOut } from './spread-out.ts'
import { proposePoints } from './tpe.ts'

/** What follows from the trials so far: the next one; to wait until one of them ends; or nothing more. */
export type NextTrial = TrialOrder | 'wait' | 'done'

/** Sets of parameters that are spread over the space before any result counts. */
const firstSets = 10

/**
 * The trial that follows on those that have begun. The first sets of parameters are spread over the space, the others
 * are proposed by the estimator (`tpe.ts`); all begin on the smallest share of the rows, and the best are promoted
 * (`halving.ts`), as BOHB does (Falkner et al. 2018). The last of the budget is for a trial on all rows.
 *
 * Trials are a sequence: what stands at a place depends on the search and on the results of trials more than `lag`
 * places before it (of larger shares further still), never on what else has ended meanwhile. So any number of workers,
 * in any order of ending, makes the same sequence, and what has begun is always a beginning of it. A larger budget goes
 * on where a smaller one ends, but for its last trial.
 * @param begun all trials so far: `begun[i].number` is i + 1
 */
export function nextTrial(search: Search, begun: readonly Trial[]): NextTrial {
  const shares = sharesOf(search.rows)
  const least = shares[0] as number
  const number = begun.length + 1
  const isDue = ({ number: of, share }: Trial): boolean => of < number - search.lag - delayOf(share / least)
  if (begun.some((trial) => isDue(trial) && trial.result === undefined)) return 'wait'
  const left = search.trials - spentOn(begun)
  const promotion = promotionOf(shares, begun, isDue)
  const share = promotion?.share ?? least
  if (share < 1 && left < 1 + share) return lastTrial(search, begun, left)
  if (left < share) return 'done'
  if (promotion !== undefined) return promoted(number, promotion.trial, share)
  const parameters = nextSet(search, begun, isDue)
  return parameters === undefined ? lastTrial(search, begun, left) : { number, parameters, share }
}

/**
 * A trial takes as much longer as its share is larger: its result counts so many places later, which other workers have
 * done meanwhile.
 */
const delayOf = (times: number): number => Math.round(times) - 1

const promoted = (number: number, { number: of, parameters }: Trial, share: number): TrialOrder => ({
  ...{ number, parameters, share, of },
})

/** Of the best of those on fewer rows, all of which have ended, one on all. */
function lastTrial(search: Search, begun: readonly Trial[], left: number): NextTrial {
  const shares = sharesOf(search.rows)
  if (left < 1 || shares.length === 1) return 'done'
  if (begun.some(({ result }) => result === undefined)) return 'wait'
  const number = begun.length + 1
  const best = bestBelow(shares, begun)
  if (best !== undefined) return promoted(number, best, 1)
  const parameters = nextSet(search, begun, () => true)
  return parameters === undefined ? 'done' : { number, parameters, share: 1 }
}

/** Parameters that no trial has; undefined when there are no others. */
function nextSet(
  { space, seed }: Search,
  begun: readonly Trial[],
  isKnown: (trial: Trial) => boolean,
): Parameters | undefined {
  const dimensions = dimensionsOf(space)
  const sets = begun.filter(({ of }) => of === undefined)
  if (sets.length >= pointsIn(dimensions)) return undefined
  const uniform = uniformOf(seed, begun.length + 1)
  if (sets.length < firstSets) {
    const start = spreadOut(dimensions.length, firstSets, uniformOf(seed, 0))
    return firstNew(dimensions, [parametersAt(dimensions, start[sets.length] as Point)], sets, uniform)
  }
  const { ranked, others } = rankSets(begun, isKnown)
  const at = ({ parameters }: Trial): Point => pointOf(dimensions, parameters)
  const points = proposePoints(dimensions, ranked.map(at), others.map(at), uniform)
  const proposed = points.map((point) => parametersOf(dimensions, point))
  return firstNew(dimensions, proposed, sets, uniform)
}

/** Uniform numbers of [0, 1) for a trial. */
function uniformOf(seed: number, number: number): () => number {
  const random = seededRandom(seededRandom(seed)() + number * 2 ** 32)
  return () => random() / 2 ** 32
}

/** The first of some sets that no trial has, else a random one, else the first of a small space. */
function firstNew(
  dimensions: readonly NamedDimension[],
  proposed: readonly Parameters[],
  tried: readonly Trial[],
  uniform: () => number,
): Parameters {
  const keyOf = (parameters: Parameters): string => JSON.stringify(dimensions.map(({ name }) => parameters[name]))
  const known = new Set(tried.map(({ parameters }) => keyOf(parameters)))
  const isNew = (parameters: Parameters): boolean => !known.has(keyOf(parameters))
  const random = (): Parameters => parametersAt(dimensions, dimensions.map(uniform))
  const found = proposed.find(isNew) ?? Array.from({ length: 64 }, random).find(isNew)
  if (found !== undefined) return found
  // Nearly all of a small space was tried. Of an infinite one numbers so close to each other are told apart no more.
  if (pointsIn(dimensions) === Number.POSITIVE_INFINITY) return random()
  const all = tried.map((_, i) => parametersOf(dimensions, pointAt(dimensions, i)))
  return all.find(isNew) ?? parametersOf(dimensions, pointAt(dimensions, tried.length))
}

/**
 * The trial whose parameters are taken: of those on the largest share of the rows that any ended well on, the one with
 * the least loss, the first of equals. Undefined where none ended well.
 */
export function bestTrial<Some extends Trial>(begun: readonly Some[]): Some | undefined {
  let best: { readonly trial: Some; readonly loss: number } | undefined
  for (const trial of begun) {
    if (trial.result?.state !== 'done') continue
    const { loss } = trial.result
    const isBetter =
      best === undefined || trial.share > best.trial.share || (trial.share === best.trial.share && loss < best.loss)
    if (isBetter) best = { trial, loss }
  }
  return best?.trial
}
