import { isSameDecision } from '../lib/formats/decisions.ts'
import type { TelemetryWindow } from '../lib/formats/telemetry.ts'
import { differenceOf } from '../lib/stats/tensor-summary.ts'
import type { Outcome } from './recorder.ts'

/** Requests that both versions were asked, counted by how their outcomes differ. */
export type ShadowPairs = NonNullable<TelemetryWindow['pairs']>

export const newPairs = (): ShadowPairs => ({
  n: 0,
  championOnly: { errors: 0, slow: 0 },
  candidateOnly: { errors: 0, slow: 0 },
  different: 0,
  largest: 0,
  dropped: 0,
})

/** @param limits from when on an answer is slow, ms; and up to where a difference of scores is rounding, by output */
export function countPair(
  pairs: ShadowPairs,
  champion: Outcome,
  candidate: Outcome,
  { slowMs, rounding }: { readonly slowMs: number; readonly rounding: readonly number[] },
): void {
  pairs.n++
  const [a, b] = [champion.failure !== undefined, candidate.failure !== undefined]
  if (a && !b) pairs.championOnly.errors++
  if (b && !a) pairs.candidateOnly.errors++
  const [slowA, slowB] = [champion.ms > slowMs, candidate.ms > slowMs]
  if (slowA && !slowB) pairs.championOnly.slow++
  if (slowB && !slowA) pairs.candidateOnly.slow++
  if (champion.tensors !== undefined || candidate.tensors !== undefined) {
    countTensors(pairs, champion, candidate)
    return
  }
  const { predictions: left = [] } = champion
  const { predictions: right = [] } = candidate
  let [largest, isDifferent] = [0, false]
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const apart = Math.abs((left[i] as number) - (right[i] as number))
    largest = Math.max(largest, apart)
    if (apart > (rounding[i % rounding.length] as number)) isDifferent = true
  }
  countAnswers(pairs, champion, candidate)
  if (isDifferent) pairs.different++
  if (largest > pairs.largest) pairs.largest = largest
}

/** Whether functions answer a request alike; nothing where one of the two has none. */
function countAnswers(pairs: ShadowPairs, { decisions: left }: Outcome, { decisions: right }: Outcome): void {
  if (left === undefined || right === undefined) return
  let isSame = left.length === right.length
  for (let row = 0; row < left.length && isSame; row++) isSame = isSameDecision(left, right, row)
  const { n, different } = pairs.answers ?? { n: 0, different: 0 }
  pairs.answers = { n: n + 1, different: different + Number(!isSame) }
}

/** As a share of the champion's answer: what is less is rounding. */
const tensorRounding = 1e-5

/** How two answers of tensors differ, as wholes; nothing where one of the two is missing. */
function countTensors(pairs: ShadowPairs, { tensors: left }: Outcome, { tensors: right }: Outcome): void {
  if (left === undefined || right === undefined) return
  const { largest, cosine, relative } = differenceOf(left.facts.outputs, left.outputs, right.outputs)
  if (relative > tensorRounding || largest === Number.POSITIVE_INFINITY) pairs.different++
  if (Number.isFinite(largest)) pairs.largest = Math.max(pairs.largest, largest)
  if (Number.isNaN(cosine)) return
  const { n, sum, least } = pairs.cosine ?? { n: 0, sum: 0, least: 1 }
  pairs.cosine = { n: n + 1, sum: sum + cosine, least: Math.min(least, cosine) }
}
