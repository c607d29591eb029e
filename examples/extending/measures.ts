import { driftMeasure, metric } from 'slipway'

/** What a model costs, in money: a loan that is not paid back and was not seen coming loses its amount. */
export function cost(
  predictions: ArrayLike<number>,
  labels: Float64Array,
  { amount }: { readonly amount: Float64Array },
): number {
  return labels.reduce((lost, label, i) => {
    const isMissed = label === 1 && (predictions[i] as number) < 0.3
    return lost + (isMissed ? (amount[i] as number) : 0)
  }, 0)
}

/**
 * Total variation: the share of rows that would have to move to another bin. 0 for the same distribution, 1 for one
 * that shares nothing.
 */
export function variation(baseline: Float64Array, now: Float64Array): number {
  return now.reduce((sum, share, i) => sum + Math.abs(share - (baseline[i] as number)), 0) / 2
}

/** `costly.atMost(120_000)` in a gate, `varied.over(0.1).for(2)` in a monitor. */
export const costly = metric('cost', cost, { better: 'smaller', columns: ['amount'] })
export const varied = driftMeasure('variation', variation)
